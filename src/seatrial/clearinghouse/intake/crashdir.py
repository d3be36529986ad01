"""A fuzzer's own directory: libFuzzer's artefacts and AFL's queues of crashes and hangs.

- libFuzzer names a file by the SHA-1 of its bytes: one that differs is kept with a mark.
- There is no log, so nothing is said of the crash until it is replayed: the recipe and the target come from whoever
  hands it in.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from seatrial.clearinghouse.finding import ArtefactRole, Claim, ClaimKind, Evidence, ReporterKind, Target
from seatrial.clearinghouse.intake.fields import title_of
from seatrial.clearinghouse.intake.item import Draft, File

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seatrial.clearinghouse.intake.item import Defaults, Item

LIBFUZZER = re.compile(r"(crash|leak|timeout|oom|slow-unit)-([0-9a-f]{40})")
AFL = re.compile(r"id[:_]([0-9]{6,}),(?:sig[:_]([0-9]{2}),)?.*")
AFL_FOLDERS = ("crashes", "hangs")
SKIPPED = ("README.txt",)
NAME_MISMATCH = "name_mismatch"
KINDS = {
    "crash": ClaimKind.MEMORY,
    "leak": ClaimKind.MEMORY,
    "timeout": ClaimKind.DOS,
    "oom": ClaimKind.DOS,
    "slow-unit": ClaimKind.DOS,
    "crashes": ClaimKind.MEMORY,
    "hangs": ClaimKind.DOS,
}


def is_reproducer(name: str) -> bool:
    """Whether a fuzzer names its files like this.

    >>> is_reproducer("crash-da39a3ee5e6b4b0d3255bfef95601890afd80709"), is_reproducer("crashes/id:000000,sig:11,src:0")
    (True, True)
    >>> is_reproducer("crashes/README.txt")
    False
    """
    path = PurePosixPath(name)
    return bool(LIBFUZZER.fullmatch(path.name)) or (_afl_folder(path) != "" and bool(AFL.fullmatch(path.name)))


def read(files: Mapping[str, bytes], defaults: Defaults) -> Iterator[Item]:
    """A finding for each reproducer of a directory, by name."""
    for name in sorted(files):
        if is_reproducer(name):
            yield _draft(name, files[name], defaults)


def _draft(name: str, data: bytes, defaults: Defaults) -> Draft:
    path = PurePosixPath(name)
    marks: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    if match := LIBFUZZER.fullmatch(path.name):
        word, source = match[1], "libfuzzer"
        if hashlib.sha1(data, usedforsecurity=False).hexdigest() != match[2]:
            marks = (NAME_MISMATCH,)
    else:
        word, source = _afl_folder(path), "afl"
        if (found := AFL.fullmatch(path.name)) and found[2]:
            evidence = (Evidence(source=source, name="signal", value=str(int(found[2]))),)
    return Draft(
        name,
        Target(),
        Claim(title=title_of(f"{word} found by {source}", name), kind=KINDS[word]),
        (File(ArtefactRole.POV, path.name, data),),
        marks=marks,
        evidence=evidence,
        reporter_kind=ReporterKind.FUZZER,
        ai_origin=defaults.ai_origin,
        tlp=defaults.tlp,
    )


def _afl_folder(path: PurePosixPath) -> str:
    return path.parent.name if path.parent.name in AFL_FOLDERS else ""
