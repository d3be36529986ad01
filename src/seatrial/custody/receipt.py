"""Receipts of withdrawal and deletion: a signed statement, and the proof that the ledger holds its digest.

- The statement is canonical JSON in a DSSE envelope. A withdrawal carries the custody service's signature; a deletion
  two, the service's and a named person's. Two signatures by one key are one.
- The event in the ledger refers to the SHA-256 of the statement. A statement holds 32 random bytes, so that nobody
  confirms a guessed one by its digest.
- There is one spelling of either file: a changed byte is refused, even one that changes no meaning.
- While the ledger cannot append, a receipt stands without its proof and says so: the proof is *owed*.
- Whoever has the two files and the public keys verifies offline: no database, no network.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import rfc8785
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError

from seatrial.custody.keys import CustodyError
from seatrial.framework.papers import DELETION_LIMIT
from seatrial.ledger.event import sha256_ref
from seatrial.ledger.receipt import verify_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from securesystemslib.signer import Key, Signer  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.ledger.note import NoteVerifier
    from seatrial.ledger.policy import Policy
    from seatrial.ledger.receipt import VerifiedReceipt

MEDIA_TYPE = "application/vnd.seatrial.receipt+json"

LIMITS = DELETION_LIMIT
"""The constant text of every deletion receipt."""


class NotThisReceipt(CustodyError):
    """A receipt that does not verify; says what about it is false."""


class ReceiptKind(StrEnum):
    """Which receipt, and with how many signatures."""

    WITHDRAWAL = "withdrawal"
    DELETION = "deletion"

    @property
    def signatures(self) -> int:
        """How many different keys have to sign."""
        return 2 if self is ReceiptKind.DELETION else 1

    @property
    def event(self) -> str:
        """The kind of the event that refers to it."""
        return "deletion.done" if self is ReceiptKind.DELETION else "submission.withdrawn"


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt as it is kept and handed out: the DSSE file, and the `.tlog-proof` file or `None` while it is owed."""

    kind: ReceiptKind
    submission: str
    envelope: bytes
    proof: bytes | None = None

    @property
    def statement(self) -> dict[str, Any]:
        """What it says. Not verified by reading it."""
        fields: dict[str, Any] = json.loads(self.payload)
        return fields

    @property
    def payload(self) -> bytes:
        """The statement's bytes."""
        return _envelope(self.envelope).payload

    @property
    def ref(self) -> str:
        """The digest that the ledger's event holds."""
        return sha256_ref(self.payload)


class ReceiptStore(Protocol):
    """Receipts by submission and kind; the first one stays."""

    def put(self, receipt: KeptReceipt) -> KeptReceipt:
        """Keep it; if there is one already, that one stays and is returned."""
        ...

    def prove(self, kind: ReceiptKind, submission: str, proof: bytes) -> None:
        """Add or renew the proof."""
        ...

    def get(self, kind: ReceiptKind, submission: str) -> KeptReceipt | None:
        """The one of this kind."""
        ...

    def owed(self) -> tuple[KeptReceipt, ...]:
        """Those without a proof."""
        ...


