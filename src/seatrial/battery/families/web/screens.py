"""What stands between a visitor's text and the place where it is used: screens, foldings and refusals.

* A *screen* refuses text that matches a pattern; the *folding* after it changes the text and can bring back what the
  screen would have refused: validation before canonicalisation (CWE-180).
* A *nest* takes a word out once, so that it can be left behind by putting it into itself.
* A *refusal* stands at the end and names one of many phrasings; there is always another phrasing.

A pipeline is screens with foldings first, refusals last. So any text that no refusal names can be sent through it:
from the last folding to the first, hide what its screen looks for in a way that its folding undoes (`conceal`).

>>> pipe = Pipeline((Fold("percent", "'"), Fold("nest", "select", nest=True)), ())
>>> sent = conceal("x' select", pipe); sent
'x%27 sselectelect'
>>> passed(sent, pipe)
"x' select"
>>> passed("x' select", pipe) is None
True
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.draw import Draw

MOST = 12  # filters that the pools below can give any technique; a level above 14 has no more

# Name → the folding as it stands in a service, over `text`.
FOLDINGS = {
    "percent": "text = unquote(text)",
    "entity": "text = html.unescape(text)",
    "wide": 'text = unicodedata.normalize("NFKC", text)',
    "escape": r'text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)',
    "units": r'text = re.sub(r"%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)',
    "quoted": r'text = re.sub(r"=([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)',
    "unseen": r'text = text.replace("\u200b", "")',
    "remark": r'text = re.sub(r"<!--.*?-->", "", text)',
}
SINGLE = ("percent", "entity", "wide", "escape", "units", "quoted")  # can hide one character
_LONGER = ("unseen", "remark")  # need something to stand between

_APPLY: dict[str, Callable[[str], str]] = {
    "percent": unquote,
    "entity": html.unescape,
    "wide": lambda text: unicodedata.normalize("NFKC", text),
    "escape": lambda text: re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text),
    "units": lambda text: re.sub(r"%u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text),
    "quoted": lambda text: re.sub(r"=([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text),
    "unseen": lambda text: text.replace("\u200b", ""),
    "remark": lambda text: re.sub(r"<!--.*?-->", "", text),
}

# The other direction: the same names, as the text of functions for a solver (`found` is a match of the pattern).
CONCEALERS = r"""
SPELL = {
    "percent": ("%", lambda one: "%%%02X" % ord(one)),
    "entity": ("&", lambda one: "&#%d;" % ord(one)),
    "wide": ("", lambda one: chr(ord(one) + 0xFEE0)),
    "escape": ("", lambda one: chr(92) + "u%04x" % ord(one)),
    "units": ("", lambda one: "%%u%04x" % ord(one)),
    "quoted": ("=", lambda one: "=%02X" % ord(one)),
}


def conceal(text, steps):
    for name, pattern in reversed(steps):
        if name in SPELL:
            also, spell = SPELL[name]
            both = pattern + ("|" + also if also else "")
            text = re.sub(both, lambda hit: "".join(map(spell, hit.group())), text, flags=re.I)
        else:
            between = {"unseen": chr(0x200B), "remark": "<!" + "----" + ">"}.get(name)
            insert = lambda hit: hit[0][0] + (hit[0] if between is None else between) + hit[0][1:]
            text = re.sub(pattern, insert, text, flags=re.I)
    return text
"""


@dataclass(frozen=True)
class Fold:
    """A screen (a pattern, upper and lower case alike) and the folding after it; or a nest, which removes it once."""

    name: str
    pattern: str
    nest: bool = False


@dataclass(frozen=True)
class Refusal:
    """A pattern (in any case unless `exact`) that the text must not, or must, match after all foldings."""

    pattern: str
    must: bool = False
    exact: bool = False

    def allows(self, text: str) -> bool:
        """Whether a text gets through."""
        return bool(re.search(self.pattern, text, 0 if self.exact else re.IGNORECASE)) == self.must


@dataclass(frozen=True)
class Pipeline:
    """All that a text goes through."""

    folds: tuple[Fold, ...]
    refusals: tuple[Refusal, ...]

    def function(self, name: str, complaint: str) -> str:
        """The pipeline as a function of a service."""
        lines = [f"def {name}(text):"]
        refuse = f'        raise kit.Problem(400, "{complaint}")'
        for fold in self.folds:
            if fold.nest:
                lines.append(f'    text = re.sub(r"{fold.pattern}", "", text, flags=re.IGNORECASE)')
                continue
            lines += [f'    if re.search(r"{fold.pattern}", text, re.IGNORECASE):', refuse]
            lines.append(f"    {FOLDINGS[fold.name]}")
        for refusal in self.refusals:
            flags = "" if refusal.exact else ", re.IGNORECASE"
            negation = "not " if refusal.must else ""
            lines += [f'    if {negation}re.search(r"{refusal.pattern}", text{flags}):', refuse]
        return "\n".join([*lines, "    return text", "", ""])

    @property
    def steps(self) -> list[tuple[str, str]]:
        """What a solver's `conceal` needs."""
        return [(fold.name, fold.pattern) for fold in self.folds]


@dataclass(frozen=True)
class Pools:
    """What filters a weakness may have: patterns that its input cannot do without, and refusals that it evades."""

    patterns: tuple[str, ...]  # a pattern that matches one character only begins with a space, which is cut off
    refusals: tuple[Refusal, ...]
    words: tuple[str, ...] = ()  # alphabetic patterns that a nest may take out


def draw_pipeline(draw: Draw, pools: Pools, filters: int) -> Pipeline:
    """A pipeline of so many filters, about half of them foldings."""
    filters = min(filters, MOST)
    least = max(0, filters - len(pools.refusals))
    most = min(filters, len(SINGLE) + len(_LONGER) + bool(pools.words))
    wanted = min(most, max(least, (filters + draw.below(2)) // 2))
    folds: list[Fold] = []
    names = ["nest", *SINGLE, *_LONGER] if pools.words else [*SINGLE, *_LONGER]
    for name in draw.shuffled(names)[:wanted]:
        if name == "nest":
            folds.append(Fold("nest", draw.choice(pools.words), nest=True))
            continue
        longer = name in _LONGER
        usable = [pattern for pattern in pools.patterns if not longer or not pattern.startswith(" ")]
        folds.append(Fold(name, draw.choice(usable or pools.patterns).strip()))
    refusals = draw.sample(pools.refusals, filters - len(folds))
    return Pipeline(tuple(folds), refusals)


def passed(text: str, pipe: Pipeline) -> str | None:
    """What comes out at the end, or None when a screen or refusal stops it."""
    for fold in pipe.folds:
        if fold.nest:
            text = re.sub(fold.pattern, "", text, flags=re.IGNORECASE)
        elif re.search(fold.pattern, text, re.IGNORECASE):
            return None
        else:
            text = _APPLY[fold.name](text)
    return text if all(refusal.allows(text) for refusal in pipe.refusals) else None


def _concealer() -> Callable[[str, list[tuple[str, str]]], str]:
    space: dict[str, object] = {"re": re}
    exec(compile(CONCEALERS, "conceal", "exec"), space)  # noqa: S102 - one text for the solver and for the generator
    return space["conceal"]  # type: ignore[return-value]


_CONCEAL = _concealer()


def conceal(text: str, pipe: Pipeline) -> str:
    """The text to send so that `text` comes out at the end."""
    return _CONCEAL(text, pipe.steps)
