"""Commitments to findings: who had it when can be shown later, and nothing can be guessed before.

- A commitment is SHA3-256 over 32 random bytes and the finding's canonical bytes. The random bytes are a must: findings
  are few enough to be guessed (a project, a function, a weakness), and a bare digest would confirm the guess.
- The commitments of a day are the leaves of a Merkle tree (RFC 6962 hashing) whose root goes into the record.
- To reveal is to hand out the random bytes, the finding, and the path to the day's root: anyone verifies that offline.

>>> nonce, found = bytes(32), b'{"title":"overflow in parse"}'
>>> made = commit(nonce, found)
>>> day = DayRoot.of("2026-11-24", (made, "ab" * 32))
>>> verify(day.reveal(0, nonce, found), day.root)
True
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.ledger.merkle import grown, inclusion_path, leaf_hash, root, verify_inclusion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONCE_BYTES = 32
"""As many as the digest has: nobody tries them all."""
FORMAT = "seatrial.reveal/1"
_HEX = re.compile(r"[0-9a-f]{64}")


class BadCommitment(ValueError):
    """What is given is no commitment or no reveal: says which part."""


def commit(nonce: bytes, canonical: bytes) -> str:
    """The commitment, 64 hex digits.

    Raises:
        BadCommitment: `nonce` is not of 32 bytes.
    """
    if len(nonce) != NONCE_BYTES:
        raise BadCommitment(f"commitment: {NONCE_BYTES} random bytes are needed, not {len(nonce)}")
    return hashlib.sha3_256(nonce + canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Reveal:
    """What opens one commitment: the random bytes, the finding's bytes, and its place under the day's root."""

    day: str
    nonce: bytes
    canonical: bytes
    index: int
    size: int
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is handed out."""
        return {
            "format": FORMAT,
            "day": self.day,
            "nonce": self.nonce.hex(),
            "finding": self.canonical.decode("utf-8"),
            "index": self.index,
            "size": self.size,
            "path": [step.hex() for step in self.path],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Reveal:
        """Read what `to_json` wrote.

        Raises:
            BadCommitment: a key is missing or of another kind.
        """
        try:
            if given["format"] != FORMAT:
                raise BadCommitment(f"reveal.format: must be {FORMAT}")
            return cls(
                str(given["day"]),
                bytes.fromhex(given["nonce"]),
                given["finding"].encode("utf-8"),
                int(given["index"]),
                int(given["size"]),
                tuple(bytes.fromhex(step) for step in given["path"]),
            )
        except KeyError as error:
            raise BadCommitment(f"reveal: {error.args[0]} is missing") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise BadCommitment(f"reveal: {error}") from error


class DayRoot:
    """The commitments of one day, in order of arrival, and the root over them."""

    def __init__(self, day: str, commitments: Sequence[str], nodes: Mapping[tuple[int, int], bytes]) -> None:
        self.day, self.commitments, self._nodes = day, tuple(commitments), nodes
        self.root = root(self._read, len(commitments)).hex()

    @classmethod
    def of(cls, day: str, commitments: Sequence[str]) -> DayRoot:
        """The tree over a day's commitments; a day without any has the root of nothing.

        Raises:
            BadCommitment: one of them is not 64 lowercase hex digits.
        """
        nodes: dict[tuple[int, int], bytes] = {}
        for index, made in enumerate(commitments):
            if not _HEX.fullmatch(made):
                raise BadCommitment(f"commitment {index} of {day}: 64 lowercase hex digits are needed")
            leaf = leaf_hash(bytes.fromhex(made))
            nodes.update(grown(lambda level, i: nodes[level, i], index, leaf))
        return cls(day, commitments, nodes)

    @property
    def ref(self) -> str:
        """The root as the record refers to it."""
        return f"sha256:{self.root}"

    def reveal(self, index: int, nonce: bytes, canonical: bytes) -> Reveal:
        """What opens commitment number `index`.

        Raises:
            BadCommitment: these bytes are not what was committed to.
        """
        if commit(nonce, canonical) != self.commitments[index]:
            raise BadCommitment(f"commitment {index} of {self.day}: these bytes do not open it")
        size = len(self.commitments)
        return Reveal(self.day, nonce, canonical, index, size, inclusion_path(self._read, index, size))

    def _read(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


def opens(commitment: str, nonce: bytes, canonical: bytes) -> bool:
    """Whether these bytes open the commitment; compared in constant time."""
    return len(nonce) == NONCE_BYTES and hmac.compare_digest(commit(nonce, canonical), commitment)


def verify(reveal: Reveal, day_root: str) -> bool:
    """Whether the finding was committed to under the day's root (64 hex digits): needs nothing but the two."""
    if len(reveal.nonce) != NONCE_BYTES or not _HEX.fullmatch(day_root):
        return False
    leaf = leaf_hash(bytes.fromhex(commit(reveal.nonce, reveal.canonical)))
    return verify_inclusion(leaf, reveal.index, reveal.size, reveal.path, bytes.fromhex(day_root))
