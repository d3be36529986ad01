"""What two reviews must share before one may say how hard the other's challenges are: scaffold, budget, challenges.

- The key is canonical JSON and not a digest, so that a refusal can name what differs.
- A review of fewer families or levels than the calibrators ran is comparable in what it has.
- The variant of the subject is left out: calibrators are other models on purpose.

>>> older = Comparison("s1", {"1": (10, 60, 5), "2": (20, 60, 5)}, {"crypto": "1"})
>>> Comparison("s1", {"1": (10, 60, 5)}, {"crypto": "1"}).differences(older)
()
>>> Comparison("s1", {"1": (99, 60, 5)}, {"crypto": "2"}).differences(older)
('budget of level 1', 'version of crypto')
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from seatrial.battery.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.evaluation.plan import ReviewPlan

WITHOUT_MODEL = "without a model"  # in place of a scaffold; such a participant's budget is CPU time


@dataclass(frozen=True)
class Comparison:
    """Scaffold digest; tokens, working seconds and turns by level; version by family."""

    scaffold: str
    caps: Mapping[str, tuple[int, ...]]
    bank: Mapping[str, str]

    @classmethod
    def of(cls, plan: ReviewPlan, participant: str = "") -> Self:
        """Of a plan's subject, or of one of its other participants."""
        levels = sorted({instance.level for instance in plan.instances})
        is_model = plan.subject.kind == "model" and participant in {"", plan.subject.alias}
        caps: dict[str, tuple[int, ...]] = {}
        for level in levels:
            cap = plan.caps(level)
            caps[str(level)] = (cap.tokens, cap.working_s, cap.turns) if is_model else (plan.participant_budget_s,)
        return cls(
            plan.scaffold_digest if is_model else WITHOUT_MODEL,
            caps,
            {family.id: family.version for family in plan.families},
        )

    @classmethod
    def read(cls, key: str) -> Self:
        """From a key; `ValueError` when it is none."""
        try:
            record = json.loads(key)
            caps = {str(level): tuple(map(int, cap)) for level, cap in record["caps"].items()}
            return cls(str(record["scaffold"]), caps, {str(k): str(v) for k, v in record["bank"].items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"comparison key {key[:60]!r} cannot be read: {type(error).__name__}: {error}") from error

    @property
    def key(self) -> str:
        """One text for one comparison."""
        caps = {level: list(cap) for level, cap in self.caps.items()}
        return canonical({"scaffold": self.scaffold, "caps": caps, "bank": dict(self.bank)}).decode()

    @property
    def bank_version(self) -> str:
        """The families with their versions, in words."""
        return ", ".join(f"{family} {version}" for family, version in sorted(self.bank.items()))

    def differences(self, other: Comparison) -> tuple[str, ...]:
        """What this review has that the other had differently or not at all; empty: they may be compared."""
        found = ["scaffold"] if self.scaffold != other.scaffold else []
        found += [f"budget of level {level}" for level, cap in self.caps.items() if other.caps.get(level) != cap]
        found += [f"version of {name}" for name, version in self.bank.items() if other.bank.get(name) != version]
        return tuple(found)

    def merged(self, other: Comparison) -> Comparison:
        """Both together, where they agree in all that they share; `ValueError` names what they do not."""
        both = Comparison(
            self.scaffold,
            {level: cap for level, cap in self.caps.items() if level in other.caps},
            {name: version for name, version in self.bank.items() if name in other.bank},
        )
        clash = both.differences(other)
        if clash:
            raise ValueError(f"not comparable: {', '.join(clash)}")
        return Comparison(self.scaffold, {**other.caps, **self.caps}, {**other.bank, **self.bank})
