"""Writing a report into its run directory, each file whole or not at all.

- Equal directories give equal bytes: whoever holds one can write its report again and compare.
- The page is rendered from the very bytes of the assessment: whoever holds those can render it again and compare.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seatrial.report import html
from seatrial.report.assessment import Assessment, ReportError, to_json
from seatrial.report.build import assemble
from seatrial.report.rundir import RunFiles, read, read_transcripts
from seatrial.report.transcript import render_transcript

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seatrial.evaluation.transcripts import Transcript


def write_report(run_dir: Path, transcripts: Iterable[Transcript] | None = None) -> Path:
    """Write transcripts, assessment.json and report.html into a run directory; returns the page's path.

    Transcripts come from `transcripts.json` unless given. Raises `ReportError` when the directory is not what it
    says; then assessment.json and report.html are left as they were.
    """
    files = read(run_dir)
    _write_transcripts(files, read_transcripts(run_dir) if transcripts is None else transcripts)
    content = to_json(assemble(files))
    page = html.render(Assessment.model_validate_json(content), hashlib.sha256(content).hexdigest())
    _replace(run_dir / "assessment.json", content)
    _replace(run_dir / "report.html", page.encode())
    return run_dir / "report.html"


def _write_transcripts(files: RunFiles, transcripts: Iterable[Transcript]) -> None:
    """Render each to the path that its row names; of several attempts at one sample the last counts."""
    paths = {(row.participant, row.task, row.epoch): row.transcript for row in files.rows if not row.superseded}
    for item in transcripts:
        key = (item.participant, item.sample, item.epoch)
        if key not in paths:
            raise ReportError(f"transcript of {item.participant} at {item.sample}, epoch {item.epoch}: no row has it")
        if paths[key]:
            target = files.path / paths[key]
            target.parent.mkdir(exist_ok=True)
            _replace(target, render_transcript(item).encode())


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
