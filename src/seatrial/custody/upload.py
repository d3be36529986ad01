"""What an upload does, without any web: take the manifest, say what is missing, take chunks, complete, drop.

- The data key is opened anew for every act: either side's half gone ends the upload at its next act.
- The manifest stands sealed in the chunk store together with its salt. The ledger gets the commitment, never the
  digest, which could be matched once weights are published.
- A chunk is kept only if the bytes that came have the digest that was named; otherwise nothing of it is left.
- `complete` looks for every chunk, writes its receipt down sealed, and gives the same receipt ever after.
- `drop` destroys this upload's key and chunks alone, and proves it. Others of the submission stay.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from seatrial.custody.chunk_seal import SEAL_BYTES, ChunkSeal
from seatrial.custody.keys import CustodyError, KeyGone
from seatrial.custody.manifest import CHUNK_BYTES, Manifest
from seatrial.custody.records import Measure
from seatrial.custody.seal import seal, unseal
from seatrial.custody.shred import shred_key
from seatrial.custody.upload_store import admitted
from seatrial.ledger.event import SALT_BYTES, commitment_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from seatrial.custody.chunk_seal import Sealing
    from seatrial.custody.chunks import ChunkStore, ChunkWriter
    from seatrial.custody.upload_store import Upload, UploadStore
    from seatrial.custody.vault import Vault

PAGE: Final = 1000
"""Digests in one answer of what is missing: 67 kB."""
FIRST_MISSING: Final = 10
RESERVE_BYTES: Final = 10 << 30
"""What stays free on the disk: a full disk would stop the ledger and the withdrawal that shares it."""
READ_AT_ONCE: Final = 4
"""Manifests kept read: each may take some 30 MB."""
_MANIFEST: Final = "manifest"
_RECEIPT: Final = "receipt"


class NoManifest(CustodyError):
    """The upload has no manifest yet."""


class OtherManifest(CustodyError):
    """The upload has another manifest already."""


class NotInManifest(CustodyError):
    """The manifest names no such chunk."""


class WrongChunk(CustodyError):
    """The bytes that came are not the chunk that was named."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"chunk {expected}: the bytes that came have SHA-256 {found}; read the file again")
        self.expected, self.found = expected, found


