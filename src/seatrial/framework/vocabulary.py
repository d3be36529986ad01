"""Which words never stand anywhere: nothing here lets a model through or turns it away.

- `NEVER`: in no text, name, label or value. `LABELS`: never as a whole label, value or state, nor in one sentence or
  identifier with a word for making a model available (`RELEASES`).
- Text is NFKC, case-folded, and split on snake, camel and kebab case and on spaces. Forms are listed, not stemmed.
- What may stand is listed as an exact phrase, with the surfaces where it may and the reason; standing notices, which
  say what this is not, are exempt word for word; a quotation of law stands inside `<q cite>` or a source's quote.
- A pack may add words; nothing takes one away. English only for now.

>>> [hit.word for hit in check([Wording(Surface.PAGE, "button", "Approve", Form.LABEL)])]
['approve']
>>> check([Wording(Surface.PAGE, "title", "The clearinghouse has it")])
()
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Surface(StrEnum):
    """Where a word was read."""

    CODE = "code"
    API = "api"
    PAGE = "page"
    REPORT = "report"
    NOTICE = "notice"
    HELP = "help"
    STORED = "stored"
    DOCUMENT = "document"
    PACK = "pack"
    OPERATOR = "operator"
    PROVENANCE = "provenance"


class Form(StrEnum):
    """What a text is: a whole label, value or state; a name in code; or running text."""

    LABEL = "label"
    IDENTIFIER = "identifier"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Wording:
    """One text, where it was read, and what it is."""

    surface: Surface
    location: str
    text: str
    form: Form = Form.PROSE


@dataclass(frozen=True, slots=True)
class Hit:
    """A word where it must not stand."""

    surface: Surface
    location: str
    word: str
    rule: str
    text: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.surface} {self.location}: {self.word!r} ({self.rule}) in {self.text!r}"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that may stand, where, and why. A pattern over folded text; surfaces empty means everywhere."""

    pattern: str
    surfaces: frozenset[Surface]
    reason: str


def _listed(forms: str, *phrases: str) -> tuple[str, ...]:
    """Forms by root, separated by blanks, and phrases of several words."""
    return (*forms.split(), *phrases)


NEVER = _listed(
    """
    approve approves approved approving approval approvals approver approvers
    disapprove disapproves disapproved disapproving disapproval
    reject rejects rejected rejecting rejection rejections
    cleared clearance clearances preclear preclears precleared preclearing preclearance preclearances
    certify certifies certified certifying certification certifications certificate certificates certifier
    veto vetoes vetoed vetoing greenlight greenlights greenlit greenlighted greenlighting licensure
    designated designate designates designating designation designations
    """,
    *("pre clear", "pre cleared", "pre clearance", "green light", "green lit", "go no go", "go nogo"),
    *("is covered", "covered model", "covered models"),
    *(
        f"{state} {verb}"
        for state in ("fit for", "ready for", "safe for")
        for verb in ("release", "launch", "deployment", "rollout")
    ),
    *(f"{state} to {verb}" for state in ("fit", "ready", "safe") for verb in ("release", "launch", "deploy", "ship")),
)
LABELS = _listed(
    """
    pass passes passed passing fail fails failed failing failure failures block blocks blocked blocking
    clear clears clearing permit permits permitted permitting permission permissions
    license licenses licensed licensing licence licences licenced
    authorise authorises authorised authorising authorisation authorize authorizes authorized authorizing authorization
    allow allows allowed allowing deny denies denied denying denial refuse refuses refused refusing
    hold holds holding held delay delays delayed delaying gate gates gated gating eligible ineligible eligibility
    compliant noncompliant safe unsafe secure insecure verdict verdicts
    """
)
RELEASES = _listed(
    """
    release releases released releasing launch launches launched launching
    deploy deploys deployed deploying deployment deployments rollout rollouts ship ships shipped shipping
    """,
    *("roll out", "go live", "goes live", "going live", "general availability"),
    *("publish model", "publish the model", "publish weights", "publish the weights"),
    *("open model", "open the model", "open weights", "open the weights"),
)
STANDING_NOTICES = (
    (
        "This report is a measurement. It is not a licence, a clearance, a certificate or an approval, and nothing in "
        "it can hold up, allow or forbid a release."
    ),
    "Not a licence, clearance or approval: nothing here can hold up, allow or forbid a release.",
    "This framework is voluntary. No release waits for it, depends on it or is held up by it.",
)
_TLS = "a TLS or X.509 certificate is a file of that name"
_LICENCE = "the licence of software or of a task is a fact of provenance"
PHRASES: tuple[Phrase, ...] = (
    Phrase(r"clearing ?houses?", frozenset(), "the name of an institution"),
    Phrase(r"tlp[: ]clear", frozenset(), "a label of the Traffic Light Protocol"),
    Phrase(r"pass ?@ ?(?:k|\d+)", frozenset(), "the name of a measure"),
    Phrase(r"pass at k", frozenset({Surface.CODE, Surface.API, Surface.STORED}), "the name of a measure in code"),
    Phrase(r"certificates?", frozenset({Surface.OPERATOR}), _TLS),
    Phrase(r"licen[cs]es?", frozenset({Surface.PROVENANCE}), _LICENCE),
    Phrase(r"designation inquiry reference", frozenset(), "an opaque reference of the other side"),
    Phrase(r"designation liaison", frozenset(), "a role that an order's inquiry needs"),
)

