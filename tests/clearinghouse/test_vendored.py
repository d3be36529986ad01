"""Vendored tables and schemas: every file is listed with its digest, and every listed digest is that of its file."""

import re
from pathlib import Path

from seatrial.clearinghouse import data

FOLDER = Path(data.__file__).parent


def test_every_vendored_file_is_listed_with_its_digest() -> None:
    listed = dict(re.findall(r"^([^\s|]+) ([0-9a-f]{64})$", (FOLDER / "SOURCES.md").read_text(), re.MULTILINE))
    there = {
        path.relative_to(FOLDER).as_posix(): data.digest(path.relative_to(FOLDER).as_posix())
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }
    assert listed == there
    assert len(there) >= 10
