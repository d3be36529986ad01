"""What a repair may not bring in: ways to hide a fault from whoever looks for it, instead of mending it.

Two looks, since each alone can be got round: at the added lines themselves (comments and line splices removed), and
at the patched files after preprocessing, where a name pasted together by macros stands whole. What the program had
before stays allowed: only more of it than before counts.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from seatrial.battery.c.build import SOURCE, STEADY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatrial.battery.instance import FileTree
    from seatrial.sandbox import Box, Boxes, BoxSpec

C_FILES = (".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inc")
PREPROCESS_S = 30.0
_NAMES = (
    *("no_sanitize", "no_sanitize_address", "__attribute__", "__attribute", "_Pragma", "asm", "__asm", "__asm__"),
    *("signal", "sigaction", "bsd_signal", "sysv_signal", "sigset", "sigaltstack", "atexit", "on_exit"),
    *("at_quick_exit", "constructor", "destructor", "system", "popen", "dlopen", "dlsym", "syscall"),
    *("execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe", "fexecve", "posix_spawn", "fork", "vfork"),
    *("prctl", "ptrace", "setrlimit", "mprotect", "longjmp", "siglongjmp", "__builtin_longjmp"),
)
_BANNED = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(map(re.escape, _NAMES))
    + r"|__[a-z]{1,2}san_\w+|__sanitizer_\w+)(?![A-Za-z0-9_])|\#\s*pragma\b"
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL)
_MARKER = re.compile(r'^# \d+ "((?:[^"\\]|\\.)*)"')


def in_lines(lines: Iterable[str], base: str = "") -> tuple[str, ...]:
    """Forbidden constructs of the added lines, sorted; those that the base file has as often are left out."""
    found = _count("\n".join(lines))
    had = _count(base)
    return tuple(sorted(name for name in found if not had[name]))


def in_trees(
    boxes: Boxes, before: FileTree, after: FileTree, paths: Iterable[str], *, box: BoxSpec
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Constructs of which a patched file has more than before, after preprocessing; and files that could not be."""
    more: set[str] = set()
    blind: list[str] = []
    touched = [path for path in paths if path.endswith(C_FILES) and path in after]
    if not touched:
        return (), ()
    units = sorted({*touched, *(path for path in after.files if path.endswith(C_FILES[:1]))})
    old, new = _expanded(boxes, before, units, box), _expanded(boxes, after, units, box)
    for path in units:
        if new.get(path) is None:
            if path in touched:
                blind.append(path)
            continue
        had = _count(old.get(path) or "")
        more |= {name for name, count in _count(new[path] or "").items() if count > had[name]}
    return tuple(sorted(more)), tuple(blind)


def _count(text: str) -> Counter[str]:
    """Constructs by name; text of strings and comments does not count."""
    plain = _COMMENT.sub(lambda match: '""' if match.group(1) else " ", text.replace("\\\n", "").replace("??/\n", ""))
    return Counter(re.sub(r"\s+", "", match) for match in _BANNED.findall(plain))


def _expanded(boxes: Boxes, tree: FileTree, units: Iterable[str], box: BoxSpec) -> Mapping[str, str | None]:
    """The tree's own lines of each unit after preprocessing; None where the preprocessor would not."""
    with boxes.open(box) as opened:
        opened.place(SOURCE, tree.files)
        return {path: _own_lines(opened, path) for path in units if path in tree}


def _own_lines(box: Box, path: str) -> str | None:
    parents = {f"-I{SOURCE}", f"-I{SOURCE}/include", f"-I{SOURCE}/src", f"-I{SOURCE}/{path.rpartition('/')[0]}"}
    command = ["gcc", "-E", "-x", "c", *sorted(parents), f"./{path}"]
    done = box.exec(command, cwd=SOURCE, env=STEADY, timeout_s=PREPROCESS_S)
    if done.returncode or done.timed_out:
        return None
    own, kept = False, []
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        marker = _MARKER.match(line)
        if marker:
            name = marker.group(1)
            own = not name.startswith(("<", "/")) or name.startswith(SOURCE)
        elif own:
            kept.append(line)
    return "\n".join(kept)