class ChunksMissing(CustodyError):
    """The upload is not whole."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"{len(missing)} chunks are missing")
        self.count, self.first = len(missing), missing[:FIRST_MISSING]


class DiskFull(CustodyError):
    """Taking this would leave less than the reserve."""


@dataclass(frozen=True, slots=True)
class SealedWeights:
    """What a complete upload came to. `commitment` is all that the ledger gets of the manifest."""

    upload: str
    submission: str
    commitment: str
    files: int
    chunks: int
    total_bytes: int
    executing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DroppedUpload:
    """What dropping an upload removed; `key` is the id of the key that is gone, empty when none was made."""

    upload: str
    key: str
    held: Measure


def unrecorded(_weights: SealedWeights) -> str:
    """For trials: nothing is written into a ledger, and the receipt has no proof."""
    return ""


@dataclass
class Uploads:
    """The uploads of this house.

    Attributes:
        store: Rows and tokens.
        chunks: Sealed chunks.
        vault: Data keys.
        recorded: Writes a complete upload into the ledger before its receipt is given; returns the proof's text.
        chunk_bytes: The largest chunk taken.
        reserve_bytes: What stays free.
    """

    store: UploadStore
    chunks: ChunkStore
    vault: Vault
    recorded: Callable[[SealedWeights], str] = unrecorded
    chunk_bytes: int = CHUNK_BYTES
    reserve_bytes: int = RESERVE_BYTES
    _read: dict[str, tuple[bytes, Manifest]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _coming: int = 0

    def admit(self, upload: str, token: str, now: datetime) -> Upload:
        """The upload of this token. Raises `UploadRefused`."""
        return admitted(self.store, upload, token, now)

    def put_manifest(self, upload: Upload, data: bytes, now: datetime) -> bool:
        """Take the manifest; whether it is new. Raises `BadManifest`, `OtherManifest`, `KeyGone` or `DiskFull`."""
        Manifest.parse(data, chunk_bytes=self.chunk_bytes)
        if upload.dropped_at is not None:
            raise KeyGone(f"{upload.id}: it was dropped")
        dek = self.vault.open_or_create(upload.scope, now)
        self.chunks.create(upload.id)
        self._room(len(data))
        salted = secrets.token_bytes(SALT_BYTES) + data
        name = ChunkSeal(dek, upload.scope).name(_MANIFEST)
        sealed = seal(dek, upload.scope, salted, label=_MANIFEST)
        if _kept(self.chunks.put(upload.id, name), sealed):
            return True
        if self._salted(upload, now)[1].encode() != data:
            raise OtherManifest(f"{upload.id}: another manifest was sent before; open a new upload for other files")
        return False

    def manifest(self, upload: Upload, now: datetime) -> Manifest:
        """What is uploaded. Raises `NoManifest` or `KeyGone`."""
        return self._salted(upload, now)[1]

    def missing(self, upload: Upload, now: datetime, after: str = "", limit: int = PAGE) -> list[str]:
        """Digests of chunks that are not here, in their order, from behind `after`; at most `limit`."""
        manifest, names = self.manifest(upload, now), self._seal(upload, now)
        found: list[str] = []
        for digest in sorted(manifest.sizes):
            if digest > after and not self.chunks.has(upload.id, names.name(digest)):
                found.append(digest)
                if len(found) == limit:
                    break
        return found

    def has(self, upload: Upload, digest: str, now: datetime) -> bool:
        """Whether this chunk is here. Raises `NotInManifest`."""
        self.size_of(upload, digest, now)
        return self.chunks.has(upload.id, self._seal(upload, now).name(digest))

    def size_of(self, upload: Upload, digest: str, now: datetime) -> int:
        """The chunk's bytes as the manifest states them. Raises `NotInManifest`."""
        size = self.manifest(upload, now).sizes.get(digest)
        if size is None:
            raise NotInManifest(f"{upload.id}: its manifest names no such chunk")
        return size

    def begin_chunk(self, upload: Upload, digest: str, now: datetime) -> ComingChunk:
        """Begin to take a chunk; it ends by its `keep` or `discard`. Raises `NotInManifest` or `DiskFull`."""
        size = self.size_of(upload, digest, now) + SEAL_BYTES
        seals = self._seal(upload, now)
        self._room(size)
        writer = self.chunks.put(upload.id, seals.name(digest))
        with self._lock:
            self._coming += size
        return ComingChunk(digest, seals.sealing(digest), writer, lambda: self._came(size))

    def opened_chunk(self, upload: Upload, digest: str, now: datetime) -> Iterator[bytes]:
        """A chunk's bytes in pieces, not to be trusted before the last. Raises `NotThisSeal` or `LookupError`."""
        size, seals = self.size_of(upload, digest, now), self._seal(upload, now)
        with self.chunks.get(upload.id, seals.name(digest)) as sealed:
            yield from seals.opened(digest, sealed, size)

    def complete(self, upload: Upload, now: datetime) -> dict[str, object]:
        """The receipt. Raises `ChunksMissing`."""
        salt, manifest = self._salted(upload, now)
        missing = self.missing(upload, now, limit=len(manifest.sizes))
        if missing:
            raise ChunksMissing(missing)
        dek = self.vault.open(upload.scope, now)
        name = ChunkSeal(dek, upload.scope).name(_RECEIPT)
        if not self.chunks.has(upload.id, name):
            receipt = self._receipt(upload, salt, manifest, now)
            _kept(self.chunks.put(upload.id, name), seal(dek, upload.scope, receipt, label=_RECEIPT))
        with self.chunks.get(upload.id, name) as file:
            found: dict[str, object] = json.loads(unseal(dek, upload.scope, file.read(), label=_RECEIPT).reveal())
        return found

    def completed(self, upload: Upload, now: datetime) -> bool:
        """Whether the receipt was given."""
        return self.chunks.has(upload.id, self._seal(upload, now).name(_RECEIPT))

    def commitment(self, upload: Upload, now: datetime) -> str:
        """The manifest as the ledger names it."""
        salt, manifest = self._salted(upload, now)
        return commitment_ref(salt, manifest.encode())

    def drop(self, upload: Upload, now: datetime) -> DroppedUpload:
        """Destroy the upload's key, then its chunks; again is no fault. Raises `NotShredded`."""
        try:
            key = shred_key(self.vault, upload.scope, now).key
        except KeyGone:
            key = None
        self._read.pop(upload.id, None)
        held = self.chunks.drop_upload(upload.id)
        self.store.dropped(upload.id, now)
        return DroppedUpload(upload.id, key or "", held)

    def _receipt(self, upload: Upload, salt: bytes, manifest: Manifest, now: datetime) -> bytes:
        weights = SealedWeights(
            upload=upload.id,
            submission=upload.submission,
            commitment=commitment_ref(salt, manifest.encode()),
            files=len(manifest.files),
            chunks=len(manifest.sizes),
            total_bytes=manifest.total_bytes,
            executing=manifest.executing,
        )
        proof = self.recorded(weights)
        fields = {name: getattr(weights, name) for name in weights.__dataclass_fields__}
        return json.dumps({**fields, "salt": salt.hex(), "sealed_at": now.isoformat(), "proof": proof}).encode()

    def _salted(self, upload: Upload, now: datetime) -> tuple[bytes, Manifest]:
        dek = self.vault.open(upload.scope, now) if self._known(upload) else None
        if dek is None:
            raise NoManifest(f"{upload.id}: send the manifest first")
        if (known := self._read.get(upload.id)) is not None:
            return known
        name = ChunkSeal(dek, upload.scope).name(_MANIFEST)
        try:
            with self.chunks.get(upload.id, name) as file:
                salted = unseal(dek, upload.scope, file.read(), label=_MANIFEST).reveal()
        except LookupError:
            raise NoManifest(f"{upload.id}: send the manifest first") from None
        read = salted[:SALT_BYTES], Manifest.parse(salted[SALT_BYTES:])
        with self._lock:
            while len(self._read) >= READ_AT_ONCE:
                self._read.pop(next(iter(self._read)))
            self._read[upload.id] = read
        return read

    def _known(self, upload: Upload) -> bool:
        if upload.dropped_at is not None or self.chunks.gone(upload.id):
            raise KeyGone(f"{upload.id}: it was dropped")
        try:
            self.vault.keys.get(upload.scope)
        except KeyGone:
            return False
        return True

    def _seal(self, upload: Upload, now: datetime) -> ChunkSeal:
        return ChunkSeal(self.vault.open(upload.scope, now), upload.scope)

    def _room(self, size: int) -> None:
        if self.chunks.free() - self._coming - size < self.reserve_bytes:
            raise DiskFull("there is no room for this chunk now; the operator has to make some, then go on")

    def _came(self, size: int) -> None:
        with self._lock:
            self._coming -= size


