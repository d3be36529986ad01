"""A real worker process over an installation, and what its review has finished and begun."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inspect_ai.log import list_eval_logs, read_eval_log_sample_summaries

from seatrial.evaluation.request import Request
from support.jobs import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S = 150
WORKER = "from seatrial.cli.worker import worker; worker()"
SELF_TEST = Request(
    participants=("reference", "null"),
    tier="screen",
    families=("crypto", "memfind"),
    levels=(1,),
    instances=3,
    seed="k",
)


@contextmanager
def working(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "SEATRIAL_HOME": str(home)}
    with (home / "worker.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def done(run: Path) -> dict[str, str]:
    """The finished samples: uuid, and whose which it is. Raises `ValueError` for a log that is being written."""
    found = {}
    for log in list_eval_logs(str(run / "logs"), formats=["eval"], recursive=True) if (run / "logs").exists() else []:
        for sample in read_eval_log_sample_summaries(log):
            if sample.completed and not sample.error and sample.uuid:
                found[sample.uuid] = f"{sample.metadata['participant']} {sample.id}"
    return found


def so_many_done(run: Path, many: int) -> dict[str, str]:
    """The finished samples, once there are so many."""
    found: dict[str, str] = {}

    def enough() -> bool:
        with contextlib.suppress(ValueError):
            found.update(done(run))
        return len(found) >= many

    until(enough, WAIT_S, f"{many} samples")
    return found


def starts(run: Path) -> list[str]:
    """Whose which sample it was, an entry for each attempt begun."""
    lines = [json.loads(line) for line in (run / "started.jsonl").read_text().splitlines()]
    return [f"{line['metadata']['participant']} {line['sample']}" for line in lines]
