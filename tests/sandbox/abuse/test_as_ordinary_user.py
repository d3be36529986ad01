"""The same abuse and holes once more with an ordinary user's boxes: one user in each, and with a range of ids.

Root runs the suite in a child that gives root up. The child has a copy of the package and of the few packages that
pytest needs, because the tree and the interpreter in use may lie where an ordinary user cannot read.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import seatrial

UID = 54_321
RANGE = 1_900_000_000  # above every block that root's own boxes take
PACKAGES = ("_pytest", "pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
INSIDE = "SEATRIAL_ABUSE_INSIDE"
TIME_S = 300

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or INSIDE in os.environ, reason="root starts this once for others")


def interpreter() -> str | None:
    """A Python of this very version that an ordinary user can start."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for program in (os.path.realpath(sys.executable), f"/usr/bin/python{version}", "/usr/bin/python3"):
        said = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run(
                [program, "-I", "-c", said], user=UID, group=UID, capture_output=True, check=False, cwd="/"
            )
        except OSError:
            continue
        if done.stdout.decode().strip() == version:
            return program
    return None


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seatrial-abuse-") as name:
        base = Path(name)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(seatrial.__file__).parent / "sandbox", base / "src/seatrial/sandbox", ignore=ignore)
        (base / "src/seatrial/__init__.py").write_text('"""A copy for a test."""\n')
        shutil.copytree(Path(__file__).parent, base / "abuse", ignore=ignore)
        shutil.copy(Path(__file__).parents[1] / "test_preflight_holes.py", base)
        for package in PACKAGES:
            found = importlib.util.find_spec(package)
            assert found is not None
            assert found.origin is not None
            origin = Path(found.origin)
            if origin.name == "__init__.py":
                shutil.copytree(origin.parent, base / "packages" / package, ignore=ignore)
            else:
                shutil.copy(origin, base / "packages")
        (base / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        yield base


def start(copy: Path, uid: int, wrapper: list[str], *wanted: str) -> subprocess.Popen[str]:
    program = interpreter()
    if program is None:
        pytest.skip("no Python of this version that an ordinary user can start")
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",
        "PYTHONPATH": f"{copy}/src:{copy}/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
        INSIDE: "1",
    }
    drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"]
    if not wrapper:
        drop.append("--bounding-set=-all")  # but newuidmap is a setuid program and needs what it may have
    options = ["-q", "-rs", "--tb=short", f"--rootdir={copy}"]
    command = [*wrapper, *drop, program, "-m", "pytest", *options, *wanted]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def passed(child: subprocess.Popen[str]) -> tuple[int, str]:
    """How many tests passed in a child, and all it said."""
    said, wrong = child.communicate(timeout=TIME_S)
    assert child.returncode == 0, said[-6000:] + wrong[-2000:]
    found = re.search(r"(\d+) passed", said)
    return int(found[1]) if found else 0, said


@pytest.fixture(scope="module")
def with_one_id(copy: Path) -> subprocess.Popen[str]:
    return start(copy, UID, [], f"{copy}/abuse", f"{copy}/test_preflight_holes.py")


@pytest.fixture(scope="module")
def with_a_range(copy: Path) -> subprocess.Popen[str] | None:
    """The range exists in a private mount namespace only: this machine's own tables stay as they are."""
    if not all(shutil.which(tool) for tool in ("newuidmap", "newgidmap", "unshare")):
        return None
    if not all(Path(f"/etc/{name}").exists() for name in ("subuid", "subgid")):
        return None
    uid = UID + 1  # another user, so that the two do not share a count of processes
    (copy / "passwd").write_text(Path("/etc/passwd").read_text() + f"seafarer:x:{uid}:{uid}::/tmp:/bin/sh\n")
    for name in ("subuid", "subgid"):
        (copy / name).write_text(f"seafarer:{RANGE}:65536\n")
    script = "".join(f"mount --bind {copy}/{name} /etc/{name} && " for name in ("passwd", "subuid", "subgid"))
    wrapper = ["unshare", "--mount", "--propagation=private", "sh", "-c", script + 'exec "$@"', "sh"]
    return start(copy, uid, wrapper, f"{copy}/abuse")


@pytest.mark.usefixtures("with_a_range")  # both run at once
def test_an_ordinary_user_with_one_id(with_one_id: subprocess.Popen[str]) -> None:
    count, _ = passed(with_one_id)
    assert count > 220


def test_an_ordinary_user_with_a_range_of_ids(with_a_range: subprocess.Popen[str] | None) -> None:
    if with_a_range is None:
        pytest.skip("newuidmap (package uidmap) or /etc/subuid is not here")
    count, said = passed(with_a_range)
    assert count > 200
    assert "one user: nobody to gain anything" not in said
