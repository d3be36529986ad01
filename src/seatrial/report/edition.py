"""The public edition of an assessment: what everybody may read of it once two people have published it, and no more.

- Public is class R, the report, and what the log may show (L). Whatever else an assessment holds for its parties is
  taken out by its class: model facts, transcripts, scores item by item, papers, incidents. The edition lists it.
- Every part of an assessment is named in `PARTS`. One that is not is refused: nothing becomes public by omission.
- No number changes. An edition is an assessment of the same published schema, and the same page is made of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.framework.data_class import CONTENT, DataClass
from seatrial.report.assessment import Assessment, ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = frozenset({DataClass.R, DataClass.L})
PARTS: dict[str, DataClass] = {
    **dict.fromkeys(
        (
            *("schema", "id", "version", "issued", "language", "notices", "subject", "plan", "run", "participants"),
            *("outcomes", "estimates", "not_identifiable", "curves", "comparisons", "horizons", "abilities", "rounds"),
            *("elicitation", "thresholds", "integrity", "coverage", "validity", "containment", "battery"),
            "not_tested",
        ),
        DataClass.R,
    ),
    "evidence": DataClass.L,
    "samples": DataClass.S,
}
"""The parts of an assessment by class; `CLOSED` says what of a public part is of another class."""
CLOSED: dict[str, tuple[DataClass, str]] = {
    "subject.model": (DataClass.M, "the address under which the model was called"),
    "run.usd": (DataClass.P, "what the review cost"),
    "run.stops[].reason": (DataClass.I, "why the review was interrupted"),
    "validity.findings": (DataClass.T, "what rules found, with words of transcripts"),
    "plan.environment": (DataClass.P, "the machines on which it ran"),
    "samples": (DataClass.S, "each run by itself"),
}
"""What is taken out: where it stands, of which class it is, and what it is."""
EMPTY: dict[str, Any] = {"subject.model": "", "run.usd": None, "validity.findings": [], "plan.environment": {}}


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something that the edition lacks: where it stood, its class, what it is, and how many there were."""

    path: str
    data_class: DataClass
    what: str
    count: int

    @property
    def reason(self) -> str:
        """Why it is not public."""
        return f"class {self.data_class}, {CONTENT[self.data_class]}: not public"


def public(assessment: Assessment) -> tuple[Assessment, tuple[Withheld, ...]]:
    """The edition that everybody may read, and what it lacks. Raises `ReportError` for a part of no known class."""
    value: dict[str, Any] = json.loads(assessment.model_dump_json(by_alias=True))
    if unknown := sorted(set(value) - set(PARTS)):
        raise ReportError(f"$.{unknown[0]}: belongs to no class; name it in seatrial.report.edition.PARTS")
    withheld = tuple(one for path in CLOSED if (one := _taken(value, path)) is not None)
    return Assessment.model_validate(value), withheld


def _taken(value: dict[str, Any], path: str) -> Withheld | None:
    """Take one thing out of the value, and say what it was; None where there was nothing."""
    data_class, what = CLOSED[path]
    if path == "run.stops[].reason":
        stops = value["run"]["stops"]
        count = sum(bool(one["reason"]) for one in stops)
        value["run"]["stops"] = [{**one, "reason": ""} for one in stops]
    else:
        count = sum(_emptied(value, path))
    return Withheld(path, data_class, what, count) if count else None


def _emptied(value: dict[str, Any], path: str) -> Iterator[int]:
    *above, name = path.split(".")
    for one in above:
        value = value[one]
    before, value[name] = value[name], EMPTY.get(path, [])
    if before:
        yield len(before) if isinstance(before, list | dict) else 1
