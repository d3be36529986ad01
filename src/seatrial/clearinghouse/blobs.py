"""The bytes of artefacts: files named by what they hold, never in rows.

- `advisory/ab/cd/<sha256>.zst`: the address is of the bytes before compression.
- `exploit/ab/cd/<name>.sealed`: encrypted (AES-256-GCM), and named by a keyed HMAC of the address: the folder does not
  tell which known exploit is in it. An origin's own papers lie alike under a key of their own, shredded with it.
- A file is there whole or not at all: written beside its place, fsync, renamed, and its folder's entry fsynced before
  `put` returns.
- What is read is compared with its address.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from seatrial.clearinghouse.finding import Compartment
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLOB_BYTES = 64 * 2**20
"""The largest artefact that is taken: larger than any reproducer seen in fuzzing corpora, small enough to hold."""
KEY_BYTES = 32
NONCE_BYTES = 12
LEVEL = 3
"""zstd's own default: logs shrink tenfold, and it is faster than the disk."""
WRITERS = 8
"""Files written at once: a journal commits them together."""
ORIGIN = "origin-"


class NoBlob(LookupError):
    """There are no such bytes here, or their key is gone."""


class Spoilt(ValueError):
    """The file does not hold what its name says."""


class KeyHolder(Protocol):
    """Keeps the keys of compartments; a shredded one is gone for good."""

    def key(self, name: str) -> bytes:
        """The 32 bytes of a compartment, made when first asked for. Raises `NoBlob` once it is shredded."""
        ...

    def has(self, name: str) -> bool:
        """Whether the compartment has a key."""
        ...

    def shred(self, name: str) -> bool:
        """Destroy a key; whether it was there."""
        ...


class Blobs(Protocol):
    """Bytes by their address, in compartments."""

    def put(self, items: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
        """Keep (compartment, bytes); their addresses in order, once all are durable."""
        ...

    def get(self, compartment: str, address: str) -> bytes:
        """The bytes. Raises `NoBlob`, `Spoilt`."""
        ...

    def has(self, compartment: str, address: str) -> bool:
        """Whether they are here."""
        ...

    def shred(self, compartment: str) -> bool:
        """Destroy an origin's papers and their key; whether there were any."""
        ...


def of_origin(ref: str) -> str:
    """The compartment of an origin's own papers."""
    return f"{ORIGIN}{ref}"


def address_of(data: bytes) -> str:
    """The address of bytes: their SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class FolderBlobs:
    """Blobs in a folder (0700), with keys that lie elsewhere."""

    folder: Path
    keys: KeyHolder
    random: Callable[[int], bytes] = secrets.token_bytes

    def put(self, items: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
        """Keep (compartment, bytes)."""
        given = [(compartment, data, address_of(data)) for compartment, data in items]
        fresh = {self._path(compartment, address): (compartment, data) for compartment, data, address in given}
        missing = [(path, *one) for path, one in fresh.items() if not path.exists()]
        for parent in {path.parent for path, _, _ in missing}:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda one: self._write(*one), missing))
            parents = {above for path in fresh for above in list(path.parents)[:3]}
            list(pool.map(sync_folder, parents))
        return tuple(address for _, _, address in given)

    def get(self, compartment: str, address: str) -> bytes:
        """The bytes."""
        try:
            kept = self._path(compartment, address).read_bytes()
        except FileNotFoundError:
            raise NoBlob(f"{address}: not in the {compartment} compartment") from None
        try:
            packed = kept if compartment == Compartment.ADVISORY else self._opened(compartment, address, kept)
            data = zstandard.decompress(packed, max_output_size=BLOB_BYTES)
        except (zstandard.ZstdError, InvalidTag) as error:
            raise Spoilt(f"{address}: its file is damaged; put it back from a backup") from error
        if address_of(data) != address:
            raise Spoilt(f"{address}: its file holds something else; put it back from a backup")
        return data

    def has(self, compartment: str, address: str) -> bool:
        """Whether they are here."""
        return self._path(compartment, address).exists()

    def shred(self, compartment: str) -> bool:
        """Destroy an origin's papers and their key."""
        if not compartment.startswith(ORIGIN):
            raise ValueError(f"{compartment}: only an origin's own papers are shredded as a whole")
        place = self.folder / compartment
        if not place.exists() and not self.keys.has(compartment):
            return False
        known = self.keys.shred(compartment)
        for path in sorted(place.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        if place.is_dir():
            place.rmdir()
            sync_folder(self.folder)
        return known

    def _path(self, compartment: str, address: str) -> Path:
        if compartment == Compartment.ADVISORY:
            name, ending = address, ".zst"
        else:
            name = hmac.digest(self.keys.key(compartment), b"name\0" + address.encode(), "sha256").hex()
            ending = ".sealed"
        return self.folder / compartment / name[:2] / name[2:4] / f"{name}{ending}"

    def _write(self, path: Path, compartment: str, data: bytes) -> None:
        packed = zstandard.compress(data, LEVEL)
        if compartment != Compartment.ADVISORY:
            nonce = self.random(NONCE_BYTES)
            sealer = AESGCM(self._sealing_key(compartment))
            packed = nonce + sealer.encrypt(nonce, packed, self._bound(compartment, address_of(data)))
        waiting = path.with_suffix(f".{os.getpid()}.{self.random(4).hex()}")
        with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(packed)
            out.flush()
            os.fsync(out.fileno())
        waiting.replace(path)

    def _opened(self, compartment: str, address: str, kept: bytes) -> bytes:
        sealer = AESGCM(self._sealing_key(compartment))
        return sealer.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], self._bound(compartment, address))

    def _sealing_key(self, compartment: str) -> bytes:
        return hmac.digest(self.keys.key(compartment), b"seal\0", "sha256")

    @staticmethod
    def _bound(compartment: str, address: str) -> bytes:
        return f"seatrial/blob/1\0{compartment}\0{address}".encode()


