"""A Feistel cipher on blocks of 16 bytes whose rounds rotate and add, all chosen by the key."""

import hashlib

MASK = 2**64 - 1


def schedule(key: bytes, rounds: int) -> list[tuple[int, int, int, int]]:
    """For every round three rotations and a constant of 64 bits."""
    digests = [hashlib.sha256(key + bytes([number])).digest() for number in range(rounds)]
    return [(d[0] % 64, d[1] % 64, d[2] % 64, int.from_bytes(d[8:16], "big")) for d in digests]


def rotate(word: int, count: int) -> int:
    """64 bits to the left."""
    return ((word << count) | (word >> (64 - count))) & MASK


def encrypt_block(steps: list[tuple[int, int, int, int]], block: bytes) -> bytes:
    """One block of 16 bytes under a schedule."""
    left, right = int.from_bytes(block[:8], "big"), int.from_bytes(block[8:], "big")
    for first, second, third, constant in steps:
        mixed = rotate(right, first) ^ rotate(right, second) ^ rotate(right, third) ^ constant
        left, right = right, left ^ mixed
    return right.to_bytes(8, "big") + left.to_bytes(8, "big")


def decrypt_block(steps: list[tuple[int, int, int, int]], block: bytes) -> bytes:
    """The inverse: the same network with the schedule reversed."""
    return encrypt_block(steps[::-1], block)
