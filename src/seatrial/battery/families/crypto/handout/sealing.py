"""A sealed text: 16 bytes of nonce, 32 bytes of tag, then the text under a keystream."""

import hashlib
import hmac


def seal(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """Close a text under a key; a nonce of 16 bytes serves once."""
    stream = hashlib.shake_256(len(key).to_bytes(2, "big") + key + nonce).digest(len(text))
    body = (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")
    return nonce + hmac.digest(key, nonce + body, "sha256") + body


def unseal(key: bytes, sealed: bytes) -> bytes:
    """Open it again; ValueError under a wrong key."""
    nonce, tag, body = sealed[:16], sealed[16:48], sealed[48:]
    if not hmac.compare_digest(tag, hmac.digest(key, nonce + body, "sha256")):
        raise ValueError("wrong key")
    stream = hashlib.shake_256(len(key).to_bytes(2, "big") + key + nonce).digest(len(body))
    return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(body), "big")
