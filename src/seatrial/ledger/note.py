r"""Signed notes (C2SP signed-note, tlog-cosignature): a text, and lines under it that say who signed.

- A line is `— <name> <base64(key id || signature)>`; the key id is the first four bytes of a hash over name, type and
  public key. Type 0x01 signs the text; type 0x04, a witness's cosignature, signs the text under a header with a time.
- Lines of unknown keys are kept and ignored. A line of a known key with a wrong signature is an error for the whole
  note, never a line less.
- Base64 is the standard one and its only spelling: two different files never hold the same note.
- Signers and verifiers are Protocols, so that another algorithm is one more class each.

>>> signer = LogSigner.from_seed("seatrial.example/log", bytes(range(32)))
>>> signer.verifier.text
'seatrial.example/log+daa868e8+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'
>>> note = Note("If you think cryptography is the answer\n", ()).with_lines(signer.sign("If you think cryptography is the answer\n"))
>>> [key.name for key in note.signed_by([read_verifier(signer.verifier.text)])]
['seatrial.example/log']
"""  # noqa: E501  # the last line but two is an example

from __future__ import annotations

import hashlib
import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from seatrial.ledger.errors import Malformed, NotVerified

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DASH: Final = "\N{EM DASH} "
LOG_TYPE: Final = 0x01
COSIGNATURE_TYPE: Final = 0x04
KEY_ID_BYTES: Final = 4
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TIME_BYTES: Final = 8
MAX_NOTE_BYTES: Final = 65_536
"""Room for the 16 signatures every verifier must accept, were each a post-quantum one."""
MAX_SIGNATURES: Final = 64
PRIVATE: Final = "PRIVATE+KEY"


def to_base64(data: bytes) -> str:
    """Return the standard base64 form."""
    return b64encode(data).decode("ascii")


def from_base64(text: str, what: str) -> bytes:
    """Decode the one standard spelling of some bytes.

    Raises:
        Malformed: It is not base64, or another spelling of the same bytes.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Malformed(f"{what} is not base64") from None
    if to_base64(data) != text:
        raise Malformed(f"{what} is not the standard spelling of its base64")
    return data


@dataclass(frozen=True)
class Signature:
    """One signature line: who claims to have signed, and the signature's bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line with its newline."""
        return f"{DASH}{self.name} {to_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line without its newline.

        Raises:
            Malformed: It is no signature line.
        """
        name, gap, blob = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH) or not gap:
            raise Malformed("note: a signature line is '— <name> <base64>'")
        _check_name(name)
        data = from_base64(blob, "note: a signature")
        if len(data) <= KEY_ID_BYTES:
            raise Malformed("note: a signature line holds no signature")
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


class NoteVerifier(Protocol):
    """A public key that checks signature lines of its own name and id."""

    @property
    def name(self) -> str:
        """The key's name; a log's is its origin."""

    @property
    def key_id(self) -> bytes:
        """The four bytes that begin its signatures."""

    @property
    def kind(self) -> int:
        """The signature type's identifier byte."""

    @property
    def text(self) -> str:
        """The key as one writes it down: `<name>+<key id>+<base64>`."""

    def verifies(self, text: str, signature: bytes) -> bool:
        """Say whether the signature is this key's over the text."""


class NoteSigner(Protocol):
    """A private key that signs texts as a log does: without a time."""

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""

    def sign(self, text: str) -> Signature:
        """Sign the text."""


@dataclass(frozen=True)
class Ed25519Verifier:
    """An Ed25519 public key: of a log (type 0x01) or, over header, time and text, of a witness (type 0x04)."""

    name: str
    public_key: bytes
    kind: int = LOG_TYPE

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.kind not in {LOG_TYPE, COSIGNATURE_TYPE}:
            raise Malformed(f"key {self.name}: signature type {self.kind:#04x} is not supported; 0x01 and 0x04 are")
        if len(self.public_key) != SEED_BYTES:
            raise Malformed(f"key {self.name}: an Ed25519 public key has {SEED_BYTES} bytes")

    @cached_property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || type || public key)."""
        typed = bytes([self.kind]) + self.public_key
        return hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key: `<name>+<key id in hex>+<base64(type || public key)>`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public_key)}"

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public_key)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Say whether the signature is this key's over the text."""
        if self.kind == COSIGNATURE_TYPE:
            if len(signature) != TIME_BYTES + SIGNATURE_BYTES:
                return False
            text, signature = _cosigned(text, cosigned_at(signature)), signature[TIME_BYTES:]
        try:
            self._key.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def read_verifier(text: str) -> Ed25519Verifier:
    """Read a verifier key from its text.

    Raises:
        Malformed: It is none, its id is not its own, or its type is not supported.
    """
    name, key_id, typed = _key_parts(text.strip(), "a verifier key is '<name>+<8 hex digits>+<base64>'")
    verifier = Ed25519Verifier(name, typed[1:], typed[0])
    if verifier.key_id.hex() != key_id:
        raise Malformed(f"key {name}: the id {key_id} is not that of the key; copy the whole line again")
    return verifier


