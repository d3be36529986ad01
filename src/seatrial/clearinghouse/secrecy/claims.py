r"""Claim checks: is somebody at work on this already? The house answers `unknown`, or since which day; never who.

- A claim is kept under HMAC-SHA256(house secret, repository NUL path NUL CWE). The set is never handed out: few enough
  triples exist that a bare digest of each could be tried at home.
- The answer depends on the claim alone: not on who asks, who claimed, how many did, or what was asked before. Only how
  often one party may ask is counted, and that count knows nothing of answers.
- Every check is an event of the asking party's chain: the key, the answer, the day.
- Two houses that trust each other may exchange claims under a salt that only they share.

>>> from datetime import UTC, datetime
>>> book = ClaimTable(bytes(32))
>>> book.claim(Place("https://github.com/a/B.git", "./src/x.c", 787), datetime(2027, 1, 5, 9, tzinfo=UTC))
>>> [answer(book, Place("github.com/a/b", "src/x.c", cwe)) for cwe in (787, 416)]
['claimed since 2027-01-05', 'unknown']
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from posixpath import normpath
from typing import TYPE_CHECKING, Protocol

from seatrial.clearinghouse.event import NONCE_BYTES, Actor, Event, EventType

if TYPE_CHECKING:
    from seatrial.clearinghouse.chains import Chains
    from seatrial.framework.viewer import Viewer

SECRET_BYTES = 32
CHECKS = 100
"""Of one party in a day: enough for whoever scans one project, too few to search for what others found."""
WINDOW = timedelta(days=1)
UNKNOWN = "unknown"
EXCHANGE = "seatrial.claims/1"
_SCHEME = re.compile(r"^[a-z+]+://|^git@", re.IGNORECASE)


class TooMany(ValueError):
    """A party that has asked as often as it may: says from when it may again."""


class BadExchange(ValueError):
    """A file of claims that cannot be read, or is under another salt."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody works: a repository, a path in it, a CWE number. Spellings of one repository are one."""

    repo: str
    path: str
    cwe: int

    @property
    def text(self) -> bytes:
        """The triple as it is hashed, in one spelling."""
        repo = _SCHEME.sub("", self.repo.strip()).replace(":", "/").rstrip("/").removesuffix(".git").casefold()
        path = normpath(self.path.strip().replace("\\", "/").lstrip("/") or ".")
        return b"\0".join((repo.encode(), path.encode(), f"CWE-{self.cwe}".encode()))


class Claims(Protocol):
    """What keeps claims, under the house's secret."""

    def key(self, place: Place) -> str:
        """What a claim is kept under."""
        ...

    def since(self, key: str) -> date | None:
        """The first day on which this was claimed."""
        ...


class ClaimTable:
    """Claims in memory."""

    def __init__(self, secret: bytes) -> None:
        self._secret, self._kept = _long(secret), dict[str, date]()

    def key(self, place: Place) -> str:
        """What a claim is kept under, 64 hex digits: says nothing to whoever lacks the secret."""
        return hmac.digest(self._secret, place.text, "sha256").hex()

    def claim(self, place: Place, at: datetime) -> None:
        """Somebody works here; the first day stays."""
        self._kept.setdefault(self.key(place), at.astimezone(UTC).date())

    def since(self, key: str) -> date | None:
        """The first day on which this was claimed."""
        return self._kept.get(key)


class StoredClaims:
    """Claims as chains of a store, `CL-` and half of the key: the first event of each says since when."""

    def __init__(
        self,
        secret: bytes,
        store: Chains,
        viewer: Viewer,
        keeper: str,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._secret, self._store, self._viewer = _long(secret), store, viewer
        self._keeper, self._random = keeper, random

    def key(self, place: Place) -> str:
        """What a claim is kept under, 64 hex digits."""
        return hmac.digest(self._secret, place.text, "sha256").hex()

    def claim(self, place: Place, actor: Actor, at: datetime) -> None:
        """Somebody works here; the first day stays. The event does not say who: `actor` is the house's worker."""
        if self.since(key := self.key(place)) is None:
            event = Event.following(
                None, _chain(key), EventType.CLAIMED, {"key": key}, actor, at, self._random(NONCE_BYTES)
            )
            self._store.append(self._viewer, [event], keeper=self._keeper)

    def since(self, key: str) -> date | None:
        """The first day on which this was claimed."""
        chain = self._store.events(self._viewer, _chain(key))
        return chain[0].at.date() if chain else None


def answer(claims: Claims, place: Place) -> str:
    """All that anybody is told."""
    since = claims.since(claims.key(place))
    return UNKNOWN if since is None else f"claimed since {since.isoformat()}"


class ClaimDesk:
    """Where parties ask: counted, logged, and answered from the claims."""

    def __init__(
        self,
        claims: Claims,
        store: Chains,
        viewer: Viewer,
        keeper: str,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._claims, self._store, self._viewer = claims, store, viewer
        self._keeper, self._random = keeper, random

    def check(self, party: str, place: Place, actor: Actor, at: datetime) -> str:
        """`unknown`, or `claimed since` a day.

        Raises:
            TooMany: this party has asked as often as it may within a day.
            Conflict: it asks twice at once; ask again.
        """
        chain = self._store.events(self._viewer, subject(party))
        recent = [event.at for event in chain if event.at > at - WINDOW]
        if len(recent) >= CHECKS:
            again = (recent[-CHECKS] + WINDOW).isoformat()
            raise TooMany(f"claims: {CHECKS} checks in a day; the next one is answered from {again}")
        told = answer(self._claims, place)
        body = {"key": self._claims.key(place), "answer": told}
        last = chain[-1] if chain else None
        event = Event.following(
            last, subject(party), EventType.CLAIM_CHECKED, body, actor, at, self._random(NONCE_BYTES)
        )
        self._store.append(self._viewer, [event], keeper=self._keeper)
        return told


def subject(party: str) -> str:
    """The chain of a party's checks."""
    return f"CK-{hashlib.sha256(party.encode()).hexdigest()[:32]}"


def exchanged_key(salt: bytes, place: Place) -> str:
    """How two houses that share `salt` name a place to each other."""
    if len(salt) < SECRET_BYTES:
        raise BadExchange(f"claims: a shared salt has {SECRET_BYTES} random bytes or more")
    return hashlib.sha256(salt + b"\0" + place.text).hexdigest()


def exported(salt: bytes, places: Mapping[Place, date]) -> bytes:
    """Claims for one other house, by key alone, in no order that says anything."""
    claims = {exchanged_key(salt, place): since.isoformat() for place, since in places.items()}
    content = {"format": EXCHANGE, "salt": salt_name(salt), "claims": dict(sorted(claims.items()))}
    return json.dumps(content, indent=1).encode() + b"\n"


def imported(salt: bytes, raw: bytes) -> Mapping[str, date]:
    """Another house's claims by exchanged key.

    Raises:
        BadExchange: not such a file, or under another salt.
    """
    try:
        content = json.loads(raw)
        if content["format"] != EXCHANGE or content["salt"] != salt_name(salt):
            raise BadExchange("claims: another form, or made under another salt")
        return {str(key): date.fromisoformat(since) for key, since in content["claims"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadExchange(f"claims: {error}") from error


def salt_name(salt: bytes) -> str:
    """What a salt is called: enough to see that two are the same, and nothing of it."""
    return hashlib.sha256(b"seatrial/claims/salt\0" + salt).hexdigest()[:16]


def _chain(key: str) -> str:
    return f"CL-{key[:32]}"


def _long(secret: bytes) -> bytes:
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"claims: the house's secret has {SECRET_BYTES} bytes or more")
    return secret
