r"""Key halves and what they open: a data key that needs the developer's half and the government's half together.

- The key-encrypting key is HKDF-SHA256(developer half || government half, info = "seatrial/kek/v1\0" || key id); the
  data key is wrapped under it by AES-256 key wrap (RFC 3394), 40 bytes. A wrong or missing half opens nothing.
- A `KeyHolder` keeps the government's halves. It never hands one out; it wraps and unwraps.
- Each scope (submission and purpose; for weights also the upload) has one key id that names both halves, and a data
  key of its own, so that each can be destroyed alone.
- A destroyed id stays destroyed: it is never made again, and unwrapping under it raises `KeyGone`.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

HALF_BYTES = DEK_BYTES = 32
"""A half carries the strength of the whole, so that either side alone could be careless: AES-256."""

WRAPPED_BYTES = 40
"""RFC 3394 adds one block of 8 bytes."""

ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}", re.ASCII)
_KEY = re.compile(r"key_[0-9a-f]{32}", re.ASCII)

KeyId = NewType("KeyId", str)


class CustodyError(Exception):
    """Something that custody will not or cannot do; the text holds no secret."""


class KeyGone(CustodyError):
    """The half under this id was destroyed or never made: nothing under it opens any more."""


class WrongHalf(CustodyError):
    """The halves do not open this key: one of them is another's, or the wrapped bytes were altered."""


class Purpose(StrEnum):
    """What a key is for; each purpose is sealed and destroyed alone."""

    CREDENTIALS = "credentials"
    RECORDS = "records"
    WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What one data key seals.

    >>> KeyScope("sub_" + "0" * 32, Purpose.RECORDS).text
    'sub_00000000000000000000000000000000/records'
    """

    submission: str
    purpose: Purpose
    upload: str = ""

    def __post_init__(self) -> None:
        check_id(self.submission, "sub")
        if (self.purpose is Purpose.WEIGHTS) != bool(self.upload):
            raise ValueError("KeyScope: weights name their upload, other purposes name none")
        if self.upload:
            check_upload(self.upload)

    @property
    def text(self) -> str:
        """The scope as one line: file name of nothing, associated data of everything sealed in it."""
        return "/".join(part for part in (self.submission, self.purpose.value, self.upload) if part)

    @property
    def aad(self) -> bytes:
        """Associated data: what is sealed in one scope does not open in another."""
        return b"seatrial/seal/v1\0" + self.text.encode()


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What destroying a key came to: `was_there` is false when it was gone before."""

    key: KeyId
    was_there: bool


class KeyHolder(Protocol):
    """The government's halves. One implementation keeps files; a vault or a token may follow."""

    def create(self, scope: KeyScope) -> KeyId:
        """Make a half of 32 random bytes under a new id."""
        ...

    def wrap(self, key: KeyId, other_half: Secret, dek: Secret) -> bytes:
        """Wrap a data key of 32 bytes under both halves: 40 bytes. Raises `KeyGone`."""
        ...

    def unwrap(self, key: KeyId, other_half: Secret, wrapped: bytes) -> Secret:
        """The data key. Raises `KeyGone` or `WrongHalf`."""
        ...

    def destroy(self, key: KeyId) -> Destroyed:
        """Destroy the half for good; again is no fault."""
        ...

    def exists(self, key: KeyId) -> bool:
        """Whether the half is there."""
        ...


def check_id(text: str, prefix: str) -> str:
    """The id itself, or a `ValueError` that does not repeat what was given."""
    if not ID.fullmatch(text) or not text.startswith(f"{prefix}_"):
        raise ValueError(f"an id of the form {prefix}_ and 32 lowercase hex digits is needed here")
    return text


def check_upload(text: str) -> str:
    """An upload's id: `up_` or a three-letter prefix, and 32 hex digits."""
    if not re.fullmatch(r"up[a-z]?_[0-9a-f]{32}", text, re.ASCII):
        raise ValueError("an upload's id of the form up_ and 32 lowercase hex digits is needed here")
    return text


def new_id(prefix: str) -> str:
    """A new random id, e.g. `key_` and 32 hex digits: 128 bits."""
    return f"{prefix}_{secrets.token_hex(16)}"


def kek(developer: Secret, government: Secret, key: KeyId) -> bytes:
    """The key-encrypting key of both halves; the order of the halves matters."""
    halves = developer.reveal(), government.reveal()
    if any(len(half) != HALF_BYTES for half in halves):
        raise WrongHalf(f"{key}: a half has {HALF_BYTES} bytes; this one has another length")
    info = b"seatrial/kek/v1\0" + key.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(b"".join(halves))


def wrap_under(developer: Secret, government: Secret, key: KeyId, dek: Secret) -> bytes:
    """Wrap `dek` (32 bytes) under both halves: 40 bytes."""
    if len(dek.reveal()) != DEK_BYTES:
        raise ValueError(f"{key}: a data key has {DEK_BYTES} bytes")
    return aes_key_wrap(kek(developer, government, key), dek.reveal())


def unwrap_under(developer: Secret, government: Secret, key: KeyId, wrapped: bytes) -> Secret:
    """The data key, or `WrongHalf`."""
    if len(wrapped) != WRAPPED_BYTES:
        raise WrongHalf(f"{key}: a wrapped key has {WRAPPED_BYTES} bytes, not {len(wrapped)}")
    try:
        return Secret(aes_key_unwrap(kek(developer, government, key), wrapped))
    except InvalidUnwrap as error:
        raise WrongHalf(f"{key}: the two halves do not open this key") from error


class MemoryKeyHolder:
    """A holder that forgets everything with its process: for tests and trials."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random = random_bytes
        self._halves: dict[KeyId, Secret] = {}

    def create(self, scope: KeyScope) -> KeyId:  # noqa: ARG002 - other holders file a half by its scope
        """Make a half under a new id."""
        key = KeyId(new_id("key"))
        self._halves[key] = Secret(self._random(HALF_BYTES))
        return key

    def wrap(self, key: KeyId, other_half: Secret, dek: Secret) -> bytes:
        """Wrap under both halves."""
        return wrap_under(other_half, self._half(key), key, dek)

    def unwrap(self, key: KeyId, other_half: Secret, wrapped: bytes) -> Secret:
        """Unwrap under both halves."""
        return unwrap_under(other_half, self._half(key), key, wrapped)

    def destroy(self, key: KeyId) -> Destroyed:
        """Forget the half."""
        return Destroyed(key, was_there=self._halves.pop(key, None) is not None)

    def exists(self, key: KeyId) -> bool:
        """Whether the half is there."""
        return key in self._halves

    def _half(self, key: KeyId) -> Secret:
        try:
            return self._halves[key]
        except KeyError:
            raise KeyGone(f"{key}: this key was destroyed or never made") from None


def key_id(text: str) -> KeyId:
    """Read a key id; refuses anything that could be a path."""
    if not _KEY.fullmatch(text):
        raise ValueError("a key id of the form key_ and 32 lowercase hex digits is needed here")
    return KeyId(text)
