"""A witness (C2SP tlog-witness): another party's process that cosigns a log's checkpoints only while the log grows.

- It holds, for each log it knows, the newest checkpoint it cosigned, and cosigns another only after a proof that the
  log grew from there. Two readers who both ask for its cosignature can therefore not be shown two histories.
- What it will hold is durable before its cosignature leaves (`WitnessState`), and comparing and replacing is one
  transaction: two requests at once cannot roll it back.
- A checkpoint of the held size with another root, signed by the log, is a split view: refused with 409, kept beside
  the held one, and told. A proof that is false is refused with 422 and kept as well; it may be a split view, or only a
  wrong proof that somebody sent with a checkpoint that was public.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from seatrial.ledger.checkpoint import Checkpoint, read_decimal
from seatrial.ledger.errors import Malformed, NotVerified
from seatrial.ledger.merkle import EMPTY_ROOT, HASH_BYTES, MAX_PATH, verify_consistency
from seatrial.ledger.note import MAX_NOTE_BYTES, CosignatureSigner, Note, NoteVerifier, from_base64, to_base64

MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 64 * MAX_PATH
TEXT: Final = "text/plain; charset=utf-8"
SIZE_TYPE: Final = "text/x.tlog.size"
SPLIT_VIEW: Final = "split view"
UNPROVED: Final = "growth not shown"
OLD: Final = re.compile(r"old ([0-9]{1,19})")


class Held(NamedTuple):
    """The newest checkpoint cosigned for one log."""

    size: int
    root: bytes
    note: bytes


class Alarm(NamedTuple):
    """A checkpoint that the log signed and the witness did not cosign, beside the one it holds."""

    at: int
    origin: str
    why: str
    held: bytes
    offered: bytes


class WitnessTx(Protocol):
    """One transaction over a witness's state."""

    def held(self, origin: str) -> Held | None:
        """Return what is held for a log."""

    def hold(self, origin: str, held: Held) -> None:
        """Hold a newer checkpoint."""

    def alarm(self, alarm: Alarm) -> bool:
        """Keep an alarm; say whether the offered checkpoint is new among them, so that repeats fill no disk."""


class WitnessState(Protocol):
    """Keeps what a witness holds."""

    def deciding(self) -> AbstractContextManager[WitnessTx]:
        """Open the one transaction at a time; on leaving it, what it changed is durable."""

    def alarms(self) -> Sequence[Alarm]:
        """Return the alarms, oldest first."""


class Answer(NamedTuple):
    """What the HTTP answer is; `alarm` is set when a new one was kept."""

    status: int
    type: str
    body: bytes
    alarm: Alarm | None = None


@dataclass(frozen=True)
class Request:
    """A request body: the size it grows from, the proof, and the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint

    def encode(self) -> bytes:
        """Return the body of `POST /add-checkpoint`."""
        head = (f"old {self.old}", *map(to_base64, self.proof))
        return "\n".join((*head, "", "")).encode() + self.note.encode()

    @classmethod
    def parse(cls, body: bytes) -> Request:
        """Read a request body.

        Raises:
            Malformed: It is none.
        """
        if len(body) > MAX_REQUEST_BYTES:
            raise Malformed(f"request: {len(body)} bytes; at most {MAX_REQUEST_BYTES}")
        head, gap, rest = body.partition(b"\n\n")
        lines = head.decode("ascii", "replace").split("\n")
        old = OLD.fullmatch(lines[0])
        if not gap or old is None:
            raise Malformed("request: 'old <size>', hashes, an empty line and a checkpoint are expected")
        if len(lines) - 1 > MAX_PATH:
            raise Malformed(f"request: {len(lines) - 1} hashes; at most {MAX_PATH}")
        proof = tuple(from_base64(line, "request: a hash") for line in lines[1:])
        if any(len(digest) != HASH_BYTES for digest in proof):
            raise Malformed(f"request: a hash has {HASH_BYTES} bytes")
        note = Note.parse(rest)
        return cls(read_decimal(old[1], "request: the old size"), proof, note, Checkpoint.parse(note.text))


@dataclass(frozen=True)
class Witness:
    """The rules; `logs` maps an origin to the keys that may sign for it."""

    signer: CosignatureSigner
    logs: Mapping[str, Sequence[NoteVerifier]]
    state: WitnessState

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """Answer `POST /add-checkpoint` at a POSIX time: 200 with a cosignature line, or why not."""
        try:
            request = Request.parse(body)
        except Malformed as error:
            return _plain(400, str(error))
        known = self.logs.get(request.checkpoint.origin)
        if known is None:
            return _plain(404, "this witness does not know the log")
        if not _signed(request.note, known):
            return _plain(403, "no valid signature of the log's key")
        if request.old > request.checkpoint.size:
            return _plain(400, "the old size is above the checkpoint's")
        with self.state.deciding() as tx:
            refusal = self._decide(tx, request, now)
        return refusal or self._cosigned(request.checkpoint, now)

    def _decide(self, tx: WitnessTx, request: Request, now: int) -> Answer | None:
        """Hold the checkpoint and return None, or return why it is refused."""
        offered, origin = request.checkpoint, request.checkpoint.origin
        held = tx.held(origin) or Held(0, EMPTY_ROOT, b"")
        refused = Alarm(now, origin, SPLIT_VIEW, held.note, request.note.encode())
        if offered.size == held.size and offered.root != held.root:
            return _sized(held.size, _kept(tx, refused))
        if request.old != held.size:
            return _sized(held.size)
        if not _grew(held, request):
            alarm = _kept(tx, refused._replace(why=UNPROVED))
            return Answer(422, TEXT, b"the consistency proof is false\n", alarm)
        tx.hold(origin, Held(offered.size, offered.root, request.note.encode()))
        return None

    def _cosigned(self, checkpoint: Checkpoint, now: int) -> Answer:
        return Answer(200, TEXT, self.signer.sign(checkpoint.text, now).line.encode())


def _grew(held: Held, request: Request) -> bool:
    offered = request.checkpoint
    if held.size:
        return verify_consistency(held.size, offered.size, held.root, offered.root, request.proof)
    return not request.proof and (offered.size > 0 or offered.root == EMPTY_ROOT)


def _signed(note: Note, known: Sequence[NoteVerifier]) -> bool:
    try:
        return bool(note.signed_by(known))
    except NotVerified:
        return False


def _kept(tx: WitnessTx, alarm: Alarm) -> Alarm | None:
    return alarm if tx.alarm(alarm) else None


def _sized(size: int, alarm: Alarm | None = None) -> Answer:
    return Answer(409, SIZE_TYPE, f"{size}\n".encode(), alarm)


def _plain(status: int, why: str) -> Answer:
    return Answer(status, TEXT, f"{why}\n".encode())
