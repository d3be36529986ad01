"""A unified diff, read and applied inside a box by git; the host only sees paths, counts and the changed files.

What a diff may do: change, add and delete text files below the tree. What it may not: binary data, changes of mode,
renames and copies, links, paths outside the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.c.build import SOURCE, STEADY
from seatrial.battery.instance import FileTree
from seatrial.sandbox import ReadLimit

if TYPE_CHECKING:
    from seatrial.sandbox import Box, Boxes, BoxSpec, ExecResult

MAX_BYTES = 256 * 1024  # of a patch: the largest honest repair of a toy is a few KiB
MAX_PATHS = 200
MAX_PATCHED_FILE = 4 * 1024 * 1024
APPLY_S = 30.0
DIFF = "/tmp/submitted.diff"

_FORBIDDEN = (
    (re.compile(rb"^GIT binary patch|^Binary files ", re.MULTILINE), "binary data"),
    (re.compile(rb"^(?:old|new) mode ", re.MULTILINE), "a change of mode"),
    (re.compile(rb"^(?:rename|copy) (?:from|to) ", re.MULTILINE), "a rename or copy"),
    (re.compile(rb"^(?:new|deleted) file mode (?!100644)", re.MULTILINE), "a file that is no plain text file"),
)


class BadPatch(ValueError):
    """A patch that cannot be taken: says why."""


@dataclass(frozen=True)
class Applied:
    """A patched tree, and what was touched."""

    tree: FileTree
    paths: tuple[str, ...]
    added: tuple[tuple[str, str], ...]  # path and text of each added line


def apply_patch(boxes: Boxes, tree: FileTree, patch: bytes, *, box: BoxSpec) -> Applied:
    """The tree with a patch applied, at -p1 or else -p0. Raises `BadPatch`."""
    _look(patch)
    with boxes.open(box) as opened:
        opened.place(SOURCE, tree.files, read_only=False)
        opened.write(DIFF, patch)
        depth, paths = _touched(opened)
        done = _git(opened, "apply", f"-p{depth}", "--whitespace=nowarn", DIFF)
        if done.returncode:
            raise BadPatch(f"it does not apply: {_said(done.stderr)}")
        return Applied(_after(opened, tree, paths), paths, _added(patch, depth))


def _look(patch: bytes) -> None:
    if not patch.strip():
        raise BadPatch("it is empty")
    if len(patch) > MAX_BYTES:
        raise BadPatch(f"it has {len(patch)} bytes; at most {MAX_BYTES} are taken")
    if b"\0" in patch:
        raise BadPatch("it holds a NUL byte; only text is taken")
    for pattern, what in _FORBIDDEN:
        if pattern.search(patch):
            raise BadPatch(f"it holds {what}; change text only")


def _touched(box: Box) -> tuple[int, tuple[str, ...]]:
    """The depth at which the patch applies, and the paths it touches."""
    said = ""
    for depth in (1, 0):
        check = _git(box, "apply", f"-p{depth}", "--check", DIFF)
        listed = _git(box, "apply", f"-p{depth}", "--numstat", "-z", DIFF)
        if check.returncode or listed.returncode:
            said = said or _said(check.stderr or listed.stderr)
            continue
        paths = []
        for entry in listed.stdout.split(b"\0"):
            if not entry:
                continue
            added, _, rest = entry.partition(b"\t")
            path = rest.partition(b"\t")[2]
            if added == b"-":
                raise BadPatch(f"it holds binary data for {path.decode(errors='replace')!r}")
            try:
                paths.append(path.decode("utf-8"))
            except UnicodeDecodeError:
                raise BadPatch(f"the path {path!r} is not UTF-8") from None
        if not paths or len(paths) > MAX_PATHS:
            raise BadPatch(f"it touches {len(paths)} files; 1 to {MAX_PATHS} are taken")
        return depth, tuple(dict.fromkeys(paths))
    raise BadPatch(f"it does not apply at -p1 or -p0: {said}")


def _after(box: Box, tree: FileTree, paths: tuple[str, ...]) -> FileTree:
    files = dict(tree.files)
    for path in paths:
        try:
            content = box.read(f"{SOURCE}/{path}", limit=MAX_PATCHED_FILE)
        except FileNotFoundError:
            files.pop(path, None)
        except ReadLimit:
            raise BadPatch(f"{path} is larger than {MAX_PATCHED_FILE} bytes after it") from None
        except OSError as error:
            raise BadPatch(f"{path} is no plain file after it ({error.strerror})") from None
        else:
            files[path] = (content, tree.files[path][1] if path in tree else 0o644)
    return FileTree(files)


def _added(patch: bytes, depth: int) -> tuple[tuple[str, str], ...]:
    """Every added line with its path; what stands before a hunk is a heading, whatever it begins with."""
    found, path, left_old, left_new = [], "", 0, 0
    for raw in patch.decode("utf-8", "replace").split("\n"):
        if left_old <= 0 and left_new <= 0:
            hunk = re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", raw)
            if hunk:
                left_old, left_new = (int(count) if count is not None else 1 for count in hunk.groups())
            elif raw.startswith("+++ "):
                name = raw[4:].split("\t")[0].strip().strip('"')
                path = "/".join(name.split("/")[depth:])
            continue
        if raw.startswith("+"):
            found.append((path, raw[1:]))
            left_new -= 1
        elif raw.startswith("-"):
            left_old -= 1
        elif not raw.startswith("\\"):
            left_old, left_new = left_old - 1, left_new - 1
    return tuple(found)


def _git(box: Box, *arguments: str) -> ExecResult:
    env = {**STEADY, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": "/"}
    return box.exec(["git", *arguments], cwd=SOURCE, env=env, timeout_s=APPLY_S)


def _said(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("error: ")[:200] if lines else "git said nothing"
