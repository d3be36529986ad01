"""kill -9 during acts: state and log always agree, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.framework.viewer import Viewer
from seatrial.ledger.receipt import verify_receipt
from support.house import open_house

TESTS = Path(__file__).parent.parent
HOUSE = Viewer.house("a test looks at everything")
KILLS = 5
"""Of two writers each; `benchmarks/portal_kill.py` and `benchmarks/ledger_kill.py` kill more often."""


def acting(home: Path, seed: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    program = [sys.executable, str(TESTS / "support" / "acting.py"), str(home), str(seed)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_state_and_log_agree_wherever_two_writers_are_killed(tmp_path: Path) -> None:
    open_house(tmp_path)
    chance, acknowledged = random.Random(20261124), {}
    for kill in range(KILLS):
        writers = [acting(tmp_path, 2 * kill + which) for which in range(2)]
        seen = [read(writer, chance.randrange(1, 25)) for writer in writers]
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        seen += [
            [line.split() for line in writer.communicate()[0].splitlines() if complete(line)] for writer in writers
        ]
        for lines in seen:
            acknowledged.update({(name, int(index)): state for name, state, index in lines})
        house = open_house(tmp_path)
        assert house.disagreements() == ()
        house.settle(house.submissions.list(HOUSE)[-1].last.at)  # type: ignore[union-attr]
        assert house.orders.open(HOUSE) == ()
    key = house.log.signer.verifier.text
    for (name, index), state in acknowledged.items():
        event = verify_receipt(house.log.receipt(index).encode(), key).event
        step = house.submissions.load(HOUSE, name).history[event.nums["seq"] - 1]
        assert (event.stream, step.entry.target, step.place and step.place.index) == (name, state, index)
    assert len(acknowledged) > 6 * KILLS


def read(writer: subprocess.Popen[str], count: int) -> list[list[str]]:
    assert writer.stdout is not None
    return [writer.stdout.readline().split() for _ in range(count)]


def complete(line: str) -> bool:
    """Whether a line came whole: a killed process may leave half of one."""
    return len(line.split()) == 3