_QUOTED = re.compile(r"<q\b[^>]*\bcite\b[^>]*>.*?</q>", re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")
_SENTENCES = re.compile(r"(?<=[.:;!?])\s+|\n\s*\n|\n(?=\s*(?:[-*#|]|\d+\.))")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")
_JOINTS = re.compile(r"[^\w@:]+|_+")


def folded(text: str) -> str:
    """NFKC, split at joints, case-folded; words between single blanks.

    >>> folded("isSafe-to_ship, TLP:CLEAR")
    'is safe to ship tlp:clear'
    """
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))
    words = _JOINTS.sub(" ", spaced.casefold()).replace(": ", " ").split()
    return " ".join(word.strip(":") for word in words)


def check(texts: Iterable[Wording], extra: Iterable[str] = ()) -> tuple[Hit, ...]:
    """Every word that stands where it must not; `extra` are a pack's own words, never to stand anywhere."""
    words = tuple(folded(word) for word in extra)
    return tuple(hit for wording in texts for hit in _hits(wording, words))


def _hits(wording: Wording, extra: tuple[str, ...]) -> Iterator[Hit]:
    text = _QUOTED.sub(" ", wording.text)
    for notice in STANDING_NOTICES:
        text = re.sub(r"\s+".join(map(re.escape, notice.split())), " ", text)
    whole = _without_phrases(folded(text), wording.surface)
    for word in _found(NEVER + extra, whole):
        yield Hit(wording.surface, wording.location, word, "never", wording.text)
    if wording.form is not Form.IDENTIFIER and whole in LABELS:
        yield Hit(wording.surface, wording.location, whole, "as a whole label", wording.text)
    for sentence in _SENTENCES.split(_TAGS.sub(" ", text)):
        plain = _without_phrases(folded(sentence), wording.surface)
        release = _found(RELEASES, plain)
        for word in _found(LABELS, plain) if release else ():
            yield Hit(wording.surface, wording.location, word, f"beside {release[0]!r}", sentence.strip())


def _without_phrases(plain: str, surface: Surface) -> str:
    for phrase in PHRASES:
        if not phrase.surfaces or surface in phrase.surfaces:
            plain = _pattern((phrase.pattern,), raw=True).sub(" ", plain)
    return " ".join(plain.split())


def _found(words: tuple[str, ...], plain: str) -> list[str]:
    """The listed forms in a folded text, each once, in the text's order."""
    return list(dict.fromkeys(_pattern(words).findall(plain)))


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...], *, raw: bool = False) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(word if raw else re.escape(word) for word in longest_first)
    return re.compile(rf"(?<![\w@])(?:{either})(?![\w@])")
