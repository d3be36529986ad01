"""A published report as a folder, for pages that only read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.publication import ASSESSMENT, PUBLISHED, TERMS, Edition

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = datetime(2026, 10, 2, 9, tzinfo=UTC)


def published_folder(home: Path, name: str, assessment: bytes, since: datetime = LONG_AGO) -> Path:
    """The folder of a published assessment."""
    folder = home / PUBLISHED / name
    folder.mkdir(parents=True)
    (folder / ASSESSMENT).write_bytes(assessment)
    edition = Edition(name, 1, f"sha256:{'a' * 64}", since, {}, (("samples", "S", "each run by itself", 12),))
    (folder / TERMS).write_bytes(edition.content)
    return folder
