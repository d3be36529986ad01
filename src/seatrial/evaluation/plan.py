"""The plan of a review: everything that is decided before the first call, with one digest.

- Frozen; unknown keys are refused; the digest is SHA-256 of the canonical form.
- No float, no path, no secret: seeds stand in it as a commitment, prices as decimal strings.
- A registered plan is never edited; a run directory whose plan no longer has its digest is refused.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from seatrial.battery.canonical import digest

Mode = Literal["auto", "information", "probability"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subject(_Record):
    """Who is reviewed. The alias is a code name; nothing else names the subject in this room."""

    alias: str
    kind: Literal["model", "participant"]
    model: str = ""  # an Inspect model name, e.g. openai-api/lab/alias; empty for a participant without a model
    usd_per_million_input: str = ""
    usd_per_million_output: str = ""


class PlannedFamily(_Record):
    """Which instances of one family run."""

    id: str
    version: str
    levels: tuple[int, ...]
    instances_per_level: int


class PlannedInstance(_Record):
    """One verified instance and how often it runs; its seed stays sealed until the end."""

    id: str
    family: str
    level: int
    index: int
    epochs: int
    manifest_sha256: str


class LevelCaps(_Record):
    """Budget of one attempt; `turns` counts model generations."""

    tokens: int = Field(gt=0)
    working_s: int = Field(gt=0)
    turns: int = Field(gt=0)


class CampaignCaps(_Record):
    """Budget of the whole review for the subject; None means: no cap beyond the sum of the attempts'."""

    tokens: int | None = Field(default=None, gt=0)
    usd: str | None = None
    wall_s: int | None = Field(default=None, gt=0)


class Sampling(_Record):
    """Every instance runs, in a seeded order; a drawn share runs several times."""

    design: Literal["fixed"] = "fixed"
    order_seed: str
    repeat_share_percent: int = 0


class Rounds(_Record):
    """Instances are picked in rounds until the estimate is as precise as wanted; none runs twice.

    The bank is all of the plan's instances; which of them run is decided by `measurement.adaptive` alone, from this
    record, the bank, the calibration and the outcomes so far.
    """

    design: Literal["rounds"] = "rounds"
    order_seed: str
    precision: str  # wanted half-width of the 95 % interval as a share, e.g. "0.05"
    first: int = Field(gt=0)
    block: int = Field(gt=0)
    cap: int = Field(gt=0)
    mode: Mode = "auto"
    calibration_sha256: str = ""  # of calibration.json; empty: none is used

    @field_validator("precision")
    @classmethod
    def _is_a_share(cls, text: str) -> str:
        try:
            share = Decimal(text)
        except InvalidOperation:
            raise ValueError(f"{text!r} is no decimal number; five points are 0.05") from None
        if not share.is_finite() or not 0 < share < Decimal("0.5"):
            raise ValueError(f"{text} lies outside 0 and 0.5; five points are 0.05")
        return str(share)

    @property
    def seed(self) -> int:
        """Seed of all random choices of the rounds."""
        return int(self.order_seed[:12], 16)


class Claim(_Record):
    """One number that the report will state, named before the run; with a threshold, that it lies above it."""

    id: str
    estimand: str
    method: str
    quantity: Literal["", "Q1", "Q2", "Q6"] = ""  # of the threshold
    threshold: str = ""  # a decimal number: a share of tasks, or human minutes for Q6
    share: str = ""  # of Q6: the share solved at that length; empty means half


class ReviewPlan(_Record):
    """The whole plan."""

    schema_: Literal["seatrial.plan/1"] = Field(default="seatrial.plan/1", alias="schema")
    review: str
    subject: Subject
    tier: str
    participants: tuple[str, ...]  # those without a model, run on the same instances
    families: tuple[PlannedFamily, ...]
    instances: tuple[PlannedInstance, ...]
    seed_commitment: str
    secret_commitment: str
    sampling: Annotated[Sampling | Rounds, Field(discriminator="design")]
    level_caps: dict[str, LevelCaps]
    campaign_caps: CampaignCaps
    participant_budget_s: int = Field(gt=0)
    reruns_max: int = 2
    outage_grace_s: int = 900
    announce_budget: Literal["none"] = "none"
    scaffold: str
    scaffold_digest: str
    analysis: tuple[Claim, ...]
    scrutiny: dict[str, str]
    containment: dict[str, str]
    environment: dict[str, str]
    limits: tuple[str, ...]
    created: str
    submission: str = ""  # id of the submission that is reviewed; empty for a model called directly
    lease_digest: str = ""  # SHA-256 of the lease that its calls are made under; never the token

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return digest(self.model_dump(mode="json", by_alias=True))

    def caps(self, level: int) -> LevelCaps:
        """Caps of a level; levels beyond the table have those of its last row."""
        known = sorted(int(key) for key in self.level_caps)
        return self.level_caps[str(max((row for row in known if row <= level), default=known[0]))]

    @property
    def everybody(self) -> tuple[str, ...]:
        """All participants that run: the subject first."""
        return tuple(dict.fromkeys((self.subject.alias, *self.participants)))

    @property
    def rounds(self) -> Rounds | None:
        """The design of an adaptive review; None where everything runs."""
        return self.sampling if isinstance(self.sampling, Rounds) else None

    def planned_runs(self) -> int:
        """Attempts planned for each participant; of an adaptive review the most that there can be."""
        everything = sum(instance.epochs for instance in self.instances)
        return everything if self.rounds is None else min(everything, self.rounds.cap)
