"""Which critical infrastructure a product stands in, and what that suggests about mission and public safety.

- The sixteen sectors are those of the US list (Presidential Policy Directive 21, kept by CISA).
- Every entry of the table says on whose word and from which source it is there; the latest entry counts, one about the
  product before one about its vendor (the sectors of the vendor's last advisory).
- Not known is a value, `UNKNOWN`; it suggests nothing and is never filled in.
- What follows for SSVC is a proposal for a person, never an answer.

>>> table = SectorTable((Entry("Acme", "", (Sector.WATER,), "acme-2026-03 advisory", "j.doe", "2026-05-02"),))
>>> table.of("ACME", "Flow 3").sectors, table.of("other", "x").sectors
((<Sector.WATER: 'water'>,), (<Sector.UNKNOWN: 'unknown'>,))
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sector(StrEnum):
    """The sixteen sectors, and the one for what is not known."""

    CHEMICAL = "chemical"
    COMMERCIAL_FACILITIES = "commercial_facilities"
    COMMUNICATIONS = "communications"
    CRITICAL_MANUFACTURING = "critical_manufacturing"
    DAMS = "dams"
    DEFENSE_INDUSTRIAL_BASE = "defense_industrial_base"
    EMERGENCY_SERVICES = "emergency_services"
    ENERGY = "energy"
    FINANCIAL_SERVICES = "financial_services"
    FOOD_AGRICULTURE = "food_agriculture"
    GOVERNMENT_SERVICES = "government_services"
    HEALTHCARE = "healthcare"
    INFORMATION_TECHNOLOGY = "information_technology"
    NUCLEAR = "nuclear"
    TRANSPORTATION = "transportation"
    WATER = "water"
    UNKNOWN = "unknown"


class Deployment(StrEnum):
    """What the product does where it stands."""

    SAFETY = "safety"
    OPERATIONS = "operations"
    OFFICE = "office"
    DEVELOPMENT = "development"
    UNKNOWN = "unknown"


HARM_TO_PEOPLE = frozenset(
    {
        Sector.CHEMICAL, Sector.DAMS, Sector.EMERGENCY_SERVICES, Sector.ENERGY, Sector.FOOD_AGRICULTURE,
        Sector.HEALTHCARE, Sector.NUCLEAR, Sector.TRANSPORTATION, Sector.WATER,
    }
)  # fmt: skip
"""Sectors in which a failure of operations can hurt people directly."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody entered: vendor, product (empty: all of the vendor's), sectors, source, editor, date (ISO)."""

    vendor: str
    product: str
    sectors: tuple[Sector, ...]
    source: str
    editor: str
    at: str
    deployment: Deployment = Deployment.UNKNOWN

    def __post_init__(self) -> None:
        """An entry without its source or its editor is none."""
        for field in ("vendor", "source", "editor", "at"):
            if not getattr(self, field).strip():
                raise ValueError(f"sector entry {self.vendor!r} {self.product!r}: {field} is missing; give it")
        if not self.sectors:
            raise ValueError(f"sector entry {self.vendor!r} {self.product!r}: no sector; `unknown` is one")


UNKNOWN = Entry("unknown", "", (Sector.UNKNOWN,), "no entry", "nobody", "unknown")


@dataclass(frozen=True, slots=True)
class SectorTable:
    """The entries; names compare without case and outer spaces."""

    entries: tuple[Entry, ...] = ()

    def of(self, vendor: str, product: str = "") -> Entry:
        """The latest entry about the product, else about the vendor, else `UNKNOWN`."""
        own = [entry for entry in self.entries if _same(entry.vendor, vendor)]
        about = [entry for entry in own if entry.product and _same(entry.product, product)]
        general = [entry for entry in own if not entry.product]
        return max(about or general, key=lambda entry: entry.at, default=UNKNOWN)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Proposed value keys of SSVC points (`PSI` public safety impact, `MI` mission impact), each with its reason."""

    points: dict[str, str]
    reason: str


def suggest(entry: Entry) -> Suggestion:
    """What the entry suggests for SSVC; nothing where sector or deployment is not known."""
    if entry.deployment is Deployment.UNKNOWN or Sector.UNKNOWN in entry.sectors:
        return Suggestion({}, "sector or deployment is not known")
    named = ", ".join(entry.sectors)
    if entry.deployment is Deployment.SAFETY:
        return Suggestion({"PSI": "S", "MI": "MEF"}, f"a safety function in {named}")
    if entry.deployment is Deployment.OPERATIONS:
        people = not HARM_TO_PEOPLE.isdisjoint(entry.sectors)
        return Suggestion({"PSI": "S" if people else "M", "MI": "MSC"}, f"runs operations in {named}")
    return Suggestion({"PSI": "M", "MI": "D"}, f"{entry.deployment} use in {named}")


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
