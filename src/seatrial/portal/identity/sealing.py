"""Secrets of second factors at rest: sealed with AES-256-GCM under a key in a file of its own.

The file is beside the key of sessions and in no backup: in a restored installation without it, codes open nothing.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES, NONCE_BYTES = 32, 12
PRIVATE_FILE = 0o600
SCOPE = b"seatrial/second-factor/v1"


class KeyUnfit(OSError):
    """The key's file is no key, or others can read it."""


def key(path: Path) -> bytes:
    """The key, made when it is missing; two processes that start at once have the same.

    Raises:
        KeyUnfit: others can read it, or it is none.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:  # noqa: PTH123
            file.write(os.urandom(KEY_BYTES))
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    if path.stat().st_mode & 0o077:
        raise KeyUnfit(f"{path}: others can read it; run: chmod 600 {path}")
    found = path.read_bytes()
    if len(found) != KEY_BYTES:
        raise KeyUnfit(f"{path}: is not a key of {KEY_BYTES} bytes; put the right file back")
    return found


def seal(secret: str, with_key: bytes) -> str:
    """For a row."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(with_key).encrypt(nonce, secret.encode(), SCOPE)).decode()


def unseal(sealed: str, with_key: bytes) -> str:
    """Back from a row.

    Raises:
        KeyUnfit: it was sealed under another key.
    """
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(with_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], SCOPE).decode()
    except InvalidTag as error:
        raise KeyUnfit("a second factor was sealed under another key; put the key's file back") from error
