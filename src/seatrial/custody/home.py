"""Custody in one directory: its SQLite file, both sides' key directories, sealed records, and the service's own key.

- Below the installation's directory (0700): `custody.sqlite3`, `records/`, `chunks/` (weights), `keys/government/`,
  `keys/developer/`, `keys/custody.pem` (0600; signs receipts) and `keys/custody.pub.pem`.
- `keys/` is in no backup. In this install both sides' halves lie on one host: good for trying out and for closed hosts
  of one custodian, not for real weights; a separate developer half is `supplied` or mounted by the developer.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # public, unmarked

from seatrial.custody.chunks import DirectoryChunkStore
from seatrial.custody.developer_half import DeveloperHalves
from seatrial.custody.entries import OwedEntries
from seatrial.custody.file_keys import FileKeyHolder, HalfFiles, HeldHalf
from seatrial.custody.opened import OpenedPlaces
from seatrial.custody.records import DirectoryRecordStore
from seatrial.custody.shred import Shredder
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_ends import SqliteReceiptStore, SqliteShredStore
from seatrial.custody.sqlite_leases import SqliteLeaseStore
from seatrial.custody.sqlite_sealed import SqliteCredentialStore, SqliteKeyTable, SqliteTokenStore
from seatrial.custody.upload import HeldWeights, Uploads, unrecorded
from seatrial.custody.upload_store import SqliteUploadStore
from seatrial.custody.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from seatrial.custody.records import Measure
    from seatrial.custody.shred import Holding
    from seatrial.custody.upload import SealedWeights


_FORGET = """UPDATE lease SET body = json_set(body, '$.models', json_array('-'), '$.content_owners', NULL,
 '$.purpose', '', '$.attempt', '', '$.issuer', '', '$.countersigner', '', '$.prices', NULL,
 '$.limits.max_microdollars', NULL) WHERE submission = ? AND state <> 'active'"""


@dataclass(frozen=True, slots=True)
class Records:
    """Sealed records as something that goes with a shredding."""

    store: DirectoryRecordStore
    name: str = "records"

    def measure(self, submission: str) -> Measure:
        """How many, and how many bytes."""
        return self.store.measure(submission)

    def drop(self, submission: str) -> None:
        """Remove them."""
        self.store.drop(submission)


@dataclass(frozen=True, slots=True)
class CustodyHome:
    """Custody's stores, opened."""

    home: Path
    file: CustodyFile
    vault: Vault
    halves: DeveloperHalves
    leases: SqliteLeaseStore
    credentials: SqliteCredentialStore
    tokens: SqliteTokenStore
    shreddings: SqliteShredStore
    receipts: SqliteReceiptStore
    records: DirectoryRecordStore
    opened: OpenedPlaces
    entries: OwedEntries

    @classmethod
    def open(cls, home: Path, backups: Iterable[Path] = ()) -> CustodyHome:
        """Open what is in `home`, and make what is missing. Raises `UnsafeDirectory`."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        backups = tuple(backups)
        keys = home / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        file = CustodyFile(home / "custody.sqlite3")
        government = FileKeyHolder(HalfFiles(keys / "government", backups=backups))
        held = HeldHalf(HalfFiles(keys / "developer", backups=backups))
        halves = DeveloperHalves(held, keys / "developer")
        return cls(
            home=home,
            file=file,
            vault=Vault(government, halves, SqliteKeyTable(file)),
            halves=halves,
            leases=SqliteLeaseStore(file),
            credentials=SqliteCredentialStore(file),
            tokens=SqliteTokenStore(file),
            shreddings=SqliteShredStore(file),
            receipts=SqliteReceiptStore(file),
            records=DirectoryRecordStore(home / "records"),
            opened=OpenedPlaces(file),
            entries=OwedEntries(file),
        )

    def uploads(self, recorded: Callable[[SealedWeights], str] = unrecorded) -> Uploads:
        """Uploads of weights, below `chunks/`; `recorded` writes a complete one into the ledger."""
        chunks = DirectoryChunkStore(self.home / "chunks")
        return Uploads(SqliteUploadStore(self.file), chunks, self.vault, recorded)

    def shredder(self, holdings: Sequence[Holding] = ()) -> Shredder:
        """What shreds here: records, chunks of weights, and whatever else is named."""
        uploads = self.uploads()
        everything: tuple[Holding, ...] = (Records(self.records), HeldWeights(uploads.store, uploads.chunks), *holdings)
        return Shredder(self.vault, self.leases, self.credentials, self.shreddings, everything)

    def forget(self, submission: str) -> None:
        """Of an ended submission's leases, take away whose they were and for what; ids, digests and counts stay."""
        with self.file.writing() as tx:
            tx.execute(_FORGET, (submission,))
        self.file.purge()

    def signer(self) -> CryptoSigner:
        """The service's signer; its key pair is made when it is asked for first."""
        path = self.home / "keys" / "custody.pem"
        if not path.exists():
            make_signing_key(path)
        return signer_of(path)


def make_signing_key(path: Path) -> Path:
    """A new Ed25519 key pair: `path` (0600, PEM), and its public half beside it, whose path is returned."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = path.with_name(f"{path.stem}.pub.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.write(secret)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public


def signer_of(path: Path) -> CryptoSigner:
    """The signer of a PEM file. Raises `ValueError` without repeating anything of it."""
    try:
        return CryptoSigner(load_pem_private_key(path.read_bytes(), None))
    except (ValueError, TypeError):
        raise ValueError(f"{path}: holds no private key in PEM without a passphrase") from None


def public_key_of(path: Path) -> SSlibKey:
    """The public key of a PEM file."""
    try:
        return SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except (ValueError, TypeError):
        raise ValueError(f"{path}: holds no public key in PEM") from None


def without_core_dumps() -> None:
    """No core dump of this process: it would hold secrets. And no other process of this user may read its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import ctypes  # noqa: PLC0415 - only a process that serves needs it

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    except (OSError, AttributeError):
        return