class MemoryBlobs:
    """Blobs in memory, for tests and one-off commands."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def put(self, items: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
        """Keep (compartment, bytes)."""
        given = [(compartment, address_of(data), data) for compartment, data in items]
        self._kept |= {(compartment, address): data for compartment, address, data in given}
        return tuple(address for _, address, _ in given)

    def get(self, compartment: str, address: str) -> bytes:
        """The bytes."""
        try:
            return self._kept[compartment, address]
        except KeyError:
            raise NoBlob(f"{address}: not in the {compartment} compartment") from None

    def has(self, compartment: str, address: str) -> bool:
        """Whether they are here."""
        return (compartment, address) in self._kept

    def shred(self, compartment: str) -> bool:
        """Destroy an origin's papers."""
        gone = [key for key in self._kept if key[0] == compartment]
        for key in gone:
            del self._kept[key]
        return bool(gone)


class FolderKeys:
    """Keys of compartments as files (0600) in a folder of their own (0700), apart from what they open."""

    def __init__(self, folder: Path, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._folder = folder
        self._random = random
        self._known: dict[str, bytes] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def key(self, name: str) -> bytes:
        """The key of a compartment, made when first asked for; the first of two makers wins."""
        if name not in self._known:
            path = self._folder / f"{name}.key"
            if path.with_suffix(".gone").exists():
                raise NoBlob(f"{name}: its key was shredded")
            if not path.exists():
                self._make(path)
            self._known[name] = path.read_bytes()
        return self._known[name]

    def has(self, name: str) -> bool:
        """Whether the compartment has a key."""
        return (self._folder / f"{name}.key").exists()

    def shred(self, name: str) -> bool:
        """Destroy a key; what it sealed never opens again."""
        path = self._folder / f"{name}.key"
        self._known.pop(name, None)
        path.with_suffix(".gone").touch(mode=0o600)
        known = path.exists()
        path.unlink(missing_ok=True)
        sync_folder(self._folder)
        return known

    def _make(self, path: Path) -> None:
        fresh = path.with_suffix(f".{os.getpid()}.{self._random(4).hex()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(self._random(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        sync_folder(self._folder)
