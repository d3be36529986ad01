"""The run directories of a submission: where they are, how a withdrawal stops them, how they go with a deletion.

- A run is entered before its first call, so that a withdrawal finds every run there is.
- Stopping waits for each worker to be gone; a run that is not running is no fault.
- A deletion removes the directories whole: logs, transcripts, rows and reports that lie in them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from seatrial.custody.records import Measure
from seatrial.evaluation.rundir import RunError

WITHDRAWN = "withdrawn (owner: developer)"


def why_stopped(state: str) -> str:
    """What a run's record says of a stop, from the state in which its submission stands now.

    >>> why_stopped("incident_hold"), why_stopped("withdrawn")
    ('the submission stands in incident hold', 'withdrawn (owner: developer)')
    """
    return WITHDRAWN if state == "withdrawn" else f"the submission stands in {state.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class SubmittedRuns:
    """An entry a run, below one private folder with a folder a submission."""

    folder: Path
    name: str = "run directories"

    def enter(self, submission: str, run: Path) -> None:
        """Remember a run of a submission; the file says no more than where it is."""
        place = self.folder / submission
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place / f"{secrets.token_hex(8)}.json").write_text(json.dumps({"run": str(run.resolve())}) + "\n")

    def of(self, submission: str) -> tuple[Path, ...]:
        """Where its runs are, or were meant to be."""
        entries = sorted((self.folder / submission).glob("*.json"))
        return tuple(dict.fromkeys(Path(json.loads(entry.read_text())["run"]) for entry in entries))

    def stop(self, submission: str, reason: str = WITHDRAWN) -> None:
        """End every running review of it; returns when their workers are gone."""
        from seatrial.evaluation.campaign import stop  # noqa: PLC0415 - loads the battery, which only a stop needs

        for run in self.of(submission):
            with contextlib.suppress(RunError):  # not begun, or over
                stop(run, reason)

    def measure(self, submission: str) -> Measure:
        """How many directories, and how many bytes in them."""
        runs = [run for run in self.of(submission) if run.is_dir()]
        sizes = (path.stat().st_size for run in runs for path in run.rglob("*") if path.is_file())
        return Measure(len(runs), sum(sizes))

    def drop(self, submission: str) -> None:
        """Remove them; the entries last, so that a killed removal is taken up again."""
        for run in self.of(submission):
            if run.is_dir():
                shutil.rmtree(run)
        shutil.rmtree(self.folder / submission, ignore_errors=True)
