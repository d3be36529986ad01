"""Fields that have a grammar of their own: read if they follow it, else kept as text with what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from packageurl import PackageURL

from seatrial.clearinghouse.finding import TITLE_CHARACTERS, ClaimKind, Reference, ReferenceKind, Unread
from seatrial.clearinghouse.intake.limits import clean
from seatrial.framework.data_class import Tlp

_CWE = re.compile(r"(?:CWE-)?([1-9][0-9]{0,4})", re.IGNORECASE)
_CPE = re.compile(r"cpe:(?:2\.3:[aho*\-](?::[^\s:]+){10}|/[aho](?::[^\s]*)+)", re.IGNORECASE)
_VERS = re.compile(r"vers:[a-z][a-z0-9.\-]*/\S+")
_NAMES = {
    ReferenceKind.CVE: re.compile(r"CVE-[0-9]{4}-[0-9]{4,}"),
    ReferenceKind.GHSA: re.compile(r"GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}"),
    ReferenceKind.OSV: re.compile(r"[A-Z][A-Z0-9]*-[0-9A-Za-z.:\-]+"),
}
UNREAD_CHARACTERS = 1000
MEMORY = frozenset(
    {
        119,
        120,
        121,
        122,
        123,
        124,
        125,
        126,
        127,
        131,
        190,
        401,
        415,
        416,
        457,
        476,
        672,
        680,
        681,
        682,
        704,
        762,
        763,
        787,
        788,
        789,
        805,
        822,
        823,
        824,
        825,
        843,
        908,
    }
)
RACE = frozenset({362, 363, 364, 366, 367, 368, 421, 662, 667, 820, 821, 833})
WEB = frozenset({22, 78, 79, 89, 90, 91, 94, 113, 352, 434, 444, 601, 611, 643, 776, 918, 1336})
CRYPTO = frozenset(
    {261, 295, 310, 311, 319, 320, 321, 322, 323, 324, 325, 326, 327, 328, 329, 330, 331, 335, 338, 347, 780}
)
CONFIG = frozenset({16, 260, 276, 277, 278, 732, 756, 798, 1188})
DOS = frozenset({400, 404, 405, 407, 409, 674, 770, 772, 834, 835, 1333})
LOGIC = frozenset({284, 285, 287, 290, 294, 302, 304, 306, 345, 346, 639, 840, 841, 862, 863})
_KINDS = (
    (MEMORY, ClaimKind.MEMORY),
    (RACE, ClaimKind.RACE),
    (WEB, ClaimKind.WEB),
    (CRYPTO, ClaimKind.CRYPTO),
    (CONFIG, ClaimKind.CONFIG),
    (DOS, ClaimKind.DOS),
    (LOGIC, ClaimKind.LOGIC),
)


@dataclass
class Reading:
    """Reads fields of one item and remembers what it could not read."""

    unread: list[Unread] = field(default_factory=list)

    def fault(self, name: str, text: object, what: str) -> None:
        """Keep a field as text with what is wrong."""
        self.unread.append(Unread(field=name, text=clean(str(text), UNREAD_CHARACTERS), what=what))

    def purl(self, text: str, name: str = "target.purl") -> str:
        """A package URL in its own canonical form; empty where it is none."""
        if not text:
            return ""
        try:
            return PackageURL.from_string(text).to_string()
        except ValueError as error:
            self.fault(name, text, f"not a package URL ({clean(str(error), 200)}); write pkg:TYPE/NAME@VERSION")
            return ""

    def cpe(self, text: str, name: str = "target.cpe") -> str:
        """A CPE 2.2 or 2.3 name."""
        return self._matching(_CPE, text, name, "not a CPE name; write cpe:2.3:a:VENDOR:PRODUCT:VERSION:*:*:*:*:*:*:*")

    def vers(self, text: str, name: str = "target.vers") -> str:
        """A vers range."""
        return self._matching(_VERS, text, name, "not a version range; write vers:SCHEME/RANGE")

    def cwe(self, values: list[Any], name: str = "claim.cwe") -> tuple[int, ...]:
        """Numbers of weaknesses, sorted, each once."""
        found = set()
        for value in values:
            match = _CWE.fullmatch(str(value).strip())
            if match and not isinstance(value, bool | float):
                found.add(int(match[1]))
            else:
                self.fault(name, value, "not a weakness; write CWE-787, or 787")
        return tuple(sorted(found))

    def tlp(self, text: str, default: Tlp, name: str = "tlp") -> Tlp:
        """A label of TLP 2.0 (1.0's WHITE is CLEAR); what cannot be read is handled as the strictest."""
        if not text:
            return default
        word = text.strip().upper().removeprefix("TLP:").replace(" ", "+").replace("WHITE", "CLEAR")
        try:
            return Tlp(f"TLP:{word}")
        except ValueError:
            self.fault(name, text, "not a label of TLP 2.0, so it is handled as TLP:RED; write TLP:AMBER+STRICT")
            return Tlp.TLP_RED

    def reference(self, text: str, name: str = "references") -> Reference | None:
        """A reference by what it looks like."""
        value = clean(text.strip(), 2048)
        if not value:
            return None
        for kind, form in _NAMES.items():
            if form.fullmatch(value):
                return Reference(kind=kind, value=value)
        if value.lower().startswith(("https://", "http://")):
            return Reference(kind=ReferenceKind.URL, value=value)
        self.fault(name, value, "neither a CVE, GHSA or OSV id nor an address; write it out in full")
        return None

    def one_of(self, kinds: type[StrEnum], text: str, default: Any, name: str) -> Any:  # noqa: ANN401 - any enumeration
        """A word of a list; the default where it is none."""
        if not text:
            return default
        try:
            return kinds(text)
        except ValueError:
            self.fault(name, text, f"one of {', '.join(kinds)}")
            return default

    def _matching(self, form: re.Pattern[str], text: str, name: str, what: str) -> str:
        if not text or form.fullmatch(text):
            return text
        self.fault(name, text, what)
        return ""


def title_of(text: str, otherwise: str) -> str:
    r"""A title of one line and at most 200 characters.

    >>> title_of("  heap\noverflow ", "?"), title_of("", "finding 3")
    ('heap overflow', 'finding 3')
    """
    line = " ".join(clean(text).split())
    if len(line) > TITLE_CHARACTERS:
        line = line[: TITLE_CHARACTERS - 1] + "…"
    return line or otherwise[:TITLE_CHARACTERS]


def kind_of(cwe: tuple[int, ...]) -> ClaimKind:
    """The broad kind that the first weakness of a list is of."""
    for number in cwe:
        for numbers, kind in _KINDS:
            if number in numbers:
                return kind
    return ClaimKind.OTHER
