"""P-256 for the generator: a comb of precomputed multiples of the base point, and many points made affine at once.

The delivered `handout/signing.py` says the same slowly and readably; a test compares them. Nonces of sound signers
are those of RFC 6979, section 3.2, with SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.handout.signing import BASE, ORDER, PRIME

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[int, int]
_WINDOW = 8  # bits: 32 additions a multiplication for a table of 8,160 points


def affine_x(scalars: Sequence[int]) -> list[int]:
    """The x coordinates of scalar multiples of the base point; scalars are in [1, ORDER)."""
    return [point[0] for point in multiples(scalars)]


def multiples(scalars: Sequence[int]) -> list[Point]:
    """Scalar multiples of the base point, with one inversion for all."""
    return _affine([_jacobian(scalar) for scalar in scalars])


def sign(private: int, nonce: int, x: int, message: bytes) -> tuple[int, int]:
    """A signature with a nonce whose point has the abscissa x (FIPS 186-5, section 6.4.1)."""
    r = x % ORDER
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    return r, pow(nonce, -1, ORDER) * (digest + r * private) % ORDER


def rfc6979_nonce(private: int, message: bytes) -> int:
    """The deterministic nonce of RFC 6979 for P-256 with SHA-256."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big") % ORDER
    seed = private.to_bytes(32, "big") + digest.to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for mark in (b"\0", b"\1"):
        key = hmac.digest(key, value + mark + seed, "sha256")
        value = hmac.digest(key, value, "sha256")
    while True:
        value = hmac.digest(key, value, "sha256")
        nonce = int.from_bytes(value, "big")
        if 1 <= nonce < ORDER:
            return nonce
        key = hmac.digest(key, value + b"\0", "sha256")
        value = hmac.digest(key, value, "sha256")


@cache
def _comb() -> tuple[tuple[Point, ...], ...]:
    """For each window w and digit d >= 1 the point d * 2**(8 w) * BASE."""
    rows: list[list[tuple[int, int, int]]] = []
    start: Point = BASE
    for _ in range(256 // _WINDOW):
        row = [(*start, 1), _double((*start, 1))]
        while len(row) < (1 << _WINDOW):
            row.append(_add_mixed(row[-1], start))
        start = _affine([row.pop()])[0]
        rows.append(row)
    flat = _affine([point for row in rows for point in row])
    size = (1 << _WINDOW) - 1
    return tuple(tuple(flat[place : place + size]) for place in range(0, len(flat), size))


def _jacobian(scalar: int) -> tuple[int, int, int]:
    total: tuple[int, int, int] | None = None
    for row in _comb():
        digit = scalar & 255
        scalar >>= _WINDOW
        if digit:
            total = _add_mixed(total, row[digit - 1]) if total else (*row[digit - 1], 1)
    if total is None:
        raise ValueError("scalar 0 has no affine point")
    return total


def _double(point: tuple[int, int, int]) -> tuple[int, int, int]:
    x, y, z = point
    delta, gamma = z * z % PRIME, y * y % PRIME
    beta = x * gamma % PRIME
    alpha = 3 * (x - delta) * (x + delta) % PRIME
    x3 = (alpha * alpha - 8 * beta) % PRIME
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % PRIME, 2 * y * z % PRIME


def _add_mixed(point: tuple[int, int, int], other: Point) -> tuple[int, int, int]:
    """Jacobian plus affine; equal points are doubled."""
    x1, y1, z1 = point
    square = z1 * z1 % PRIME
    u = (other[0] * square - x1) % PRIME
    s = (other[1] * square * z1 - y1) % PRIME
    if u == 0:
        return _double(point)  # the comb never adds opposite points
    u2 = u * u % PRIME
    u3, v = u2 * u % PRIME, x1 * u2 % PRIME
    x3 = (s * s - u3 - 2 * v) % PRIME
    return x3, (s * (v - x3) - y1 * u3) % PRIME, z1 * u % PRIME


def _affine(points: Sequence[tuple[int, int, int]]) -> list[Point]:
    """Montgomery's trick: one inversion for all."""
    products, running = [], 1
    for _, _, z in points:
        products.append(running)
        running = running * z % PRIME
    inverse = pow(running, -1, PRIME)
    affine: list[Point] = []
    for (x, y, z), before in zip(reversed(points), reversed(products), strict=True):
        own = inverse * before % PRIME
        inverse = inverse * z % PRIME
        square = own * own % PRIME
        affine.append((x * square % PRIME, y * square * own % PRIME))
    return affine[::-1]
