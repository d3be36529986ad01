"""Shortcut participants: no skill, but a thorough look at everything that can be read.

They find what a careless generator leaves lying about: a literal that is the answer, a flag in a file, an environment
or a process, plain or in one of the usual disguises.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.participants.contract import Brief, Guesses, Kind

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.sandbox import Box

_QUOTED = re.compile(rb"\"((?:[^\"\\\n]|\\.){1,200})\"|'((?:[^'\\\n]|\\.){1,200})'")
_NUMBER = re.compile(rb"(?<![\w.])(0[xX][0-9a-fA-F]{1,64}|\d{1,80})(?![\w.])")
_FLAG_LIKE = re.compile(rb"[A-Za-z][A-Za-z0-9_]{1,15}\{[^{}\s\x00-\x1f\x7f-\xff]{8,80}\}")
_OURS = re.compile(rb"flag\{[a-z2-7]{26}\}")
_KEY_LIKE = re.compile(rb"(?<![0-9a-zA-Z])[0-9a-fA-F]{32}(?![0-9a-zA-Z])")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_TOKENS = 4000  # encoded words looked into per text: bulk data of a task may hold hundreds of thousands

# Everything readable outside the system's own folders, file by file, at most 256 KiB of each.
_READ_FILES = (
    "env; find / -xdev \\( -path /usr -o -path /proc -o -path /sys -o -path /dev -o -path /lib -o -path /lib64 "
    "-o -path /bin -o -path /sbin \\) -prune -o -type f -size -512 -readable -exec cat {} + ; "
    "for place in /challenge /submission /service /tmp /root /run /home /opt /srv /var; do "
    '[ -d "$place" ] && find "$place" -type f -size -512 -readable -exec cat {} + ; done'
)
_READ_PROCESSES = "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
_QUIET = " 2>/dev/null | head -c 8000000"


def flag_like(data: bytes) -> tuple[str, ...]:
    """Whatever looks like a flag or a 128-bit key: plain, base64, hex, rot13, reversed or UTF-16; in order of find."""
    found: dict[str, None] = {}
    for text in _disguises(data):
        for match in (*_OURS.finditer(text), *_FLAG_LIKE.finditer(text), *_KEY_LIKE.finditer(text)):
            found.setdefault(match.group().decode("latin-1"))
    return tuple(found)


def _disguises(data: bytes) -> Iterator[bytes]:
    yield data
    yield data[::-1]
    yield data.replace(b"\0", b"")
    yield codecs.encode(data.decode("latin-1"), "rot13").encode("latin-1")
    decoded = []
    for match in _first(_BASE64.finditer(data)):
        word = match.group().rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        with suppress(binascii.Error):
            decoded.append(base64.b64decode(word + b"=" * (-len(word) % 4)))
    decoded.extend(bytes.fromhex(match.group().decode()) for match in _first(_HEX.finditer(data)))
    yield b"\n".join(decoded)


def _first(matches: Iterable[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
    for _, match in zip(range(_TOKENS), matches, strict=False):
        yield match


def literals(data: bytes) -> Iterator[bytes]:
    """Quoted strings and numbers of a source text."""
    for match in _QUOTED.finditer(data):
        yield match.group(1) or match.group(2)
    for match in _NUMBER.finditer(data):
        yield match.group(1)


@dataclass(frozen=True)
class Constants:
    """Tries every literal of the delivered source as the answer."""

    name: str = "constants"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 10.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """Each different literal, in a drawn order, since none is likelier than another."""
        found = {literal: None for _, content, _ in brief.files for literal in literals(content)}
        return Guesses(tuple(brief.everywhere(literal) for literal in draw.shuffled(found)))


@dataclass(frozen=True)
class Strings:
    """Looks for flag-like strings in the delivered files."""

    name: str = "strings"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 10.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """What looks like a flag in names and contents."""
        pile = b"\n".join(part for path, content, _ in brief.files for part in (path.encode(), content))
        return _guesses(brief, pile)


@dataclass(frozen=True)
class Files:
    """Looks for flag-like strings in every file that the box lets it read, and in its environment."""

    name: str = "files"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ("find", "cat", "head")
    budget_s: float = 10.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """What looks like a flag anywhere outside the system's own folders."""
        script = f"{{ {_READ_FILES}; }}{_QUIET}"
        return _guesses(brief, box.exec(["sh", "-c", script], env=brief.env, timeout_s=budget_s).stdout)


@dataclass(frozen=True)
class Procs:
    """Looks for flag-like strings in command lines and environments of every visible process."""

    name: str = "procs"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ("cat", "head")
    budget_s: float = 10.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """What looks like a flag in /proc."""
        script = f"{{ {_READ_PROCESSES}; }}{_QUIET}"
        return _guesses(brief, box.exec(["sh", "-c", script], env=brief.env, timeout_s=budget_s).stdout)


def _guesses(brief: Brief, pile: bytes) -> Guesses:
    return Guesses(tuple(brief.everywhere(text.encode("latin-1")) for text in flag_like(pile)))


SCANS = (Constants(), Strings(), Files(), Procs())
