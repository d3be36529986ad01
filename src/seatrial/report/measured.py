"""Answers about somebody's results as one record: what was read, what was left out, and every answer in full.

- An answer is an estimate with all its fields, or the statement that there is none, with reason and counts.
- Rows read, rows left out and rows used add up; the digest says which bytes were read.
- The schema is published beside this file; nothing is written that does not validate against it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import ConfigDict, Field

from seatrial.measurement import Estimate
from seatrial.measurement.outcomes import STATUSES
from seatrial.report.assessment import ReportError
from seatrial.report.measured_integrity import Signs  # noqa: TC001 - the record's classes are read at run time
from seatrial.report.records import Part

if TYPE_CHECKING:
    from seatrial.evaluation.reading import Reading
    from seatrial.report.quantities import Answer, Answers, Asked

SCHEMA: Literal["seatrial.measured/1"] = "seatrial.measured/1"
SCHEMA_FILE = "measured-1.schema.json"
SCHEMA_ID = "urn:seatrial:measured:1"


class LeftOutRows(Part):
    """Rows that are in no number."""

    rows: int
    reason: str


class Source(Part):
    """What was read."""

    name: str = Field(description="of the file or folder")
    kind: str = Field(description="table | published folder | Inspect logs | review")
    sha256: str = Field(
        description="of the file; of a folder, over the lines `sha256  path` of the files that were read"
    )
    rows_read: int
    rows_left_out: list[LeftOutRows]
    rows_added: int = Field(description="planned runs that left no row; they are among the lost and the stopped")
    rows_used: int = Field(description="rows read, less those left out, and those added")
    columns: dict[str, str] = Field(description="the source's column by the name it is read as")
    columns_ignored: list[str]
    notes: list[str] = Field(description="what the source did not say and how it was filled in")


class Question(Part):
    """What was asked."""

    quantities: list[str] = Field(description="Q1 to Q12; empty: all that the results can give")
    participants: list[str] = Field(description="empty: all")
    level: float
    seed: int
    weighting: Literal["family", "equal"]
    attempts: int | None
    against: str
    default_arm: str
    at_least: list[str]


class Runs(Part):
    """Runs of one participant in one arm, by how they ended."""

    participant: str
    arm: str
    runs: int
    counted: int = Field(description="runs that enter the means")
    solved: int
    tasks: int
    families: int
    ended: dict[str, int] = Field(description="runs by status, statuses without a run left out")
    budget: str


class EstimateAnswer(Part):
    """A number with its interval; the fields of an estimate."""

    participant: str
    arm: str
    quantity: str
    name: str
    identifiable: Literal[True]
    estimand: str
    unit: str
    value: float | None = Field(description="null where only limits can be given")
    lower: float | None = Field(description="null where there is no limit on this side, or it lies outside the battery")
    upper: float | None
    level: float
    method: str
    method_version: str
    n_runs: int
    n_tasks: int
    n_families: int
    budget: str
    bank_version: str
    scale_version: str | None
    seed: int | None = Field(description="of the answer's own random draws; null where it draws nothing")
    qualifiers: list[str]
    details: dict[str, Any] = Field(description="by quantity; see the manual page")


class MissingAnswer(Part):
    """What these results cannot say, why, and what was counted."""

    participant: str
    arm: str
    quantity: str
    name: str
    identifiable: Literal[False]
    estimand: str
    reason: str
    counts: dict[str, int]
    seed: int | None
    details: dict[str, Any]


class NotOfferedQuantity(Part):
    """A quantity that was not asked for by name and that these columns cannot carry."""

    quantity: str
    reason: str


class Measured(Part):
    """The whole record."""

    schema_: Literal["seatrial.measured/1"] = Field(default=SCHEMA, alias="schema")
    seatrial: str = Field(description="version of the program")
    source: Source
    question: Question
    runs: list[Runs]
    answers: list[EstimateAnswer | MissingAnswer]
    signs: Signs | None = Field(description="Q11 beside the answers; null where it was not asked for")
    not_offered: list[NotOfferedQuantity]

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )


def record(reading: Reading, asked: Asked, found: Answers, *, version: str) -> Measured:
    """Reading, question and answers as one record."""
    wanted = {(item.participant, item.arm) for item in found.answers}
    people = [pair for pair in reading.participants if not asked.participants or pair[0] in asked.participants]
    return Measured(
        seatrial=version,
        source=_source(reading),
        question=Question(
            quantities=list(asked.quantities),
            participants=list(asked.participants),
            level=asked.level,
            seed=asked.seed,
            weighting=asked.weighting,
            attempts=asked.attempts,
            against=asked.against,
            default_arm=asked.default_arm,
            at_least=list(asked.at_least),
        ),
        runs=[_runs(reading, *pair) for pair in people if pair in wanted or not wanted],
        answers=[_answer(item) for item in found.answers],
        signs=found.signs,
        not_offered=[NotOfferedQuantity(quantity=item.quantity, reason=item.reason) for item in found.not_offered],
    )


def to_json(measured: Measured) -> str:
    """The record as text: sorted keys, two blanks of indentation, checked against the published schema."""
    value = measured.model_dump(mode="json", by_alias=True)
    check(value)
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def check(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Hold a JSON value against the published schema; raises `ReportError` with the path."""
    error = best_match(_validator().iter_errors(value))
    if error is not None:
        raise ReportError(f"{error.json_path}: {error.message[:200]}; see {SCHEMA_FILE}")


