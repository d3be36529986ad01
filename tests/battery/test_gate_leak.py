"""The leak scan is tested itself: twelve kinds of leak are planted, and all must be found; clean trees stay clean."""

from __future__ import annotations

import base64
import gzip
import io
import shutil
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery.gate.encodings import disguises
from seatrial.battery.gate.leak import in_box, scan
from seatrial.battery.instance import FileTree
from seatrial.sandbox import BoxSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatrial.battery.instance import Instance, InstanceKey
    from seatrial.sandbox import Boxes

KINDS = {
    "seed as text": lambda i: {"a": i.key.seed.hex()},
    "seed in base64 inside a word": lambda i: {"a": base64.b64encode(b"xy" + i.key.seed + b"z")},
    "family id": lambda i: {"a": b"\0" * 9 + i.key.family.encode()},
    "instance id": lambda i: {i.key.id: "x"},
    "generator path": lambda _: {"a": "/x/seatrial/battery/families/toy.py"},
    "telling word": lambda _: {"a.c": "static int is_patched;"},
    "telling word in a name": lambda _: {"twin/a.c": "x"},
    "file of the twin": lambda i: {"a": i.hidden.twin.files["lock.py"]},
    "line of the twin": lambda _: {"a": "zz (A * x + B) % M == C and x < 0 zz\nreturn (A * x + B) % M == C and x < 0"},
    "line of the solver": lambda _: {"a": 'found = [x for x in range(m) if namespace["opens"](x)]'},
    "build path": lambda _: {"a": b"\0/tmp/tmpxyz12/lock.c\0"},
    "packed word": lambda _: {"a.gz": gzip.compress(b"the planted one", mtime=0)},
    "id of the weakness": lambda i: {"a": i.hidden.witness.bug_id},
}


@pytest.fixture
def instance(key: Callable[..., InstanceKey]) -> None:
    return toyfamily.FAMILY.generate(key("toylock"))


@pytest.mark.parametrize("kind", KINDS)
def test_each_planted_leak_is_found(kind: str, instance: Instance) -> None:
    planted = instance.files.merged(FileTree.of(KINDS[kind](instance)))
    assert scan(instance, instance.files) == []
    assert scan(instance, planted) != []


def test_a_hint_may_tell_of_the_twin_but_not_of_the_seed(key: Callable[..., InstanceKey]) -> None:
    hinted = toyfamily.FAMILY.generate(replace(key("toylock"), hint=3))
    told = FileTree.of({"a.diff": hinted.hidden.twin.files["lock.py"], "b": "the twin of it"})
    assert scan(hinted, told) == []
    assert scan(hinted, FileTree.of({"a": hinted.key.seed.hex()}))


def test_a_time_stamp_and_an_attribute_are_found_in_the_box(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.place("/challenge", {"a/b": (b"x", 0o644)}, read_only=False)
        assert in_box(box, deep=True) == []
        box.exec(["touch", "-d", "2024-05-05", "/challenge/a/b"])
        assert "time stamp" in str(in_box(box, deep=False)[0])
        setter = "import os; os.utime('/challenge/a/b', (0, 0)); os.setxattr('/challenge/a/b', 'user.by', b'x')"
        marked = box.exec(["python3", "-c", setter])
        if marked.returncode:
            pytest.skip(f"no extended attributes here: {marked.stderr.decode().splitlines()[-1]}")
        assert any("attribute" in str(leak) for leak in in_box(box, deep=True))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a compiler")
@pytest.mark.parametrize("options", [["-g"], ["-g", "-gz=zlib"]], ids=["plain", "compressed sections"])
def test_a_build_path_in_debug_sections_is_found(options: list[str], instance: Instance, tmp_path: Path) -> None:
    folder = tmp_path / "build-x"
    folder.mkdir()
    (folder / "a.c").write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", *options, "a.c", "-o", "a"], cwd=folder, check=True)
    body = (folder / "a").read_bytes()
    assert scan(instance, FileTree.of({"a": body}))
    clean = [f"-ffile-prefix-map={folder}=.", "-gno-record-gcc-switches"]
    subprocess.run(["gcc", *options, *clean, "a.c", "-o", "b"], cwd=folder, check=True)
    assert scan(instance, FileTree.of({"b": (folder / "b").read_bytes()})) == []


def test_a_zip_is_looked_into(instance: Instance) -> None:
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", "it was planted")
    assert scan(instance, FileTree.of({"a.zip": pack.getvalue()}))


@pytest.mark.parametrize("body", [b"\x1f\x8bgarbage", b"PK\x03\x04garbage", b"\x7fELF\x02\x01" + b"\xff" * 80, b""])
def test_a_broken_file_is_no_reason_to_stop(body: bytes, instance: Instance) -> None:
    assert scan(instance, FileTree.of({"a": body})) == []


def test_words_inside_words_and_noise_are_no_leak(instance: Instance) -> None:
    text = "twine, entwined, a vulnerary herb, dispatched, transplanted; KtWiN4 and x0vulny9"
    noise = bytes(range(256)) * 64 + b"\0twin\0vuln\0"
    assert scan(instance, FileTree.of({"a.txt": text, "b.bin": noise})) == []


def test_five_hundred_clean_instances_are_clean(key: Callable[..., InstanceKey]) -> None:
    for number in range(500):
        instance = toyfamily.FAMILY.generate(key("toylock", number))
        assert scan(instance, instance.files) == []


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("secret", [b"flag{abcdefghijklmnopqrstuvwx23}", bytes(range(60, 76)), b"0f" * 16])
def test_every_disguise_is_found(secret: bytes, before: int) -> None:
    around = b"Q" * before
    texts = {
        "base64": base64.b64encode(around + secret + b"zz"),
        "hex": b"x" + secret.hex().encode(),
        "reversed": around + secret[::-1],
        "plain": around + secret,
    }
    if secret.isascii():
        texts["UTF-16"] = (around + secret).decode().encode("utf-16-le")
    for text in texts.values():
        assert any(needle in text for needle in disguises(secret).values())
