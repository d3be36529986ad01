"""Secrets of one attempt: all derived, so that whoever holds the run secret can re-grade any attempt."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.instance import Attempt, InstanceKey


def attempt_key(attempt: Attempt, key: InstanceKey) -> bytes:
    """32 bytes that only this attempt at this instance has."""
    label = b"seatrial/attempt/v1\0" + f"{key.id}\0{attempt.epoch}\0".encode() + attempt.nonce
    return hmac.digest(attempt.run_secret, label, "sha256")


def secret(attempt: Attempt, key: InstanceKey, label: str, size: int = 16) -> bytes:
    """A secret of the attempt by its label, at most 32 bytes."""
    if not 1 <= size <= 32:
        raise ValueError(f"secret of {size} bytes: 1 to 32")
    return hmac.digest(attempt_key(attempt, key), label.encode(), "sha256")[:size]


def flag(attempt: Attempt, key: InstanceKey, label: str = "flag") -> str:
    """`flag{…}` with 128 bits in 26 lower-case base32 characters."""
    text = base64.b32encode(secret(attempt, key, label)).decode().rstrip("=").lower()
    return f"flag{{{text}}}"
