"""Records of 64 bytes under a block cipher in counter mode."""

import hashlib
import struct

from seatrial.battery.families.crypto.handout.lr4 import encrypt_block

BEAT, LOAD, LETTER = 1, 2, 3


def header(kind: int, number: int, stamp: int) -> bytes:
    """16 bytes that begin every record."""
    return struct.pack(">3sBIQ", b"REC", kind, number, stamp)


def beat(number: int, stamp: int) -> bytes:
    """A record of kind BEAT: all its 64 bytes follow from number and stamp."""
    filling = hashlib.sha256(b"fill" + struct.pack(">I", number)).hexdigest()[:48]
    return header(BEAT, number, stamp) + filling.encode()


def letter(number: int, stamp: int, secret: bytes, filler: bytes) -> bytes:
    """A record of kind LETTER: 16 bytes of content after the header, then 32 bytes of filler."""
    return header(LETTER, number, stamp) + secret + filler[:32]


def load(number: int, stamp: int, content: bytes) -> bytes:
    """A record of kind LOAD: 48 bytes of anything."""
    return header(LOAD, number, stamp) + content[:48]


def stream(key: bytes, nonce: bytes, size: int) -> bytes:
    """Keystream of a nonce of 8 bytes."""
    blocks = (encrypt_block(key, nonce + struct.pack(">Q", place)) for place in range((size + 15) // 16))
    return b"".join(blocks)[:size]


def encrypt(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """A record under its keystream; decrypting is the same."""
    return bytes(a ^ b for a, b in zip(text, stream(key, nonce, len(text)), strict=True))
