"""A secret in its usual disguises, as the byte strings to look for."""

from __future__ import annotations

import base64
import codecs

SHORTEST = 6  # bytes; shorter values are found everywhere by chance


def disguises(secret: bytes) -> dict[str, bytes]:
    """Name of the disguise → needle. Text is also looked for as UTF-16 and rot13, hex text also as the bytes it means.

    >>> sorted(disguises(b"flag{abcdefgh}"))[:4]
    ['UTF-16 big-endian', 'UTF-16 little-endian', 'base64 at 0', 'base64 at 1']
    """
    found = {"plain": secret, "reversed": secret[::-1], "hex": secret.hex().encode()}
    found["upper-case hex"] = secret.hex().upper().encode()
    for shift in range(3):
        found[f"base64 at {shift}"] = _base64(secret, shift)
    found["reversed base64"] = base64.b64encode(secret).rstrip(b"=")[::-1]
    if secret.isascii() and secret.decode().isprintable():
        text = secret.decode()
        found["rot13"] = codecs.encode(text, "rot13").encode()
        found["UTF-16 little-endian"] = text.encode("utf-16-le")
        found["UTF-16 big-endian"] = text.encode("utf-16-be")
        meant = _unhex(text)
        if meant is not None:
            found["the bytes it means"] = meant
            found["the bytes it means, base64"] = base64.b64encode(meant).rstrip(b"=")
    if found.get("rot13") == secret:
        del found["rot13"]
    return {name: needle for name, needle in found.items() if len(needle) >= SHORTEST}


def _base64(secret: bytes, shift: int) -> bytes:
    """What of a secret's base64 text is the same whatever stands around it, `shift` bytes after a multiple of three."""
    text = base64.b64encode(bytes(shift) + secret).rstrip(b"=")
    first = -(-shift * 8 // 6)
    whole = (shift + len(secret)) * 8 // 6
    return text[first:whole]


def _unhex(text: str) -> bytes | None:
    if len(text) % 2 or not text:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
