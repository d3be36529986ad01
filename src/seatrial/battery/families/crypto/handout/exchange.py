"""A Diffie-Hellman exchange and the key that both ends make of it."""

import hashlib


def public(base: int, private: int, prime: int) -> int:
    """What one end sends to the other."""
    return pow(base, private, prime)


def sealing_key(other: int, private: int, prime: int) -> bytes:
    """The key of both ends."""
    shared = pow(other, private, prime)
    return hashlib.sha256(shared.to_bytes((prime.bit_length() + 7) // 8, "big")).digest()
