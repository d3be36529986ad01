"""Every root of the access log comes to the ledger, whatever fails or is killed in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from seatrial.custody.access_log import AccessRow, Ending, LogRoot, MemoryAccessStore
from seatrial.custody.log_roots import LogRoots
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_access import SqliteAccessStore
from support.custody import gateway
from support.providers import provider

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Ledger:
    """Takes roots, except while it is away."""

    def __init__(self) -> None:
        self.roots: list[LogRoot] = []
        self.away = False

    def append(self, made: LogRoot) -> None:
        if self.away:
            raise ConnectionError("the ledger is away")
        self.roots.append(made)


def row(number: int) -> AccessRow:
    return AccessRow(f"cal_{number:032x}", "lea_1", "sub_1", NOW, "models", "m", 200, Ending.WHOLE)


def test_roots_made_while_the_ledger_is_away_are_recorded_once_it_is_back_oldest_first() -> None:
    log, ledger = MemoryAccessStore(), Ledger()
    roots = LogRoots(log, ledger.append, lambda: NOW)
    ledger.away = True
    for number in range(3):
        log.add(row(number))
        with pytest.raises(ConnectionError):
            roots.round()
    assert len(log.roots()) == len(log.unrecorded()) == 3
    ledger.away = False
    assert roots.round() == 3
    assert tuple(ledger.roots) == log.roots()
    assert roots.round() == 0
    assert len(ledger.roots) == 3


def test_a_ledger_that_fails_in_the_middle_gets_the_rest_later() -> None:
    log, ledger = MemoryAccessStore(), Ledger()
    for number in range(3):
        log.add(row(number))
        log.put_root(LogRoot(number, 1, f"{number:064x}", NOW))

    def once(made: LogRoot) -> None:
        ledger.append(made)
        ledger.away = True

    with pytest.raises(ConnectionError):
        LogRoots(log, once, lambda: NOW).round()
    ledger.away = False
    assert LogRoots(log, ledger.append, lambda: NOW).round() == 2
    assert tuple(ledger.roots) == log.roots()


def test_a_gateway_records_at_its_start_and_end_what_is_missing() -> None:
    ledger = Ledger()
    ledger.away = True
    with provider("openai") as there:
        with gateway(there, record_root=ledger.append) as served:
            httpx.get(f"{served.url}/v1/models", headers={"x-api-key": served.token})
            httpx.get(f"{served.url}/v1/models", headers={"x-api-key": served.token})
            log = served.log
        assert [made.count for made in log.unrecorded()] == [2]  # its last round failed, and nobody lost it
        ledger.away = False
        LogRoots(log, ledger.append, lambda: NOW).round()
        with gateway(there, record_root=ledger.append) as served:
            httpx.get(f"{served.url}/v1/models", headers={"x-api-key": served.token})
    assert [made.count for made in ledger.roots] == [2, 1]


KILLED = """
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, {tests!r})
from seatrial.custody.log_roots import LogRoots
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_access import SqliteAccessStore
from custody.test_log_roots import row

where = {where!r}
log = SqliteAccessStore(CustodyFile(Path({folder!r}) / "custody.sqlite3"))

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def record(made):
    if where == "before":
        end()
    with open(Path({folder!r}) / "ledger.jsonl", "a") as ledger:
        ledger.write(json.dumps([made.first, made.count, made.digest]) + chr(10))
    if where == "after":
        end()

log.add(row(1))
log.add(row(2))
LogRoots(log, record, lambda: datetime(2026, 11, 24, tzinfo=UTC)).round()
"""


@pytest.mark.parametrize(("where", "times"), [("before", 1), ("after", 2)])
def test_a_process_killed_around_the_append_leaves_no_root_out(tmp_path: Path, where: str, times: int) -> None:
    text = KILLED.format(tests=str(Path(__file__).parents[1]), where=where, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    log = SqliteAccessStore(CustodyFile(tmp_path / "custody.sqlite3"))
    (made,) = log.roots()
    assert log.unrecorded() == (made,)
    ledger = tmp_path / "ledger.jsonl"

    def record(made: LogRoot) -> None:
        with ledger.open("a") as file:
            file.write(json.dumps([made.first, made.count, made.digest]) + "\n")

    roots = LogRoots(log, record, lambda: NOW)
    assert (roots.round(), roots.round()) == (1, 0)
    written = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert written == [[0, 2, made.digest]] * times  # twice after the append: two equal events say no more than one