class MemoryReceiptStore:
    """Receipts of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[ReceiptKind, str], KeptReceipt] = {}

    def put(self, receipt: KeptReceipt) -> KeptReceipt:
        """Keep it, or return the one that is there."""
        with self._lock:
            return self._kept.setdefault((receipt.kind, receipt.submission), receipt)

    def prove(self, kind: ReceiptKind, submission: str, proof: bytes) -> None:
        """Add the proof."""
        with self._lock:
            self._kept[kind, submission] = replace(self._kept[kind, submission], proof=proof)

    def get(self, kind: ReceiptKind, submission: str) -> KeptReceipt | None:
        """The one of this kind."""
        return self._kept.get((kind, submission))

    def owed(self) -> tuple[KeptReceipt, ...]:
        """Those without a proof."""
        return tuple(receipt for receipt in self._kept.values() if receipt.proof is None)


def signed_receipt(
    kind: ReceiptKind, submission: str, statement: Mapping[str, Any], signers: Iterable[Signer]
) -> KeptReceipt:
    """Sign a statement. Raises `ValueError` with fewer keys than its kind needs."""
    envelope = Envelope(rfc8785.dumps({"kind": kind.value, "submission": submission, **statement}), MEDIA_TYPE, {})
    values = set()
    for signer in signers:
        envelope.sign(signer)
        values.add(_public(signer.public_key))
    if len(values) < kind.signatures:
        raise ValueError(f"a {kind} receipt needs the signatures of {kind.signatures} different keys")
    return KeptReceipt(kind, submission, _bytes(envelope))


@dataclass(frozen=True, slots=True)
class VerifiedStatement:
    """A receipt that verified: what it says, who signed, and its place in the ledger (`None` while owed)."""

    kind: ReceiptKind
    statement: Mapping[str, Any]
    signed_by: tuple[str, ...]
    recorded: VerifiedReceipt | None


def verify_statement(
    envelope: bytes,
    proof: bytes | None,
    keys: Iterable[Key],
    *,
    log_key: NoteVerifier | str | None = None,
    policy: Policy | None = None,
) -> VerifiedStatement:
    """Verify a receipt with public keys alone. Raises `NotThisReceipt`, or the ledger's own errors for the proof."""
    dsse = _envelope(envelope)
    if _bytes(dsse) != envelope:
        raise NotThisReceipt("its bytes are not those that were issued, whatever they mean")
    if dsse.payload_type != MEDIA_TYPE:
        raise NotThisReceipt("the envelope holds something else than a receipt")
    fields = _statement(dsse.payload)
    kind = ReceiptKind(fields["kind"])
    signed_by = _signers(dsse, keys, kind.signatures)
    if kind is ReceiptKind.DELETION and fields.get("limits") != LIMITS:
        raise NotThisReceipt("the text of what a deletion receipt can show was altered")
    recorded = _recorded(dsse.payload, fields, kind, verify_receipt(proof, log_key, policy)) if proof else None
    return VerifiedStatement(kind, fields, signed_by, recorded)


def _recorded(
    payload: bytes, fields: Mapping[str, Any], kind: ReceiptKind, recorded: VerifiedReceipt
) -> VerifiedReceipt:
    event = recorded.event
    if event.kind != kind.event or event.stream != fields["submission"]:
        raise NotThisReceipt("the ledger's event is of another kind or another submission")
    if event.refs.get("receipt") != sha256_ref(payload):
        raise NotThisReceipt("the ledger's event refers to another statement")
    if recorded.quorum_met is False:
        raise NotThisReceipt("too few of the policy's witnesses have seen the ledger's checkpoint")
    return recorded


def _signers(dsse: Envelope, keys: Iterable[Key], threshold: int) -> tuple[str, ...]:
    different = {_public(key): key for key in keys}
    try:
        return tuple(sorted(dsse.verify(list(different.values()), threshold)))
    except (VerificationError, ValueError):
        raise NotThisReceipt(
            f"it does not bear {threshold} true signatures of different keys that were given"
        ) from None


def _public(key: Key) -> str:
    return str(key.keyval["public"])


def _statement(payload: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
        ReceiptKind(fields["kind"])
        str(fields["submission"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotThisReceipt("the envelope holds no receipt's statement") from None
    return dict(fields)


def _bytes(envelope: Envelope) -> bytes:
    """The one spelling of a receipt's file: a file with any other byte is refused."""
    return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"


def _envelope(data: bytes) -> Envelope:
    try:
        return Envelope.from_dict(json.loads(data))
    except Exception:  # noqa: BLE001 - whatever the library finds wrong with foreign bytes, it is no envelope
        raise NotThisReceipt("this is no DSSE envelope") from None
