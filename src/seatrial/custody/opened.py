"""Where weights lie plain in memory, and how they go when their lease does.

- A place is written down before its first plain byte, so that whoever comes later finds what a killed process left.
- The process that opened them looks at the lease every `LOOK_EVERY_S` and removes them when it is over; a withdrawal
  and every round of the house do the same for places whose process is gone.
- Removing empties each file before its name goes, so that a server that still has it mapped loses it as well.
- Only the very directory that was made is removed: another one of the same name, made after a restart, is not.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatrial.custody.keys import CustodyError
from seatrial.custody.lease import LeaseState, NoSuchLease

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.sqlite import CustodyFile

LOOK_EVERY_S: Final = 1.0
"""A withdrawal ends access within five seconds; one look a second costs one row."""


class NotRemoved(CustodyError):
    """Plain weights are still there."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory of plain weights; `device` and `inode` tell it from a later one of the same name."""

    number: int
    upload: str
    submission: str
    lease: str
    directory: Path
    device: int
    inode: int


class OpenedPlaces:
    """The places of one custody file that are not removed yet."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def enter(self, upload: str, submission: str, lease: str, manifest: str, directory: Path, now: datetime) -> Place:
        """Write down a directory that was just made and is still empty."""
        found = directory.stat()
        row = (upload, submission, lease, manifest, str(directory), found.st_dev, found.st_ino, now.isoformat())
        with self._file.writing() as tx:
            number = tx.execute(
                "INSERT INTO opened_weights (upload, submission, lease, manifest, directory, device, inode, at)"
                " VALUES (?,?,?,?,?,?,?,?)",
                row,
            ).lastrowid
        return Place(number or 0, upload, submission, lease, directory, found.st_dev, found.st_ino)

    def still(self, submission: str = "") -> tuple[Place, ...]:
        """The places that are not removed, of one submission or of all."""
        asked = "SELECT * FROM opened_weights WHERE ended_at IS NULL AND submission LIKE ? ORDER BY id"
        rows = self._file.connection().execute(asked, (submission or "%",)).fetchall()
        return tuple(_place(row) for row in rows)

    def remove(self, place: Place, now: datetime) -> None:
        """Remove the weights and write down when; again is no fault. Raises `NotRemoved`."""
        if _is(place):
            empty(place.directory)
            shutil.rmtree(place.directory, ignore_errors=True)
        if _is(place):
            raise NotRemoved(f"{place.directory}: plain weights could not be removed; remove them by hand")
        with self._file.writing() as tx:
            over = (now.isoformat(), place.number)
            tx.execute("UPDATE opened_weights SET ended_at=? WHERE id=? AND ended_at IS NULL", over)

    def remove_all(self, submission: str, now: datetime) -> int:
        """Remove all of a submission; how many. Raises `NotRemoved` once the others are gone."""
        return _each(self.still(submission), lambda place: self.remove(place, now))

    def remove_over(self, leases: LeaseStore, now: datetime) -> int:
        """Remove those whose lease is over; how many. Raises as `remove_all`."""
        over = tuple(place for place in self.still() if not holds(leases, place.lease, now))
        return _each(over, lambda place: self.remove(place, now))


def holds(leases: LeaseStore, lease: str, now: datetime) -> bool:
    """Whether weights may lie open under this lease now. A pause leaves them: they were opened, and nobody calls."""
    try:
        held = leases.get(lease)
        begun = held.not_before <= now < held.ends(leases.spend(lease).first_used)
    except NoSuchLease:
        return False
    return begun and held.state is LeaseState.ACTIVE


def watch(
    places: OpenedPlaces,
    leases: LeaseStore,
    place: Place,
    *,
    now: Callable[[], datetime],
    wait: Callable[[float], bool],
) -> bool:
    """Leave the weights in place until their lease is over or `wait` says to end; then remove them.

    `wait` sleeps so many seconds and tells whether it was asked to end. Returns whether the lease was over.
    """
    while holds(leases, place.lease, now()):
        if wait(LOOK_EVERY_S):
            places.remove(place, now())
            return False
    places.remove(place, now())
    return True


def empty(directory: Path) -> None:
    """Cut every file below it to nothing: memory is given back at once, also where a process has it mapped."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
            os.truncate(path, 0)


def _is(place: Place) -> bool:
    try:
        found = place.directory.lstat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (place.device, place.inode)


def _each(places: tuple[Place, ...], remove: Callable[[Place], None]) -> int:
    left: list[str] = []
    for place in places:
        try:
            remove(place)
        except (CustodyError, OSError) as error:
            left.append(str(error))
    if left:
        raise NotRemoved("; ".join(left))
    return len(places)


def _place(row: sqlite3.Row) -> Place:
    directory = Path(row["directory"])
    return Place(row["id"], row["upload"], row["submission"], row["lease"], directory, row["device"], row["inode"])
