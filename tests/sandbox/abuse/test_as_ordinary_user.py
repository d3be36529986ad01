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


def run(copy: Path, wrapper: list[str], *wanted: str) -> str:
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
    drop = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    if wrapper:
        drop = drop[:-1]  # newuidmap is a setuid program and needs what it is allowed to have
    options = ["-q", "-rs", "--tb=short", f"--rootdir={copy}"]
    command = [*wrapper, *drop, program, "-m", "pytest", *options, *wanted]
    ran = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=TIME_S, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    return ran.stdout


def counted(text: str) -> int:
    """Tests passed in the child."""
    found = re.search(r"(\d+) passed", text)
    return int(found[1]) if found else 0


def test_an_ordinary_user_with_one_id(copy: Path) -> None:
    text = run(copy, [], f"{copy}/abuse", f"{copy}/test_preflight_holes.py")
    assert counted(text) > 220


def test_an_ordinary_user_with_a_range_of_ids(copy: Path) -> None:
    """The range exists in a private mount namespace only: this machine's own tables stay as they are."""
    if not all(shutil.which(tool) for tool in ("newuidmap", "newgidmap", "unshare")):
        pytest.skip("newuidmap (package uidmap) is not here")
    if not all(Path(f"/etc/{name}").exists() for name in ("subuid", "subgid")):
        pytest.skip("no /etc/subuid to cover with another one")
    (copy / "passwd").write_text(Path("/etc/passwd").read_text() + f"seafarer:x:{UID}:{UID}::/tmp:/bin/sh\n")
    for name in ("subuid", "subgid"):
        (copy / name).write_text(f"seafarer:{RANGE}:65536\n")
    script = "".join(f"mount --bind {copy}/{name} /etc/{name} && " for name in ("passwd", "subuid", "subgid"))
    wrapper = ["unshare", "--mount", "--propagation=private", "sh", "-c", script + 'exec "$@"', "sh"]
    text = run(copy, wrapper, f"{copy}/abuse")
    assert counted(text) > 200
    assert "one user: nobody to gain anything" not in text
