"""One deterministic random stream for all generators: the same bytes on every Python, machine and run.

Python's `random` promises stability across versions for `random()` only, so the stream is our own: block *i* is
SHA-256(key ‖ *i*), with a key drawn by HMAC from the seed and the name of the stream. One named stream a purpose
(names, grammar, bug, tests, theme), so that a change in one does not shift the others.

>>> draw = Draw(bytes(32), family="memfind", version="1", level=1, form="base", stream="names")
>>> draw.below(10), draw.choice("abc"), draw.shuffled(range(4))
(9, 'b', (0, 3, 1, 2))
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from math import gcd
from typing import TypeVar

T = TypeVar("T")
_BLOCK = 32
_WITNESSES = 40  # Miller-Rabin rounds: error below 4**-40 for any input


class Draw:
    """A stream of uniform draws; equal arguments give equal streams."""

    def __init__(self, seed: bytes, *, family: str, version: str, level: int, form: str = "base", stream: str) -> None:
        label = "\0".join(["seatrial/draw/v1", family, version, str(level), form, stream])
        self._key = hmac.digest(seed, label.encode(), "sha256")
        self._counter = 0
        self._buffer = b""

    def bytes(self, count: int) -> bytes:
        """`count` uniform bytes."""
        parts = [self._buffer]
        have = len(self._buffer)
        while have < count:
            parts.append(hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest())
            self._counter += 1
            have += _BLOCK
        pool = b"".join(parts)
        self._buffer = pool[count:]
        return pool[:count]

    def below(self, limit: int) -> int:
        """A uniform integer in [0, limit), by rejection."""
        if limit < 1:
            raise ValueError(f"below({limit}): the limit must be at least 1")
        bits = (limit - 1).bit_length()
        size, mask = (bits + 7) // 8, (1 << bits) - 1
        while True:
            value = int.from_bytes(self.bytes(size), "big") & mask
            if value < limit:
                return value

    def between(self, low: int, high: int) -> int:
        """A uniform integer in [low, high], both ends included."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        """One item of a sequence."""
        return items[self.below(len(items))]

    def shuffled(self, items: Iterable[T]) -> tuple[T, ...]:
        """All items in a uniform order (Fisher-Yates from the end)."""
        pool = list(items)
        for last in range(len(pool) - 1, 0, -1):
            other = self.below(last + 1)
            pool[last], pool[other] = pool[other], pool[last]
        return tuple(pool)

    def sample(self, items: Sequence[T], count: int) -> tuple[T, ...]:
        """`count` different items in a uniform order."""
        if count > len(items):
            raise ValueError(f"sample of {count} from {len(items)} items")
        return self.shuffled(items)[:count]

    def chance(self, numerator: int, denominator: int) -> bool:
        """True with probability numerator/denominator, exactly."""
        return self.below(denominator) < numerator

    def prime(self, bits: int, *, coprime_to: int = 1) -> int:
        """A prime of exactly `bits` bits with the two top bits set and p-1 coprime to `coprime_to`."""
        while True:
            candidate = int.from_bytes(self.bytes((bits + 7) // 8), "big") & ((1 << bits) - 1)
            candidate |= (3 << (bits - 2)) | 1
            if gcd(candidate - 1, coprime_to) == 1 and self.is_prime(candidate):
                return candidate

    def is_prime(self, number: int) -> bool:
        """Miller-Rabin with bases from this stream, after trial division by small primes."""
        if number < 2:
            return False
        for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47):
            if number % small == 0:
                return number == small
        odd, twos = number - 1, 0
        while odd % 2 == 0:
            odd, twos = odd // 2, twos + 1
        return all(self._witness_passes(number, odd, twos) for _ in range(_WITNESSES))

    def _witness_passes(self, number: int, odd: int, twos: int) -> bool:
        value = pow(self.between(2, number - 2), odd, number)
        if value in (1, number - 1):
            return True
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                return True
        return False
