"""A unified diff, read and applied inside a box by git; the host only sees paths and the changed files.

What a diff may do: change, add and delete text files below the tree. What it may not: binary data, changes of mode,
renames and copies, links, paths outside the tree. What stands around it (a letter's head, a list of changed files) does
not matter, nor how many folders its paths begin with, nor lines that end as on other systems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.c.build import SOURCE, STEADY
from seatrial.battery.instance import FileTree
from seatrial.sandbox import ReadLimit

if TYPE_CHECKING:
    from seatrial.sandbox import Box, Boxes, BoxSpec

MAX_BYTES = 256 * 1024  # of a patch: the largest honest repair of a toy is a few KiB
MAX_PATHS = 200
MAX_PATCHED_FILE = 4 * 1024 * 1024
APPLY_S = 30.0
DIFF = "/tmp/submitted.diff"
# Folders to strip, most usual first; then the same for lines that end otherwise than the tree's, and without context.
_WAYS = tuple((depth, flag) for flag in ("", "--ignore-whitespace", "--unidiff-zero") for depth in (1, 0, 2, 3, 4))
_APPLY = f"""said=
while [ $# -gt 0 ]; do
    if git apply -p"$1" $2 --whitespace=nowarn --numstat -z --summary --apply {DIFF} > /tmp/applied 2> /tmp/refused
    then cat /tmp/applied; exit 0; fi
    [ -n "$said" ] || said=$(head -c 2000 /tmp/refused)
    shift 2
done
printf '%s\\n' "$said" >&2
exit 1"""
_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)
_MARKS = re.compile(rb"^(?:diff --git |Index: |--- |rename from |GIT binary patch|Binary files )", re.MULTILINE)
_CONTEXT = re.compile(rb"^ ", re.MULTILINE)
_CREATED = re.compile(r" (?:create mode (\d+)|delete mode \d+|rewrite) ")


class BadPatch(ValueError):
    """A patch that cannot be taken: says why."""


@dataclass(frozen=True)
class Applied:
    """A patched tree, and what was touched."""

    tree: FileTree
    paths: tuple[str, ...]


def apply_patch(boxes: Boxes, tree: FileTree, patch: bytes, *, box: BoxSpec) -> Applied:
    """The tree with a patch applied. Raises `BadPatch`."""
    text = _looked_at(patch)
    with boxes.open(box) as opened:
        opened.place(SOURCE, tree.files, read_only=False)
        opened.write(DIFF, text)
        paths = _apply(opened, text)
        return Applied(_after(opened, tree, paths), paths)


def _looked_at(patch: bytes) -> bytes:
    """The patch with lines that end in a line feed, when it looks like one."""
    if not patch.strip():
        raise BadPatch("it is empty")
    if len(patch) > MAX_BYTES:
        raise BadPatch(f"it has {len(patch)} bytes; at most {MAX_BYTES} are taken")
    if b"\0" in patch:
        raise BadPatch("it holds a NUL byte; only text is taken")
    lines = patch.split(b"\n")
    if all(line.endswith(b"\r") for line in lines if line):
        patch = patch.replace(b"\r\n", b"\n")
    if not _MARKS.search(patch) and not _HUNK.search(patch):
        raise BadPatch("it is no unified diff; make one with `git diff` or `diff -ru`")
    return patch if patch.endswith(b"\n") else patch + b"\n"


def _apply(box: Box, patch: bytes) -> tuple[str, ...]:
    """Apply it in the first way that fits; the paths it touches."""
    zero = [] if _CONTEXT.search(patch) else ["--unidiff-zero"]
    ways = [word for depth, flag in _WAYS if flag != "--unidiff-zero" or zero for word in (str(depth), flag)]
    env = {**STEADY, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": "/:/case"}
    done = box.exec(["sh", "-c", _APPLY, "sh", *ways], cwd=SOURCE, env=env, timeout_s=APPLY_S)
    if done.timed_out:
        raise BadPatch(f"applying it takes longer than {APPLY_S:g} s")
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = lines[0].removeprefix("error: ")[:200] if lines else "git said nothing"
        raise BadPatch(f"it does not apply: {said}")
    listed, _, summary = done.stdout.rpartition(b"\0")
    _refuse_kinds(summary.decode("utf-8", "replace"))
    paths = [_path(entry) for entry in listed.split(b"\0") if entry]
    if not paths or len(paths) > MAX_PATHS:
        raise BadPatch(f"it touches {len(paths)} files; 1 to {MAX_PATHS} are taken")
    return tuple(dict.fromkeys(paths))


def _refuse_kinds(summary: str) -> None:
    for line in summary.splitlines():
        made = _CREATED.match(line)
        if line.strip() and (made is None or made[1] not in {None, "100644", "100755"}):
            raise BadPatch(f"it does more than change text: {line.strip()[:120]}")


def _path(entry: bytes) -> str:
    added, _, rest = entry.partition(b"\t")
    path = rest.partition(b"\t")[2]
    if added == b"-":
        raise BadPatch(f"it holds binary data for {path.decode(errors='replace')!r}")
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        raise BadPatch(f"the path {path!r} is not UTF-8") from None


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
