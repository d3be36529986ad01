"""The manifest: one directory has one; no path leads out; every fault names its file and field."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.custody.manifest import CHUNK_BYTES, BadManifest, Manifest, WeightsFile, describe

A = hashlib.sha256(b"a").hexdigest()
HOSTILE = (
    "",
    "/etc/passwd",
    "../up",
    "a/../../b",
    "./a",
    "a//b",
    "a/",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\u202eb",
    "e\u0301",  # not in NFC
    "x" * 256,
    "/".join(["d" * 200] * 6),
    "\ud800",
)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leads_out_or_cannot_be_seen_is_refused(path: str) -> None:
    with pytest.raises(BadManifest) as fault:
        Manifest(64, (WeightsFile(path, 1, (A,)),))
    assert fault.value.field == "path"


def test_a_directory_has_one_manifest_and_reading_it_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.safetensors").write_bytes(os.urandom(130))
    (tmp_path / "sub" / "a.pt").write_bytes(b"x" * 64)
    (tmp_path / "none").touch()
    manifest = describe(tmp_path, chunk_bytes=64)
    assert [file.path for file in manifest.files] == ["b.safetensors", "none", "sub/a.pt"]
    assert [len(file.chunks) for file in manifest.files] == [3, 0, 1]
    assert list(manifest.sizes.values()) == [64, 64, 2, 64]
    assert manifest.executing == ("sub/a.pt",)
    assert Manifest.parse(manifest.encode()) == manifest
    assert describe(tmp_path, chunk_bytes=64).encode() == manifest.encode()


def test_a_link_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(BadManifest, match="cp -rL"):
        describe(tmp_path)


FAULTS = {
    "v": {"v": 2},
    "chunk_bytes": {"chunk_bytes": 0},
    "total_bytes": {"total_bytes": 2},
    "files": {"files": []},
}


@pytest.mark.parametrize("field", FAULTS)
def test_a_wrong_field_is_named(field: str) -> None:
    plain = json.loads(Manifest(64, (WeightsFile("a", 1, (A,)),)).encode())
    with pytest.raises(BadManifest) as fault:
        Manifest.parse(json.dumps(plain | FAULTS[field]).encode())
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ((WeightsFile("a", 65, (A,)),), "chunks"),
        ((WeightsFile("a", 1, ("A" * 64,)),), "chunks"),
        ((WeightsFile("a", -1, ()),), "bytes"),
        ((WeightsFile("a", True, (A,)),), "bytes"),
        ((WeightsFile("b", 1, (A,)), WeightsFile("a", 1, (A,))), "path"),
        ((WeightsFile("a", 1, (A,)), WeightsFile("a", 1, (A,))), "path"),
        ((WeightsFile("a", 1, (A,)), WeightsFile("a/b", 1, (A,))), "path"),
        ((WeightsFile("a", 1, (A,)), WeightsFile("b", 2, (A,))), "chunks"),
    ],
)
def test_a_wrong_file_is_named(files: tuple[WeightsFile, ...], field: str) -> None:
    with pytest.raises(BadManifest) as fault:
        Manifest(64, files)
    assert (fault.value.file, fault.value.field) == (files[-1].path, field)


def test_only_the_canonical_bytes_are_read_and_only_chunks_that_fit() -> None:
    data = Manifest(64, (WeightsFile("a", 1, (A,)),)).encode()
    with pytest.raises(BadManifest, match="canonical"):
        Manifest.parse(data + b" ")
    with pytest.raises(BadManifest, match="at most 32"):
        Manifest.parse(data, chunk_bytes=32)
    assert CHUNK_BYTES == 64 << 20


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadManifest):
        assert Manifest.parse(data).encode() == data


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_in_place_of_the_files_is_refused_with_its_field(files: object) -> None:
    plain = {"v": 1, "chunk_bytes": 64, "total_bytes": 0, "files": files}
    with pytest.raises(BadManifest) as fault:
        Manifest.parse(json.dumps(plain).encode())
    assert fault.value.field
