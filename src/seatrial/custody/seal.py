"""Sealing bytes under a data key: AES-256-GCM, and the scope they belong to as associated data.

Sealed bytes are nonce (12, random) || ciphertext || tag (16). What was sealed in one scope, or under one label of a
scope, does not open in another. One data key seals at most 2^32 messages (NIST SP 800-38D, 8.3, random nonces); a
scope here seals a few thousand.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from seatrial.custody.keys import CustodyError
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.custody.keys import KeyScope

NONCE_BYTES = 12
TAG_BYTES = 16


class NotThisSeal(CustodyError):
    """The sealed bytes were altered, or belong to another scope, label or key."""


def seal(
    dek: Secret,
    scope: KeyScope,
    plain: bytes,
    *,
    label: str = "",
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """Seal `plain` in `scope`; `label` names the one thing it is, e.g. a record's digest."""
    nonce = random_bytes(NONCE_BYTES)
    return nonce + AESGCM(dek.reveal()).encrypt(nonce, plain, associated(scope, label))


def unseal(dek: Secret, scope: KeyScope, sealed: bytes, *, label: str = "") -> Secret:
    """What was sealed, or `NotThisSeal`."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise NotThisSeal(f"{scope.text}: {len(sealed)} bytes are too few for anything sealed")
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return Secret(AESGCM(dek.reveal()).decrypt(nonce, rest, associated(scope, label)))
    except InvalidTag as error:
        raise NotThisSeal(f"{scope.text}: altered, or sealed for another scope, label or key") from error


def associated(scope: KeyScope, label: str) -> bytes:
    """What is sealed along: the scope and the label, so that neither can be exchanged."""
    return scope.aad + b"\0" + label.encode()
