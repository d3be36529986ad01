"""Where a log lives: its key, its published checkpoint, and its entries, in one folder of mode 0700.

- `log.key` (0600) is the only secret; `log.vkey` is what others verify with; `log.checkpoint` is the published one.
- `log.sqlite` holds the entries, unless another store keeps them: then the file is missing, and this folder opens no
  log by itself, so that one key never signs for two stores.
- A log whose store is restored or forked goes on as `log2.*`, under a new origin and with the same secret; its first
  event refers to the last published checkpoint of the one before. The old files stay as they are.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.event import Event, instant, pseudonym, sha256_ref
from seatrial.ledger.log import Actor, Log
from seatrial.ledger.note import LogSigner, Note, read_signer
from seatrial.ledger.outside import CheckpointFile, write_durably
from seatrial.ledger.sqlite import SqliteLogStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from seatrial.ledger.log import LogStore

SECRET_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
HOUSE: Final = "hou"


def write_secret(path: Path, text: str) -> None:
    """Write a private key that only its owner reads."""
    write_durably(path, f"{text}\n".encode(), SECRET_MODE)


def read_secret(path: Path) -> str:
    """Read a private key.

    Raises:
        LedgerError: It is missing, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise LedgerError(f"{path}: no such key") from None
    if stat.S_IMODE(mode) & 0o077:
        raise LedgerError(f"{path}: others may read this private key; run: chmod 600 {path}")
    return text


class LedgerFolder:
    """A folder with a log and, after a restore, the logs that continue it."""

    def __init__(self, path: Path, kept: Callable[[int], LogStore] | None = None) -> None:
        """Take the folder; `kept` opens log number n (from 1) in another store than `log.sqlite`."""
        self.path = path
        self._kept = kept

    def file(self, number: int, suffix: str) -> Path:
        """Return the path of a log's file."""
        return self.path / f"log{number if number > 1 else ''}.{suffix}"

    @property
    def number(self) -> int:
        """The number of the newest log; 0 before the first."""
        number = 0
        while self.file(number + 1, "key").exists():
            number += 1
        return number

    def begin(self, origin: str, seed: bytes) -> Log:
        """Make the first log of this folder from a 32-byte secret; an interrupted beginning is finished.

        Raises:
            LedgerError: There is one already.
        """
        if self.file(1, "checkpoint").exists():
            raise LedgerError(f"{self.path}: there is a log already; choose another folder")
        self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not self.number:
            write_secret(self.file(1, "key"), LogSigner.from_seed(origin, seed).secret_text)
        return self._made(1)

    def open(self) -> Log:
        """Open the newest log.

        Raises:
            LedgerError: There is none, or its entries are kept elsewhere.
            NotTheSameLog: Its store is not the one that was published from.
        """
        number = self.number
        if not number or not self.file(number, "checkpoint").exists():
            raise self._missing(number)
        log = Log.open(self._store(number), self.signer(number), CheckpointFile(self.file(number, "checkpoint")))
        with log.store.reading() as tx:
            begun = tx.size()
        if number > 1 and not begun:
            raise NotTheSameLog(f"{log.origin}: its first event is missing; run again: seatrial ledger continue")
        return log

    def signer(self, number: int) -> LogSigner:
        """Read a log's private key."""
        signer = read_signer(read_secret(self.file(number, "key")))
        if not isinstance(signer, LogSigner):
            raise LedgerError(f"{self.file(number, 'key')}: a witness's key, not a log's")
        return signer

    def go_on(self, now: datetime, random: Callable[[int], bytes]) -> Log:
        """Begin the log that continues one whose store is restored or forked.

        Raises:
            LedgerError: There is no log, or the newest one is sound: then nothing may be continued.
        """
        number = self.number
        if not number:
            raise self._missing(number)
        if number == 1 or self.file(number, "checkpoint").exists():
            self._is_broken(number)
            if not self._unfinished(number):
                number += 1
                name = f"{self.signer(1).verifier.name}{number}"
                write_secret(self.file(number, "key"), self.signer(1).renamed(name).secret_text)
        log = self._made(number)
        log.append([self._continued(number - 1, now, random)])
        return log

    def _missing(self, number: int) -> LedgerError:
        if number and not self.file(number, "checkpoint").exists():
            where = self.file(number, "checkpoint")
            return NotTheSameLog(f"{where} is missing: nothing shows what was published; run: seatrial ledger continue")
        return LedgerError(f"{self.path}: there is no log; make one: seatrial ledger init")

    def _store(self, number: int) -> LogStore:
        if self._kept is not None:
            return self._kept(number)
        path = self.file(number, "sqlite")
        if not path.exists():
            raise NotTheSameLog(f"{path} is missing: the entries of this log are lost or kept in another store")
        return SqliteLogStore(path)

    def _made(self, number: int) -> Log:
        store = self._kept(number) if self._kept else SqliteLogStore(self.file(number, "sqlite"))
        signer = self.signer(number)
        write_durably(self.file(number, "vkey"), f"{signer.verifier.text}\n".encode())
        return Log.open(store, signer, CheckpointFile(self.file(number, "checkpoint")))

    def _unfinished(self, number: int) -> bool:
        """Say whether a continuing log was begun and lacks its first event: then it is that one which is finished."""
        note = CheckpointFile(self.file(number, "checkpoint")).read()
        return number > 1 and note is not None and not _read(note).size

    def _is_broken(self, number: int) -> None:
        try:
            log = self.open()
        except NotTheSameLog:
            return
        raise LedgerError(f"{log.origin}: log {number} is sound, there is nothing to continue; append to it")

    def _continued(self, number: int, now: datetime, random: Callable[[int], bytes]) -> Event:
        note = CheckpointFile(self.file(number, "checkpoint")).read()
        first = self.signer(1).verifier
        last = _read(note) if note else None
        return Event(
            kind="log.continued",
            at=instant(now),
            stream=f"{HOUSE}_{sha256_ref(first.text.encode())[7:39]}",
            actor=Actor("operator", pseudonym(random(32), first.name)),
            nonce=random(16).hex(),
            refs={"checkpoint": sha256_ref(note), "root": f"sha256:{last.root.hex()}"} if note and last else {},
            nums={"size": last.size} if last else {},
        )


def _read(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)
