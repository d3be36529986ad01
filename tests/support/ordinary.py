"""Running a program as an ordinary user of this machine, with or without a range of subordinate ids.

Only root can do that; the user exists, and has its range, in the mount namespace of the program alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

UID = 61_234
FIRST_ID = 500_000_000
SOURCES = Path(__file__).resolve().parent.parent.parent
_SHELL = """
set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/sub" /etc/subuid
mount --bind "$1/sub" /etc/subgid
folder=$1; shift
cd /
exec setpriv --reuid {uid} --regid {uid} --clear-groups env -i PATH="$PATH" HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
  PYTHONPATH="$folder/src:$folder/tests" "$@"
"""


def missing(*, many: bool) -> str:
    """Why a program cannot be run so here; empty when it can."""
    if os.geteuid() != 0:
        return "only root can become an ordinary user"
    programs = ["unshare", "setpriv", "mount", *(["newuidmap", "newgidmap"] if many else [])]
    absent = [name for name in programs if not shutil.which(name)]
    if absent:
        return f"not installed: {', '.join(absent)}"
    return "" if _python() else "no Python that an ordinary user can run"


def run(folder: Path, words: list[str], *, many: bool, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` as an ordinary user over a copy of this project in `folder`, which that user can read."""
    _copy(folder, many=many)
    shell = _SHELL.format(uid=UID)
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", shell, "sh", str(folder), _python()]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=timeout_s, check=False)


def _copy(folder: Path, *, many: bool) -> None:
    for name in ("src", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(SOURCES / name, folder / name, dirs_exist_ok=True, ignore=ignore)
    facts = folder / "src" / "seatrial-0.dist-info" / "METADATA"
    facts.parent.mkdir(exist_ok=True)
    facts.write_text("Metadata-Version: 2.1\nName: seatrial\nVersion: 0\n")
    (folder / "sub").write_text(f"{UID}:{FIRST_ID}:65536\n" if many else "")
    (folder / "passwd").write_text(Path("/etc/passwd").read_text() + f"ordinary:x:{UID}:{UID}::/tmp:/bin/sh\n")
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)


def _python() -> str:
    """An interpreter that an ordinary user can start, of this version or newer than it needs; empty when none."""
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        test = "import sys; sys.exit(sys.version_info < (3, 11))"
        words = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "env", program, "-c", test]
        if Path(program).exists() and subprocess.run(words, capture_output=True, check=False, cwd="/").returncode == 0:
            return program
    return ""
