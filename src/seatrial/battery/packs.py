"""Where families come from: the built-in ones, and private packs installed beside them.

A private pack is any installed distribution with entry points in the group `seatrial.families`; the entry point's
name is the family's id. Built-in and private families share one contract, one gate and one manifest. A pack's code
runs on the evaluator's host and is trusted like any installed package.

Nothing is imported before it is asked for, so that one broken pack does not hide the others.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from seatrial.battery.family import Family

GROUP = "seatrial.families"
HOUSE = "seatrial.battery.families"
BUILT_IN = {
    "memfind": f"{HOUSE}.memfind:FAMILY",
    "patch": f"{HOUSE}.patch:FAMILY",
    "web": f"{HOUSE}.web:FAMILY",
    "crypto": f"{HOUSE}.crypto:FAMILY",
    "ot-read": f"{HOUSE}.ot:READ",
    "ot-respond": f"{HOUSE}.ot:RESPOND",
    "ot-protect": f"{HOUSE}.ot:PROTECT",
}
ATTRIBUTES = (
    *("id", "version", "title", "summary", "tags", "techniques", "intake", "profile", "min_isolation", "submissions"),
    *("visibility", "ordered_knobs", "participants", "knobs", "generate", "arm", "grade", "functional"),
)


class PackError(ValueError):
    """A family could not be loaded: names the distribution, the entry point and what is missing."""


class UnknownFamily(PackError):
    """No family of that id; names the nearest."""

    def __init__(self, wanted: str, known: tuple[str, ...]) -> None:
        near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no family {wanted!r}; {hint}")


@dataclass(frozen=True)
class Source:
    """Where one family is to be found: `module:attribute` of a distribution."""

    id: str
    place: str
    distribution: str
    built_in: bool

    def __str__(self) -> str:
        return f"{self.id} ({self.distribution}, {GROUP}: {self.id} = {self.place})"


def sources() -> dict[str, Source]:
    """Every family by id, built-in first, without importing any.

    Raises `PackError` when two distributions claim one id.
    """
    found = {name: Source(name, place, "seatrial", built_in=True) for name, place in BUILT_IN.items()}
    installed = _installed(_shelves())
    for name, claims in Counter(one.id for one in installed).items():
        owners = [one.distribution for one in installed if one.id == name]
        if claims > 1 or name in BUILT_IN:
            owners += ["seatrial itself"] * (name in BUILT_IN)
            raise PackError(f"family id {name!r} is claimed by {' and '.join(owners)}; uninstall or rename one")
    return found | {one.id: one for one in installed}


def _shelves() -> tuple[tuple[str, int], ...]:
    """Where distributions may lie, each with the time of its last change: an installation shows in it."""
    found = []
    for place in sys.path:
        with suppress(OSError):
            found.append((place, Path(place).stat().st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=1)
def _installed(_shelves: tuple[tuple[str, int], ...]) -> tuple[Source, ...]:
    """The private ones; looked for again once a shelf changed, since a plan asks for a family hundreds of times."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - its import costs more than a family's

    found = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _distribution(point)))
    return tuple(Source(point.name, point.value, _distribution(point), built_in=False) for point in found)


def family_ids() -> tuple[str, ...]:
    """The ids of all families."""
    return tuple(sources())


def family_by_id(family: str) -> Family:
    """The family of that id, checked against the contract.

    Raises `UnknownFamily`, or `PackError` when its module, attribute or part of the contract is missing.
    """
    known = sources()
    if family not in known:
        raise UnknownFamily(family, tuple(known))
    return load(known[family])


@cache
def load(source: Source) -> Family:
    """Import a family and check that it keeps the contract."""
    module_name, _, attribute = source.place.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise PackError(f"{source}: no module {error.name}; {_mend(source)}") from error
    except Exception as error:
        raise PackError(f"{source}: import failed with {type(error).__name__}: {error}; {_mend(source)}") from error
    family = getattr(module, attribute or "FAMILY", None)
    if family is None:
        raise PackError(f"{source}: the module has no attribute {attribute or 'FAMILY'}; {_mend(source)}")
    check(family, source)
    return family  # type: ignore[no-any-return]


def check(family: object, source: Source) -> None:
    """Raise `PackError` unless an object has every attribute of the contract and the id it is known by."""
    missing = [name for name in ATTRIBUTES if not hasattr(family, name)]
    if missing:
        raise PackError(f"{source}: the family lacks {', '.join(missing)}; see docs/battery.md, the contract")
    named = getattr(family, "id", None)
    if named != source.id:
        raise PackError(f"{source}: the family calls itself {named!r}; name the entry point like the family's id")


def _mend(source: Source) -> str:
    return "reinstall seatrial" if source.built_in else f"reinstall or mend {source.distribution}"


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unnamed distribution"
