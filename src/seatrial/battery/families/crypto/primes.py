"""Primes from a stream: a sieve in front of Miller-Rabin, so that thousands of keys stay affordable.

Measured on one core of a two-core machine: 256 bits 1.2 ms, 384 bits 3.5 ms, 512 bits 9 ms, 1536 bits 0.5 s a prime.
"""

from __future__ import annotations

from functools import cache
from math import gcd, isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

# Miller-Rabin rounds for a random odd candidate of at least so many bits, error below 2**-80
# (Handbook of Applied Cryptography, table 4.4). Smaller numbers take 40.
_ROUNDS = ((1300, 2), (850, 3), (650, 4), (550, 5), (450, 6), (400, 7), (350, 8), (300, 9), (250, 12))
BULK_ROUNDS = 2  # for keys that only stand around: at 256 bits fewer than one in 2**20 is composite, and none hurts


def rounds_for(bits: int) -> int:
    """Miller-Rabin rounds that a candidate of that size needs."""
    return next((rounds for least, rounds in _ROUNDS if bits >= least), 40)


@cache
def small_primes(limit: int) -> tuple[int, ...]:
    """All odd primes below a limit."""
    sieve = bytearray([1]) * limit
    for number in range(3, isqrt(limit) + 1, 2):
        if sieve[number]:
            sieve[number * number :: 2 * number] = bytes(len(range(number * number, limit, 2 * number)))
    return tuple(number for number in range(3, limit, 2) if sieve[number])


def is_probable_prime(draw: Draw, number: int, rounds: int) -> bool:
    """Miller-Rabin with bases from the stream; `number` is odd and above 3."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        value = pow(draw.between(2, number - 2), odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def next_prime(draw: Draw, start: int, *, coprime_to: int = 1, rounds: int | None = None) -> int:
    """The first prime p >= start with p-1 coprime to `coprime_to`."""
    bits = start.bit_length()
    least = start | 1
    span = 4 * bits  # odd numbers in one window; a window without a prime is rare and only costs another one
    needed = rounds_for(bits) if rounds is None else rounds
    while True:
        for candidate in _rough(least, span, bits):
            if gcd(candidate - 1, coprime_to) == 1 and is_probable_prime(draw, candidate, needed):
                return candidate
        least += 2 * span


def prime(draw: Draw, bits: int, *, coprime_to: int = 1, rounds: int | None = None) -> int:
    """A prime of exactly `bits` bits with the two top bits set: the first after a uniform start."""
    while True:
        start = draw.below(1 << (bits - 2)) | (3 << (bits - 2))
        found = next_prime(draw, start, coprime_to=coprime_to, rounds=rounds)
        if found.bit_length() == bits:
            return found


def _rough(least: int, span: int, bits: int) -> list[int]:
    """The numbers among `span` odd ones from `least` on that have no small factor."""
    sieve = bytearray([1]) * span
    for small in small_primes(min(1 << 16, 8 * bits, 1 << (bits // 2))):
        first = (-least * ((small + 1) // 2)) % small  # least + 2 * first is a multiple
        sieve[first::small] = bytes(len(range(first, span, small)))
    return [least + 2 * place for place in range(span) if sieve[place]]
