"""ECDSA on P-256 with SHA-256. Who holds the private number can also open texts sealed under its bytes."""

import hashlib

PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(first: tuple[int, int] | None, second: tuple[int, int] | None) -> tuple[int, int] | None:
    """Sum of two points; None is the point at infinity."""
    if first is None or second is None:
        return first or second
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % PRIME == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, PRIME) if first == second else (y2 - y1) * pow(x2 - x1, -1, PRIME)
    x3 = (slope * slope - x1 - x2) % PRIME
    return x3, (slope * (x1 - x3) - y1) % PRIME


def multiply(scalar: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
    """A point taken `scalar` times."""
    total = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def sign(private: int, nonce: int, message: bytes) -> tuple[int, int]:
    """A signature (r, s) of a message; every signature takes the next nonce of its signer."""
    point = multiply(nonce, BASE)
    r = point[0] % ORDER if point else 0
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    return r, pow(nonce, -1, ORDER) * (digest + r * private) % ORDER


def sealing_key(private: int) -> bytes:
    """The key of texts that are for this signer only."""
    return hashlib.sha256(private.to_bytes(32, "big")).digest()
