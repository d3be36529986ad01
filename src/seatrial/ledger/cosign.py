"""The log's side of witnessing: send the newest checkpoint to each witness, and keep what they cosign.

- The network is an argument (`Post`). A witness that does not answer costs nothing but its cosignature.
- A witness that holds another root, or more than this log ever had, means that two histories carry this log's
  signature: `SplitView`, never a retry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from seatrial.ledger.checkpoint import Checkpoint, read_decimal
from seatrial.ledger.errors import LedgerError, SplitView
from seatrial.ledger.note import COSIGNATURE_TYPE, Note, Signature
from seatrial.ledger.witness import SIZE_TYPE, Answer, Request

if TYPE_CHECKING:
    from seatrial.ledger.log import Log
    from seatrial.ledger.note import NoteVerifier

COSIGN_EVERY: Final = 30.0
"""Seconds between rounds when the log has grown: two rounds inside the minute within which a receipt is due."""
MAX_LINES: Final = 16

Post = Callable[[str, bytes], Answer]
"""Send a body to an address; raises OSError when nobody answers."""


class WitnessAddress(NamedTuple):
    """A witness: its key, and the prefix of its address."""

    key: NoteVerifier
    url: str


@dataclass(frozen=True)
class Round:
    """What one round brought.

    Attributes:
        note: The checkpoint with the cosignatures it has.
        cosigned: Names of the witnesses that cosigned.
        missing: Name of a witness to why its cosignature is missing.
        split: Name of a witness to what shows two histories; not empty means alarm.
    """

    note: bytes
    cosigned: tuple[str, ...]
    missing: dict[str, str]
    split: dict[str, str]


def cosign(log: Log, witnesses: Iterable[WitnessAddress], post: Post) -> Round:
    """Ask every witness for its cosignature on the newest checkpoint, and keep the checkpoint with those that came.

    Raises:
        NotTheSameLog: The store is not the one that was published from; nothing is sent.
    """
    note = Note.parse(log.checkpoint())
    lines, missing, split = list[Signature](), dict[str, str](), dict[str, str]()
    for witness in witnesses:
        try:
            lines.append(_cosignature(log, note, witness, post))
        except SplitView as error:
            split[witness.key.name] = str(error)
        except (LedgerError, OSError) as error:
            missing[witness.key.name] = str(error) or type(error).__name__
    whole = note.with_lines(*lines)
    if lines:
        log.keep_cosigned(whole)
    return Round(whole.encode(), tuple(line.name for line in lines), missing, split)


def _cosignature(log: Log, note: Note, witness: WitnessAddress, post: Post) -> Signature:
    checkpoint = Checkpoint.parse(note.text)
    answer = _asked(log, note, 0, witness, post)
    if answer.status == 409 and answer.type == SIZE_TYPE:
        held = _held_size(answer)
        if held > checkpoint.size:
            raise _ahead(held, log.check().size)
        answer = _asked(log, note, held, witness, post)
        if answer.status == 422 or (answer.status == 409 and _held_size(answer) == held):
            raise SplitView(f"the witness holds another history of {held} entries, signed with this log's key")
    if answer.status != 200:
        raise LedgerError(
            f"the witness answered {answer.status}: {answer.body[:200].decode('utf-8', 'replace').strip()}"
        )
    return _taken(answer.body, note, witness.key)


def _ahead(held: int, published: int) -> LedgerError:
    if held <= published:
        return LedgerError("the log grew meanwhile, and a newer checkpoint was cosigned already; ask again")
    return SplitView(f"the witness holds {held} entries of this log, which published {published}")


def _asked(log: Log, note: Note, old: int, witness: WitnessAddress, post: Post) -> Answer:
    checkpoint = Checkpoint.parse(note.text)
    request = Request(old, log.consistency(old, checkpoint.size), note, checkpoint)
    return post(f"{witness.url.rstrip('/')}/add-checkpoint", request.encode())


def _held_size(answer: Answer) -> int:
    return read_decimal(answer.body.decode("ascii", "replace").removesuffix("\n"), "the witness's size")


def _taken(body: bytes, note: Note, key: NoteVerifier) -> Signature:
    for text in body.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        line = Signature.parse(text)
        if (line.name, line.key_id) == (key.name, key.key_id):
            if key.kind != COSIGNATURE_TYPE or not key.verifies(note.text, line.signature):
                raise LedgerError("the witness's cosignature is wrong; it was not kept")
            return line
    raise LedgerError("the answer holds no cosignature of the witness's key")
