"""One probe: what it asks inside and outside, and what its answers mean.

A probe is a pure judge over *observations* (see `embedded/inside/probe.py`): first those of the control, made outside
the box, which must find the canary, then those made inside, which must not. An observation that failed or is missing
is `Unseen`, and unseen is never closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seatrial.sandbox.spec import BoxSpec

Verdict = Literal["closed", "open", "limited", "blind", "not_applicable"]
Control = Literal["seen", "blind", "none_needed"]
Asks = Mapping[str, Mapping[str, Any]]
MAX_OBSERVED = 200
PASSING: frozenset[Verdict] = frozenset({"closed", "not_applicable"})


class Unseen(Exception):
    """An observation is missing, failed or has another shape than the probe's own code gives it."""


class Observations:
    """Answers of one run of `inside/probe.py`, by key; asking for what failed raises `Unseen`."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def __getitem__(self, key: str) -> dict[str, Any]:
        answer = self._answers.get(key)
        if not isinstance(answer, dict):
            raise Unseen(f"{key} was not observed")
        if "error" in answer:
            raise Unseen(f"{key}: {answer['error']}")
        return answer


def complete(answer: Mapping[str, Any], wanted: Iterable[str]) -> None:
    """Raise `Unseen` unless every single thing that was asked for was answered: silence is not a closed door."""
    silent = sorted(set(wanted) - set(answer))
    if silent:
        raise Unseen(f"not answered: {', '.join(silent)}")


@dataclass(frozen=True)
class Finding:
    """A verdict with the few words that a reader of the record needs."""

    verdict: Verdict
    observed: str


def closed(observed: str) -> Finding:
    """The door is shut."""
    return Finding("closed", printable(observed))


def opened(observed: str) -> Finding:
    """The door is open: `observed` says which."""
    return Finding("open", printable(observed))


def not_applicable(observed: str) -> Finding:
    """This machine or this spec has no such door."""
    return Finding("not_applicable", printable(observed))


def shut_unless(problems: list[str], fine: str) -> Finding:
    """Closed when nothing was found, else open with what was found."""
    return opened("; ".join(problems)) if problems else closed(fine)


@dataclass(frozen=True)
class HostFacts:
    """What the host knows of itself, to be compared with what a box sees."""

    namespaces: Mapping[str, int] = field(default_factory=dict)
    devices: frozenset[str] = frozenset()  # major:minor of every file system mounted on the host
    networks: tuple[str, ...] = ()  # addresses with prefix length of the host's interfaces
    kernel: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class CanaryFacts:
    """Where this preflight's canaries are; all of them belong to us."""

    nonce: str = ""
    word: str = ""
    targets: tuple[tuple[str, str, int], ...] = ()  # (kind, address, port)
    marker: str = ""  # in the command line of the marked process, and the content of the marker file
    marked_pid: int = 0
    marker_path: str = ""
    shm_key: int | None = None
    queue: str | None = None

    def of(self, *kinds: str) -> list[list[Any]]:
        """The targets of these kinds, as the observation `connect` takes them."""
        return [list(target) for target in self.targets if target[0] in kinds]


@dataclass(frozen=True)
class SiblingFacts:
    """Where the sibling box's service is, inside the sibling."""

    marker: str = ""
    port: int = 0
    file: str = ""
    namespaces: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reach:
    """Addresses of the other hosts of a range, as seen from one seat."""

    own: tuple[tuple[str, int], ...] = ()  # must answer
    others: tuple[tuple[str, int], ...] = ()  # must not


@dataclass(frozen=True)
class Scene:
    """Everything a judge may look at besides the observations."""

    spec: BoxSpec = field(default_factory=BoxSpec)
    host: HostFacts = field(default_factory=HostFacts)
    canaries: CanaryFacts = field(default_factory=CanaryFacts)
    sibling: SiblingFacts = field(default_factory=SiblingFacts)
    seats: int = 0  # links beside the loopback that the spec gives this box
    reach: Reach | None = None  # None outside a range
    limits_mode: str = "rlimit"
    users_mode: str = "one"
    touched: tuple[str, ...] = ()  # canaries that were touched while the box was looked at


@dataclass(frozen=True)
class Probe:
    """One question about the boundary.

    `asks` gives the observations to make inside, `control` those to make outside; `sees` tells whether the control
    found what there is to find (None: this probe needs no canary); `judge` gives the verdict on the inside.
    """

    id: str
    group: str
    expected: str
    asks: Callable[[Scene], Asks]
    judge: Callable[[Scene, Observations], Finding]
    control: Callable[[Scene], Asks] | None = None
    sees: Callable[[Scene, Observations], bool | None] | None = None
    sibling_control: bool = False  # the control is made in the sibling box instead of on the host
    mandatory: bool = True
    door: bool = False  # also part of the short check of every later box


def printable(text: str, limit: int = MAX_OBSERVED) -> str:
    r"""Printable ASCII only, cut to the limit.

    >>> printable("a\nb\x1b[2Jc")
    'a?b?[2Jc'
    """
    return "".join(char if " " <= char <= "~" else "?" for char in text[:limit])


def nothing(_: Scene) -> Asks:
    """Ask nothing."""
    return {}
