"""What people decided about pairs of crashes, kept for every crash that is still to come.

- A decision names exact keys, not findings: it binds whoever arrives later with one of them.
- A decision that contradicts an earlier one is refused, and both are named; to undo one is a decision of its own.
- When a split parts findings that share one key, that key is *ambiguous*: from then on the crash line extends it. Where
  that is the same too, the extended key is ambiguous in turn, and nothing joins by it any more: a person decides.

>>> decided = Constraints().with_link(Link("must", "a", "b", by="pat", reason="one root cause"))
>>> decided.with_link(Link("cannot", "b", "a", by="kim", reason="two bugs"))
Traceback (most recent call last):
    ...
seatrial.clearinghouse.grouping.constraints.Contradiction: b and a are held together by pat (one root cause), ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from seatrial.clearinghouse.grouping.traces import Trace


class Contradiction(ValueError):
    """A decision that cannot stand beside an earlier one."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two keys that a person put together (`must`) or apart (`cannot`), and why."""

    kind: Literal["must", "cannot"]
    one: str
    other: str
    by: str
    reason: str

    def __post_init__(self) -> None:
        if self.one == self.other:
            raise ValueError(f"{self.one}: a link needs two different keys; an ambiguous key is extended instead")
        if not (self.by.strip() and self.reason.strip()):
            raise ValueError(f"{self.one} and {self.other}: a decision needs the person and the reason")


@dataclass(frozen=True)
class Constraints:
    """Decisions in force, in the order in which they were taken, and the keys that no longer tell crashes apart."""

    links: tuple[Link, ...] = ()
    ambiguous: frozenset[str] = frozenset()

    def key(self, trace: Trace) -> str:
        """The key of a trace under these decisions: its exact key, with the crash line where that is ambiguous."""
        if trace.exact_key not in self.ambiguous:
            return trace.exact_key
        return f"{trace.exact_key} {trace.crash_line}"

    def undecided(self, trace: Trace) -> bool:
        """Whether not even the crash line tells the crashes of this key apart."""
        return f"{trace.exact_key} {trace.crash_line}" in self.ambiguous

    def with_link(self, link: Link) -> Constraints:
        """These decisions and one more. Raises `Contradiction` where an earlier one says otherwise."""
        homes = self.homes()
        if link.kind == "cannot":
            if homes.get(link.one, link.one) == homes.get(link.other, link.other):
                held = self._path(link.one, link.other)
                raise Contradiction(
                    f"{link.one} and {link.other} are held together by {held.by} ({held.reason}), so {link.by} cannot "
                    "part them; withdraw that decision first"
                )
        else:
            ends = {homes.get(link.one, link.one), homes.get(link.other, link.other)}
            for held in self.links:
                apart = {homes.get(held.one, held.one), homes.get(held.other, held.other)}
                if held.kind == "cannot" and apart == ends:
                    raise Contradiction(
                        f"{held.one} and {held.other} were parted by {held.by} ({held.reason}), so {link.by} cannot "
                        f"put {link.one} and {link.other} together; withdraw that decision first"
                    )
        return replace(self, links=(*self.links, link))

    def without_link(self, link: Link) -> Constraints:
        """These decisions less one. Raises `LookupError` where it was not taken."""
        if link not in self.links:
            raise LookupError(f"{link.one} and {link.other}: no such decision is in force")
        return replace(self, links=tuple(held for held in self.links if held != link))

    def with_ambiguous(self, key: str) -> Constraints:
        """These decisions, and a key that no longer tells crashes apart."""
        return replace(self, ambiguous=self.ambiguous | {key})

    def homes(self) -> dict[str, str]:
        """For every key that is held with others, the least key of its company."""
        home: dict[str, str] = {}

        def of(key: str) -> str:
            while home.get(key, key) != key:
                key = home[key]
            return key

        for link in self.links:
            if link.kind == "must":
                low, high = sorted((of(link.one), of(link.other)))
                home.setdefault(low, low)
                home[high] = low
        return {key: of(key) for key in home}

    def _path(self, one: str, other: str) -> Link:
        """The last decision without which two keys would not be held together."""
        for number in range(len(self.links), 0, -1):
            homes = Constraints(self.links[: number - 1]).homes()
            if homes.get(one, one) != homes.get(other, other):
                return self.links[number - 1]
        raise LookupError(f"{one} and {other} are not held together")
