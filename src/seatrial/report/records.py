"""Records of numbers: an estimate with all that a reader needs, and what stands around it.

- Every number that is an estimate is an `EstimateRecord`: estimand, interval, method, counts and budget beside it.
- What these runs cannot give is a `NotIdentifiableRecord`, or a `reason` in the place of the estimate.
- Numbers have ten significant digits, so that whoever makes a report again on another machine gets equal bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DIGITS = 10  # significant: far more than any interval carries, and fewer than linear algebra differs in by machine


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


Number: TypeAlias = Annotated[float, AfterValidator(_rounded)]


class Part(BaseModel):
    """Base of every part: frozen, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Scope(Part):
    """Which instances an estimate is about; null means all of the review."""

    family: str | None
    level: int | None = Field(description="generator level, not a confidence level")


class EstimateRecord(Part):
    """One estimate with everything that a reader needs to use it."""

    id: str
    quantity: str = Field(
        description="Q1 this battery, Q2 tasks like these, Q3 success against budget, Q4 several attempts, Q5 ability, "
        "Q6 horizon, Q7 difference, Q8 elicitation, Q11 what runs without an ordinary end could change"
    )
    participant: str
    scope: Scope
    sample_set: Literal["all", "without-flagged", "with-voided"]
    estimand: str
    unit: str
    value: Number | None = Field(description="null where only limits can be given")
    interval: tuple[Number | None, Number | None] = Field(
        description="null where there is no limit; shares always have two"
    )
    level: Number = Field(description="confidence level of the interval, for a band of the whole band")
    method: str
    method_version: str
    n: int = Field(description="runs")
    solved: int | None = Field(description="solved runs; null for a difference")
    tasks: int
    families: int = Field(description="clusters of tasks that are expected to be solved or missed together")
    budget: str
    bank: str = Field(description="families of the battery with their versions")
    scale: str | None = Field(description="version of the scale that an ability is stated on")
    seed: int | None = Field(description="of the resampling or drawing behind the number, if there was any")
    qualifiers: list[str]
    standing: Literal["registered", "exploratory"] = Field(
        description="registered: the plan named it before the first run; numbers for a part of it are exploratory"
    )


class NotIdentifiableRecord(Part):
    """A quantity that these runs cannot give."""

    quantity: str
    participant: str
    scope: Scope
    sample_set: Literal["all", "without-flagged", "with-voided"]
    estimand: str
    reason: str
    counts: dict[str, int]


class CurvePoint(Part):
    """Success within one share of each level's token cap."""

    share: Number
    solved: int
    runs: int
    estimate: EstimateRecord | None
    reason: str = Field(description="why there is no estimate; empty when there is one")


class Curve(Part):
    """Success against budget, with one simultaneous band."""

    participant: str
    points: list[CurvePoint]
    limited: bool = Field(description="still rising by more than 3 points in the last doubling")
    seed: int = Field(description="of the resampling behind the band")


class Comparison(Part):
    """The subject beside participants without AI, on the same instances."""

    level: int | None = Field(description="generator level; null means all")
    against: Literal["best", "any"] = Field(
        description="best: the one candidate that solved most of these instances, on those it ran on; any: an instance "
        "counts as solved when at least one candidate solved it"
    )
    subject: str
    other: str = Field(description="the best candidate, or all of them")
    candidates: list[str]
    pairs: int
    both: int
    subject_only: int
    other_only: int
    neither: int
    estimate: EstimateRecord | None
    reason: str = Field(description="why there is no estimate; empty when there is one")


class HorizonPlace(Part):
    """Runs at one place of the horizon's axis."""

    at: Number = Field(description="human minutes, or generator level")
    solved: int
    runs: int


class HorizonPoint(Part):
    """Where the fitted success passes a share."""

    share: Number
    estimate: EstimateRecord | None
    reason: str = Field(description="why there is no estimate; empty when there is one")
    share_longer: Number | None = Field(description="share of the instances that lie beyond the estimate")
    timed: EstimateRecord | None = Field(
        description="the same on instances whose minutes were timed, where most were not"
    )


