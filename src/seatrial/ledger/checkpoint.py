"""A checkpoint (C2SP tlog-checkpoint): which log, how many entries, and the root over them.

>>> print(Checkpoint("seatrial.example/log", 0, EMPTY_ROOT).text, end="")
seatrial.example/log
0
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatrial.ledger.errors import Malformed, NotVerified
from seatrial.ledger.merkle import EMPTY_ROOT, HASH_BYTES
from seatrial.ledger.note import Note, from_base64, to_base64

if TYPE_CHECKING:
    from seatrial.ledger.note import NoteSigner, NoteVerifier

MAX_SIZE: Final = 2**63 - 1
DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")

__all__ = ["EMPTY_ROOT", "Checkpoint", "read_checkpoint", "read_decimal"]


def read_decimal(text: str, what: str) -> int:
    """Read an ASCII decimal without leading zeros, below 2**63.

    Raises:
        Malformed: It is not that.
    """
    if DECIMAL.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise Malformed(f"{what} is a decimal without leading zeros, below 2^63")
    return int(text)


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the log's origin, the number of its entries, their root, and extension lines of other logs."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body that is signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text.

        Raises:
            Malformed: It is no checkpoint.
        """
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):
            raise Malformed("checkpoint: at least three lines are needed (origin, size, root), none of them empty")
        origin, size, root, *extensions = lines
        digest = from_base64(root, "checkpoint: the root")
        if len(digest) != HASH_BYTES:
            raise Malformed(f"checkpoint: the root has {HASH_BYTES} bytes")
        return cls(origin, read_decimal(size, "checkpoint: the size"), digest, tuple(extensions))

    def signed(self, signer: NoteSigner) -> bytes:
        """Return the note that the log's key signs."""
        return Note(self.text, (signer.sign(self.text),)).encode()


def read_checkpoint(data: bytes, log_key: NoteVerifier) -> Checkpoint:
    """Read a log's signed checkpoint.

    Raises:
        Malformed: It is no signed checkpoint.
        NotVerified: It is of another origin, or not signed by the log's key.
    """
    note = Note.parse(data)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log_key.name:
        raise NotVerified(f"checkpoint: it is of another log, not of {log_key.name}")
    if not note.signed_by([log_key]):
        raise NotVerified(f"checkpoint: {log_key.name} did not sign it")
    return checkpoint
