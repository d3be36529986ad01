"""kill -9 at random moments of a review: nothing finished is lost or doubled, whoever is killed.

One review is prepared once and its registered folder copied for every trial. A trial starts it, kills worker, parent
or both at a drawn moment, resumes it to the end, and compares the finished samples with the undisturbed run's.

    python benchmarks/kill.py [TRIALS] [SEED]
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seatrial.evaluation import campaign
from seatrial.evaluation.campaign import Request

SEATRIAL = Path(sys.executable).with_name("seatrial")
REQUEST = Request(
    participants=("reference", "null", "simulated:0"),
    tier="screen",
    families=("crypto", "memfind"),
    levels=(1, 2),
    instances=3,
    seed="kill",
)
LIMIT_S = 300


def finished(run: Path) -> dict[tuple[str, str], str]:
    """Outcome of every final row; raises when a sample has two."""
    found: dict[tuple[str, str], str] = {}
    with (run / "samples.csv").open() as file:
        for row in csv.DictReader(file):
            if row["superseded"] == "True":
                continue
            key = (row["participant"], f"{row['task']}#{row['epoch']}")
            if key in found:
                raise SystemExit(f"doubled: {key}")
            found[key] = row["outcome"]
    return found


def started(run: Path) -> int:
    """Attempts begun, by the journal."""
    return len((run / "started.jsonl").read_text().splitlines())


def trial(prepared: Path, folder: Path, draw: random.Random, longest_s: float) -> tuple[str, float, Path]:
    """One killed and resumed run: who was killed, when, and where it lies."""
    run = folder / "run"
    shutil.copytree(prepared, run)
    victim = draw.choice(("worker", "parent", "both"))
    moment = draw.uniform(0.2, longest_s)
    process = subprocess.Popen(
        [str(SEATRIAL), "resume", str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    pids = [process.pid] if victim in {"parent", "both"} else []
    with contextlib.suppress(FileNotFoundError, ValueError):
        if victim in {"worker", "both"}:
            pids.append(json.loads((run / "worker.json").read_text())["pid"])
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(LIMIT_S)
    if not (run / "seeds.json").exists():
        again = subprocess.run([str(SEATRIAL), "resume", str(run)], capture_output=True, text=True, check=False)
        if again.returncode:
            raise SystemExit(f"resume after killing {victim} at {moment:.2f} s: {again.stderr}")
    return victim, moment, run


def main() -> None:
    """Run the trials and print one line each, then the sum."""
    trials, seed = (int(value) for value in [*sys.argv[1:], "20", "1"][:2])
    draw = random.Random(seed)
    lost = doubled = extra = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        campaign.prepare(REQUEST, folder / "prepared", lambda _: None)
        shutil.copytree(folder / "prepared", folder / "whole")
        began = time.monotonic()
        subprocess.run([str(SEATRIAL), "resume", str(folder / "whole")], check=True, capture_output=True)
        longest = time.monotonic() - began
        wanted = finished(folder / "whole")
        print(f"{len(wanted)} samples, {longest:.1f} s undisturbed, seed {seed}")
        for number in range(trials):
            place = folder / f"trial{number}"
            victim, moment, run = trial(folder / "prepared", place, draw, longest)
            got = finished(run)
            lost += len(set(wanted) - set(got))
            doubled += len(set(got) - set(wanted))
            extra += started(run) - len(wanted)
            state = "same outcomes" if got == wanted else f"differs: {set(got.items()) ^ set(wanted.items())}"
            print(
                f"{number + 1:>3}  {victim:<6} at {moment:5.2f} s  {started(run)} starts  {len(got)} finished, {state}"
            )
            shutil.rmtree(place)
    print(f"{trials} kills: {lost} lost, {doubled} doubled, {extra} attempts begun twice because they were in flight")


if __name__ == "__main__":
    main()
