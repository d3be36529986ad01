"""Reversible wrappings of a short text: how a service disguises its record numbers and passes.

Nothing in a wrapping is a secret or a check: it only makes a number look unlike one. Several are laid around each
other; `seal` lays them from the first to the last, `unseal` takes them off again.

>>> around = (Wrap("reverse"), Wrap("shift", 3), Wrap("hex"))
>>> seal("1042", around), unseal(seal("1042", around), around)
('35373334', '1042')
"""

from __future__ import annotations

import base64
import binascii
import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.draw import Draw

# Name → (laying it on, taking it off), as they stand in a service, over `text`; `{n}` is the drawn number.
_TEXTS = {
    "hex": ("text = text.encode().hex()", "text = bytes.fromhex(text).decode()"),
    "base64": (
        'text = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")',
        'text = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()',
    ),
    "base32": (
        'text = base64.b32encode(text.encode()).decode().rstrip("=").lower()',
        'text = base64.b32decode(text.upper() + "=" * (-len(text) % 8)).decode()',
    ),
    "reverse": ("text = text[::-1]", "text = text[::-1]"),
    "shift": (
        'text = "".join(str((int(one) + {n}) % 10) if one in "0123456789" else one for one in text)',
        'text = "".join(str((int(one) - {n}) % 10) if one in "0123456789" else one for one in text)',
    ),
    "turn": ('text = codecs.encode(text, "rot13")', 'text = codecs.encode(text, "rot13")'),
    "half": (
        "text = text[len(text) // 2 :] + text[: len(text) // 2]",
        "half = (len(text) + 1) // 2\n    text = text[half:] + text[:half]",
    ),
    "front": ('text = "{w}." + text', 'text = text.removeprefix("{w}.")'),
    "sum": (
        'text = f"{text}.{sum(text.encode()) % 97:02d}"',
        (
            'text, _, given = text.rpartition(".")\n    if given != f"{sum(text.encode()) % 97:02d}":\n'
            "        raise ValueError(given)"
        ),
    ),
}
NAMES = tuple(_TEXTS)
_FRONTS = ("nr", "ref", "no", "id", "rec")
IMPORTS = ("base64", "codecs")

# For a solver: laying on and taking off, by name and number.
WRAPPINGS = r"""
def lay(name, n, s):
    if name == "hex":
        return binascii.hexlify(s.encode()).decode()
    if name == "base64":
        return base64.b64encode(s.encode(), b"-_").decode().strip("=")
    if name == "base32":
        return base64.b32encode(s.encode()).decode().strip("=").lower()
    if name == "reverse":
        return "".join(reversed(s))
    if name == "shift":
        return s.translate({48 + d: 48 + (d + n) % 10 for d in range(10)})
    if name == "turn":
        return codecs.getencoder("rot13")(s)[0]
    if name == "half":
        middle = len(s) // 2
        return s[middle:] + s[:middle]
    if name == "front":
        return FRONTS[n] + "." + s
    return s + ".%02d" % (sum(map(ord, s)) % 97)


def off(name, n, s):
    if name == "hex":
        return binascii.unhexlify(s).decode()
    if name == "base64":
        return base64.b64decode(s + "=" * (-len(s) % 4), b"-_").decode()
    if name == "base32":
        return base64.b32decode(s.upper() + "=" * (-len(s) % 8)).decode()
    if name == "reverse":
        return "".join(reversed(s))
    if name == "shift":
        return s.translate({48 + d: 48 + (d - n) % 10 for d in range(10)})
    if name == "turn":
        return codecs.getencoder("rot13")(s)[0]
    if name == "half":
        middle = len(s) - len(s) // 2
        return s[middle:] + s[:middle]
    if name == "front":
        return s[len(FRONTS[n]) + 1:]
    return s[:-3]
"""
WRAPPINGS = f"FRONTS = {_FRONTS!r}\n" + WRAPPINGS


@dataclass(frozen=True)
class Wrap:
    """One wrapping; `n` is its number where it has one."""

    name: str
    n: int = 0

    def line(self, *, on: bool) -> str:
        """As it stands in a service."""
        text = _TEXTS[self.name][0 if on else 1]
        return text.replace("{n}", str(self.n)).replace("{w}", _FRONTS[self.n % len(_FRONTS)])


def draw_wraps(draw: Draw, count: int) -> tuple[Wrap, ...]:
    """So many different wrappings (all of them when more are asked for)."""
    names = draw.shuffled(NAMES)[:count]
    return tuple(Wrap(name, draw.between(1, 9) if name == "shift" else draw.below(len(_FRONTS))) for name in names)


def functions(
    wraps: tuple[Wrap, ...], on: str, off: str, status: int = 404, complaint: str = "There is no such record."
) -> str:
    """Both directions as functions of a service."""
    laying = [f"    {wrap.line(on=True)}" for wrap in wraps]
    taking = [f"    {wrap.line(on=False)}" for wrap in reversed(wraps)]
    refuse = f'raise kit.Problem({status}, "{complaint}") from None'
    inside = "\n".join("    " + line for part in taking for line in part.split("\n"))
    body = f"    try:\n{inside}\n    except (ValueError, UnicodeError):\n        {refuse}\n" if taking else ""
    return "\n".join(
        [f"def {on}(text):", *laying, "    return text", "", "", f"def {off}(text):", f"{body}    return text", "", ""]
    )


def steps(wraps: tuple[Wrap, ...]) -> list[tuple[str, int]]:
    """What a solver's `lay` and `off` need, in the order of laying on."""
    return [(wrap.name, wrap.n) for wrap in wraps]


def seal(text: str, wraps: tuple[Wrap, ...]) -> str:
    """Lay all wrappings on."""
    for wrap in wraps:
        text = _LAY(wrap.name, wrap.n, text)
    return text


def unseal(text: str, wraps: tuple[Wrap, ...]) -> str:
    """Take all wrappings off; `ValueError` when that cannot be."""
    for wrap in reversed(wraps):
        text = _OFF(wrap.name, wrap.n, text)
    return text


def _pair() -> tuple[Callable[[str, int, str], str], Callable[[str, int, str], str]]:
    space: dict[str, object] = {"base64": base64, "binascii": binascii, "codecs": codecs}
    exec(compile(WRAPPINGS, "wrappings", "exec"), space)  # noqa: S102 - one text for solver and generator
    return space["lay"], space["off"]  # type: ignore[return-value]


_LAY, _OFF = _pair()
