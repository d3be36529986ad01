"""Sealing chunks as they stream: AES-256-GCM in pieces, under the upload's data key, bound to the chunk's digest.

- What comes out is byte for byte what `seal` makes of the whole chunk (nonce || ciphertext || tag), so that no chunk
  is ever in memory as a whole.
- The digest is the label, not the place: one digest may stand at several places, and order is what the manifest says.
- A chunk is stored under HMAC-SHA256(name key, digest), name key = HKDF(data key, "names"): names fingerprint no model.

>>> from seatrial.custody.keys import KeyScope, Purpose
>>> from seatrial.custody.seal import unseal
>>> scope, key = KeyScope("sub_" + "0" * 32, Purpose.WEIGHTS, "upl_" + "1" * 32), Secret(bytes(32))
>>> digest = hashlib.sha256(b"weights").hexdigest()
>>> sealing = ChunkSeal(key, scope).sealing(digest)
>>> sealed = b"".join([sealing.begin(), bytes(sealing.add(b"wei")), bytes(sealing.add(b"ghts")), sealing.end()])
>>> sealing.digest == digest, unseal(key, scope, sealed, label=digest).reveal()
(True, b'weights')
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from seatrial.custody.manifest import READ_BYTES
from seatrial.custody.seal import NONCE_BYTES, TAG_BYTES, NotThisSeal, associated
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from seatrial.custody.keys import KeyScope

SEAL_BYTES = NONCE_BYTES + TAG_BYTES
"""What sealing adds to a chunk."""
PIECE_BYTES = 256 << 10
"""Hashed, sealed and written at once: plain and sealed together stay in a core's cache."""


class ChunkSeal:
    """How chunks of one upload are named, sealed and opened; lives no longer than one request."""

    def __init__(
        self, dek: Secret, scope: KeyScope, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._dek, self._scope, self._random = dek, scope, random_bytes
        names = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"names").derive(dek.reveal())
        self._names = Secret(names)

    def name(self, digest: str) -> str:
        """Where the store has the chunk: 64 hex digits."""
        return hmac.digest(self._names.reveal(), digest.encode(), "sha256").hex()

    def sealing(self, digest: str) -> Sealing:
        """Begin to seal the chunk that is said to have `digest`."""
        return Sealing(self._dek, associated(self._scope, digest), self._random(NONCE_BYTES))

    def opened(self, digest: str, sealed: BinaryIO, size: int) -> Iterator[bytes]:
        """The chunk's `size` bytes in pieces; not to be trusted before the last one has come.

        Raises:
            NotThisSeal: Altered, cut, of another upload, or not the bytes of this digest.
        """
        nonce = sealed.read(NONCE_BYTES)
        if len(nonce) != NONCE_BYTES:
            raise NotThisSeal(f"chunk {digest}: too few bytes for anything sealed")
        decryptor = Cipher(AES(self._dek.reveal()), GCM(nonce)).decryptor()
        decryptor.authenticate_additional_data(associated(self._scope, digest))
        found, left = hashlib.sha256(), size
        while left and (piece := sealed.read(min(READ_BYTES, left))):
            plain = decryptor.update(piece)
            found.update(plain)
            left -= len(piece)
            yield plain
        tag = sealed.read(TAG_BYTES + 1)
        try:
            decryptor.finalize_with_tag(tag)
        except (InvalidTag, ValueError):
            raise NotThisSeal(f"chunk {digest}: altered, cut, or sealed for another upload") from None
        if left or found.hexdigest() != digest:
            raise NotThisSeal(f"chunk {digest}: what was sealed has another digest")


class Sealing:
    """One chunk on its way into the store: hashed and sealed in the same pass."""

    def __init__(self, dek: Secret, aad: bytes, nonce: bytes) -> None:
        self._encryptor = Cipher(AES(dek.reveal()), GCM(nonce)).encryptor()
        self._encryptor.authenticate_additional_data(aad)
        self._nonce = nonce
        self._hash = hashlib.sha256()
        self._out = memoryview(bytearray(PIECE_BYTES + 16))

    def begin(self) -> bytes:
        """The first bytes: the nonce."""
        return self._nonce

    def add(self, plain: bytes | memoryview) -> memoryview:
        """The next sealed bytes of at most `PIECE_BYTES`; they are overwritten by the next call."""
        self._hash.update(plain)
        return self._out[: self._encryptor.update_into(plain, self._out)]

    def end(self) -> bytes:
        """The last bytes: the tag."""
        return self._encryptor.finalize() + self._encryptor.tag

    @property
    def digest(self) -> str:
        """Hex SHA-256 of what was added so far."""
        return self._hash.hexdigest()
