"""One line of a stack trace, as the sanitizers of gcc and clang print it.

>>> read_frame(0, "0x55d2 in std::vector<int, std::allocator<int> >::at(unsigned long) const /usr/include/v.h:10:3")
Frame(index=0, address=21970, function='std::vector<int, std::allocator<int> >::at(unsigned long) const', \
file='/usr/include/v.h', line=10, column=3, module='', offset=None)
>>> read_frame(4, "0x10 in _start (/bin/demo+0x10f0) (BuildId: 4fa1)").offset == 0x10f0
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NAME = 512  # characters kept of a function, file or module name


@dataclass(frozen=True)
class Frame:
    """One call: `address` and `offset` (in its module) are numbers, names are as printed, empty when unknown."""

    index: int
    address: int | None = None
    function: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    module: str = ""
    offset: int | None = None


_BUILD_ID = re.compile(r"\s*\(BuildId: [0-9a-fA-F]{1,80}\)$")
_ADDRESS = re.compile(r"^0x([0-9a-fA-F]{1,16})(?:\s+|$)")
_OFFSET = re.compile(r"\+0x([0-9a-fA-F]{1,16})\)$")
_DISCRIMINATOR = re.compile(r" \(discriminator \d{1,9}\)$")
_NO_MODULE = re.compile(r"\s*\(<unknown module>\)$")
_PLACE = re.compile(r":(\d{1,9})(?::(\d{1,9}))?$")
_OPEN, _CLOSE = "(<[{", ")>]}"


def read_frame(index: int, text: str) -> Frame:
    """Read the part of the line behind `#index`; whatever is not understood is left empty."""
    text = _NO_MODULE.sub("", _BUILD_ID.sub("", text.strip()))
    match = _ADDRESS.match(text)
    address = int(match[1], 16) if match else None
    rest = text[match.end() :] if match else text
    rest, module, offset = _module(rest)
    rest = _DISCRIMINATOR.sub("", rest.strip().removeprefix("in ").strip())
    function, file, line, column = split(rest)
    return Frame(index, address, function[:MAX_NAME], file[:MAX_NAME], line, column, module[:MAX_NAME], offset)


def _module(text: str) -> tuple[str, str, int | None]:
    """What stands before `(module+0xoffset)` at the end, the module and the offset."""
    found = _OFFSET.search(text)
    if not found:
        return text, "", None
    end = found.start()
    absolute = text.find("(/", 0, end)  # a path may hold brackets, so its first slash decides
    start = absolute if absolute >= 0 else text.rfind("(", 0, end)
    if start < 0:
        return text, "", None
    return text[:start], text[start + 1 : end], int(found[1], 16)


def split(text: str) -> tuple[str, str, int | None, int | None]:
    """Function, file, line and column of `function file:line:column`, where both names may hold spaces."""
    place = _PLACE.search(text)
    body = text[: place.start()] if place else text
    line = int(place[1]) if place else None
    column = int(place[2]) if place and place[2] else None
    cut = _boundary(body, sure=place is not None)
    if cut is None:
        return body, "", None, None
    return body[:cut].rstrip(), body[cut:].lstrip(), line, column


def _boundary(body: str, *, sure: bool) -> int | None:
    """Where the file begins: at the first space outside brackets with a path behind it, else at the last such space."""
    depth, last = 0, None
    for place, char in enumerate(body):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth = max(0, depth - 1)
        elif char == " " and depth == 0:
            if body.startswith(("/", "./", "../", "<"), place + 1):
                return place
            last = place
    if last is None and " /" in body:  # an operator< or a lone bracket hid every space
        return body.rindex(" /")
    return last if sure else None
