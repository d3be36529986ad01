"""Leases, vaults and signers of the tests, over memory and over custody's SQLite file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from securesystemslib.signer import CryptoSigner

from seatrial.custody.credential import MemoryCredentialStore
from seatrial.custody.deposit import MemoryTokenStore
from seatrial.custody.developer_half import HeldInMemory
from seatrial.custody.file_keys import FileKeyHolder, HalfFiles, HeldHalf
from seatrial.custody.keys import MemoryKeyHolder, new_id
from seatrial.custody.lease import Lease, LeaseToken, Limits, Prices
from seatrial.custody.lease_store import MemoryLeaseStore
from seatrial.custody.receipt import MemoryReceiptStore
from seatrial.custody.records import DirectoryRecordStore, MemoryRecordStore
from seatrial.custody.shred import MemoryShredStore
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_ends import SqliteReceiptStore, SqliteShredStore
from seatrial.custody.sqlite_leases import SqliteLeaseStore
from seatrial.custody.sqlite_sealed import SqliteCredentialStore, SqliteKeyTable, SqliteTokenStore
from seatrial.custody.vault import MemoryKeyTable, Vault
from seatrial.ledger.event import Actor

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUBMISSION = "sub_" + "1" * 32
OTHER = "sub_" + "2" * 32
DEVELOPER = Actor("developer", "psd_" + "a" * 32)
LIMITS = Limits(
    max_requests=100, max_input_tokens=10_000, max_output_tokens=10_000, max_concurrent=10, max_output_per_request=1000
)
IMPLEMENTATIONS = ("memory", "sqlite")


class Stores:
    """One implementation's stores, all knowing of the same ended scopes."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        if kind == "memory":
            self.leases = self.former = MemoryLeaseStore()
            ended = self.leases.ended
            self.credentials, self.keys = MemoryCredentialStore(ended), MemoryKeyTable(ended)
            self.tokens, self.shreddings, self.receipts = (
                MemoryTokenStore(ended),
                MemoryShredStore(),
                MemoryReceiptStore(),
            )
            self.records = MemoryRecordStore()
            self.holder, self.developer = MemoryKeyHolder(), HeldInMemory()
        else:
            self.file = CustodyFile(folder / "custody.sqlite3")
            self.leases = SqliteLeaseStore(self.file)
            self.former = SqliteLeaseStore(self.file, lambda: "1 0 a-former-boot")
            self.credentials, self.keys = SqliteCredentialStore(self.file), SqliteKeyTable(self.file)
            self.tokens = SqliteTokenStore(self.file)
            self.shreddings, self.receipts = SqliteShredStore(self.file), SqliteReceiptStore(self.file)
            self.records = DirectoryRecordStore(folder / "records")
            self.holder = FileKeyHolder(HalfFiles(folder / "government"))
            self.developer = HeldHalf(HalfFiles(folder / "developer"))
        self.vault = Vault(self.holder, self.developer, self.keys)


def lease(
    limits: Limits = LIMITS, *, submission: str = SUBMISSION, prices: Prices | None = None, hours: int = 24
) -> tuple[Lease, LeaseToken]:
    """A lease from NOW on, and its token."""
    token = LeaseToken.new(new_id("lea"))
    made = Lease(
        id=token.lease,
        token_digest=token.digest,
        submission=submission,
        subject_digest="sha256:" + "0" * 64,
        purpose="evaluate",
        models=("m",),
        content_owners=("lab-a",),
        attempt="run_" + "0" * 32,
        not_before=NOW,
        expires=NOW + hours * HOUR,
        issuer="evaluator-a",
        limits=limits,
        prices=prices,
    )
    return made, token


def signers(count: int = 2) -> list[CryptoSigner]:
    """Fresh signers."""
    return [CryptoSigner.generate_ed25519() for _ in range(count)]
