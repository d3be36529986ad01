"""The developer's half of a key: kept here for the developer, or sent by the developer when access opens.

- `held`: a second key directory that the developer may empty at any time.
- `supplied`: memory only, for at most the lease; after a restart access waits for it, visibly (`HalfAwaited`).
- `DeveloperHalves` has both: an empty marker beside the held halves says of a key that its half is supplied.
- `drop` needs nobody's agreement. After it nothing of that key opens, whatever the government's side keeps.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.keys import HALF_BYTES, CustodyError, KeyGone, key_id
from seatrial.custody.secret import Secret
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

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


class DeveloperHalves:
    """Both kinds over one directory: a key's half is held in it, or is supplied to this process.

    Ending a key takes its marker away first: from then on its half is neither here nor awaited, in every process.
    """

    def __init__(self, held: DeveloperHalf, directory: Path) -> None:
        self.supplied = SuppliedHalf()
        self._held, self._directory = held, directory

    def create(self, key: KeyId) -> None:
        """Make a half that is held."""
        self._held.create(key)

    def get(self, key: KeyId, now: datetime) -> Secret:
        """The half, from where it is."""
        if self.is_supplied(key):
            return self.supplied.get(key, now)
        self.supplied.drop(key)
        return self._held.get(key, now)

    def drop(self, key: KeyId) -> bool:
        """Destroy what is held, forget what was supplied, and await nothing any more."""
        awaited = self.is_supplied(key)
        self._marker(key).unlink(missing_ok=True)
        forgotten, held = self.supplied.drop(key), self._held.drop(key)
        return awaited or forgotten or held

    def is_supplied(self, key: KeyId) -> bool:
        """Whether the developer sends this key's half."""
        return self._marker(key).exists()

    def supplying(self, half: Secret, until: datetime) -> DeveloperHalf:
        """The same halves for an act of the developer's own, who has the half at hand: new keys are under it."""
        return _AtHand(self, half, until)

    def await_(self, key: KeyId) -> None:
        """From now on this key's half is supplied; durable on return."""
        self._marker(key).touch(mode=0o600, exist_ok=False)
        sync_folder(self._directory)

    def _marker(self, key: KeyId) -> Path:
        return self._directory / f"{key_id(key)}.supplied"


@dataclass(frozen=True, slots=True)
class _AtHand:
    halves: DeveloperHalves
    half: Secret
    until: datetime

    def create(self, key: KeyId) -> None:
        self.halves.await_(key)
        self.halves.supplied.supply(key, self.half, self.until)

    def get(self, key: KeyId, now: datetime) -> Secret:
        if self.halves.is_supplied(key):
            self.halves.supplied.supply(key, self.half, self.until)
        return self.halves.get(key, now)

    def drop(self, key: KeyId) -> bool:
        return self.halves.drop(key)
