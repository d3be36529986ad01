"""`seatrial custody calls`: rows that an outsider can check, and none of another submission."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from click.testing import CliRunner

from seatrial.cli.calls import calls
from seatrial.custody.access_log import AccessRow, Ending, close
from seatrial.custody.home import CustodyHome
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.ledger.merkle import leaf_hash, verify_inclusion

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWN, OTHER = "sub_" + "1" * 32, "sub_" + "2" * 32


def test_rows_lead_to_a_root_and_are_of_one_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    log = SqliteAccessStore(CustodyHome.open(tmp_path / "home").file)
    for number in range(7):
        if number in (3, 6):
            close(log, NOW)
        submission = OWN if number % 2 == 0 else OTHER
        log.add(AccessRow(f"cal_{number:032x}", "lea_1", submission, NOW, "messages", "m", 200, Ending.WHOLE))
    done = CliRunner().invoke(calls, [OWN])
    assert done.exit_code == 0, done.output
    assert OTHER not in done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert [line["number"] for line in lines] == [0, 2, 4, 6]
    digests = {made.digest for made in log.roots()}
    for line in lines[:3]:
        proof, root = line["proof"], line["proof"]["root"]
        top, path = bytes.fromhex(root["rows"].removeprefix("sha256:")), [bytes.fromhex(step) for step in proof["path"]]
        assert top.hex() in digests
        assert verify_inclusion(leaf_hash(line["row"].encode()), proof["index"], root["count"], path, top)
        changed = line["row"].replace('"status":200', '"status":500')
        assert not verify_inclusion(leaf_hash(changed.encode()), proof["index"], root["count"], path, top)
    assert lines[3]["proof"] is None


def test_an_id_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(calls, ["lab-a"])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
