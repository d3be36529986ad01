"""HMAC-DRBG with SHA-256 (NIST SP 800-90A, revision 1, section 10.1.2): the sound source of the twins."""

from __future__ import annotations

import hmac


class Drbg:
    """Instantiated from one seed (entropy, nonce and personalisation together), without reseeding."""

    def __init__(self, seed: bytes) -> None:
        self._key, self._value = bytes(32), b"\1" * 32
        self._update(seed)

    def generate(self, size: int) -> bytes:
        """The next bytes; one request."""
        parts = []
        for _ in range(-(-size // 32)):
            self._value = hmac.digest(self._key, self._value, "sha256")
            parts.append(self._value)
        self._update(b"")
        return b"".join(parts)[:size]

    def _update(self, provided: bytes) -> None:
        for mark in (b"\0", b"\1") if provided else (b"\0",):
            self._key = hmac.digest(self._key, self._value + mark + provided, "sha256")
            self._value = hmac.digest(self._key, self._value, "sha256")
