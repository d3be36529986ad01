"""A policy pack: the values that a policy may change, each with its source and the day from which it holds.

- Lifecycles, ceilings and the word list are code, because the promises rest on them; a pack can only narrow.
- A pack is known by the digest of its bytes. It names its matrix, tables and templates by digest, so that one
  reference pins them all; old versions stay shipped, and an old submission stays under its own.
- Agencies, roles held, clocks, documents and default terms are entries: to add one is to edit the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_digest, check_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.clock import Clock
    from seatrial.framework.document import DocumentRule
    from seatrial.framework.matrix import Matrix
    from seatrial.framework.participant import Organisation, Role
    from seatrial.framework.purpose import Purpose
    from seatrial.framework.terms import Terms
    from seatrial.framework.two_key import KeyAction, KeyRule


class PackStatus(StrEnum):
    """Whether new submissions may choose this version."""

    IN_FORCE = "in-force"
    DRAFT = "draft"
    SUPERSEDED = "superseded"


class SourceKind(StrEnum):
    """How near a source is to the fact."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DECISION = "decision"


class PartnerList(StrEnum):
    """Whether trusted partners are chosen under this pack, and how."""

    CO_SELECTED = "co_selected"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PackRef:
    """One version of one pack, by the digest of its bytes."""

    id: str = field(metadata=classed(DataClass.L))
    version: str = field(metadata=classed(DataClass.L))
    sha256: str = field(metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        check_id(self.id, "pack.id")
        check_digest(self.sha256, "pack.sha256")

    def __str__(self) -> str:
        """As a person writes it: `eo-14409 2026.1`."""
        return f"{self.id} {self.version}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from."""

    id: str
    title: str
    publisher: str
    date: str
    locator: str
    kind: SourceKind
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """An organisation of the pack holds a role: its people may be made members in it."""

    organisation: str
    role: Role
    scope: str
    source: str
    effective_from: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of one list as it is written, for showing and comparing packs."""

    table: str
    id: str
    values: Mapping[str, Any]

    @property
    def source(self) -> str:
        """The id of the source it rests on."""
        return str(self.values.get("source", ""))

    @property
    def effective_from(self) -> str:
        """The day from which it holds."""
        return str(self.values.get("effective_from", ""))

    @property
    def unverified(self) -> bool:
        """Whether nobody has seen the primary text that it rests on."""
        return bool(self.values.get("unverified", False))


@dataclass(frozen=True, slots=True)
class Course:
    """Which parts of the flow the pack's policy knows."""

    inquiry: bool
    partners: PartnerList
    findings_to: str
    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class PolicyPack:
    """A pack that was read whole and found within the ceilings."""

    ref: PackRef
    title: str
    schema: int
    status: PackStatus
    effective_from: str
    effective_to: str | None
    unverified: tuple[str, ...]
    sources: Mapping[str, Source]
    organisations: Mapping[str, Organisation]
    holdings: tuple[Holding, ...]
    clocks: Mapping[str, Clock]
    documents: Mapping[str, DocumentRule]
    key_rules: Mapping[KeyAction, KeyRule]
    terms: Terms
    course: Course
    matrix: Matrix
    tables: Mapping[str, str]
    templates: Mapping[str, str]
    extra_words: tuple[str, ...]
    entries: tuple[Entry, ...]

    def clock(self, name: str) -> Clock:
        """The clock of that id.

        Raises:
            LookupError: the pack has none.
        """
        if name not in self.clocks:
            raise LookupError(f"pack {self.ref}: no clock {name!r}; it has {', '.join(self.clocks)}")
        return self.clocks[name]

    def key_rule(self, action: KeyAction) -> KeyRule:
        """Which keys an action takes under this pack; never fewer than the code asks for."""
        return self.key_rules[action]

    def documents_for(self, event: str) -> tuple[DocumentRule, ...]:
        """The documents that an event needs under this pack, beside those of the lifecycle itself."""
        return tuple(rule for rule in self.documents.values() if rule.required_at == event)

    def roles_of(self, organisation: str) -> frozenset[Role]:
        """The roles that an organisation of the pack holds."""
        return frozenset(holding.role for holding in self.holdings if holding.organisation == organisation)

    def holders(self, role: Role) -> tuple[str, ...]:
        """The organisations of the pack that hold a role, in the pack's order."""
        return tuple(dict.fromkeys(holding.organisation for holding in self.holdings if holding.role is role))

    def template(self, kind: str) -> str:
        """The template of a kind of document.

        Raises:
            LookupError: the pack has none.
        """
        if kind not in self.templates:
            raise LookupError(f"pack {self.ref}: no template for {kind!r}; it has {', '.join(self.templates)}")
        return self.templates[kind]

    @property
    def window_hours(self) -> int:
        """The most hours of access under this pack."""
        return self.clock("access_window").hours