@dataclass
class ComingChunk:
    """One chunk on its way in; memory holds one piece of it at a time."""

    digest: str
    sealing: Sealing
    writer: ChunkWriter
    over: Callable[[], None]
    _begun: bool = False

    def add(self, pieces: Iterable[bytes | memoryview]) -> None:
        """The next bytes, in pieces of at most `PIECE_BYTES`."""
        if not self._begun:
            self._begun = True
            self.writer.write(self.sealing.begin())
        for piece in pieces:
            self.writer.write(self.sealing.add(piece))

    def keep(self) -> bool:
        """Keep it, durable on return, if its digest is right; whether it is new. Raises `WrongChunk`."""
        found = self.sealing.digest
        if found != self.digest:
            self.discard()
            raise WrongChunk(self.digest, found)
        try:
            self.writer.write(self.sealing.end())
            return self.writer.keep()
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget it; again is no fault."""
        self.writer.discard()
        over, self.over = self.over, _nothing
        over()


class HeldWeights:
    """The uploads of a submission as something that goes with it when it is shredded."""

    name = "sealed chunks of weights"

    def __init__(self, store: UploadStore, chunks: ChunkStore) -> None:
        self._store, self._chunks = store, chunks

    def measure(self, submission: str) -> Measure:
        """Chunks and bytes of all its uploads."""
        measures = [self._chunks.usage(upload.id) for upload in self._store.of_submission(submission)]
        return Measure(sum(measure.count for measure in measures), sum(measure.size for measure in measures))

    def drop(self, submission: str) -> None:
        """Remove the chunks of all its uploads; the keys are destroyed by whoever shreds."""
        for upload in self._store.of_submission(submission):
            self._chunks.drop_upload(upload.id)


def _kept(writer: ChunkWriter, sealed: bytes) -> bool:
    try:
        writer.write(sealed)
        return writer.keep()
    finally:
        writer.discard()


def _nothing() -> None:
    """Nothing is left to do."""
