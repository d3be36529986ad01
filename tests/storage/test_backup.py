"""A backup is whole or not there, holds no key, and comes back as it was or is refused with the file that is wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli.backup import backup as backup_command
from seatrial.cli.backup import restore as restore_command
from seatrial.framework.data_class import DataClass
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Event, sha256_ref
from seatrial.storage import Address, rls, rows_copy
from seatrial.storage.backup import MANIFEST, BadBackup, Manifest, backup
from seatrial.storage.backup_record import PLACE, BackupRecord
from seatrial.storage.restore import InTheWay, restore
from support import postgres
from support.framework import DAY, HOUR, LAB, T0, actor, fresh, full_act
from support.house import open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.house import House

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
HOUSE = Viewer.house("a test looks at everything")
SECRET = b"a half that must be in no backup"
TESTS = Path(__file__).parent.parent


def filled(house: House, home: Path) -> str:
    """A submission with a paper, sealed bytes, custody's file and a key."""
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    house.papers.put(OWNER, name, DataClass.P, b"a dossier")
    for folder in ("chunks/one", "records", "keys/developer"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "chunks" / "one" / "0").write_bytes(b"sealed" * 1000)
    (home / "records" / "ab").write_bytes(b"sealed too")
    (home / "keys" / "developer" / "half").write_bytes(SECRET)
    with sqlite3.connect(home / "custody.sqlite3") as custody:
        custody.execute("PRAGMA journal_mode=WAL")
        custody.execute("CREATE TABLE lease (id TEXT)")
        custody.execute("INSERT INTO lease VALUES ('lse-1')")
    return name


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with address(request.param, home) as at:
        opened = open_house(home, environment=setting(at))
        yield opened
        opened.database.close()


def lost(house: House) -> None:
    """Everything but the keys and the record's folder is gone."""
    house.database.close()
    for path in house.home.iterdir():
        if path.name in {"keys", "ledger"}:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if house.database.address.engine == "postgresql":
        name = house.database.address.name
        with postgres.server().admin() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {name} OWNER {postgres.OWNER}")


def test_what_is_put_back_is_what_was_there_and_the_record_goes_on_under_a_new_name(
    house: House, tmp_path: Path
) -> None:
    name = filled(house, house.home)
    made = backup(house, house.home, tmp_path / "disk", T0 + HOUR)
    at = house.database.address
    lost(house)
    done = restore(made, house.home, at)
    assert "submission continue" in done.fork  # the record has published `backup.made`, which is not in the backup
    again = open_house(house.home, environment=setting(at))
    assert again.submissions.load(OWNER, name).standing.state == "draft"
    digest = sha256_ref(b"a dossier")
    assert again.papers.get(OWNER, name, digest) == b"a dossier"
    assert (house.home / "chunks" / "one" / "0").read_bytes() == b"sealed" * 1000
    assert (house.home / "records" / "ab").read_bytes() == b"sealed too"
    again.go_on(T0 + DAY)
    date = Act("record_release_date", actor("developer_owner"), T0 + DAY, date=T0)
    assert again.act(name, date, T0 + DAY).receipts
    if at.engine == "postgresql":
        assert rls.faults(again.database) == ()
    again.database.close()


def test_a_backup_holds_no_key_and_is_recorded(house: House, tmp_path: Path) -> None:
    filled(house, house.home)
    made = backup(house, house.home, tmp_path / "disk", T0 + HOUR)
    everything = b"".join(path.read_bytes() for path in made.rglob("*") if path.is_file())
    assert SECRET not in everything
    assert house.ledger.file(1, "key").read_bytes().strip() not in everything
    assert not [path for path in made.rglob("*") if path.suffix == ".key"]
    with house.log.store.reading() as tx:
        last = Event.parse(tx.entry(tx.size() - 1))
    assert last.kind == "backup.made"
    assert BackupRecord(house.home).oldest() == T0 + HOUR
    for path in made.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("house", "wrong"),
    [*(("sqlite", one) for one in ("changed", "missing", "added", "manifest", "root")), ("postgresql", "root")],
    indirect=["house"],
)
def test_a_wrong_file_is_named_and_nothing_is_written(house: House, tmp_path: Path, wrong: str) -> None:
    filled(house, house.home)
    made = backup(house, house.home, tmp_path / "disk", T0 + HOUR)
    at = house.database.address
    lost(house)
    chunk, manifest = made / "chunks" / "one" / "0", made / MANIFEST
    if wrong == "changed":
        chunk.write_bytes(b"sealed" * 999 + b"sealeD")
    elif wrong == "missing":
        chunk.unlink()
    elif wrong == "added":
        (made / "chunks" / "two").write_bytes(b"")
    elif wrong == "manifest":
        manifest.write_text(manifest.read_text()[:-20])
    else:
        written = json.loads(manifest.read_text())
        written["logs"]["1"][1] = "00" * 32
        manifest.write_text(json.dumps(written))
    named = {"changed": "chunks/one/0", "missing": "chunks/one/0", "added": "chunks/two"}.get(wrong, MANIFEST)
    with pytest.raises(BadBackup, match=named):
        restore(made, house.home, at)
    assert {path.name for path in house.home.iterdir()} == {"keys", "ledger"}


