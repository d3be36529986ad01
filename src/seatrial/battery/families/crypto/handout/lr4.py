"""A block cipher on 16 bytes: four Luby-Rackoff rounds with HMAC-SHA-256."""

import hmac

BLOCK = 16


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One block of 16 bytes."""
    left, right = block[:8], block[8:]
    for number in range(4):
        mask = hmac.digest(key, bytes([number]) + right, "sha256")[:8]
        left, right = right, bytes(a ^ b for a, b in zip(left, mask, strict=True))
    return right + left


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """The inverse: the same network with the rounds in reverse order."""
    left, right = block[:8], block[8:]
    for number in range(3, -1, -1):
        mask = hmac.digest(key, bytes([number]) + right, "sha256")[:8]
        left, right = right, bytes(a ^ b for a, b in zip(left, mask, strict=True))
    return right + left


def encrypt_chain(key: bytes, start: bytes, text: bytes) -> bytes:
    """Cipher block chaining over whole blocks, without the start block in the result."""
    chained = []
    for place in range(0, len(text), BLOCK):
        block = bytes(a ^ b for a, b in zip(start, text[place : place + BLOCK], strict=True))
        start = encrypt_block(key, block)
        chained.append(start)
    return b"".join(chained)


def decrypt_chain(key: bytes, start: bytes, chained: bytes) -> bytes:
    """The inverse of `encrypt_chain`."""
    text = []
    for place in range(0, len(chained), BLOCK):
        block = chained[place : place + BLOCK]
        text.append(bytes(a ^ b for a, b in zip(start, decrypt_block(key, block), strict=True)))
        start = block
    return b"".join(text)