def published_schema() -> dict[str, Any]:
    """The schema as it is shipped."""
    text = files("seatrial.report").joinpath("schema", SCHEMA_FILE).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def generated_schema() -> dict[str, Any]:
    """The schema that the classes of this file amount to; a test holds it equal to the published one."""
    body = Measured.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **body}


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(published_schema())


def _source(reading: Reading) -> Source:
    return Source(
        name=reading.name,
        kind=reading.kind,
        sha256=reading.sha256,
        rows_read=reading.rows,
        rows_left_out=[LeftOutRows(rows=item.rows, reason=item.reason) for item in reading.left_out],
        rows_added=reading.added,
        rows_used=len(reading.outcomes),
        columns=dict(reading.columns),
        columns_ignored=list(reading.ignored_columns),
        notes=list(reading.notes),
    )


def _runs(reading: Reading, participant: str, arm: str) -> Runs:
    table = reading.table(participant, arm)
    counted = table.counted()
    ended = {status: int(np.sum(table.status == status)) for status in STATUSES}
    return Runs(
        participant=participant,
        arm=arm,
        runs=len(table),
        counted=len(counted),
        solved=int((counted.score == 1).sum()),
        tasks=len(np.unique(table.task)),
        families=len(np.unique(table.family)),
        ended={status: number for status, number in ended.items() if number},
        budget=table.budget,
    )


def _answer(item: Answer) -> EstimateAnswer | MissingAnswer:
    details = {key: value for key, value in item.details.items() if key != "seed"}
    about: dict[str, Any] = {
        "participant": item.participant,
        "arm": item.arm,
        "quantity": item.quantity,
        "name": item.name,
        "details": details,
    }
    seed = item.details.get("seed")
    found = item.answer
    if not isinstance(found, Estimate):
        return MissingAnswer(
            **about,
            identifiable=False,
            estimand=found.estimand,
            reason=found.reason,
            counts=dict(found.counts),
            seed=seed,
        )
    return EstimateAnswer(
        **about,
        identifiable=True,
        estimand=found.estimand,
        unit=found.unit,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        level=found.level,
        method=found.method,
        method_version=found.method_version,
        n_runs=found.n_runs,
        n_tasks=found.n_tasks,
        n_families=found.n_families,
        budget=found.budget,
        bank_version=found.bank_version,
        scale_version=found.scale_version,
        seed=found.seed if found.seed is not None else seed,
        qualifiers=sorted(found.qualifiers),
    )
