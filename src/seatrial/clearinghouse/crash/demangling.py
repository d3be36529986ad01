"""Names that a tool printed as the linker has them: Rust's two manglings, and plain nested names of Itanium C++.

Only names are read, never signatures: `_ZN3foo3barEi` is `foo::bar`. What is not understood stays as it was.

>>> demangle("_ZN4core9panicking5panic17h0123456789abcdefE"), demangle("_ZNK3foo3BarC2Ei")
('core::panicking::panic', 'foo::Bar::Bar')
>>> demangle("_RNvNtCs1234_7mycrate3foo3bar"), demangle("_Z3fooi"), demangle("_Znwm"), demangle("open")
('mycrate::foo::bar', 'foo', 'operator new', 'open')
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_PARTS = 64  # of a nested name; deeper ones stay mangled

_RUST_HASH = re.compile(r"h[0-9a-f]{16}$")
_SPECIAL = {"Znwm": "operator new", "Znam": "operator new[]", "ZdlPv": "operator delete", "ZdaPv": "operator delete[]"}
_OPERATORS = {
    "nw": "operator new", "na": "operator new[]", "dl": "operator delete", "da": "operator delete[]", "pl": "operator+",
    "mi": "operator-", "ml": "operator*", "dv": "operator/", "eq": "operator==", "ne": "operator!=", "lt": "operator<",
    "gt": "operator>", "le": "operator<=", "ge": "operator>=", "ix": "operator[]", "cl": "operator()",
    "pt": "operator->", "aS": "operator=", "ls": "operator<<", "rs": "operator>>", "pL": "operator+=",
    "mI": "operator-=", "nt": "operator!", "de": "operator*", "pp": "operator++", "mm": "operator--",
}  # fmt: skip
_BASE_62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ABBREVIATIONS = {"St": "std", "Sa": "std::allocator", "Ss": "std::string"}


def demangle(name: str) -> str:
    """The readable name, without its parameters; the name itself where it is not mangled, or not understood."""
    if not name.startswith(("_Z", "_R", "__Z")):
        return name
    bare = name.removeprefix("_") if name.startswith("__Z") else name
    bare = bare.split("@", 1)[0]
    if bare.startswith("_R"):
        return _Rust(bare[2:]).read() or name
    known = next((word for start, word in _SPECIAL.items() if bare[1:].startswith(start)), None)
    return known or _itanium(bare[2:]) or name


def _itanium(text: str) -> str:
    place = 0
    if text.startswith("L"):
        place = 1
    if text.startswith("N", place):
        parts = _nested(text, place + 1)
    else:
        prefix = ["std"] if text.startswith("St", place) else []
        part, _ = _source_name(text, place + 2 * len(prefix))
        parts = [*prefix, part] if part else []
    if len(parts) > 1 and _RUST_HASH.match(parts[-1]):
        parts.pop()
    return "::".join(parts)


def _nested(text: str, place: int) -> list[str]:
    """The parts of `N … E`; empty where something other than plain parts stands in it."""
    while text[place : place + 1] in {"K", "V", "r", "R", "O"}:
        place += 1
    parts: list[str] = []
    while place < len(text) and text[place] != "E" and len(parts) < MAX_PARTS:
        two = text[place : place + 2]
        if two in _ABBREVIATIONS:
            parts.append(_ABBREVIATIONS[two])
            place += 2
        elif two in {"C1", "C2", "C3", "D0", "D1", "D2"} and parts:
            parts.append(("~" if two[0] == "D" else "") + parts[-1].rpartition("::")[2])
            place += 2
        elif two in _OPERATORS:
            parts.append(_OPERATORS[two])
            place += 2
        elif text[place] == "L":
            place += 1
        elif text[place] == "I":
            place = _skip_arguments(text, place)
            if place < 0:
                return []
        else:
            part, place = _source_name(text, place)
            if not part:
                return []
            parts.append(part)
    return parts if place < len(text) else []


def _skip_arguments(text: str, place: int) -> int:
    """The place behind `I … E`, counting the letters that open a group; -1 where it never closes."""
    depth = 0
    while place < len(text):
        if text[place].isdigit():
            part, place = _source_name(text, place)
            if not part:
                return -1
            continue
        if text[place] in "INJX" or (text[place] == "L" and text[place + 1 : place + 2] != "_"):
            depth += 1
        elif text[place] == "E":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
        if text[place - 1] == "L" and depth:
            while place < len(text) and text[place] != "E":
                place += 1
    return -1


def _source_name(text: str, place: int) -> tuple[str, int]:
    digits = place
    while digits < len(text) and text[digits].isdigit() and digits - place < 5:
        digits += 1
    if digits == place:
        return "", place
    end = digits + int(text[place:digits])
    part = text[digits:end]
    return ("(anonymous namespace)" if part.startswith("_GLOBAL__N_") else part) if end <= len(text) else "", end


class _Rust:
    """A path of Rust's v0 mangling (RFC 2603), without its generic arguments."""

    def __init__(self, text: str) -> None:
        self._text, self._place, self._steps = text, 0, 0

    def read(self) -> str:
        try:
            return self._path()
        except (ValueError, IndexError):
            return ""

    def _path(self) -> str:
        self._steps += 1
        if self._steps > MAX_PARTS:
            raise ValueError(self._text)
        tag = self._take()
        if tag == "C":
            self._disambiguator()
            return self._identifier()
        if tag == "N":
            kind = self._take()
            outer = self._path()
            self._disambiguator()
            inner = self._identifier()
            if kind.isupper():
                inner = "{closure}" if kind == "C" else "{" + (inner or "shim") + "}"
            return f"{outer}::{inner}" if inner else outer
        if tag == "I":
            path = self._path()
            self._arguments()
            return path
        if tag == "B":
            return self._back(self._path)
        if tag == "M":
            self._disambiguator()
            self._path()
            return self._type()
        if tag in {"X", "Y"}:
            if tag == "X":
                self._disambiguator()
                self._path()
            kept = self._type()
            return f"<{kept} as {self._path()}>"
        raise ValueError(tag)

    def _type(self) -> str:
        tag = self._text[self._place]
        if tag in "CMXYNI":
            return self._path()
        self._take()
        if tag == "B":
            return self._back(self._type)
        if tag in "RQPO":
            if self._text[self._place] == "L":
                self._take()
                self._number()
            return self._type()
        if tag == "S":
            return f"[{self._type()}]"
        if tag.islower():
            return tag
        raise ValueError(tag)

    def _arguments(self) -> None:
        while self._text[self._place] != "E":
            if self._text[self._place] == "L":
                self._take()
                self._number()
            else:
                self._type()
        self._take()

    def _back(self, read: Callable[[], str]) -> str:
        target = self._number()
        here, self._place = self._place, target
        self._steps += 1
        if self._steps > MAX_PARTS or target >= here:
            raise ValueError(self._text)
        found = read()
        self._place = here
        return found

    def _identifier(self) -> str:
        unicode = self._text[self._place] == "u"
        if unicode:
            self._take()
        digits = self._place
        while self._text[self._place].isdigit() and self._place - digits < 5:
            self._place += 1
        length = int(self._text[digits : self._place] or "0")
        if self._text[self._place : self._place + 1] == "_":
            self._place += 1
        start, self._place = self._place, self._place + length
        if self._place > len(self._text):
            raise ValueError(self._text)
        return self._text[start : self._place]

    def _disambiguator(self) -> None:
        if self._text[self._place] == "s":
            self._take()
            self._number()

    def _number(self) -> int:
        """A number to the base of 62, closed by `_`; `_` alone is 0."""
        end = self._text.index("_", self._place)
        digits, self._place = self._text[self._place : end], end + 1
        value = 0
        for digit in digits[:11]:
            value = value * 62 + _BASE_62.index(digit)
        return value + 1 if digits else 0

    def _take(self) -> str:
        char = self._text[self._place]
        self._place += 1
        return char
