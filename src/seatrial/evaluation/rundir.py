"""A run directory: everything a review leaves, written whole or not at all.

```
plan.json  plan.digest      the plan and its SHA-256, written before the first call
seeds.sealed                assessment seed, run secret, salt (0600); becomes seeds.json at the end
preflight.json              records of every boundary that was shown closed
endpoint_sanity.json        of a submission: what its endpoint answered to the first questions
manifests/ID.json           what the gate says of each instance
logs/*.eval                 Inspect's logs; `inspect view --log-dir DIR/logs` opens them
started.jsonl               a line per attempt begun, before its first step
rounds.jsonl finals.jsonl   of an adaptive review: its decisions, and the outcomes that they rest on
calibration.json            of an adaptive review: the difficulties it uses, where it uses any
progress.json  run.json     live figures; state, times, stops, spend; of a submission also the lease of each attempt
samples.csv                 one row per attempt
scrutiny.json               what the rules found in the transcripts
assessment.json  report.html  transcripts/
```
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.battery.canonical import digest
from seatrial.evaluation.plan import ReviewPlan

if TYPE_CHECKING:
    from collections.abc import Iterator


class RunError(Exception):
    """A run directory cannot be used; `code` is the command's exit code (2 bad input, 4 stopped, 5 digest)."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class RunDirectory:
    """Paths and safe writing below one folder."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> RunDirectory:
        """A new run directory, readable by its owner only; refuses a folder that is not empty."""
        path = path.resolve()  # logs name their own place in full
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(f"{path}: is not an empty folder; name a new one with --out")
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        for name in ("manifests", "logs"):
            (path / name).mkdir()
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run directory with an intact plan."""
        path = path.resolve()
        run = cls(path)
        if not (path / "plan.json").is_file():
            raise RunError(f"{path}: holds no plan.json, so it is not the folder of a review")
        run.plan()
        return run

    @property
    def logs(self) -> Path:
        """Where Inspect writes its logs."""
        return self.path / "logs"

    @property
    def stop_file(self) -> Path:
        """Its presence stops the review; its text says why."""
        return self.path / "stop"

    def plan(self) -> ReviewPlan:
        """The registered plan; raises with both digests when it was changed afterwards."""
        try:
            written = json.loads((self.path / "plan.json").read_bytes())
            plan = ReviewPlan.model_validate(written)
            registered = (self.path / "plan.digest").read_text().strip()
            found = digest(written)  # of what stands there: a plan of an earlier release lacks today's fields
        except (OSError, TypeError, ValueError) as error:
            raise RunError(f"{self.path}: the plan cannot be read: {error}") from error
        if found != registered:
            raise RunError(f"{self.path}/plan.json: digest {found}, registered {registered}", code=5)
        return plan

    def manifests(self) -> dict[str, dict[str, Any]]:
        """What the gate says of each instance, by instance id."""
        return {path.stem: self.read(f"manifests/{path.name}") for path in sorted(self.path.glob("manifests/*.json"))}

    def register(self, plan: ReviewPlan) -> None:
        """Write the plan and its digest; once only."""
        if (self.path / "plan.digest").exists():
            raise RunError(f"{self.path}: a plan is registered already and is never edited", code=5)
        self.write("plan.json", plan.model_dump(mode="json", by_alias=True))
        self._replace("plan.digest", f"{plan.digest()}\n".encode())

    def write(self, name: str, value: object, *, mode: int = 0o600) -> None:
        """Write JSON, whole or not at all."""
        self._replace(name, json.dumps(value, indent=2, sort_keys=True).encode() + b"\n", mode)

    def write_text(self, name: str, text: str) -> None:
        """Write a text as it stands, whole or not at all."""
        self._replace(name, text.encode())

    def read(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Read JSON; the default when the file is not there."""
        try:
            return json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return default
        except ValueError as error:
            raise RunError(f"{self.path / name}: not readable JSON: {error}") from error

    def append(self, name: str, value: object) -> None:
        """Append one JSON line and bring it to the disk; a torn line before it stays a line of its own."""
        line = json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"
        file = os.open(self.path / name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" * torn + line.encode())
            os.fsync(file)
        finally:
            os.close(file)

    def lines(self, name: str) -> tuple[dict[str, Any], ...]:
        """All whole lines of a journal; a torn last line (a kill in mid-write) is left out."""
        try:
            text = (self.path / name).read_bytes()
        except FileNotFoundError:
            return ()
        found = []
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return tuple(found)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; the kernel frees it when the process dies, however it dies."""
        with (self.path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(f"{self.path}: a review is running in it; `seatrial stop` ends it") from error
            yield

    def _replace(self, name: str, content: bytes, mode: int = 0o600) -> None:
        target = self.path / name
        part = target.with_name(f".{target.name}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
