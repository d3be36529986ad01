"""What a participant hands in, taken out of its box as plain bytes under caps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.sandbox.errors import ReadLimit

if TYPE_CHECKING:
    from seatrial.sandbox import Box

KIB = 1024
FOLDER = "/submission"


@dataclass(frozen=True)
class SubmissionSpec:
    """File names under /submission and the cap of each in bytes; every file is optional unless alone."""

    files: Mapping[str, int] = field(default_factory=lambda: {"answer": 64 * KIB})

    def describe(self) -> str:
        """One line for a prompt."""
        return ", ".join(f"{FOLDER}/{name} (at most {cap} bytes)" for name, cap in self.files.items())


@dataclass(frozen=True)
class Submission:
    """Bytes by file name; what was there but could not be taken stands in `refused` with the reason."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing usable was handed in."""
        return not self.files

    def digest(self) -> str:
        """SHA-256 over sorted names and contents."""
        lines = (f"{name} {hashlib.sha256(body).hexdigest()}\n" for name, body in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def collect(box: Box, spec: SubmissionSpec) -> Submission:
    """Pull the submission out of a box: regular files only, no link followed, each under its cap."""
    files: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for name, cap in spec.files.items():
        try:
            files[name] = box.read(f"{FOLDER}/{name}", limit=cap)
        except FileNotFoundError:
            continue
        except ReadLimit:
            refused[name] = f"larger than {cap} bytes"
        except OSError as error:
            refused[name] = f"not a readable regular file ({error.strerror or error})"
    return Submission(files, refused)
