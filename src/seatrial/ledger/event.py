"""The only kind of leaf: an event as canonical JSON that holds names, ids, digests and integers, and never a text.

- An entry's bytes are the RFC 8785 form of the event, and only these: `Event.parse` refuses duplicate or unknown
  names, floats, and any bytes that are not their own canonical form, so one event has one leaf.
- Every field has a narrow grammar, so the log could be shown to a rival: there is no place for a sentence.
- `at` is the house's claim. The order of events is their index in the log; witnesses' times bound it.
- `nonce` is 16 random bytes: nobody can confirm a guessed event by its leaf hash.

>>> event = Event(
...     kind="submission.withdrawn",
...     at="2026-11-23T10:00:00Z",
...     stream="sub_000102030405060708090a0b0c0d0e0f",
...     actor=Actor("developer", "psd_101112131415161718191a1b1c1d1e1f"),
...     nonce="202122232425262728292a2b2c2d2e2f",
... )
>>> len(event.entry), Event.parse(event.entry) == event
(258, True)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import rfc8785

from seatrial.ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ENTRY_BYTES: Final = 4096
"""More would mean that content crept in; entry bundles of tlog-tiles could carry 65,535 bytes."""
MAX_KIND: Final = 64
MAX_NUMBER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8785, I-JSON)."""
FORMAT: Final = 1
NONCE_BYTES: Final = 16
SALT_BYTES: Final = 32
STREAM_KEY_BYTES: Final = 32
COMMITMENT_PREFIX: Final = b"\x02"
"""Apart from the 0x00 of leaves and the 0x01 of nodes, so that no commitment is a hash of the tree."""

KIND = re.compile(r"[a-z]+(\.[a-z_]+)+")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")
ROLE = re.compile(r"[a-z]{1,32}")
PSEUDONYM = re.compile(r"psd_[0-9a-f]{32}")
DIGEST = re.compile(r"(sha256|commit):[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9_]{1,32}")
NONCE = re.compile(r"[0-9a-f]{32}")
FIELDS: Final = frozenset({"kind", "at", "stream", "actor", "refs", "ids", "nums", "nonce", "v"})


def sha256_ref(data: bytes) -> str:
    """Return the reference to bytes that are public or cannot be guessed."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def commitment_ref(salt: bytes, data: bytes) -> str:
    """Return the reference to bytes that could be guessed: it says nothing once the 32-byte salt is gone."""
    if len(salt) != SALT_BYTES:
        raise Malformed(f"a commitment's salt has {SALT_BYTES} random bytes, not {len(salt)}")
    return f"commit:{hashlib.sha256(COMMITMENT_PREFIX + salt + data).hexdigest()}"


def pseudonym(stream_key: bytes, organisation: str) -> str:
    """Return how a stream names an organisation; without the stream's key two entries of one cannot be linked."""
    if len(stream_key) != STREAM_KEY_BYTES:
        raise Malformed(f"a stream's key has {STREAM_KEY_BYTES} random bytes, not {len(stream_key)}")
    return f"psd_{hmac.digest(stream_key, organisation.encode(), 'sha256')[:16].hex()}"


def instant(at: datetime) -> str:
    """Return an aware instant as an event states it: RFC 3339, UTC, whole seconds."""
    if at.tzinfo is None:
        raise Malformed("an event's instant needs a time zone; give an aware datetime")
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Actor:
    """Who acted: a role, and the organisation under the stream's pseudonym (`as` in the entry)."""

    role: str
    pseudonym: str

    def __post_init__(self) -> None:
        _matches("actor.role", ROLE, self.role)
        _matches("actor.as", PSEUDONYM, self.pseudonym)