@dataclass(frozen=True)
class _Ed25519Signer:
    """The seed of a key under a name; never shown by `repr`."""

    verifier: Ed25519Verifier
    _private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"<signer {self.verifier.text}>"

    @property
    def secret_text(self) -> str:
        """The private key as the file keeps it: `PRIVATE+KEY+<name>+<key id>+<base64(type || seed)>`."""
        typed = bytes([self.verifier.kind]) + self._private.private_bytes_raw()
        return f"{PRIVATE}+{self.verifier.name}+{self.verifier.key_id.hex()}+{to_base64(typed)}"


class LogSigner(_Ed25519Signer):
    """A log's own key."""

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> LogSigner:
        """Make the key of a 32-byte secret seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Ed25519Verifier(name, private.public_key().public_bytes_raw(), LOG_TYPE), private)

    def sign(self, text: str) -> Signature:
        """Sign the text."""
        return Signature(self.verifier.name, self.verifier.key_id, self._private.sign(text.encode()))

    def renamed(self, name: str) -> LogSigner:
        """Return the same secret under another name: a log that goes on under a new origin."""
        return LogSigner.from_seed(name, self._private.private_bytes_raw())


class CosignatureSigner(_Ed25519Signer):
    """A witness's key. One key serves one witness: the signed message does not hold the witness's name."""

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> CosignatureSigner:
        """Make the key of a 32-byte secret seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Ed25519Verifier(name, private.public_key().public_bytes_raw(), COSIGNATURE_TYPE), private)

    def sign(self, text: str, time: int) -> Signature:
        """Cosign the text at a POSIX time in whole seconds."""
        signature = struct.pack(">Q", time) + self._private.sign(_cosigned(text, time).encode())
        return Signature(self.verifier.name, self.verifier.key_id, signature)


def read_signer(text: str) -> LogSigner | CosignatureSigner:
    """Read a private key from the text of its file.

    Raises:
        Malformed: It is none; the message never repeats the secret.
    """
    form = f"a private key is '{PRIVATE}+<name>+<8 hex digits>+<base64>'"
    if not text.startswith(f"{PRIVATE}+"):
        raise Malformed(form)
    name, key_id, typed = _key_parts(text.strip().removeprefix(f"{PRIVATE}+"), form)
    if typed[0] not in {LOG_TYPE, COSIGNATURE_TYPE} or len(typed) != 1 + SEED_BYTES:
        raise Malformed(f"key {name}: a private key has type 0x01 or 0x04 and a seed of {SEED_BYTES} bytes")
    seed = typed[1:]
    of_log = typed[0] == LOG_TYPE
    signer = LogSigner.from_seed(name, seed) if of_log else CosignatureSigner.from_seed(name, seed)
    if signer.verifier.key_id.hex() != key_id:
        raise Malformed(f"key {name}: the id {key_id} is not that of the key")
    return signer


@dataclass(frozen=True)
class Note:
    """A text that ends in a newline, and its signature lines in their order."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a signed note.

        Raises:
            Malformed: Not UTF-8, too long, a control character, or no text and signatures parted by an empty line.
        """
        if len(data) > MAX_NOTE_BYTES:
            raise Malformed(f"note: {len(data)} bytes; at most {MAX_NOTE_BYTES}")
        try:
            whole = data.decode()
        except UnicodeDecodeError:
            raise Malformed("note: not UTF-8") from None
        if any(character < " " and character != "\n" for character in whole):
            raise Malformed("note: a control character")
        head, gap, tail = whole.rpartition("\n\n")
        if not gap or not head or not tail.endswith("\n"):
            raise Malformed("note: no text and signature lines, parted by an empty line")
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise Malformed(f"note: {len(lines)} signatures; at most {MAX_SIGNATURES}")
        return cls(f"{head}\n", tuple(Signature.parse(line) for line in lines))

    def encode(self) -> bytes:
        """Return the note's bytes."""
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}".encode()

    def with_lines(self, *signatures: Signature) -> Note:
        """Return the note with more lines; a key's earlier line gives way to its new one."""
        fresh = {(line.name, line.key_id) for line in signatures}
        kept = tuple(line for line in self.signatures if (line.name, line.key_id) not in fresh)
        return replace(self, signatures=kept + signatures)

    def signed_by(self, verifiers: Iterable[NoteVerifier]) -> Sequence[NoteVerifier]:
        """Return which of the known keys signed, in the order given.

        Raises:
            NotVerified: A line names a known key, and its signature is not that key's.
        """
        known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
        signed = set[tuple[str, bytes]]()
        for line in self.signatures:
            key = (line.name, line.key_id)
            if key in known:
                if not known[key].verifies(self.text, line.signature):
                    raise NotVerified(f"note: the signature of {line.name} is wrong")
                signed.add(key)
        return [verifier for key, verifier in known.items() if key in signed]


def cosigned_at(signature: bytes) -> int:
    """Return the POSIX time inside a cosignature."""
    return int.from_bytes(signature[:TIME_BYTES], "big")


def _cosigned(text: str, time: int) -> str:
    return f"cosignature/v1\ntime {time}\n{text}"


def _check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise Malformed("a key's name is not empty and holds neither space nor '+'")


def _key_parts(text: str, form: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Malformed(form)
    typed = from_base64(parts[2], "a key")
    if not typed:
        raise Malformed(form)
    return parts[0], parts[1], typed
