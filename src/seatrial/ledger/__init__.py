"""The record that outsiders can check: an append-only Merkle log, its receipts, and witnesses of its growth.

In reading order: `event` (what is recorded), `merkle` (the tree), `note` and `checkpoint` (what is signed), `receipt`
(what an outsider verifies), `log` (append and prove; the Protocols of what keeps a log), `memory` and `sqlite` (two
that do), `outside` and `folder` (the published checkpoint, and where a log lives), `tiles` (the tree for everybody),
`policy`, `witness`, `witness_state` and `cosign` (other parties who watch it grow), `witness_app` and `post` (HTTP).
"""

from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.errors import LedgerError, Malformed, NotTheSameLog, NotVerified, SplitView
from seatrial.ledger.event import Actor, Event, commitment_ref, instant, pseudonym, sha256_ref
from seatrial.ledger.log import Log, LogStore, LogTx
from seatrial.ledger.note import CosignatureSigner, LogSigner, read_signer, read_verifier
from seatrial.ledger.policy import Policy
from seatrial.ledger.receipt import Receipt, VerifiedReceipt, verify_receipt

__all__ = [
    "Actor",
    "Checkpoint",
    "CosignatureSigner",
    "Event",
    "LedgerError",
    "Log",
    "LogSigner",
    "LogStore",
    "LogTx",
    "Malformed",
    "NotTheSameLog",
    "NotVerified",
    "Policy",
    "Receipt",
    "SplitView",
    "VerifiedReceipt",
    "commitment_ref",
    "instant",
    "pseudonym",
    "read_signer",
    "read_verifier",
    "sha256_ref",
    "verify_receipt",
]
