"""Which backups of this installation there may be: written before the first byte is copied, and when one is removed.

A directory of backups holds a mark, so that one whose disk is not there is not taken for removed.

A deletion receipt names the oldest of them (`oldest`): what was sealed when it was made may still lie there. A backup
that was never finished counts until it is removed; one that somebody copied elsewhere is nobody's to know.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

KEPT_DAYS = 30
"""Our choice: long enough to notice a loss, short enough for a deletion to be complete within a month."""
FILE = "backups.jsonl"
UNFINISHED = ".part"
PLACE = ".seatrial-backups"
"""The mark of a directory that backups are made in."""
NAME = "seatrial-"


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """The record in an installation's directory."""

    home: Path

    def begun(self, folder: Path, at: datetime) -> None:
        """A backup is being made there."""
        (folder.parent / PLACE).touch(mode=0o600)
        self._write({"begun": at.isoformat(), "folder": str(folder)})

    def removed(self, folder: Path, at: datetime) -> None:
        """It is gone."""
        self._write({"removed": at.isoformat(), "folder": str(folder)})

    def standing(self) -> dict[Path, datetime]:
        """Those that may be there, with the time when each was begun, oldest first."""
        path, found = self.home / FILE, dict[Path, datetime]()
        for line in path.read_text().splitlines() if path.exists() else ():
            said = json.loads(line)
            if "begun" in said:
                found[Path(said["folder"])] = datetime.fromisoformat(said["begun"])
            else:
                found.pop(Path(said["folder"]), None)
        return dict(sorted(found.items(), key=lambda one: one[1]))

    def oldest(self) -> datetime | None:
        """When the oldest backup that may be there was begun; None without one."""
        return next(iter(self.standing().values()), None)

    def expire(self, now: datetime) -> tuple[Path, ...]:
        """Remove every backup that is older than `KEPT_DAYS`, finished or not; which ones. What cannot be stays."""
        old = [folder for folder, at in self.standing().items() if now - at > timedelta(days=KEPT_DAYS)]
        return tuple(folder for folder in old if self.remove(folder, now))

    def remove(self, folder: Path, at: datetime) -> bool:
        """Remove one, and write it down once it is gone; False while its directory is not there."""
        if not (folder.parent / PLACE).exists() or not folder.name.startswith(NAME):
            return False
        for there in (folder, folder.with_name(folder.name + UNFINISHED)):
            if there.exists():
                shutil.rmtree(there)
        self.removed(folder, at)
        return True

    def _write(self, said: dict[str, str]) -> None:
        with os.fdopen(os.open(self.home / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as out:
            out.write(json.dumps(said, sort_keys=True) + "\n")
            out.flush()
            os.fsync(out.fileno())