class Horizon(Part):
    """How far a participant gets: success against human minutes, or against generator level where nobody was timed."""

    participant: str
    axis: Literal["minutes", "level"]
    curve: tuple[Number, Number] | None = Field(
        description="intercept and slope of the log-odds of success, in log2 minutes or in levels"
    )
    points: list[HorizonPoint]
    places: list[HorizonPlace]
    without_length: int = Field(description="runs left out for want of minutes or level")


class CalibrationRecord(Part):
    """What is known of the models that gave the instances their difficulties; none of them is named."""

    sha256: str = Field(description="of calibration.json")
    models: int = Field(description="models that could stand for a participant")
    strongest: Number = Field(description="ability of the strongest of them, in points")
    scale: str
    bank: str


class Ability(Part):
    """Where a participant stands on the scale of the calibration."""

    participant: str
    logits: EstimateRecord | None
    points: EstimateRecord | None = Field(description="the same, 182.05 points a logit")
    reason: str = Field(description="why there is no estimate; empty when there is one")


class Round(Part):
    """One round of a review whose instances are picked as it goes."""

    number: int
    mode: str
    reason: str
    picked: int = Field(description="instances picked in this round")
    runs: int = Field(description="instances picked before it")
    share: Number | None = Field(description="share of the whole battery solved, as known before this round")
    lower: Number | None = Field(description="its interval")
    upper: Number | None
    ability: Number | None = Field(description="posterior mean in logits, as known before this round")
    ability_sd: Number | None
    last: bool = Field(description="nothing more is picked")


class Rounds(Part):
    """How the instances were picked, and what was known when."""

    participant: str = Field(description="for whose sake the instances were picked")
    mode: str = Field(description="information: difficulties complete the battery; probability: known chances do")
    wanted: Number = Field(description="wanted half-width of the share of the battery solved")
    battery: int = Field(description="instances that could be picked")
    picked: int
    seed: int
    rounds: list[Round]
    calibration: CalibrationRecord | None


class Elicitation(Part):
    """What the best of several ways of asking gains over the default one (Q8)."""

    participant: str
    default: str
    arms: list[str]
    chosen: str | None = Field(description="null when no other arm could be chosen")
    halved_by: str = Field(description="family or task: what was divided between choosing and measuring")
    both: int
    chosen_only: int
    default_only: int
    neither: int
    estimate: EstimateRecord | None
    reason: str = Field(description="why there is no estimate; empty when there is one")


class Threshold(Part):
    """A claim of the plan that a number lies above a threshold (Q9), judged together with the others."""

    claim: str
    quantity: str
    participant: str
    at: Number = Field(description="the threshold, in the unit of the quantity")
    p: Number | None = Field(description="one-sided, of this claim alone; null when these runs cannot test it")
    p_joint: Number = Field(description="adjusted for all claims of the plan together (Holm)")
    level: Number
    shown: bool
    statement: str


class FamilyEnds(Part):
    """Runs of a participant on one family that ended without an ordinary outcome."""

    participant: str
    family: str
    runs: int
    declined: int
    lost: int
    stopped: int


class ArmTest(Part):
    """Whether another arm solves more than the default one by more than luck: a participant may hold back in one."""

    participant: str
    default: str
    strongest: str
    pairs: int
    p: Number = Field(description="exact, one-sided")
    flagged: bool = Field(description="a person looks")
    statement: str


class Integrity(Part):
    """What could tell whether a participant did what it can (Q11)."""

    ends: list[FamilyEnds]
    bounds: list[EstimateRecord] = Field(
        description="shares between the worst and the best that runs without an ordinary end could have brought"
    )
    arms: list[ArmTest]
    person_fit: str = Field(description="why no pattern of outcomes was held against difficulties")


class CoverageFigure(Part):
    """A figure of a release's simulations: how often an interval held the true number."""

    quantity: str
    figure: str = Field(description="the quantity and its variant")
    world: str = Field(description="the simulated world: families by tasks in a family, and what is special")
    covered: Number = Field(
        description="share of simulated participants whose 95 % interval held the true number; for Q7 the share of "
        "equal participants that were told apart"
    )
    without_number: Number = Field(description="share of them who got no number; it counts as covered")
    simulated: int = Field(description="participants simulated")
