"""G6: a higher level is harder in at least one knob and easier in none. G10: counts for the statistics.

Whether the success of participants falls with the level, and whether halves and forms are alike, are questions of
measurement; the gate emits the counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from seatrial.battery.manifest import Guarantee, ParticipantLine

if TYPE_CHECKING:
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import Knobs

TO_LEVEL = 12  # of the property; knobs are open-ended


def dominates(higher: Knobs, lower: Knobs, ordered: Iterable[str]) -> str:
    """Empty when every ordered knob of `higher` is at least that of `lower` and one is above; else what is wrong."""
    above = False
    for name in ordered:
        high, low = higher.get(name), lower.get(name)
        if not isinstance(high, int) or not isinstance(low, int):
            return f"ordered knob {name!r} is not a whole number in both levels"
        if high < low:
            return f"knob {name!r} falls from {low} to {high}"
        above = above or high > low
    return "" if above else "no ordered knob rises"


def check(trial: Trial) -> Guarantee:
    """G6 of an instance: its own level against both neighbours; the whole ladder at full depth."""
    level = trial.instance.key.level
    family = trial.family
    if not family.ordered_knobs:
        return Guarantee.broken("the family names no ordered knob")
    if dict(family.knobs(level)) != dict(trial.instance.knobs):
        return Guarantee.broken(f"the instance's knobs are not those of level {level}")
    first, last = (1, max(TO_LEVEL, level + 1)) if trial.full else (max(1, level - 1), level + 1)
    for lower in range(first, last):
        wrong = dominates(family.knobs(lower + 1), family.knobs(lower), family.ordered_knobs)
        if wrong:
            return Guarantee.broken(f"level {lower + 1} over level {lower}: {wrong}", steps=lower - first)
    return Guarantee.held(steps=last - first)


def counts(trial: Trial, lines: Mapping[str, ParticipantLine]) -> Guarantee:
    """G10 of an instance: not a statement about one instance, only what the statement needs."""
    half = trial.instance.key.seed[-1] & 1
    solved = sum(line.solved for line in lines.values())
    return Guarantee.not_applicable(
        "a statement about a family: it needs 20 seeds a level, and is made from these counts",
        half=half,
        participants=len(lines),
        solved=solved,
    )


def table(manifests: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for measurement from public manifests: family, level, form, half, participant, n and solved."""
    rows: dict[tuple[Any, ...], list[int]] = {}
    for manifest in manifests:
        half = manifest["guarantees"]["G10"]["counts"].get("half", 0)
        for name, line in manifest["participants"].items():
            if line["absent"]:
                continue
            place = (manifest["family"], manifest["level"], manifest["form"], half, name)
            row = rows.setdefault(place, [0, 0])
            row[0] += 1
            row[1] += bool(line["solved"])
    names = ("family", "level", "form", "half", "participant")
    return [{**dict(zip(names, place, strict=True)), "n": n, "solved": k} for place, (n, k) in sorted(rows.items())]
