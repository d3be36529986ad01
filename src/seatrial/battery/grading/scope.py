"""What a repair may change: the files that a case names, and never what judges it.

>>> [matches(path, "**/*.c") for path in ("a.c", "src/deep/a.c", "a.h")]
[True, True, False]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.grading.case import Case

JUDGING = frozenset(("test", "tests", "testsuite", "proof", "proofs", "twin"))


def may_change(case: Case, path: str) -> bool:
    """Whether a repair may touch a path: it fits a pattern, and no folder of tests is in it that the pattern omits."""
    return any(
        matches(path, pattern) and not (set(path.split("/")[:-1]) & JUDGING) - set(pattern.split("/"))
        for pattern in case.editable
    )


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern in which `**/` stands for any folders, `*` and `?` stay inside one name."""
    regex, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            regex, at = regex + r"(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            regex, at = regex + ".*", at + 2
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at]))
            at += 1
    return re.fullmatch(regex, path, re.DOTALL) is not None
