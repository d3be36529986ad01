"""Bytes that must not be seen: a value that no log line, error text, pickle or comparison gives away by accident.

- `repr`, `str` and formatting show a fixed text, never the value nor its length.
- It cannot be pickled or copied, so that it reaches no queue, cache or child process by accident.
- `reveal()` is the only way to the value; only `custody` calls it, and a test lists every place that does.
- Python cannot wipe memory reliably: the bytes may remain in it until the process ends. Stated, not solved.

>>> key = Secret(b"sk-live-1")
>>> key, f"{key}"
(Secret(sealed), 'Secret(sealed)')
>>> key == Secret(b"sk-live-1")
True
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A secret value of some bytes."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if not isinstance(value, bytes):
            raise TypeError("a Secret holds bytes; encode text first")
        self._value = value

    def reveal(self) -> bytes:
        """The value. Call it as late and in as few places as can be."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(sealed)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret is no key of a table

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied; hand it over by reference inside this process")

    __reduce__ = __copy__ = __deepcopy__ = __getstate__ = __reduce_ex__  # type: ignore[assignment]
