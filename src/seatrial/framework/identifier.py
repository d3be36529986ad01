"""What ids, digests and references look like. Grammar only: who may hold one is decided elsewhere.

- A digest is `sha256:` and 64 lowercase hex digits; anything else is `BadDigest` and names its field.
- An id is a slug (`eo-14409`, `evaluator-a`) or a kind of three letters and 32 hex digits (`sub_000102...`).
- An opaque reference is what the other side gave us to quote; a refusal never echoes it.
"""

from __future__ import annotations

import re

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}|[a-z][a-z0-9_]*(?:[-.][a-z0-9_]+)*")
REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")
ID_LENGTH = 64  # one line of a table, and more than any id in use


class BadDigest(ValueError):
    """Not a SHA-256 digest in the one form that is read."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"{field}: {value!r} is not a digest; write sha256: and 64 lowercase hex digits")
        self.field = field


class BadIdentifier(ValueError):
    """Not an id of either form, or not an opaque reference."""


def check_digest(value: str, field: str) -> str:
    """The digest itself.

    Raises:
        BadDigest: it is in any other form.
    """
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise BadDigest(field, value)
    return value


def check_id(value: str, field: str) -> str:
    """The id itself.

    Raises:
        BadIdentifier: it is in any other form.
    """
    if not isinstance(value, str) or len(value) > ID_LENGTH or not ID.fullmatch(value):
        raise BadIdentifier(f"{field}: {value!r} is not an id; use lowercase letters, digits and - between words")
    return value


def check_reference(value: str, field: str) -> str:
    """The opaque reference itself: 1 to 64 letters, digits and hyphens.

    Raises:
        BadIdentifier: it is anything else; what was sent is not repeated.
    """
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise BadIdentifier(f"{field}: not an opaque reference; it has 1 to 64 letters, digits and hyphens")
    return value
