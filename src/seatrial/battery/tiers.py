"""Tiers: which families, levels, instances and epochs an assessment draws from.

Instances come before epochs: repeats of one instance narrow an interval least (the noise within a task is 20-47 % of
a run's variance), so most instances get one epoch and a drawn fifth gets four.

>>> len(expand("standard")), expand("ci", families=["web"])[0]
(280, Cell(family='web', level=1, index=0))
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from seatrial.battery.ladder import LEVELS

FIRST = ("memfind", "patch", "web", "crypto", "ot-read", "ot-respond", "ot-protect")
REPEATS = 4  # epochs of a repeated instance


@dataclass(frozen=True)
class Cell:
    """One draw: the index-th instance of a family at a level."""

    family: str
    level: int
    index: int


@dataclass(frozen=True)
class Tier:
    """A bank of instances; `repeat_share` of them, drawn by the seed, are run `REPEATS` times."""

    name: str
    purpose: str
    levels: tuple[int, ...]
    instances: int  # per family and level
    participants: tuple[str, ...]  # those without a model that run beside every model
    repeat_share: float = 0.0


TIERS = {
    tier.name: tier
    for tier in (
        Tier("ci", "every commit", (1, 2), 1, ("reference", "null", "hostile")),
        Tier("screen", "a first look within hours", LEVELS, 1, ("reference", "fuzzer", "static", "null")),
        Tier("standard", "the report", LEVELS, 8, ("reference", "fuzzer", "static", "null"), repeat_share=0.2),
        Tier("extended", "headroom: families with success at level 5 above one half", (4, 5, 6, 7, 8), 10, ("null",)),
    )
}


def tier_by_name(name: str) -> Tier:
    """The tier of that name; `ValueError` names the others."""
    if name not in TIERS:
        raise ValueError(f"no tier {name!r}; there are {', '.join(TIERS)}")
    return TIERS[name]


def expand(
    tier: str,
    *,
    families: Collection[str] | None = None,
    levels: Collection[int] | None = None,
    instances: int | None = None,
) -> tuple[Cell, ...]:
    """The cells of a tier in the order of a report, narrowed or widened as asked.

    `families` may name private packs beside the tier's own; the caller checks that they exist.
    """
    chosen = tier_by_name(tier)
    return tuple(
        Cell(family, level, index)
        for family in (families if families is not None else FIRST)
        for level in sorted(levels if levels is not None else chosen.levels)
        for index in range(instances or chosen.instances)
    )


def repeat_share(tier: str) -> float:
    """The share of a tier's instances that are run several times."""
    return tier_by_name(tier).repeat_share
