"""A receipt (C2SP tlog-proof): one text file by which anybody can check, offline, that an event is in the log.

- It holds the event itself, its index, the path to the root, and the signed checkpoint; the log's public key and,
  where witnesses count, a policy are all that a reader needs besides.
- There is one spelling of a receipt: bytes that would be written otherwise are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatrial.ledger.checkpoint import Checkpoint, read_decimal
from seatrial.ledger.errors import Malformed, NotVerified
from seatrial.ledger.event import MAX_ENTRY_BYTES, Event
from seatrial.ledger.merkle import HASH_BYTES, MAX_PATH, leaf_hash, verify_inclusion
from seatrial.ledger.note import MAX_NOTE_BYTES, Note, from_base64, read_verifier, to_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.ledger.note import NoteVerifier
    from seatrial.ledger.policy import Policy

HEADER: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
MAX_RECEIPT_BYTES: Final = 2 * MAX_ENTRY_BYTES + 64 * MAX_PATH + MAX_NOTE_BYTES


@dataclass(frozen=True)
class Receipt:
    """What the log hands out for an event: the entry, its index, the path, and a signed checkpoint."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        """Return the `.tlog-proof` file."""
        head = (HEADER, f"extra {to_base64(self.entry)}", f"index {self.index}", *map(to_base64, self.path))
        return "\n".join((*head, "", "")).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Read a `.tlog-proof` file; it says nothing yet about whether it is true.

        Raises:
            Malformed: It is none, or lacks the event.
        """
        if len(data) > MAX_RECEIPT_BYTES:
            raise Malformed(f"receipt: {len(data)} bytes; at most {MAX_RECEIPT_BYTES}")
        head, gap, note = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise Malformed("receipt: a character that no receipt has before its checkpoint") from None
        if not gap or len(lines) < 3 or lines[0] != HEADER:
            raise Malformed(f"receipt: the first line is '{HEADER}', an empty line stands before the checkpoint")
        entry = from_base64(_after(lines[1], "extra"), "receipt: the event")
        index = read_decimal(_after(lines[2], "index"), "receipt: the index")
        path = tuple(_read_hash(line) for line in lines[3:])
        if len(path) > MAX_PATH:
            raise Malformed(f"receipt: {len(path)} hashes; at most {MAX_PATH}")
        return cls(entry, index, path, note)


@dataclass(frozen=True)
class VerifiedReceipt:
    """What a receipt proves, once its path and signatures hold.

    Attributes:
        event: The event that is in the log.
        index: Its place in the order of all events.
        size: How many entries the signed checkpoint covers.
        origin: The log that signed.
        log_signed: The log's key signed the checkpoint; always so, or there is no verified receipt.
        cosigned_by: Names of the policy's witnesses that saw this checkpoint.
        quorum_met: Whether they suffice for the policy; None without a policy.
    """

    event: Event
    index: int
    size: int
    origin: str
    log_signed: bool
    cosigned_by: tuple[str, ...]
    quorum_met: bool | None

    @property
    def holds(self) -> bool:
        """Whether everything that was asked for is shown."""
        return self.log_signed and self.quorum_met is not False


def verify_receipt(
    data: bytes, log_key: NoteVerifier | str | None = None, policy: Policy | None = None
) -> VerifiedReceipt:
    """Check a receipt with public keys alone: no database, no network.

    Args:
        data: The `.tlog-proof` file.
        log_key: The log's public key or its text; may be left out when the policy names logs.
        policy: Whose cosignatures count, and how many are needed.

    Raises:
        Malformed: The file is no receipt, its event no event, or no key of any log was given.
        NotVerified: A signature, or the path from the event to the signed root, is false.
    """
    receipt = Receipt.parse(data)
    event = Event.parse(receipt.entry)
    note = Note.parse(receipt.note)
    checkpoint = Checkpoint.parse(note.text)
    _log_signed(note, checkpoint, _log_keys(log_key, policy))
    if not verify_inclusion(leaf_hash(receipt.entry), receipt.index, checkpoint.size, receipt.path, checkpoint.root):
        raise NotVerified(f"receipt: the path does not lead from this event at {receipt.index} to the signed root")
    return VerifiedReceipt(
        event=event,
        index=receipt.index,
        size=checkpoint.size,
        origin=checkpoint.origin,
        log_signed=True,
        cosigned_by=policy.cosigned_by(note) if policy else (),
        quorum_met=policy.quorum_met(note) if policy else None,
    )


def _log_keys(log_key: NoteVerifier | str | None, policy: Policy | None) -> Sequence[NoteVerifier]:
    if isinstance(log_key, str):
        return [read_verifier(log_key)]
    if log_key is not None:
        return [log_key]
    if policy is None or not policy.logs:
        raise Malformed("receipt: no public key of a log was given; pass one, or a policy with a 'log' line")
    return list(policy.logs)


def _log_signed(note: Note, checkpoint: Checkpoint, log_keys: Sequence[NoteVerifier]) -> None:
    of_origin = [key for key in log_keys if key.name == checkpoint.origin]
    if not of_origin:
        raise NotVerified("receipt: its checkpoint is of another log than the keys that were given")
    if not note.signed_by(of_origin):
        raise NotVerified(f"receipt: {checkpoint.origin} did not sign its checkpoint")


def _after(line: str, word: str) -> str:
    if not line.startswith(f"{word} "):
        raise Malformed(f"receipt: a line '{word} ...' is missing")
    return line.removeprefix(f"{word} ")


def _read_hash(line: str) -> bytes:
    digest = from_base64(line, "receipt: a hash of the path")
    if len(digest) != HASH_BYTES:
        raise Malformed(f"receipt: a hash of the path has {HASH_BYTES} bytes")
    return digest