@dataclass(frozen=True)
class Event:
    """One thing that happened; see the module for what it can hold.

    Attributes:
        kind: What happened, as `object.verb`.
        at: When, by the house's clock, as RFC 3339 UTC with whole seconds.
        stream: What it belongs to: the id of a submission, a case, or the house.
        actor: Who acted.
        nonce: 32 hex digits of fresh randomness.
        refs: Name to digest.
        ids: Name to id.
        nums: Name to integer.
        entry: The leaf's bytes, made here.

    Raises:
        Malformed: A field is outside its grammar, or the entry would exceed `MAX_ENTRY_BYTES`.
    """

    kind: str
    at: str
    stream: str
    actor: Actor
    nonce: str
    refs: Mapping[str, str] = field(default_factory=dict, hash=False)
    ids: Mapping[str, str] = field(default_factory=dict, hash=False)
    nums: Mapping[str, int] = field(default_factory=dict, hash=False)
    entry: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _matches("kind", KIND, self.kind)
        if len(self.kind) > MAX_KIND:
            raise Malformed(f"event: kind has {len(self.kind)} characters; at most {MAX_KIND}")
        _matches("at", INSTANT, self.at)
        _real_instant(self.at)
        _matches("stream", ID, self.stream)
        _matches("nonce", NONCE, self.nonce)
        if type(self.actor) is not Actor:
            raise Malformed("event: actor is {role, as}")
        for name, check in (("refs", _digest), ("ids", _id), ("nums", _number)):
            object.__setattr__(self, name, _checked(name, getattr(self, name), check))
        object.__setattr__(self, "entry", self._encoded())

    def _encoded(self) -> bytes:
        entry = rfc8785.dumps(
            {
                "kind": self.kind,
                "at": self.at,
                "stream": self.stream,
                "actor": {"role": self.actor.role, "as": self.actor.pseudonym},
                "refs": dict(self.refs),
                "ids": dict(self.ids),
                "nums": dict(self.nums),
                "nonce": self.nonce,
                "v": FORMAT,
            }
        )
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed(f"event: {len(entry)} bytes; at most {MAX_ENTRY_BYTES}. Refer to content, do not hold it")
        return entry

    @classmethod
    def parse(cls, entry: bytes) -> Event:
        """Read an entry.

        Raises:
            Malformed: The bytes are not an event, or not the canonical form of the event they describe.
        """
        event = cls.from_fields(_decoded(entry))
        if event.entry != entry:
            raise Malformed("event: the bytes are not their own canonical form (RFC 8785)")
        return event

    @classmethod
    def from_fields(cls, fields: object) -> Event:
        """Make an event from decoded JSON; unlike an entry, its names may stand in any order.

        Raises:
            Malformed: A field is missing, unknown or outside its grammar.
        """
        given = _object("event", fields, FIELDS)
        actor = _object("event: actor", given["actor"], frozenset({"role", "as"}))
        if type(given["v"]) is not int or given["v"] != FORMAT:
            raise Malformed(f"event: v is {FORMAT}")
        return cls(
            kind=given["kind"],
            at=given["at"],
            stream=given["stream"],
            actor=Actor(actor["role"], actor["as"]),
            nonce=given["nonce"],
            refs=given["refs"],
            ids=given["ids"],
            nums=given["nums"],
        )


def _decoded(entry: bytes) -> object:
    if len(entry) > MAX_ENTRY_BYTES:
        raise Malformed(f"event: {len(entry)} bytes; at most {MAX_ENTRY_BYTES}")
    return strict_json(entry)


def strict_json(data: bytes) -> Any:  # noqa: ANN401  # JSON is any of six types; callers check
    """Decode JSON that repeats no name and holds neither floats nor NaN.

    Raises:
        Malformed: It is not that.
    """
    try:
        return json.loads(
            data.decode("ascii"), object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float
        )
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed("event: not JSON in ASCII; one object with the fields of an event is expected") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("event: a name occurs twice in one object")
    return found


def _no_float(_text: str) -> float:
    raise Malformed("event: numbers are integers; no fractions, exponents or NaN")


def _object(where: str, given: object, names: frozenset[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Malformed(f"{where} is a JSON object")
    if missing := names - given.keys():
        raise Malformed(f"{where} lacks {', '.join(sorted(missing))}")
    if given.keys() - names:
        raise Malformed(f"{where} has a field that no event has; fields are {', '.join(sorted(names))}")
    return given


def _matches(where: str, grammar: re.Pattern[str], value: object) -> None:
    if not isinstance(value, str) or grammar.fullmatch(value) is None:
        raise Malformed(f"event: {where} does not match {grammar.pattern}")


def _real_instant(at: str) -> None:
    try:
        datetime.fromisoformat(at)
    except ValueError:
        raise Malformed("event: at is no instant of the calendar") from None


def _checked(where: str, given: object, check: Callable[[str, object], None]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Malformed(f"event: {where} is an object of names")
    for name, value in given.items():
        _matches(f"a name in {where}", NAME, name)
        check(where, value)
    return MappingProxyType(dict(given))


def _digest(where: str, value: object) -> None:
    _matches(where, DIGEST, value)


def _id(where: str, value: object) -> None:
    _matches(where, ID, value)


def _number(where: str, value: object) -> None:
    if type(value) is not int or abs(value) > MAX_NUMBER:
        raise Malformed(f"event: a value in {where} is an integer within ±(2^53 - 1)")
