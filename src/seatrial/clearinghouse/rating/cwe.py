"""CWE: which weakness it is, out of MITRE's list.

- A rating names a weakness. A category or a view gathers weaknesses and is refused, as is one that is deprecated or
  that the list says not to map to; the refusal says why.
- A class or pillar is accepted and marked `wide`: the list holds something narrower.

>>> weakness("CWE-787").name
'Out-of-bounds Write'
>>> weakness(16)
Traceback (most recent call last):
seatrial.clearinghouse.rating.cwe.NotAWeakness: CWE-16 is a category (Configuration); name one of its weaknesses
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seatrial.clearinghouse import data

LIST = "cwe-4.20.json"

_WRITTEN = re.compile(r"(?:CWE-)?([1-9][0-9]{0,4})", re.IGNORECASE)
_WIDE = frozenset({"Class", "Pillar"})
_KEBAB = re.compile(r"[^a-z0-9]+")


class NotAWeakness(ValueError):
    """Not a number of the list, or a number that no vulnerability is mapped to."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """One entry of the list.

    Attributes:
        number: as in `CWE-787`.
        name: MITRE's name for it.
        abstraction: `Pillar`, `Class`, `Base`, `Variant`, `Compound`; empty where the copy here does not say.
        status: `Stable`, `Draft`, `Incomplete`.
        mapping: the list's advice on mapping a vulnerability to it: `Allowed`, `Allowed-with-Review`, `Discouraged`.
        named_since: the version of the list from which on it has this name.
    """

    number: int
    name: str
    abstraction: str
    status: str
    mapping: str
    named_since: str

    @property
    def id(self) -> str:
        """`CWE-787`."""
        return f"CWE-{self.number}"

    @property
    def wide(self) -> bool:
        """There is a narrower entry to look for, or the list advises against this one."""
        return self.abstraction in _WIDE or self.mapping == "Discouraged"

    @property
    def kebab(self) -> str:
        """The name in lower case with hyphens: `out-of-bounds-write`."""
        return _KEBAB.sub("-", self.name.lower()).strip("-")


def version() -> str:
    """The version of the list that lies here."""
    return str(data.table(LIST)["version"])


def weakness(written: int | str) -> Weakness:
    """Look a weakness up by `787` or `CWE-787`.

    Raises:
        NotAWeakness: Not written like one, not in the list, a category or view, deprecated or not to be mapped to.
    """
    match = _WRITTEN.fullmatch(str(written).strip())
    if match is None:
        raise NotAWeakness(f"{str(written)[:40]!r} is not written like a weakness; write it as CWE-787")
    number = match[1]
    table = data.table(LIST)
    for kind, what in (("categories", "category"), ("views", "view")):
        if number in table[kind]:
            raise NotAWeakness(f"CWE-{number} is a {what} ({table[kind][number]}); name one of its weaknesses")
    if number not in table["weaknesses"]:
        raise NotAWeakness(f"CWE-{number} is not in the list of version {version()}; look it up at cwe.mitre.org")
    found = Weakness(int(number), *table["weaknesses"][number])
    if found.mapping == "Prohibited" or found.status == "Deprecated":
        raise NotAWeakness(f"{found.id} ({found.name}) is one that the list maps no vulnerability to; name another")
    return found
