"""Events, logs and a second reading of the tree for the ledger's tests: the recursive definitions of RFC 6962."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from seatrial.ledger.event import Actor, Event
from seatrial.ledger.log import Log
from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
from seatrial.ledger.note import CosignatureSigner, LogSigner

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG_SIGNER = LogSigner.from_seed("seatrial.example/log", bytes(range(32)))
WITNESS_SIGNER = CosignatureSigner.from_seed("witness.example/w1", bytes(range(0x20, 0x40)))
CT_INPUTS = tuple(
    map(bytes.fromhex, ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", bytes(range(0x60, 0x70)).hex()))
)


def event(seed: int, stream: str = "sub_000102030405060708090a0b0c0d0e0f") -> Event:
    """Return an event that differs from those of other seeds."""
    random = Random(seed)
    return Event(
        kind="gateway.log_root",
        at="2026-11-23T10:00:00Z",
        stream=stream,
        actor=Actor("operator", "psd_101112131415161718191a1b1c1d1e1f"),
        nonce=random.randbytes(16).hex(),
        refs={"root": f"sha256:{random.randbytes(32).hex()}"},
        nums={"calls": seed},
    )


def memory_log() -> Log:
    """Return an empty log of the example key."""
    return Log.open(MemoryLogStore(), LOG_SIGNER, MemoryCheckpoint())


class Reference:
    """MTH, PATH and SUBPROOF over all entries, as RFC 6962 section 2.1 writes them."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.mth = lru_cache(None)(self._mth)

    def _mth(self, start: int, end: int) -> bytes:
        if start == end:
            return sha256(b"").digest()
        if end - start == 1:
            return sha256(b"\0" + self.entries[start]).digest()
        middle = start + split(end - start)
        return sha256(b"\1" + self.mth(start, middle) + self.mth(middle, end)).digest()

    def path(self, leaf: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + split(end - start)
        if leaf < middle:
            return [*self.path(leaf, start, middle), self.mth(middle, end)]
        return [*self.path(leaf, middle, end), self.mth(start, middle)]

    def subproof(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end:
            return [] if whole else [self.mth(start, end)]
        middle = start + split(end - start)
        if old <= middle:
            return [*self.subproof(old, start, middle, whole=whole), self.mth(middle, end)]
        return [*self.subproof(old, middle, end, whole=False), self.mth(start, middle)]


def split(size: int) -> int:
    """Return the largest power of two below `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k