def test_a_copy_that_the_second_wall_hid_rows_from_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with address("postgresql", home) as at:
        house = open_house(home, environment=setting(at))
        filled(house, home)
        monkeypatch.setattr(rows_copy, "HOUSE_ROLE", "nobody")
        with pytest.raises(BadBackup, match="Submission: had 1 rows before it was copied, the copy has 0"):
            backup(house, home, tmp_path / "disk", T0 + HOUR)
        assert not list((tmp_path / "disk").glob("seatrial-*Z"))
        house.database.close()


def test_a_restore_writes_over_nothing(house: House, tmp_path: Path) -> None:
    name = filled(house, house.home)
    made = backup(house, house.home, tmp_path / "disk", T0 + HOUR)
    with pytest.raises(InTheWay, match="holds an installation"):
        restore(made, house.home, house.database.address)
    assert house.submissions.load(OWNER, name)


def test_a_restore_that_was_killed_before_its_end_goes_on(house: House, tmp_path: Path) -> None:
    name = filled(house, house.home)
    made = backup(house, house.home, tmp_path / "disk", T0 + HOUR)
    at = house.database.address
    lost(house)
    restore(made, house.home, at)
    (house.home / "restoring").write_bytes(mark(made))
    (house.home / "chunks" / "one" / "0").unlink()
    restore(made, house.home, at)
    assert (house.home / "chunks" / "one" / "0").exists()
    again = open_house(house.home, environment=setting(at))
    assert len(again.submissions.list(OWNER)) == 1
    assert again.submissions.list(OWNER)[0].object == name
    again.database.close()


def mark(made: Path) -> bytes:
    """What a restore leaves in the home until it is done."""
    return sha256_ref(Manifest.read(made).encode()).encode()


def test_backups_older_than_thirty_days_go_and_the_oldest_is_known(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    house, record = open_house(home), BackupRecord(home)
    first = backup(house, home, disk, T0)
    second = backup(house, home, disk, T0 + 20 * DAY)
    assert record.oldest() == T0
    third = backup(house, home, disk, T0 + 30 * DAY + timedelta(seconds=1))
    assert (first.exists(), second.exists(), third.exists()) == (False, True, True)
    assert record.oldest() == T0 + 20 * DAY
    disk.rename(tmp_path / "away")
    assert (record.expire(T0 + 99 * DAY), record.oldest()) == ((), T0 + 20 * DAY)
    (tmp_path / "away").rename(disk)
    assert (disk / PLACE).exists()
    assert set(record.expire(T0 + 99 * DAY)) == {second, third}
    assert record.oldest() is None


def test_a_backup_does_not_lie_with_what_it_is_of(tmp_path: Path) -> None:
    house = open_house(tmp_path / "home")
    for wrong in (tmp_path / "home" / "backups", tmp_path):
        with pytest.raises(BadBackup, match="another"):
            backup(house, house.home, wrong, T0)
    with pytest.raises(BadBackup, match="manifest"):
        restore(tmp_path / "nothing", tmp_path / "new", Address.of(tmp_path / "new"))


@pytest.mark.slow
def test_a_killed_backup_is_no_backup_and_leaves_nothing_that_is_not_known(tmp_path: Path) -> None:
    home, disk, chance = tmp_path / "home", tmp_path / "disk", random.Random(20261124)
    house = open_house(home)
    filled(house, home)
    (home / "chunks" / "one" / "1").write_bytes(chance.randbytes(8 * 2**20))
    program = [sys.executable, str(TESTS / "support" / "backing_up.py"), str(home), str(disk)]
    for _ in range(4):
        process = subprocess.Popen(
            program, env={**os.environ, "PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(2)):
            process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.05, 0.9))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        there = set(disk.glob("seatrial-*")) if disk.exists() else set()
        assert {path.with_name(path.name.removesuffix(".part")) for path in there} <= set(BackupRecord(home).standing())
        for path in there:
            if path.suffix != ".part":
                assert Manifest.read(path).logs
        shutil.rmtree(disk, ignore_errors=True)
        (home / "backups.jsonl").unlink(missing_ok=True)
    made = backup(house, home, disk, T0 + DAY)
    assert not list(disk.glob("*.part"))
    lost(house)
    assert restore(made, home, house.database.address).manifest.at == T0 + DAY


def test_the_commands_say_what_they_did_and_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("SEATRIAL_HOME", str(home))
    monkeypatch.delenv("SEATRIAL_DATABASE", raising=False)
    open_house(home).database.close()
    done = CliRunner().invoke(backup_command, [str(tmp_path / "disk")])
    assert (done.exit_code, "whole" in done.output) == (0, True), done.output
    [made] = (tmp_path / "disk").glob("seatrial-*")
    refused = CliRunner().invoke(restore_command, [str(made)])
    assert (refused.exit_code, "writes over nothing" in refused.output) == (2, True)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "other"))
    fresh_home = CliRunner().invoke(restore_command, [str(made)])
    assert (fresh_home.exit_code, "key is not in this home" in fresh_home.output) == (1, True)
    wrong = CliRunner().invoke(restore_command, [str(tmp_path)])
    assert (wrong.exit_code, "no backup's manifest" in wrong.output) == (2, True)
