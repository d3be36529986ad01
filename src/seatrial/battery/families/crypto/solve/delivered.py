"""What lies in /challenge, read back under the names that the solver uses."""

import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from seatrial.battery.families.crypto.handout.sealing import unseal

CHECK = "check.sha256"  # SHA-256 of the 16 bytes, in hexadecimal


class Delivered:
    """The files of one part; `layout` gives the delivered word of each name and how numbers are written."""

    def __init__(self, files: Mapping[str, bytes], layout: Mapping[str, Any]) -> None:
        self.files, self.layout = files, layout
        self.access = ""  # what a service asks for before it talks, if anything
        self._words: Mapping[str, str] = layout["words"]
        self._telling = {delivered: telling for telling, delivered in self._words.items()}

    def table(self, name: str) -> Any:  # noqa: ANN401 - a JSON document
        """A JSON document with the solver's names for its fields."""
        return self._renamed(json.loads(self.files[self._words.get(name, name) + ".json"]))

    def number(self, text: str) -> int:
        """A number as it is written in this part."""
        return int.from_bytes(base64.b64decode(text), "big") if self.layout["packed"] else int(text, 16)

    def octets(self, text: str) -> bytes:
        """Bytes as they are written in this part."""
        return base64.b64decode(text) if self.layout["packed"] else bytes.fromhex(text)

    def program(self, name: str) -> ModuleType:
        """A delivered program with the solver's names for its functions; `needs` are loaded before it."""
        for needed in (*self.layout.get("needs", ()), name):
            delivered = self._words.get(needed, needed)
            module = ModuleType(delivered)
            sys.modules[delivered] = module
            exec(compile(self.files[delivered + ".py"], delivered, "exec"), module.__dict__)  # noqa: S102 - our own
            classes = [item for item in vars(module).values() if isinstance(item, type)]
            for place in (module, *classes):
                for telling, word in self._words.items():
                    if hasattr(place, word):
                        setattr(place, telling, getattr(place, word))
        return module

    def right(self, secret: bytes) -> bool:
        """Whether these are the 16 bytes that this part holds."""
        return hashlib.sha256(secret).hexdigest() == self.files[CHECK].decode().strip()

    def first_right(self, candidates: Iterable[bytes]) -> bytes | None:
        """The right one among candidates, if any."""
        return next((secret for secret in candidates if self.right(secret)), None)

    def _renamed(self, content: Any) -> Any:  # noqa: ANN401 - a JSON document
        if isinstance(content, dict):
            return {self._telling.get(key, key): self._renamed(item) for key, item in content.items()}
        if isinstance(content, list):
            return [self._renamed(item) for item in content]
        return content


def opened(key: bytes, sealed: bytes) -> bytes | None:
    """A sealed text under a key, or None under a wrong one."""
    try:
        return unseal(key, sealed)
    except ValueError:
        return None
