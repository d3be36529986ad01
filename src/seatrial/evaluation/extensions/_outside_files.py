"""Log files of anybody: which they are, what is read of them, and under which limits they ran.

Headers and sample summaries say all that is needed of a log and stay small where transcripts are large; a log in which
a person took samples out is read in full, for summaries do not say which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries

from seatrial.measurement import OutcomesError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inspect_ai.log import EvalLog, EvalSampleSummary

LIMITS = {
    "token_limit": "tokens",
    "message_limit": "messages",
    "turn_limit": "turns",
    "time_limit": "s",
    "working_limit": "s of working time",
    "cost_limit": "USD",
}
_HEAD = re.compile(rb'\s*\{\s*"(?:version|status|eval)"\s*:')  # how a json log begins; an eval set's listing does not


@dataclass(frozen=True)
class Log:
    """Of one file: its header, the summaries of its samples, and the uuids of those that a person took out."""

    path: Path
    header: EvalLog
    samples: tuple[EvalSampleSummary, ...]
    invalidated: frozenset[str]

    @property
    def started(self) -> str:
        """When it began; logs of one eval are read in this order."""
        return str(self.header.eval.created)

    def cap(self, sample: EvalSampleSummary) -> int:
        """Token cap of a sample, 0 where none counts all tokens."""
        kind = sample.token_limit_type or self.header.eval.config.token_limit_type or "all"
        return (sample.token_limit or self.header.eval.config.token_limit or 0) if kind == "all" else 0

    @property
    def limits(self) -> str:
        """The limits of a sample in words."""
        config = self.header.eval.config
        parts = [f"{getattr(config, name):,} {unit}" for name, unit in LIMITS.items() if getattr(config, name, None)]
        return f"{' and '.join(parts)} a run" if parts else "no limit stated in the logs"

    @property
    def solver(self) -> str:
        """What was put around the model."""
        named = self.header.eval.solver
        if named:
            return named
        steps = [step.solver for step in self.header.plan.steps]
        return " + ".join(steps)


def log_files(path: Path) -> tuple[Path, ...]:
    """Inspect logs of a folder and the folders below, or the one that is named."""
    if path.is_file():
        return (path,) if path.suffix == ".eval" or _is_json_log(path) else ()
    found = [item for item in path.rglob("*.eval") if item.is_file()]
    found += [item for item in path.rglob("*.json") if item.is_file() and _is_json_log(item)]
    return tuple(sorted(found))


def _is_json_log(path: Path) -> bool:
    """Whether a json file begins as Inspect writes its logs."""
    with path.open("rb") as file:
        return _HEAD.match(file.read(200)) is not None


def read_log(path: Path) -> Log:
    """Read one file; raises `OutcomesError`, for a log that cannot be read might hold anything."""
    try:
        header = read_eval_log(str(path), header_only=True)
        samples = tuple(read_eval_log_sample_summaries(str(path)))
        return Log(path, header, samples, _invalidated(path, header, samples))
    except Exception as error:  # noqa: BLE001 - whatever a broken log makes Inspect's reader raise
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise OutcomesError(f"{path}: not a readable Inspect log: {text}; repair it or move it away") from None


def _invalidated(path: Path, header: EvalLog, samples: Iterable[EvalSampleSummary]) -> frozenset[str]:
    """Samples that a person took out; the summaries do not say it, so a log that has any is read in full."""
    if not header.invalidated:
        return frozenset()
    without = {"events", "messages", "store", "attachments"}
    return frozenset(
        item.uuid or ""
        for item in samples
        if read_eval_log_sample(str(path), item.id, item.epoch, exclude_fields=without).invalidation is not None
    )
