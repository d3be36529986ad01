r"""Whose signatures count (C2SP tlog-policy): logs, witnesses, groups of witnesses, and the quorum among them.

- A name is used once, refers only to lines above it, and is a member of at most one group: every witness counts in
  one way.
- The format is a file of octets; only ASCII has a meaning here, all other octets are opaque.

>>> policy = Policy.parse(b"quorum none\n")
>>> policy.logs, policy.witnesses, policy.quorum
((), mappingproxy({}), 'none')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from seatrial.ledger.errors import Malformed
from seatrial.ledger.note import COSIGNATURE_TYPE, LOG_TYPE, Ed25519Verifier, read_verifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from seatrial.ledger.note import Note

NONE: Final = "none"
MAX_POLICY_BYTES: Final = 262_144
"""Far above the 32 logs, 32 witnesses and 32 groups that every reader should take."""


class Group(NamedTuple):
    """At least `needed` of the members, each a witness or a group."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A policy file's content; `url` maps the text of a key to the address beside it."""

    logs: tuple[Ed25519Verifier, ...]
    witnesses: Mapping[str, Ed25519Verifier]
    groups: Mapping[str, Group]
    quorum: str
    urls: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a policy file.

        Raises:
            Malformed: A line is none of the format's, with its number.
        """
        return _Reading().policy(data)

    def cosigned_by(self, note: Note) -> tuple[str, ...]:
        """Return the names (as in this policy) of the witnesses that cosigned a checkpoint.

        Raises:
            NotVerified: A line names one of the witnesses, and its signature is not that witness's.
        """
        signed = {verifier.text for verifier in note.signed_by(self.witnesses.values())}
        return tuple(name for name, verifier in self.witnesses.items() if verifier.text in signed)

    def quorum_met(self, note: Note) -> bool:
        """Say whether the witnesses that cosigned suffice."""
        return self.quorum == NONE or self._witnessed(self.quorum, set(self.cosigned_by(note)))

    def _witnessed(self, name: str, signed: AbstractSet[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._witnessed(member, signed) for member in group.members) >= group.needed


class _Reading:
    """A policy while its lines are read."""

    def __init__(self) -> None:
        self.logs = dict[bytes, Ed25519Verifier]()
        self.witnesses = dict[str, Ed25519Verifier]()
        self.groups = dict[str, Group]()
        self.urls = dict[str, str]()
        self.grouped = set[str]()
        self.quorum = list[str]()

    def policy(self, data: bytes) -> Policy:
        if len(data) > MAX_POLICY_BYTES:
            raise Malformed(f"policy: {len(data)} bytes; at most {MAX_POLICY_BYTES}")
        for number, line in enumerate(data.decode("latin-1").split("\n"), 1):
            try:
                self._line(line)
            except Malformed as error:
                raise Malformed(f"policy, line {number}: {error}") from None
        if len(self.quorum) != 1:
            raise Malformed("policy: exactly one line 'quorum <name>' is needed; 'quorum none' asks for no witness")
        return Policy(
            tuple(self.logs.values()),
            MappingProxyType(self.witnesses),
            MappingProxyType(self.groups),
            self.quorum[0],
            MappingProxyType(self.urls),
        )

    def _line(self, line: str) -> None:
        if any(c != "\t" and (c < " " or c == "\x7f") for c in line):
            raise Malformed("a control character")
        words = line.replace("\t", " ").split(" ")
        match [word for word in words if word]:
            case []:
                return
            case [first, *_] if first.startswith("#"):
                return
            case ["log", key, *url] if len(url) <= 1:
                self._log(key, url)
            case ["witness", name, key, *url] if len(url) <= 1:
                self._witness(name, key, url)
            case ["group", name, needed, *members] if members:
                self._group(name, needed, members)
            case ["quorum", name]:
                self.quorum.append(NONE if name == NONE else self._defined(name))
            case _:
                raise Malformed("not a line of a policy: log, witness, group and quorum are")

    def _log(self, key: str, url: Sequence[str]) -> None:
        verifier = _key(key, LOG_TYPE)
        if verifier.public_key in self.logs:
            raise Malformed("the same log's key stands there twice")
        self.logs[verifier.public_key] = verifier
        self._address(verifier, url)

    def _witness(self, name: str, key: str, url: Sequence[str]) -> None:
        verifier = _key(key, COSIGNATURE_TYPE)
        if any(verifier.public_key == other.public_key for other in self.witnesses.values()):
            raise Malformed("the same witness's key stands there twice")
        self.witnesses[self._fresh(name)] = verifier
        self._address(verifier, url)

    def _group(self, name: str, needed: str, members: Sequence[str]) -> None:
        for member in members:
            if self._defined(member) in self.grouped:
                raise Malformed(f"{member} is a member of a group already")
            self.grouped.add(member)
        self.groups[self._fresh(name)] = Group(_threshold(needed, len(members)), tuple(members))

    def _address(self, verifier: Ed25519Verifier, url: Sequence[str]) -> None:
        if url:
            self.urls[verifier.text] = url[0]

    def _fresh(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed(f"the name {name} is taken")
        return name

    def _defined(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(f"{name} is no witness or group of a line above")
        return name


def _key(text: str, kind: int) -> Ed25519Verifier:
    verifier = read_verifier(text.encode("latin-1").decode("utf-8", "replace"))
    if verifier.kind != kind:
        raise Malformed(f"a key of type {kind:#04x} is needed here; this one has {verifier.kind:#04x}")
    return verifier


def _threshold(needed: str, members: int) -> int:
    if needed in {"all", "any"}:
        return members if needed == "all" else 1
    if not (needed.isascii() and needed.isdigit()) or not 1 <= int(needed) <= members:
        raise Malformed(f"a group needs 'all', 'any' or a number from 1 to {members}")
    return int(needed)
