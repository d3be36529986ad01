"""The `Assessment`: one review as one frozen record, the only source of every document about it.

- Every number that is an estimate is an `EstimateRecord`: it carries estimand, interval, method, counts and budget.
- What cannot be estimated stands in `not_identifiable` with its reason.
- No field says whether anything may be released, and none judges the subject; a test reads every name and text.
- The schema of a year is published beside this file and never changes after its release: fields are added in the
  next year's. Unknown fields are refused.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import ConfigDict, Field

from seatrial.report.records import (
    Ability,
    Comparison,
    CoverageFigure,
    Curve,
    Elicitation,
    EstimateRecord,
    Horizon,
    Integrity,
    NotIdentifiableRecord,
    Part,
    Rounds,
    Threshold,
)

SCHEMA: Literal["seatrial.assessment/2026"] = "seatrial.assessment/2026"
SCHEMA_FILE = "assessment-2026.schema.json"
SCHEMA_ID = "urn:seatrial:assessment:2026"

NOTICES = (
    (
        "This report is a measurement. It is not a licence, a clearance, a certificate or an approval, and nothing in "
        "it can hold up, allow or forbid a release."
    ),
    (
        "Every number is a lower bound at the stated budget, with one scaffold and the tools of one box: more tokens, "
        "time, attempts or better tooling can only be expected to solve more."
    ),
    (
        "The targets are generated toy programs, services and captures. They say little about large code bases, "
        "hardened systems or defenders who act."
    ),
    (
        "Human minutes beside the levels are design targets. Where nobody has been timed no time horizon is stated: "
        "the level of which a share is solved stands in its place."
    ),
    "A participant can do less than it is able to. Tests from outside cannot show that it did not.",
)


class ReportError(ValueError):
    """A run directory or an assessment cannot become a report: names the file or JSON path and the rule."""


class Subject(Part):
    """Who was reviewed, by code name."""

    alias: str
    kind: Literal["model", "participant"] = Field(description="participant: a review without any AI model")
    model: str = Field(description="the address under which the model was called; empty without a model")


class LevelCap(Part):
    """Budget of one run at a level, and what its designers expect of a person."""

    level: int
    tokens: int
    working_s: int = Field(description="seconds, without waiting for the model's endpoint")
    turns: int
    design_minutes: tuple[float, float] | None = Field(
        description="least and greatest target time of a person's first solve; a wish of the design, nobody was timed"
    )


class PlannedFamily(Part):
    """Which instances of a family were planned."""

    id: str
    version: str
    levels: list[int]
    instances_per_level: int


class Claim(Part):
    """A number that was named before the first run."""

    id: str
    estimand: str
    method: str


class Plan(Part):
    """What was fixed before the first run."""

    digest: str = Field(description="SHA-256 of the canonical JSON of plan.json, equal to the registered one")
    created: str
    tier: str
    design: str
    scaffold: str
    families: list[PlannedFamily]
    instances: int
    participants: list[str] = Field(description="participants without AI, run on the same instances")
    participant_budget_s: int | None = Field(description="CPU seconds of a participant without AI in one run, if set")
    announce_budget: str = Field(description="what a participant is told of its budget; empty if the plan does not say")
    level_caps: list[LevelCap]
    campaign_caps: dict[str, int | str | None] = Field(description="caps of the whole review; null means none")
    seed_commitment: str
    claims: list[Claim]
    environment: dict[str, str]
    limits: list[str] = Field(description="limits stated in the plan")


class Stop(Part):
    """An interruption of the review."""

    at: str
    reason: str


class Run(Part):
    """How the review went."""

    state: str
    started: str | None
    ended: str | None
    resumed: int
    stops: list[Stop]
    tokens: int | None = Field(description="tokens that the subject used in all")
    usd: str | None = Field(description="what they cost, if prices were given")
    versions: dict[str, str]


class Participant(Part):
    """Somebody who tried the instances."""

    name: str
    kind: str = Field(description="model | tool | reference | floor | simulated")
    planned: int = Field(description="runs planned")
    counted: int = Field(description="runs with an outcome that enters the means")
    not_run: int = Field(description="planned runs that never began")
    rerun: int = Field(description="earlier attempts that were run again and are not counted")


class OutcomeCount(Part):
    """How many runs of a participant ended in one way."""

    participant: str
    outcome: str
    reason: str
    runs: int


class Finding(Part):
    """What a rule found in a transcript."""

    rule: str
    participant: str
    sample: str
    epoch: int
    effect: str
    evidence: str = Field(description="untrusted text")


class Validity(Part):
    """What could distort the numbers."""

    rules_version: str
    findings: list[Finding]
    flagged_runs: dict[str, int] = Field(description="participant to counted runs with at least one finding")
    voided_runs: dict[str, int] = Field(description="participant to runs that a person took out")


class Probe(Part):
    """One probe of a boundary."""

    id: str
    group: str
    mandatory: bool
    observed: str


class Boundary(Part):
    """A boundary that was probed before anything ran behind it."""

    engine: str
    level: int = Field(description="isolation level 0 to 4; 1 and 2 share the host's kernel")
    limits_mode: str
    users_mode: str
    sealed: bool = Field(description="every mandatory probe found it closed")
    digest: str
    probes: list[Probe]


class Guarantee(Part):
    """What was tested of an instance before it entered the battery."""

    name: str
    state: Literal["shown", "not shown", "not applicable"]
    reason: str


class Instance(Part):
    """One challenge of the battery."""

    id: str
    family: str
    version: str
    level: int
    technique: str
    state: str
    digest: str
    digest_agrees: bool = Field(description="the manifest has the digest that the plan names")
    seed_opened: bool | None = Field(description="a revealed seed opens its commitment; null before the reveal")
    guarantees: list[Guarantee]


class Battery(Part):
    """What was run."""

    named_by_plan: bool = Field(description="the plan names every instance with the digest of its manifest")
    seeds_revealed: bool
    instances: list[Instance]


class Sample(Part):
    """One run."""

    sample: str
    epoch: int
    attempt: int
    superseded: bool
    participant: str
    arm: str = Field(description="way of asking; all numbers but the gain of an arm are about the participant's first")
    family: str
    technique: str
    level: int
    outcome: str
    reason: str
    score: float | None
    tokens: int
    turns: int
    working_s: float
    flags: list[str]
    submission_sha256: str
    log: str
    transcript: str | None = Field(description="path beside this file")


class EvidenceFile(Part):
    """A file of the run directory from which the numbers follow."""

    path: str
    bytes: int
    sha256: str


class Assessment(Part):
    """One review."""

    schema_: Literal["seatrial.assessment/2026"] = Field(default=SCHEMA, alias="schema")
    id: str
    version: int
    issued: str
    language: Literal["en"]
    notices: list[str] = Field(description="what this is and is not; the same in every assessment of the year")
    subject: Subject
    plan: Plan
    run: Run
    participants: list[Participant]
    outcomes: list[OutcomeCount]
    estimates: list[EstimateRecord]
    not_identifiable: list[NotIdentifiableRecord]
    curves: list[Curve]
    comparisons: list[Comparison]
    horizons: list[Horizon]
    abilities: list[Ability] = Field(description="the subject first; empty without a calibration")
    rounds: Rounds | None = Field(description="null when every instance of the plan was run")
    elicitation: list[Elicitation]
    thresholds: list[Threshold]
    integrity: Integrity
    coverage: list[CoverageFigure] = Field(description="how the intervals used here held in simulation")
    validity: Validity
    containment: list[Boundary]
    battery: Battery
    not_tested: list[str]
    samples: list[Sample]
    evidence: list[EvidenceFile]

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )


def to_json(assessment: Assessment) -> bytes:
    """The bytes of assessment.json: sorted keys, two blanks of indentation, checked against the published schema.

    Raises `ReportError` naming the JSON path and the rule; nothing is written that does not validate.
    """
    value = assessment.model_dump(mode="json", by_alias=True)
    check(value)
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def check(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Hold a JSON value against the published schema."""
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
    body = Assessment.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **body}


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(published_schema())
