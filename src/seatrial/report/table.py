"""From rows to the table that measurement reads: one participant, one row a planned run.

- An attempt that was run again is left out; the attempt that replaced it counts.
- A planned instance without a row is a stopped run, so that an unfinished review cannot look like a finished one.
- An adaptive review plans what its rounds have picked; an instance of its bank that none picked is no run of it.
- An instance on which a participant is not available (a tool is missing, or has nothing to do there) was not planned
  for it.
- For budgets a solved run counts the tokens it had used when it solved.
- Where a participant was run in several arms, every number but the gain of an arm is about the first: the plan's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.rounds import picked_in
from seatrial.evaluation.rows import item_of
from seatrial.measurement import Outcomes, OutcomesError
from seatrial.report.assessment import ReportError
from seatrial.report.collection import ALL
from seatrial.report.rundir import SCORES

if TYPE_CHECKING:
    from seatrial.evaluation.rows import OutcomeRow
    from seatrial.report.records import Scope
    from seatrial.report.rundir import RunFiles

MODEL = "model"
DEFAULT_ARM = "default"
UNKNOWN = "unknown"  # technique of a run that was broken off before anything of it was logged

Choice = Callable[["OutcomeRow"], bool]


@dataclass(frozen=True)
class Planned:
    """One planned run of an instance."""

    task: str
    epoch: int
    family: str
    technique: str
    version: str
    level: int

    @property
    def cluster(self) -> str:
        """The statistical family."""
        return f"{self.family}/{self.technique}"


@dataclass(frozen=True)
class Tables:
    """Tables of a run by participant and scope."""

    files: RunFiles
    planned: tuple[Planned, ...]

    @classmethod
    def of(cls, files: RunFiles) -> Tables:
        """Join the plan with the manifests."""
        epochs = {str(item["id"]): int(item.get("epochs", 1)) for item in files.plan.get("instances", ())}
        default = int(files.plan.get("sampling", {}).get("epochs", 1))
        planned = []
        picked = picked_in(files.path) if files.plan.get("sampling", {}).get("design") == "rounds" else None
        for task, manifest in files.manifests.items():
            if picked is not None and task not in picked:
                continue
            try:
                family, technique = str(manifest["family"]), str(manifest["technique"])
                version, level = str(manifest["version"]), int(manifest["level"])
            except (KeyError, TypeError, ValueError) as error:
                raise ReportError(f"manifests/{task}.json: {type(error).__name__}: {error}") from error
            count = epochs.get(task, 0) if epochs else default
            planned += [Planned(task, epoch, family, technique, version, level) for epoch in range(count)]
        lost = sorted(set(epochs) - set(files.manifests))
        if lost:
            raise ReportError(f"manifests: none for {lost[0]} ({len(lost)} missing); no instance runs without one")
        return cls(files, tuple(planned))

    @property
    def levels(self) -> tuple[int, ...]:
        """Generator levels, ascending."""
        return tuple(sorted({item.level for item in self.planned}))

    @property
    def families(self) -> tuple[str, ...]:
        """Generators, in the order of the plan."""
        found = {item.family for item in self.planned}
        order = [str(item["id"]) for item in self.files.plan.get("families", ())]
        return (*(name for name in dict.fromkeys(order) if name in found), *sorted(found - set(order)))

    @property
    def participants(self) -> tuple[str, ...]:
        """The subject, then the plan's others, then whoever else has rows."""
        plan = self.files.plan
        names = (str(plan["subject"]["alias"]), *map(str, plan.get("participants", ())))
        return tuple(dict.fromkeys((*names, *sorted({row.participant for row in self.files.rows}))))

    @property
    def bank(self) -> str:
        """Families with their versions."""
        versions = sorted({(item.family, item.version) for item in self.planned})
        return ", ".join(f"{family} {version}" for family, version in versions) or "nothing"

    def kind(self, participant: str) -> str:
        """model, tool, reference, floor or simulated; from the rows, or from the plan where there are none."""
        subject = self.files.plan["subject"]
        if participant == subject["alias"] and subject["kind"] == MODEL:
            return MODEL
        return next((row.kind for row in self.rows(participant)), "tool")

    @property
    def picked(self) -> bool:
        """Whether instances were picked in rounds instead of running all of them."""
        return str(self.files.plan.get("sampling", {}).get("design")) == "rounds"

    @property
    def repeated(self) -> tuple[int, frozenset[str]]:
        """Most planned runs of one instance, and the instances that have so many."""
        runs = Counter(item.task for item in self.planned)
        most = max(runs.values(), default=0)
        return most, frozenset(task for task, number in runs.items() if number == most)

    def arms(self, participant: str) -> tuple[str, ...]:
        """Ways in which a participant was run: the plan's own first, if it is among them, then by name."""
        found = sorted({row.arm for row in self.files.rows if row.participant == participant})
        own = str(self.files.plan.get("scaffold", ""))
        return tuple(sorted(found, key=lambda arm: (arm != own, arm != DEFAULT_ARM)))

    def rows(self, participant: str, scope: Scope = ALL) -> tuple[OutcomeRow, ...]:
        """Final rows of a participant in its first arm."""
        first = self.arms(participant)[:1]
        return tuple(row for row in self._final(participant) if row.arm in first and inside(row, scope))

    def not_run(self, participant: str, scope: Scope = ALL) -> tuple[Planned, ...]:
        """Planned runs without a row."""
        have = {(row.task, row.epoch) for row in self.rows(participant)}
        return tuple(
            item
            for item in self.planned
            if (item.task, item.epoch) not in have
            and scope.family in {None, item.family}
            and scope.level in {None, item.level}
        )

    def unavailable(self, participant: str, scope: Scope) -> str:
        """Why a participant cannot act on any of the instances; empty when it can act on one."""
        rows = self.rows(participant, scope)
        if not rows or any(row.outcome != "unavailable" for row in rows):
            return ""
        return "; ".join(dict.fromkeys(row.reason for row in rows)) or "no reason was recorded"

    def outcomes(
        self, participant: str, scope: Scope = ALL, *, keep: Choice = lambda _: True, voided: bool = False
    ) -> Outcomes:
        """The table of one participant; `keep` chooses rows, `voided` counts what a person took out."""
        rows = [row for row in self.rows(participant, scope) if row.outcome != "unavailable" and keep(row)]
        is_model = self.kind(participant) == MODEL
        records = [self._record(row, voided=voided, capped=is_model) for row in rows]
        arm = rows[0].arm if rows else DEFAULT_ARM
        missing = self.not_run(participant, scope)
        records += [self._stopped(item, participant, arm, capped=is_model) for item in missing]
        return self._table(participant, scope, records)

    def all_arms(self, participant: str) -> Outcomes:
        """The table of one participant in all of its arms; nothing is added for runs that never began."""
        rows = [row for row in self._final(participant) if row.outcome != "unavailable"]
        return self._table(participant, ALL, [self._record(row, voided=False, capped=True) for row in rows])

    def _final(self, participant: str) -> Iterator[OutcomeRow]:
        return (row for row in self.files.rows if row.participant == participant and not row.superseded)

    def _table(self, participant: str, scope: Scope, records: list[dict[str, Any]]) -> Outcomes:
        columns = {name: [record[name] for record in records] for name in _COLUMNS}
        try:
            return Outcomes.of(
                columns,
                budget=self.budget(participant, scope),
                bank_version=self.bank,
                comparison_key=self.files.plan_digest,
            )
        except OutcomesError as error:
            raise ReportError(f"samples.csv, runs of {participant}: {error}") from error

    def budget(self, participant: str, scope: Scope = ALL) -> str:
        """The budget of one run in words."""
        seconds = self.files.plan.get("participant_budget_s")
        is_model = self.kind(participant) == MODEL
        if not is_model and seconds:
            return f"{span(int(seconds))} of CPU time a run"
        words: dict[str, list[int]] = {}
        for level in self.levels if scope.level is None else (scope.level,):
            words.setdefault(self._level_budget(level, is_model=is_model), []).append(level)
        return "; ".join(
            f"{text} a run at level{'s' if len(levels) > 1 else ''} {levels_in_words(levels)}"
            for text, levels in words.items()
        )

    def cap(self, level: int) -> dict[str, Any]:
        """Caps of a level; levels beyond the plan's table have those of its last row."""
        rows = {int(key): value for key, value in self.files.plan["level_caps"].items()}
        known = sorted(rows)
        cap: dict[str, Any] = rows[max((row for row in known if row <= level), default=known[0])]
        return cap

    def _level_budget(self, level: int, *, is_model: bool) -> str:
        cap = self.cap(level)
        working = f"{span(int(cap['working_s']))} of working time"
        return f"{count(int(cap['tokens']))} tokens, {working} and {cap['turns']} turns" if is_model else working

    def _record(self, row: OutcomeRow, *, voided: bool, capped: bool) -> dict[str, Any]:
        counted = voided and row.status == "invalidated" and row.outcome in SCORES
        return {
            "participant": row.participant,
            "arm": row.arm,
            "task": row.task,
            "item": row.item,
            "family": self._cluster(row),
            "epoch": row.epoch,
            "score": SCORES[row.outcome] if counted else row.score,
            "tokens": row.tokens_at_solve if row.score and row.tokens_at_solve else row.tokens,
            "wall": row.wall_s,
            "minutes": row.minutes,
            "minutes_source": row.minutes_source,
            "level": row.level,
            "judge": row.judge,
            "status": "finished" if counted else row.status,
            "cap": row.cap_tokens if capped else 0,
        }

    def _stopped(self, item: Planned, participant: str, arm: str, *, capped: bool) -> dict[str, Any]:
        alike = next((row for row in self.files.rows if row.task == item.task), None)
        return {
            "participant": participant,
            "arm": arm,
            "task": item.task,
            "item": item_of(item.family, item.version, item.level, item.technique),
            "family": item.cluster,
            "epoch": item.epoch,
            "score": None,
            "tokens": 0,
            "wall": None,
            "minutes": alike.minutes if alike else None,
            "minutes_source": alike.minutes_source if alike else "none",
            "level": item.level,
            "judge": "deterministic",
            "status": "stopped",
            "cap": int(self.cap(item.level)["tokens"]) if capped else 0,
        }

    def _cluster(self, row: OutcomeRow) -> str:
        manifest = self.files.manifests.get(row.task)
        if row.technique == UNKNOWN and manifest is not None:
            return f"{manifest['family']}/{manifest['technique']}"
        return row.family


_COLUMNS = (
    "participant", "arm", "task", "item", "family", "epoch", "score", "tokens", "wall", "minutes", "minutes_source",
    "level", "judge", "status", "cap",
)  # fmt: skip


def inside(row: OutcomeRow, scope: Scope) -> bool:
    """Whether a row belongs to a scope."""
    return scope.family in {None, row.generator} and scope.level in {None, row.level}


def count(number: int) -> str:
    """A large count in words: 500,000 → 500 k, 2,500,000 → 2.5 M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number / size:,.0f} {unit}"
    return str(number)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 family, 2 families."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def span(seconds: int) -> str:
    """A time span in the largest unit that divides it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def levels_in_words(levels: Sequence[int]) -> str:
    """1 to 3, or 1, 3, 5."""
    together = len(levels) > 2 and list(levels) == list(range(levels[0], levels[-1] + 1))
    return f"{levels[0]} to {levels[-1]}" if together else ", ".join(map(str, levels))
