"""Boxes over an unpacked root tree: everything in it can be used and changed, and nothing of it ever changes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.sandbox import BoxSpec, Rootfs, SealedBoxes, Unavailable
from support import ordinary
from support.treechecks import use

PROGRAMS = ("sh", "ls", "cat", "id", "mkdir", "rm", "stat", "chmod")


def make_tree(root: Path) -> None:
    """A root file system of a handful of this machine's programs and the libraries they ask for."""
    for name in ("bin", "etc", "root", "home/ann"):
        (root / name).mkdir(parents=True)
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program is not None
        shutil.copy(Path(program).resolve(), root / "bin" / name)
        asked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
        for library in {word for word in asked if word.startswith("/")}:
            place = root / library.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(library).resolve(), place)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh\n")
    (root / "etc/motd").write_text("as built\n")
    (root / "etc/hosts").symlink_to("/etc/motd")  # a trap: the box's own hosts file must not be written through it


def digest(root: Path) -> str:
    """Names, modes and contents of a tree."""
    seen = hashlib.sha256()
    for place in sorted(root.rglob("*")):
        seen.update(f"{place.relative_to(root)} {place.lstat().st_mode} {place.lstat().st_uid}".encode())
        if place.is_file() and not place.is_symlink():
            seen.update(place.read_bytes())
    return seen.hexdigest()


def judge(said: dict[str, str]) -> None:
    assert said["owner"] == "0 0\n0 0\n"
    assert said["folder"] == "/new/work\n.\n..\n"
    assert said["hosts"].startswith("127.0.0.1 localhost")
    assert said["changed"] == "changed\n"
    assert said["wiped"] == "still hereplaced"
    if said["users"] == "many":
        assert said["ann"] == "1001\n"


@pytest.fixture
def tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root = Path(folder) / "root"
        make_tree(root)
        yield root


def test_a_tree_is_used_and_kept(tree: Path) -> None:
    before = digest(tree)
    try:
        said = use(tree)
    except Unavailable as reason:
        pytest.skip(str(reason))
    judge(said)
    assert digest(tree) == before


@pytest.mark.parametrize("many", [False, True], ids=["one id", "many ids"])
def test_a_tree_of_an_ordinary_user(tree: Path, *, many: bool) -> None:
    reason = ordinary.missing(many=many)
    if reason:
        pytest.skip(reason)
    tree.parent.chmod(0o755)
    for place in (tree, *tree.rglob("*")):
        shutil.chown(place, ordinary.UID, ordinary.UID) if not place.is_symlink() else None
    before = digest(tree)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        done = ordinary.run(Path(folder), ["-m", "support.treechecks", str(tree)], many=many)
    assert done.returncode == 0, done.stderr
    judge(json.loads(done.stdout))
    assert digest(tree) == before


@pytest.mark.parametrize("fault", ["absent", "file", "no proc"])
def test_a_tree_that_cannot_be_a_root_is_refused(fault: str, tmp_path: Path) -> None:
    if fault == "file":
        (tmp_path / "root").write_text("")
    elif fault == "no proc":
        (tmp_path / "root").mkdir()
        (tmp_path / "root/proc").write_text("not a folder")
    with SealedBoxes() as boxes, pytest.raises(Unavailable):
        boxes.engine.open(BoxSpec(rootfs=Rootfs("tree", str(tmp_path / "root"))))
