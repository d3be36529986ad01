"""Disclosure policies as data: whose clocks a case runs by, in a version that the case keeps.

- A policy is a file below `policies/`; it is known by the digest of its bytes. A shipped file never changes: a new
  version is a new file, and a case goes on under the one that it was opened with.
- A clock is the framework's: elapsed hours from an event; a day is 86,400 seconds of UTC. Its extension is what one
  person may add by the policy; more takes the word of every vendor of the case.
- A deadline rolls over weekends and holidays only where the policy says so, and in the zone that it names.

>>> shipped("house-1").clock("disclosure").hours, "certcc" in names()
(2160, True)
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seatrial.framework.clock import Clock, ClockError, ClockKind
from seatrial.framework.participant import Role

DEFAULT_POLICY = "house-1"
SATURDAY = 5
CLOCKS = frozenset({"announcement", "answer", "silence", "disclosure", "exploited", "details"})
STARTS = frozenset({"first_attempt", "first_contact", "exploited", "fix_public"})
NEEDED = frozenset({"disclosure"})
_KEYS = frozenset(
    {"id", "version", "title", "effective_from", "source", "unverified", "details", "ends_on_fix", "announces"}
    | {"clock", "rollover"}
)


class BadPolicy(ValueError):
    """A file that is no policy: says which key and what it should be."""


class Details(StrEnum):
    """When all is told, next to when others are told that there is something."""

    AFTER_FIX_OR_DEADLINE = "after_fix_or_deadline"
    """So long after the fix; where there is none, so long after the deadline."""
    AFTER_FIX_ELSE_AT_DEADLINE = "after_fix_else_at_deadline"
    """So long after the fix, or after the deadline without its extension if sooner; with no fix, at the deadline."""
    AFTER_FIX_AT_MOST_DEADLINE = "after_fix_at_most_deadline"
    """So long after the fix, but never later than the deadline."""
    WITH_ADVISORY = "with_advisory"
    """At once with the advisory."""


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """One version of one policy, by the digest of its bytes."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Rollover:
    """A deadline that falls on one of these days moves to the same hour of the next other day, in this zone."""

    zone: str
    holidays: frozenset[date]

    def rolled(self, due: datetime) -> datetime:
        """The instant itself, or the one it rolls to, in UTC."""
        local = due.astimezone(ZoneInfo(self.zone))
        while local.weekday() >= SATURDAY or local.date() in self.holidays:
            local += timedelta(days=1)  # inside a zone: the same hour of the next day
        return local.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was read whole."""

    ref: PolicyRef
    title: str
    source: str
    effective_from: str
    clocks: Mapping[str, Clock]
    details: Details
    ends_on_fix: bool
    announces: tuple[str, ...] = ()
    rollover: Rollover | None = None
    unverified: tuple[str, ...] = ()

    def clock(self, name: str) -> Clock:
        """The clock of that name.

        Raises:
            LookupError: the policy has none.
        """
        if name not in self.clocks:
            raise LookupError(f"policy {self.ref.id}: no clock {name!r}; it has {', '.join(self.clocks)}")
        return self.clocks[name]


def parse(raw: bytes) -> Policy:
    """The policy in these bytes.

    Raises:
        BadPolicy: not TOML, or a key that is missing, unknown, or of another kind.
    """
    try:
        given = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadPolicy(f"policy: not TOML: {error}") from error
    if unknown := given.keys() - _KEYS:
        raise BadPolicy(f"policy: {', '.join(sorted(unknown))} is no key; known: {', '.join(sorted(_KEYS))}")
    try:
        return _built(given, hashlib.sha256(raw).hexdigest())
    except KeyError as error:
        raise BadPolicy(f"policy: {error.args[0]} is missing") from error
    except (TypeError, AttributeError, ValueError, ZoneInfoNotFoundError) as error:
        raise BadPolicy(f"policy {given.get('id', '?')}: {error}") from error


def _built(given: Mapping[str, Any], digest: str) -> Policy:
    clocks = {item["id"]: _clock(item) for item in given["clock"]}
    if missing := NEEDED - clocks.keys():
        raise BadPolicy(f"policy {given['id']}: no clock {', '.join(missing)}")
    if len(clocks) != len(given["clock"]):
        raise BadPolicy(f"policy {given['id']}: two clocks of one name")
    details = Details(given["details"])
    if (details is Details.WITH_ADVISORY) == ("details" in clocks):
        raise BadPolicy(f"policy {given['id']}: a clock of details belongs to every rule but with_advisory")
    rolls = given.get("rollover")
    return Policy(
        PolicyRef(given["id"], given["version"], digest),
        given["title"],
        given["source"],
        given["effective_from"],
        MappingProxyType(clocks),
        details,
        given["ends_on_fix"] is True,
        tuple(given.get("announces", ())),
        Rollover(ZoneInfo(rolls["zone"]).key, frozenset(rolls["holidays"])) if rolls else None,
        tuple(given["unverified"]),
    )


def _clock(item: Mapping[str, Any]) -> Clock:
    name, starts = item["id"], item["starts"]
    if name not in CLOCKS or starts not in STARTS:
        raise BadPolicy(f"clock {name}: is one of {', '.join(sorted(CLOCKS))}, from {', '.join(sorted(STARTS))}")
    if unknown := item.keys() - {"id", "starts", "hours", "extra_hours", "extra_times", "note"}:
        raise BadPolicy(f"clock {name}: {', '.join(sorted(unknown))} is no key")
    times = item.get("extra_times", 0)
    owner = str(Role.COORDINATOR)
    try:
        return Clock(
            name,
            starts,
            item["hours"],
            ClockKind.DEADLINE,
            owner,
            item.get("extra_hours", 0),
            times,
            owner if times else "",
        )
    except ClockError as error:
        raise BadPolicy(str(error)) from error


def names() -> tuple[str, ...]:
    """The ids of the shipped policies."""
    return tuple(sorted(item.name for item in _folder().iterdir() if item.is_dir()))


def versions(name: str) -> tuple[str, ...]:
    """The versions of a shipped policy, oldest first."""
    found = [item.name.removesuffix(".toml") for item in (_folder() / name).iterdir() if item.name.endswith(".toml")]
    return tuple(sorted(found, key=lambda version: [int(part) for part in version.split(".")]))


@cache
def shipped(name: str, version: str = "") -> Policy:
    """A shipped policy, in its newest version unless one is given.

    Raises:
        BadPolicy: none of that name or version.
    """
    if name not in names() or (version and version not in versions(name)):
        known = ", ".join(versions(name)) if name in names() else ", ".join(names())
        raise BadPolicy(f"policy: no {f'{name} {version}'.strip()}; there is {known}")
    return parse((_folder() / name / f"{version or versions(name)[-1]}.toml").read_bytes())


def pinned(ref: PolicyRef) -> Policy:
    """The policy that a case was opened with: the very bytes, or a refusal.

    Raises:
        BadPolicy: the shipped file is another one.
    """
    policy = shipped(ref.id, ref.version)
    if policy.ref != ref:
        raise BadPolicy(f"policy {ref.id} {ref.version}: the file differs from the one that the case was opened with")
    return policy


def _folder() -> Any:  # noqa: ANN401 - importlib's Traversable, whose home moved between versions
    return resources.files("seatrial.clearinghouse.case") / "policies"
