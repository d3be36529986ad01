"""A tree of its own as root file system: private to each box, and never changed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox.spec import BoxSpec, Rootfs

if TYPE_CHECKING:
    from seatrial.sandbox.sealed import SealedBoxes

PROGRAMS = ("sh", "cat", "ls", "rm", "touch", "mkdir", "id", "mount")


def fingerprint(tree: Path) -> str:
    """A digest over names, modes and contents."""
    digest = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        kind = (
            path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        )
        digest.update(f"{path.relative_to(tree)} {path.lstat().st_mode}\n".encode() + kind)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """A few programs of this machine with their libraries, and traps for whoever opens paths in it."""
    with tempfile.TemporaryDirectory(prefix="seatrial-tree-") as name:
        root = Path(name)
        root.chmod(0o755)
        for program in PROGRAMS:
            path = shutil.which(program, path="/usr/bin:/bin")
            assert path is not None
            linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
            for needed in [path, *re.findall(r"(/\S+) \(0x", linked)]:
                target = root / "bin" / program if needed == path else root / needed.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(needed).resolve(), target)
        (root / "etc").mkdir()
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root / "data").mkdir()
        (root / "data/lower").write_text("lower\n")
        (root / "data/secret").symlink_to("/etc/passwd")
        for trap in ("proc", "dev"):  # a tree must not lead the engine's own mounts anywhere else
            (root / trap).mkdir()
        yield root


def spec(tree: Path) -> BoxSpec:
    return BoxSpec(rootfs=Rootfs(kind="tree", path=str(tree), digest="0" * 64), workdir="/")


def test_a_tree_is_sealed_and_writable_in_private(boxes: SealedBoxes, tree: Path) -> None:
    before = fingerprint(tree)
    with boxes.open(spec(tree)) as one, boxes.open(spec(tree)) as two:
        assert one.exec(["sh", "-c", "echo changed > /data/lower; echo new > /bin/new; rm /bin/ls"]).returncode == 0
        assert one.read("/data/lower") == b"changed\n"
        assert two.read("/data/lower") == b"lower\n"
        assert two.exec(["ls", "/data"]).stdout.split() == [b"lower", b"secret"]
    assert fingerprint(tree) == before


def test_wiping_everything_leaves_the_tree_and_the_agent(boxes: SealedBoxes, tree: Path) -> None:
    before = fingerprint(tree)
    with boxes.open(spec(tree)) as box:
        box.exec(["sh", "-c", "rm -rf /bin /lib* /usr /etc /data"], timeout_s=20)
        assert box.exec(["sh", "-c", "true"]).returncode in (126, 127)
        box.write("/data/again", b"fine")
        assert box.read("/data/again") == b"fine"
    assert fingerprint(tree) == before
    with boxes.open(spec(tree)) as fresh:
        assert fresh.exec(["cat", "/data/lower"]).stdout == b"lower\n"


def test_the_place_of_the_tree_cannot_be_read_inside(boxes: SealedBoxes, tree: Path) -> None:
    with boxes.open(spec(tree)) as box:
        seen = box.exec(["sh", "-c", "cat /proc/self/mountinfo /proc/mounts /proc/1/cmdline /proc/self/cgroup"]).stdout
        assert tree.name.encode() not in seen
        assert b"seatrial" not in seen


@pytest.mark.parametrize("trap", ["proc", "dev", "etc", "tmp"])
def test_a_tree_with_links_in_place_of_folders_leads_nowhere(boxes: SealedBoxes, tree: Path, trap: str) -> None:
    """A hostile tree: `/proc -> /tmp/elsewhere` must neither be followed out of the box nor leave the box open."""
    from seatrial.sandbox.errors import NotSealed, Unavailable  # noqa: PLC0415 - used in one case only

    with (
        tempfile.TemporaryDirectory(prefix="seatrial-trap-") as name,
        tempfile.TemporaryDirectory(prefix="seatrial-bait-") as bait,
    ):
        root = Path(name) / "tree"
        shutil.copytree(tree, root, symlinks=True)
        Path(name).chmod(0o755)
        Path(bait).chmod(0o777)
        if (root / trap).exists():
            shutil.rmtree(root / trap)
        (root / trap).symlink_to(bait)
        try:
            with boxes.open(spec(root)) as box:
                box.exec(["sh", "-c", f"echo x > /{trap}/x"])
        except (Unavailable, NotSealed):
            pass  # refusing such a tree is right as well
        assert list(Path(bait).iterdir()) == []


def test_a_file_of_an_owner_unknown_to_the_box_cannot_be_changed(boxes: SealedBoxes, tree: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("making a file of another owner needs root")
    with tempfile.TemporaryDirectory(prefix="seatrial-owner-") as name:
        root = Path(name) / "tree"
        shutil.copytree(tree, root, symlinks=True)
        Path(name).chmod(0o755)
        (root / "data/foreign").write_text("foreign\n")
        os.chown(root / "data/foreign", 70_000, 70_000)
        with boxes.open(spec(root)) as box:
            done = box.exec(["sh", "-c", "echo x >> /data/foreign"])
            assert done.returncode != 0  # EOVERFLOW: its owner has no number in the box
            assert box.exec(["cat", "/data/foreign"]).stdout == b"foreign\n"
