"""The developer's half of a key: kept here for the developer, or sent by the developer when access opens.

- `held`: a second key directory that the developer may empty at any time.
- `supplied`: memory only, for at most the lease; after a restart access waits for it, visibly (`HalfAwaited`).
- `drop` needs nobody's agreement. After it nothing of that key opens, whatever the government's side keeps.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.keys import HALF_BYTES, CustodyError, KeyGone
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.custody.keys import KeyId


class HalfAwaited(CustodyError):
    """The developer's half is not here now; access waits until the developer sends it."""


class DeveloperHalf(Protocol):
    """Where the developer's halves are."""

    def create(self, key: KeyId) -> None:
        """Have a half for a new key, or raise `HalfAwaited` if the developer has not sent it."""
        ...

    def get(self, key: KeyId, now: datetime) -> Secret:
        """The half. Raises `HalfAwaited` (it may come) or `KeyGone` (it was dropped)."""
        ...

    def drop(self, key: KeyId) -> bool:
        """Destroy the half for good; whether it was there. Again is no fault."""
        ...


class HeldInMemory:
    """Held halves that go with the process: for tests and trials."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random = random_bytes
        self._halves: dict[KeyId, Secret] = {}

    def create(self, key: KeyId) -> None:
        """Make a half."""
        self._halves.setdefault(key, Secret(self._random(HALF_BYTES)))

    def get(self, key: KeyId, now: datetime) -> Secret:  # noqa: ARG002 - held halves have no term
        """The half."""
        try:
            return self._halves[key]
        except KeyError:
            raise KeyGone(f"{key}: the developer's half was destroyed or never made") from None

    def drop(self, key: KeyId) -> bool:
        """Forget the half."""
        return self._halves.pop(key, None) is not None


@dataclass(frozen=True, slots=True)
class _Sent:
    half: Secret
    until: datetime


class SuppliedHalf:
    """Halves that the developer sends, each until an instant; nothing is ever written down."""

    def __init__(self) -> None:
        self._sent: dict[KeyId, _Sent] = {}
        self._dropped: set[KeyId] = set()

    def supply(self, key: KeyId, half: Secret, until: datetime) -> None:
        """Take the half for `key` until `until` (aware UTC); a dropped key takes none again."""
        if key in self._dropped:
            raise KeyGone(f"{key}: the developer ended this key; it takes no half again")
        if len(half.reveal()) != HALF_BYTES:
            raise ValueError(f"{key}: a half has {HALF_BYTES} bytes")
        self._sent[key] = _Sent(half, until)

    def create(self, key: KeyId) -> None:
        """Only checks that the half was sent."""
        if key not in self._sent:
            raise HalfAwaited(f"{key}: waiting for the developer's half")

    def get(self, key: KeyId, now: datetime) -> Secret:
        """The half, while its term lasts."""
        if key in self._dropped:
            raise KeyGone(f"{key}: the developer ended this key")
        sent = self._sent.get(key)
        if sent is None or now >= sent.until:
            self._sent.pop(key, None)
            raise HalfAwaited(f"{key}: waiting for the developer's half")
        return sent.half

    def drop(self, key: KeyId) -> bool:
        """Forget the half and take none again."""
        self._dropped.add(key)
        return self._sent.pop(key, None) is not None
