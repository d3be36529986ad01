"""How the material of a part looks: telling or neutral names, plain or packed numbers, sources with or without words.

* Level 1 says what it is: telling names, hexadecimal numbers, commented sources.
* From level 2 on every name of files, fields and functions is a drawn, pronounceable word and sources lose their
  comments; from level 3 on numbers are packed in base64 and other traffic lies around the weak spot.
* A neutral word depends on the seed and the word alone, never on the order in which words are asked for.

>>> Style(bytes(16), neutral=False, bulk=False).word("modulus")
'modulus'
>>> Style(bytes(16), neutral=True, bulk=False).word("modulus")
'fumicebo'
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resource

PACKAGE = "seatrial.battery.families.crypto"
_CONSONANTS, _VOWELS = "bcdfgklmnprstvz", "aeiou"
_DOCSTRING = re.compile(r'^[ \t]*"""(?:.|\n)*?"""\n', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#.*\n|[ \t]+#.*$", re.MULTILINE)
_BLANK = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Style:
    """The look of one part; `seed` decides its neutral words."""

    seed: bytes
    neutral: bool
    bulk: bool

    def word(self, word: str) -> str:
        """A name as it is delivered."""
        if not self.neutral:
            return word
        digest = hashlib.sha256(self.seed + word.encode()).digest()
        letters = (_CONSONANTS[digest[i] % 15] + _VOWELS[digest[i + 1] % 5] for i in range(0, 8, 2))
        return "".join(letters)

    def number(self, value: int) -> str:
        """A number that is not negative, as text: hexadecimal, or base64 of its bytes."""
        if not self.bulk:
            return f"{value:x}"
        return base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")).decode()

    def value(self, text: str) -> int:
        """The number that `number` wrote."""
        return int.from_bytes(base64.b64decode(text), "big") if self.bulk else int(text, 16)

    def octets(self, content: bytes) -> str:
        """Bytes as text, in the same way; their length is kept."""
        return base64.b64encode(content).decode() if self.bulk else content.hex()

    def table(self, content: object) -> bytes:
        """A JSON document with its field names as they are delivered."""
        return json.dumps(self._named(content), indent=1).encode() + b"\n"

    def read(self, document: bytes) -> dict[str, object]:
        """The document that `table` wrote, field names still as delivered."""
        parsed: dict[str, object] = json.loads(document)
        return parsed

    def source(self, module: str, words: tuple[str, ...]) -> bytes:
        """A program of `handout/` as it is delivered; `words` are its names that say too much."""
        text = standalone("handout", module)
        if not self.neutral:
            return text.encode()
        text = _COMMENT.sub("", _DOCSTRING.sub("", text))
        for word in sorted(words, key=len, reverse=True):
            text = re.sub(rf"\b{word}\b", self.word(word), text)
        return _BLANK.sub("\n\n\n", text).lstrip("\n").encode()

    def _named(self, content: object) -> object:
        if isinstance(content, dict):
            return {self.word(str(key)): self._named(item) for key, item in content.items()}
        if isinstance(content, list | tuple):
            return [self._named(item) for item in content]
        return content


@cache
def standalone(folder: str, module: str) -> str:
    """The text of a module of this package that imports nothing of the house but neighbours, which lie beside it."""
    text = resource(PACKAGE).joinpath(folder, f"{module}.py").read_text(encoding="utf-8")
    return re.sub(rf"^from {re.escape(PACKAGE)}\.\w+\.(\w+) import", r"from \1 import", text, flags=re.MULTILINE)
