"""Reading a run directory: every file once, with an error that names the file and what is wrong in it.

Nothing is believed that can be checked here: the plan must have its registered digest, a row's outcome and score must
agree, and paths in rows must stay inside the directory.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.rows import OutcomeRow, read_rows
from seatrial.evaluation.transcripts import Entry, Transcript
from seatrial.report.assessment import EvidenceFile, ReportError

if TYPE_CHECKING:
    from pathlib import Path

SCORES = {"solved": 1.0, "unsolved": 0.0, "unexplained": 0.0, "harmful": 0.0}
WITHOUT_SCORE = ("censored", "invalid", "unavailable")
TRANSCRIPT = re.compile(r"transcripts/[^/\\\0]+\.html")
BLOCK = 1 << 20  # bytes read at once when a log is digested


@dataclass(frozen=True)
class RunFiles:
    """The content of a run directory, parsed."""

    path: Path
    plan: Mapping[str, Any]
    plan_digest: str
    run: Mapping[str, Any]
    rows: tuple[OutcomeRow, ...]
    preflight: tuple[Mapping[str, Any], ...]
    manifests: Mapping[str, Mapping[str, Any]]  # by instance id, sorted
    scrutiny: Mapping[str, Any]
    seeds: Any  # JSON of the reveal, None before it

    def evidence(self) -> list[EvidenceFile]:
        """Digests of the files from which every number follows."""
        names = (
            "plan.json", "plan.digest", "preflight.json", "run.json", "samples.csv", "scrutiny.json", "seeds.json",
            "rounds.jsonl", "finals.jsonl", "calibration.json",
        )  # fmt: skip
        paths = [self.path / name for name in names]
        paths += [*sorted((self.path / "manifests").glob("*.json")), *sorted((self.path / "logs").rglob("*.eval"))]
        return [_evidence(path, self.path) for path in paths if path.is_file()]

    def transcript(self, row: OutcomeRow) -> str | None:
        """The row's transcript, if it has been written."""
        if not row.transcript or not (self.path / row.transcript).is_file():
            return None
        return row.transcript


def read(path: Path) -> RunFiles:
    """Read and check; raises `ReportError`."""
    plan = _object(path / "plan.json")
    rows_file = path / "samples.csv"
    try:
        registered = (path / "plan.digest").read_text(encoding="utf-8").strip()
        rows = read_rows(rows_file)
    except (OSError, ValueError) as error:
        raise ReportError(str(error)) from error
    found = digest(plan)
    if found != registered:
        raise ReportError(f"{path / 'plan.json'}: digest {found}, registered {registered}; a plan is never edited")
    for number, row in enumerate(rows, start=2):
        _check_row(row, f"{rows_file}, line {number}")
    manifests = {item.stem: _object(item) for item in sorted((path / "manifests").glob("*.json"))}
    return RunFiles(
        path=path,
        plan=plan,
        plan_digest=registered,
        run=_object(path / "run.json"),
        rows=rows,
        preflight=tuple(_json(path / "preflight.json", [])),
        manifests={str(item.get("instance", stem)): item for stem, item in manifests.items()},
        scrutiny=_json(path / "scrutiny.json", {}),
        seeds=_json(path / "seeds.json", None),
    )


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """The transcripts of `transcripts.json`, in its order; none when the file is not there."""
    file = path / "transcripts.json"
    for index, record in enumerate(_json(file, [])):
        try:
            entries = tuple(Entry(**entry) for entry in record["entries"])
            yield Transcript(**{**record, "entries": entries})
        except (KeyError, TypeError) as error:
            raise ReportError(f"{file}, item {index}: {type(error).__name__}: {error}") from error


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 of canonical JSON (RFC 8785 for the values of a plan: no floats, ASCII keys)."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()


def _check_row(row: OutcomeRow, where: str) -> None:
    if row.outcome not in SCORES and row.outcome not in WITHOUT_SCORE:
        raise ReportError(f"{where}, column outcome: {row.outcome!r}; one of {', '.join((*SCORES, *WITHOUT_SCORE))}")
    ruled_out = row.status == "invalidated" and row.score is None
    if row.score != SCORES.get(row.outcome) and not ruled_out:
        raise ReportError(f"{where}, column score: {row.score} with outcome {row.outcome}; they must agree")
    if row.transcript and not TRANSCRIPT.fullmatch(row.transcript):
        raise ReportError(f"{where}, column transcript: {row.transcript!r}; a file transcripts/NAME.html")


def _object(path: Path) -> dict[str, Any]:
    value = _json(path, None)
    if not isinstance(value, dict):
        raise ReportError(f"{path}: {'is missing' if value is None else 'is not a JSON object'}")
    return value


def _json(path: Path, default: Any) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise ReportError(f"{path}: not readable JSON: {error}") from error


def _evidence(path: Path, base: Path) -> EvidenceFile:
    total, running = 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            running.update(block)
            total += len(block)
    return EvidenceFile(path=path.relative_to(base).as_posix(), bytes=total, sha256=running.hexdigest())
