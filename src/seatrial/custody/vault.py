"""Data keys by scope: made, opened with both halves, and destroyed.

A `Vault` joins the government's `KeyHolder`, the developer's `DeveloperHalf`, and the table of wrapped keys. It keeps
no data key itself: every `open` needs both halves anew, so that either side ends access by dropping its own.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.keys import DEK_BYTES, KeyGone, KeyId
from seatrial.custody.lease import ScopeEnded, refuse_ended
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.custody.developer_half import DeveloperHalf
    from seatrial.custody.keys import KeyHolder, KeyScope


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored: 40 bytes that open nothing without both halves."""

    key: KeyId
    scope: KeyScope
    wrapped: bytes

    @property
    def digest(self) -> str:
        """`sha256:` and hex: what a deletion receipt says of it."""
        return "sha256:" + hashlib.sha256(self.wrapped).hexdigest()


class KeyTable(Protocol):
    """Wrapped keys by scope; each scope has at most one."""

    def put(self, key: WrappedKey) -> WrappedKey:
        """Keep it; if the scope has one already, that one stays and is returned. Raises `ScopeEnded`."""
        ...

    def get(self, scope: KeyScope) -> WrappedKey:
        """The scope's key; raises `KeyGone`."""
        ...

    def of_submission(self, submission: str) -> tuple[WrappedKey, ...]:
        """All keys of a submission."""
        ...

    def drop(self, key: KeyId) -> bool:
        """Remove one; whether it was there."""
        ...


class MemoryKeyTable:
    """Wrapped keys of one process; `ended` tells which scopes take none any more."""

    def __init__(self, ended: Callable[[str], datetime | None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._ended = ended
        self._keys: dict[KeyScope, WrappedKey] = {}

    def put(self, key: WrappedKey) -> WrappedKey:
        """Keep it, or return the one that is there."""
        with self._lock:
            refuse_ended(self._ended, key.scope.submission)
            return self._keys.setdefault(key.scope, key)

    def get(self, scope: KeyScope) -> WrappedKey:
        """The scope's key."""
        try:
            return self._keys[scope]
        except KeyError:
            raise KeyGone(f"{scope.text}: there is no key for this") from None

    def of_submission(self, submission: str) -> tuple[WrappedKey, ...]:
        """All of a submission."""
        return tuple(key for scope, key in self._keys.items() if scope.submission == submission)

    def drop(self, key: KeyId) -> bool:
        """Remove one."""
        with self._lock:
            scopes = [scope for scope, kept in self._keys.items() if kept.key == key]
            for scope in scopes:
                del self._keys[scope]
            return bool(scopes)


@dataclass(frozen=True, slots=True)
class Vault:
    """Both sides' halves and the wrapped keys."""

    holder: KeyHolder
    developer: DeveloperHalf
    keys: KeyTable
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

    def create(self, scope: KeyScope, now: datetime) -> Secret:
        """A new data key for `scope`; if another made one meanwhile, that one."""
        dek = Secret(self.random_bytes(DEK_BYTES))
        key = self.holder.create(scope)
        self.developer.create(key)
        wrapped = self.holder.wrap(key, self.developer.get(key, now), dek)
        try:
            kept = self.keys.put(WrappedKey(key, scope, wrapped))
        except ScopeEnded:
            self._forget(key)
            raise
        if kept.key == key:
            return dek
        self._forget(key)
        return self.open(scope, now)

    def open(self, scope: KeyScope, now: datetime) -> Secret:
        """The data key of `scope`. Raises `KeyGone`, `WrongHalf` or `HalfAwaited`."""
        kept = self.keys.get(scope)
        return self.holder.unwrap(kept.key, self.developer.get(kept.key, now), kept.wrapped)

    def open_or_create(self, scope: KeyScope, now: datetime) -> Secret:
        """The data key of `scope`, made when there is none."""
        try:
            self.keys.get(scope)
        except KeyGone:
            return self.create(scope, now)
        return self.open(scope, now)

    def _forget(self, key: KeyId) -> None:
        self.holder.destroy(key)
        self.developer.drop(key)
