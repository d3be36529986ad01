"""Django's own applications beside the room: their tables are made when they are installed, in the same database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from seatrial.storage import Address
from seatrial.storage.session import Database

TESTS = Path(__file__).parent.parent


def test_sign_in_sessions_and_jobs_live_in_the_installation_that_became_default(tmp_path: Path) -> None:
    program = [
        sys.executable,
        str(TESTS / "support" / "other_applications.py"),
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]
    done = subprocess.run(
        program, env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [f"['somebody in {name}'] True 0" for name in "ab"], done.stderr


def test_without_them_their_tables_are_not_made(tmp_path: Path) -> None:
    opened = Database(Address.of(tmp_path))
    opened.prepare()
    tables = opened.connection(writing=True).introspection.table_names()
    assert {name.partition("_")[0] for name in tables} == {"storage", "django"}
