"""What is assessed: one checkpoint of one model in one variant, and the access its developer gives to it.

- The digest covers the identity record (weights, system prompt, safeguards, sampling defaults): a new checkpoint,
  prompt or safeguard setting is a new digest, hence a new subject with its own consent and its own window.
- The code name stands for the model everywhere; its real name is a model fact and stands in no subject.
- A declared digest is the developer's word and is shown as such; one over a weights manifest has been verified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import check_span, utc, within
from seatrial.framework.purpose import Purpose, check_purposes

if TYPE_CHECKING:
    from datetime import datetime


class Variant(StrEnum):
    """Which setting of the checkpoint; two variants are two subjects and never share a score."""

    PRODUCT = "product"
    SAFEGUARDS_REDUCED = "safeguards_reduced"
    HELPFUL_ONLY = "helpful_only"


class DigestBasis(StrEnum):
    """What the digest rests on."""

    WEIGHTS_MANIFEST = "weights_manifest"
    DECLARED = "declared"


class AccessForm(StrEnum):
    """How the evaluator reaches the model."""

    HOSTED_ENDPOINT = "hosted_endpoint"
    SEALED_WEIGHTS = "sealed_weights"
    ON_SITE = "on_site"
    PUBLISHED_WEIGHTS = "published_weights"


class AccessLevel(StrEnum):
    """How much is seen, after the taxonomy of arXiv 2601.11916 in our reading.

    AL1 black-box: inputs and outputs. AL2 grey-box: also reasoning text, log-probabilities, system prompt or
    safeguard switches. AL3 white-box: weights or activations.
    """

    AL1 = "AL1"
    AL2 = "AL2"
    AL3 = "AL3"


class SubjectStatus(StrEnum):
    """Whether others can already use the model."""

    UNRELEASED = "unreleased"
    RELEASED = "released"
    PUBLISHED_WEIGHTS = "published_weights"


@dataclass(frozen=True, slots=True)
class AccessProfile:
    """Form and level of access, with the three dimensions that a level is shown with: model, information, hours."""

    form: AccessForm = field(metadata=classed(DataClass.M))
    level: AccessLevel = field(metadata=classed(DataClass.M))
    model: str = field(default="", metadata=classed(DataClass.M))
    information: str = field(default="", metadata=classed(DataClass.M))
    hours: int = field(default=0, metadata=classed(DataClass.M))

    def __post_init__(self) -> None:
        if self.hours < 0:
            raise ValueError(f"access.hours: {self.hours} is negative")

    @property
    def windowed(self) -> bool:
        """Published weights need no window: everybody has them."""
        return self.form is not AccessForm.PUBLISHED_WEIGHTS

    @property
    def needs_weights(self) -> bool:
        """Whether sealed weights are held here, which takes a consent of its own."""
        return self.form is AccessForm.SEALED_WEIGHTS


@dataclass(frozen=True, slots=True)
class TosWaiver:
    """The developer sets its terms of service aside for the evaluator, for what is named and until a day."""

    scope: str = field(metadata=classed(DataClass.P))
    expires: datetime = field(metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        object.__setattr__(self, "expires", utc(self.expires, "tos_waiver.expires"))
        if not self.scope.strip():
            raise ValueError("tos_waiver.scope: empty; say which terms are set aside and for what")


@dataclass(frozen=True, slots=True)
class Subject:
    """One checkpoint in one variant, with the access, the purposes and the time its developer gives."""

    id: str = field(metadata=classed(DataClass.L, id=True))
    developer: str = field(metadata=classed(DataClass.M))
    code_name: str = field(metadata=classed(DataClass.M))
    variant: Variant = field(metadata=classed(DataClass.M))
    digest: str = field(metadata=classed(DataClass.M))
    digest_basis: DigestBasis = field(metadata=classed(DataClass.M))
    access: AccessProfile = field(metadata=classed(DataClass.M))
    purposes: frozenset[Purpose] = field(metadata=classed(DataClass.P))
    not_before: datetime = field(metadata=classed(DataClass.P))
    expires: datetime = field(metadata=classed(DataClass.P))
    lineage: str | None = field(default=None, metadata=classed(DataClass.M))
    status: SubjectStatus = field(default=SubjectStatus.UNRELEASED, metadata=classed(DataClass.M))
    served_model_id: str | None = field(default=None, metadata=classed(DataClass.M))
    system_prompt_digest: str | None = field(default=None, metadata=classed(DataClass.M))
    safeguards_digest: str | None = field(default=None, metadata=classed(DataClass.M))
    tos_waiver: TosWaiver | None = field(default=None, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("id", "developer", "code_name"):
            check_id(getattr(self, name), f"subject.{name}")
        check_digest(self.digest, "subject.digest")
        for name in ("system_prompt_digest", "safeguards_digest"):
            if getattr(self, name) is not None:
                check_digest(getattr(self, name), f"subject.{name}")
        object.__setattr__(self, "purposes", check_purposes(self.purposes, "subject.purposes"))
        for name in ("not_before", "expires"):
            object.__setattr__(self, name, utc(getattr(self, name), f"subject.{name}"))
        check_span(self.not_before, self.expires, f"subject {self.id}")
        self._check_lineage()

    def _check_lineage(self) -> None:
        if self.lineage is not None and check_id(self.lineage, "subject.lineage") == self.id:
            raise ValueError(f"subject.lineage: {self.id} cannot descend from itself")

    def active(self, now: datetime) -> bool:
        """Whether its time has come and has not ended."""
        return within(self.not_before, self.expires, utc(now, "now"))

    @property
    def without_safeguards(self) -> bool:
        """Whether running it takes two keys and a consent of its own."""
        return self.variant is not Variant.PRODUCT
