"""One suite over every store of chunks, and the seal of a chunk that streams."""

from __future__ import annotations

import hashlib
import io
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.custody.chunk_seal import ChunkSeal
from seatrial.custody.chunks import WRITE_BYTES, ChunkStore, DirectoryChunkStore, MemoryChunkStore, UploadGone
from seatrial.custody.keys import KeyScope, Purpose
from seatrial.custody.records import Measure
from seatrial.custody.seal import NotThisSeal, seal, unseal
from seatrial.custody.secret import Secret

MINE, THEIRS = "upl_" + "1" * 32, "upl_" + "2" * 32
NAME, OTHER = "a" * 64, "b" * 64
SUBMISSION = "sub_" + "5" * 32
DEK = Secret(bytes(range(32)))
SCOPE = KeyScope(SUBMISSION, Purpose.WEIGHTS, MINE)


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ChunkStore:
    made: ChunkStore = MemoryChunkStore() if request.param == "memory" else DirectoryChunkStore(tmp_path / "chunks")
    made.create(MINE)
    return made


def keep(store: ChunkStore, upload: str, name: str, sealed: bytes) -> bool:
    writer = store.put(upload, name)
    writer.write(sealed)
    return writer.keep()


def test_a_chunk_is_there_only_once_it_is_whole(store: ChunkStore) -> None:
    writer = store.put(MINE, NAME)
    writer.write(b"sea")
    writer.write(memoryview(b"led"))
    assert not store.has(MINE, NAME)
    assert writer.keep()
    assert store.has(MINE, NAME)
    with store.get(MINE, NAME) as file:
        assert file.read() == b"sealed"
    assert store.usage(MINE) == Measure(1, 6)


def test_a_name_is_written_once(store: ChunkStore) -> None:
    first, second = store.put(MINE, NAME), store.put(MINE, NAME)
    second.write(b"second")
    first.write(b"first")
    assert second.keep()
    assert not first.keep()
    with store.get(MINE, NAME) as file:
        assert file.read() == b"second"
    assert store.usage(MINE).count == 1


def test_what_is_discarded_leaves_nothing(store: ChunkStore) -> None:
    writer = store.put(MINE, NAME)
    writer.write(b"x" * 100)
    writer.discard()
    writer.discard()
    assert not store.has(MINE, NAME)
    assert store.usage(MINE) == Measure()


def test_uploads_share_nothing(store: ChunkStore) -> None:
    store.create(THEIRS)
    keep(store, MINE, NAME, b"x")
    assert not store.has(THEIRS, NAME)
    with pytest.raises(LookupError):
        store.get(THEIRS, NAME)
    assert store.drop_upload(THEIRS) == Measure()
    assert store.has(MINE, NAME)


def test_what_is_dropped_stays_dropped_even_while_a_chunk_is_being_written(store: ChunkStore) -> None:
    keep(store, MINE, NAME, b"x" * 7)
    writing = store.put(MINE, OTHER)
    writing.write(b"y")
    assert store.drop_upload(MINE).count >= 1
    with pytest.raises(UploadGone):
        writing.keep()
    with pytest.raises(UploadGone):
        store.put(MINE, NAME)
    with pytest.raises(UploadGone):
        store.create(MINE)
    assert not store.has(MINE, NAME)
    assert store.gone(MINE)
    assert not store.gone(THEIRS)
    assert store.drop_upload(MINE) == Measure()


@pytest.mark.parametrize("name", ["../" + "a" * 61, "A" * 64, "a" * 63, ""])
def test_a_name_that_could_be_a_path_is_refused(store: ChunkStore, name: str) -> None:
    for call in (store.put, store.has, store.get):
        with pytest.raises(ValueError, match="64 lowercase hex"):
            call(MINE, name)
    with pytest.raises(ValueError, match="upload's id"):
        store.create("../x")


def test_what_a_killed_process_left_is_swept_and_permissions_are_the_owners(tmp_path: Path) -> None:
    store = DirectoryChunkStore(tmp_path / "chunks")
    store.create(MINE)
    store.put(MINE, NAME).write(b"half")
    keep(store, MINE, OTHER, b"whole")
    assert store.sweep() == 1
    assert [path.name for path in (tmp_path / "chunks" / MINE).iterdir()] == [OTHER]
    assert (tmp_path / "chunks" / MINE).stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "chunks" / MINE / OTHER).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("size", [0, WRITE_BYTES, 2 * WRITE_BYTES + 28])
def test_a_file_past_the_page_cache_has_every_byte_where_pages_are_whole_and_where_not(
    tmp_path: Path, size: int, start: int
) -> None:
    store, sealed = DirectoryChunkStore(tmp_path / "chunks"), random.Random(size).randbytes(size)
    store.create(MINE)
    writer = store.put(MINE, NAME)
    writer._file.seek(start)  # type: ignore[attr-defined]  # from byte 1 the system refuses to go past its cache
    for at in range(0, size, 300_001):
        writer.write(sealed[at : at + 300_001])
    assert writer.keep()
    with store.get(MINE, NAME) as file:
        assert file.read() == bytes(start if size else 0) + sealed


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6))
def test_a_streamed_seal_is_the_seal_of_the_whole(parts: list[bytes]) -> None:
    plain = b"".join(parts)
    digest, nonce = hashlib.sha256(plain).hexdigest(), bytes(12)
    sealing = ChunkSeal(DEK, SCOPE, lambda _: nonce).sealing(digest)
    sealed = sealing.begin() + b"".join(bytes(sealing.add(part)) for part in parts) + sealing.end()
    assert sealed == seal(DEK, SCOPE, plain, label=digest, random_bytes=lambda _: nonce)
    assert unseal(DEK, SCOPE, sealed, label=digest).reveal() == plain
    assert b"".join(ChunkSeal(DEK, SCOPE).opened(digest, io.BytesIO(sealed), len(plain))) == plain


def test_nothing_altered_cut_or_exchanged_opens() -> None:
    plain = os.urandom(5000)
    digest = hashlib.sha256(plain).hexdigest()
    sealed = seal(DEK, SCOPE, plain, label=digest)
    elsewhere = KeyScope(SUBMISSION, Purpose.WEIGHTS, THEIRS)

    def opens(seals: ChunkSeal, data: bytes, digest: str = digest, size: int = 5000) -> bytes:
        return b"".join(seals.opened(digest, io.BytesIO(data), size))

    mine = ChunkSeal(DEK, SCOPE)
    assert opens(mine, sealed) == plain
    for at in (0, 11, 12, 2000, 5011, 5012, 5027):
        with pytest.raises(NotThisSeal):
            opens(mine, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
    for data in (sealed[:-1], sealed[:100], sealed[:5], b"", sealed + b"x"):
        with pytest.raises(NotThisSeal):
            opens(mine, data)
    with pytest.raises(NotThisSeal):
        opens(ChunkSeal(DEK, elsewhere), sealed)
    with pytest.raises(NotThisSeal):
        opens(mine, sealed, digest="0" * 64)
    lying = seal(DEK, SCOPE, plain, label="0" * 64)
    with pytest.raises(NotThisSeal, match="another digest"):
        opens(mine, lying, digest="0" * 64)
