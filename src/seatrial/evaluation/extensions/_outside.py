"""Anybody's Inspect logs as outcomes: what each sample says, never a mean that a log displays.

- A limit is a failure at the budget, an error is a lost run, a cancelled sample a stopped one; a score that was given
  before a limit stands. A planned sample of which no log has a record is lost or stopped as its log was.
- Of several attempts at one sample the last that counts is taken, as retries and eval sets leave them; a sample that
  was carried over into a later log is one sample. The same task run anew is a repeat.
- Values map by name: C, I, P, N, booleans and numbers from 0 to 1; a refusal that a scorer reports is `refused`.

Only headers and sample summaries are read: they hold all of this, and stay small where transcripts are large.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.extensions._outside_ends import ended, value_of
from seatrial.evaluation.extensions._outside_files import Log, log_files, read_log
from seatrial.evaluation.grades import empty
from seatrial.evaluation.reading import NOT_STATED, Choices, LeftOut, Reading, digest_of, digest_of_folder
from seatrial.evaluation.sheets import SUFFIXES
from seatrial.evaluation.tables import budget_words, count, refusal_of_partial
from seatrial.measurement import Outcomes, OutcomesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspect_ai.log import EvalSampleSummary
    from inspect_ai.scorer import Score

FAMILY_KEYS = ("cluster", "family", "task_family", "category", "subject", "topic", "domain")
ENDED = {"success", "error"}
WITHOUT = ("lost", "stopped")


@dataclass(frozen=True)
class _Run:
    """One attempt at one sample."""

    log: Log
    participant: str
    arm: str
    eval_task: str
    sample: str
    epoch: int
    status: str
    score: float
    family: str
    minutes: float | None
    tokens: int
    wall: float
    cap: int
    judge: str = "deterministic"

    @property
    def task(self) -> str:
        return f"{self.eval_task}/{self.sample}"

    @property
    def counts(self) -> bool:
        return self.status not in WITHOUT

    @property
    def cell(self) -> tuple[str, str, str, int]:
        return self.participant, self.arm, self.task, self.epoch


def read_logs(path: Path, choices: Choices) -> Reading:
    """Read all logs of a folder, or one; raises `OutcomesError` naming log, sample and rule."""
    files = log_files(path)
    if not files:
        tables = sorted(item.name for item in path.glob("*") if item.suffix in SUFFIXES) if path.is_dir() else []
        hint = f"; a table is named by its file, e.g. {path / tables[0]}" if tables else ""
        raise OutcomesError(f"{path}: no Inspect log in it (*.eval, or *.json that Inspect wrote){hint}")
    logs = sorted((read_log(file) for file in files), key=lambda log: log.started)
    collected = _Collected(logs, choices)
    runs = collected.final()
    if not runs:
        raise OutcomesError(f"{path}: {count(len(files), 'log')} without a sample; nothing was run")
    folder = path if path.is_dir() else path.parent
    return Reading(
        name=path.resolve().name,
        kind="Inspect logs",
        sha256=digest_of(path) if path.is_file() else digest_of_folder(folder, files),
        rows=sum(len(log.samples) for log in logs),
        outcomes=collected.outcomes(runs),
        caps=collected.caps(runs),
        left_out=tuple(LeftOut(rows, reason) for reason, rows in collected.left_out.items()),
        added=collected.added,
        notes=tuple(collected.told()),
        budgets=collected.budgets(),
    )


@dataclass
class _Collected:
    """All logs together: what a sample means may hang on the other logs."""

    logs: list[Log]
    choices: Choices
    left_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    notes: dict[str, None] = field(default_factory=dict)
    added: int = 0
    repeats: int = 0
    partial: int = 0

    def final(self) -> list[_Run]:
        """The attempts that count or, of a sample of which none does, the last."""
        by_eval: dict[tuple[Any, ...], list[_Run]] = defaultdict(list)
        seen: set[str] = set()
        for log in self.logs:
            for sample in log.samples:
                if sample.uuid and sample.uuid in seen:
                    self.left_out["a copy of a sample in another log"] += 1
                    continue
                seen.add(sample.uuid or "")
                run = self._run(log, sample)
                by_eval[log.header.eval.task_id, *run.cell].append(run)
        by_cell: dict[tuple[str, str, str, int], list[_Run]] = defaultdict(list)
        for attempts in by_eval.values():
            chosen = ([run for run in attempts if run.counts] or attempts)[-1]
            self._leave_out(len(attempts) - 1)
            by_cell[chosen.cell].append(chosen)
        for run in self._absent():
            by_cell[run.cell].append(run)
        runs = []
        for found in by_cell.values():
            counting = [run for run in found if run.counts]
            kept = counting or found[-1:]
            self._leave_out(sum(run not in kept and run.family != "" for run in found))
            self.added += sum(run.family == "" for run in kept)
            runs += kept
        return runs

    def outcomes(self, runs: list[_Run]) -> Outcomes:
        """The table; the same task run anew takes the next epochs."""
        epochs = self._epochs(runs)
        families = {run.task: run.family for run in runs if run.family}
        columns: dict[str, Any] = {
            "participant": [run.participant for run in runs],
            "arm": [run.arm for run in runs],
            "task": [run.task for run in runs],
            "family": [run.family or families.get(run.task, run.eval_task) for run in runs],
            "epoch": epochs,
            "score": [run.score for run in runs],
            "status": [run.status for run in runs],
            "tokens": [run.tokens for run in runs],
            "wall": [run.wall for run in runs],
            "minutes": self._minutes(runs),
            "judge": [run.judge for run in runs],
        }
        try:
            return Outcomes.of(columns, budget=budget_words(self.choices.budget), bank_version=self._bank())
        except OutcomesError as error:
            raise OutcomesError(f"the samples of the logs: {error}") from None

    def caps(self, runs: list[_Run]) -> Any:  # noqa: ANN401 - an integer column
        """Token caps, 0 where the log names none."""
        import numpy as np  # noqa: PLC0415

        budget = self.choices.budget
        return np.array([budget if isinstance(budget, int) else run.cap for run in runs], dtype=np.int64)

    def budgets(self) -> Mapping[tuple[str, str], str]:
        """The limits that the logs of a participant and arm were run under, in words."""
        if self.choices.budget != NOT_STATED:
            return {}
        found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for log in self.logs:
            found[log.header.eval.model, self._arm(log)][log.limits] = None
        return {who: " or ".join(words) for who, words in found.items()}

    def told(self) -> Iterator[str]:
        """What was assumed."""
        yield from self.notes
        if self.partial:
            yield f"{count(self.partial, 'run')} with partial credit counted as not solved, as asked"
        if self.repeats:
            yield f"{count(self.repeats, 'run')} of a task that had been run in an earlier log: taken as repeats"
        if self.added:
            yield f"{count(self.added, 'planned run')} without a record in any log: lost, or stopped with their log"
        solvers = sorted({log.solver for log in self.logs if log.solver})
        if len(solvers) > 1 and not self.choices.arm:
            yield f"several solvers ({', '.join(solvers[:4])}) in one arm: --arm solver tells them apart"

    def _leave_out(self, rows: int) -> None:
        if rows:
            self.left_out["an earlier attempt at a sample that was run again"] += rows

    def _run(self, log: Log, sample: EvalSampleSummary) -> _Run:
        name, score = self._score(log, sample)
        status, value = ended(sample, score, where=f"{log.path.name}, sample {sample.id}, scorer {name or 'none'}")
        if (sample.uuid or "-") in log.invalidated:
            status = "invalidated"
        usage = sample.model_usage
        own = usage.get(log.header.eval.model)
        tokens = own.total_tokens if own else sum(item.total_tokens for item in usage.values())
        return _Run(
            log=log,
            participant=log.header.eval.model,
            arm=self._arm(log),
            eval_task=self._task(log),
            sample=str(sample.id),
            epoch=sample.epoch - 1,
            status=status,
            score=self._whole(value, log, sample),
            family=self._family(log, sample),
            minutes=self._number(log, sample),
            tokens=tokens,
            wall=math.nan if sample.total_time is None else sample.total_time,
            cap=log.cap(sample),
            judge="model" if name.startswith("model_graded") else "deterministic",
        )

    def _score(self, log: Log, sample: EvalSampleSummary) -> tuple[str, Score | None]:
        """The scorer that counts and its score; a part of a score of several values is named `SCORER.PART`."""
        scores = sample.scores or {}
        wanted = self.choices.scorer
        if not scores:
            return wanted, None
        name, _, part = (wanted, "", "") if wanted in scores else wanted.rpartition(".")
        name = name or (part if wanted else next(iter(scores)))
        if name not in scores:
            raise OutcomesError(
                f"{log.path.name}, sample {sample.id}: no scorer {wanted!r}; it has: {', '.join(scores)}"
            )
        if len(scores) > 1 and not wanted:
            self.notes[f"scorer {name}, the first of {', '.join(scores)} (--scorer chooses)"] = None
        found = scores[name]
        if isinstance(found.value, dict):
            parts = found.value
            if part not in parts and len(parts) > 1:
                choice = f"--scorer {name}.{next(iter(parts))}"
                raise OutcomesError(
                    f"{log.path.name}, sample {sample.id}: scorer {name} gives several values ({', '.join(parts)}); "
                    f"name one, e.g. {choice}"
                )
            found = found.model_copy(update={"value": parts.get(part, next(iter(parts.values()), None))})
        return name, found

    def _whole(self, value: float, log: Log, sample: EvalSampleSummary) -> float:
        if not 0 < value < 1:
            return value
        if not self.choices.partial_as_miss:
            runs = sum(len(item.samples) for item in self.logs)
            raise OutcomesError(
                f"{log.path.name}, sample {sample.id}: {refusal_of_partial(self._partials(), runs, value)}"
            )
        self.partial += 1
        return 0.0

    def _partials(self) -> int:
        """How many samples have partial credit."""
        found = 0
        for log in self.logs:
            for sample in log.samples:
                _, score = self._score(log, sample)
                found += 0 < value_of(score, "") < 1 if score is not None and not sample.error else 0
        return found

    def _family(self, log: Log, sample: EvalSampleSummary) -> str:
        key = self.choices.family or self._family_keys[self._task(log)]
        if not key:
            return self._task(log)
        value = sample.metadata.get(key)
        if value is None or isinstance(value, (dict, list)) or not str(value).strip():
            raise OutcomesError(
                f"{log.path.name}, sample {sample.id}: its metadata has no {key!r}; it has: "
                f"{', '.join(sample.metadata) or 'none'}"
            )
        return str(value)

    @cached_property
    def _family_keys(self) -> Mapping[str, str]:
        """For each eval task the first usual key that all of its samples have, or nothing."""
        having: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for log in self.logs:
            having[self._task(log)] += [sample.metadata for sample in log.samples]
        keys = {}
        for task, records in having.items():
            fits = (key for key in FAMILY_KEYS if all(_plain(record.get(key)) for record in records))
            keys[task] = next(fits, "")
            if keys[task]:
                self.notes[f"families of {task}: metadata {keys[task]!r}"] = None
            else:
                self.notes[f"families of {task}: none in its metadata, so the task is one family (--family KEY)"] = None
        return keys

    def _number(self, log: Log, sample: EvalSampleSummary) -> float | None:
        key = self.choices.minutes
        value = sample.metadata.get(key) if key else None
        if empty(value):
            return None
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise OutcomesError(f"{log.path.name}, sample {sample.id}: {key} is {value!r}; minutes above 0") from None

    def _minutes(self, runs: list[_Run]) -> list[float | None]:
        """Minutes of each run's task; a run without a record has those of the task's other runs."""
        known = {run.task: run.minutes for run in runs if run.minutes is not None}
        if self.choices.minutes and not known:
            raise OutcomesError(f"--minutes {self.choices.minutes}: no sample's metadata has it")
        return [known.get(run.task) for run in runs]

    def _arm(self, log: Log) -> str:
        key = self.choices.arm
        if not key:
            return "default"
        if key == "solver":
            return log.solver or "default"
        spec = log.header.eval
        for place in (spec.metadata or {}, spec.task_args, spec.solver_args or {}):
            if key in place:
                return str(place[key])
        return "default"

    def _task(self, log: Log) -> str:
        """The eval task, with the arguments that tell its variants apart."""
        spec = log.header.eval
        varying = self._varying.get(spec.task, ())
        if not varying:
            return spec.task
        return f"{spec.task}({', '.join(f'{key}={spec.task_args.get(key)}' for key in varying)})"

    @cached_property
    def _varying(self) -> Mapping[str, tuple[str, ...]]:
        """Arguments in which the logs of one eval task differ."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        specs = [log.header.eval for log in self.logs]
        for spec in specs:
            names = {key for other in specs if other.task == spec.task for key in other.task_args}
            for key in names:
                found[spec.task][key].add(repr(spec.task_args.get(key)))
        return {
            task: tuple(sorted(key for key, values in keys.items() if len(values) > 1 and key != self.choices.arm))
            for task, keys in found.items()
        }

    def _absent(self) -> Iterator[_Run]:
        """Planned samples of which no log of the same eval has a record."""
        groups: dict[str, list[Log]] = defaultdict(list)
        for log in self.logs:
            groups[log.header.eval.task_id].append(log)
        for logs in groups.values():
            have = {(str(sample.id), sample.epoch) for log in logs for sample in log.samples}
            last = logs[-1]
            planned = {
                (str(sample), epoch)
                for log in logs
                for sample in log.header.eval.dataset.sample_ids or ()
                for epoch in range(1, (log.header.eval.config.epochs or 1) + 1)
            }
            for sample, epoch in sorted(planned - have):
                yield _Run(
                    log=last,
                    participant=last.header.eval.model,
                    arm=self._arm(last),
                    eval_task=self._task(last),
                    sample=sample,
                    epoch=epoch - 1,
                    status="lost" if last.header.status in ENDED else "stopped",
                    score=math.nan,
                    family="",
                    minutes=None,
                    tokens=0,
                    wall=math.nan,
                    cap=last.header.eval.config.token_limit or 0,
                )

    def _epochs(self, runs: list[_Run]) -> list[int]:
        taken: dict[tuple[str, str, str], set[int]] = defaultdict(set)
        epochs = []
        for run in runs:
            used = taken[run.participant, run.arm, run.task]
            epoch = run.epoch
            if epoch in used:
                epoch = max(used) + 1
                self.repeats += 1
            used.add(epoch)
            epochs.append(epoch)
        return epochs

    def _bank(self) -> str:
        if self.choices.bank:
            return self.choices.bank
        names = sorted({f"{self._task(log)} {log.header.eval.task_version}" for log in self.logs})
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and bool(str(value).strip())
