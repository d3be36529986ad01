"""Policies that were adopted here: proposed versions, what they change, and each adopted one by its digest.

- A proposal is read whole before it is one: what is wrong with it is said with line and rule, and nothing is begun.
- A version is taken once, by a shipped file or an adopted text; a change needs the next one.
- An adopted text is for new submissions until a later one takes its place. Submissions that pin it keep it: the bytes
  stay among the text's papers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from seatrial.framework.document import Document
from seatrial.framework.framework_text import current
from seatrial.framework.pack_problem import PackError, Problem
from seatrial.framework.pack_reading import parse_pack
from seatrial.framework.pack_words import changes
from seatrial.framework.standing import Act, Kind, Standing
from seatrial.framework.submission_store import Stale
from seatrial.framework.viewer import Viewer
from seatrial.house import Beside
from seatrial.shipped import load_shipped, names, reader, shipped_pack, versions
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from seatrial.framework.pack import PackRef, PolicyPack
    from seatrial.framework.pack_words import Change
    from seatrial.framework.standing import Actor
    from seatrial.house import House

MAX_TEXT_BYTES = 512 * 1024
"""Of a proposed text: the longest shipped one has 30 KiB, and all of it is read at once."""
TEXT, DIFF = "pack_text", "versioned_diff"
ADOPTED = frozenset({"adopted", "superseded"})
KEPT = 64  # packs that were read and stay read; they never change


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that was looked at: what is wrong with it, or what it says and what it changes."""

    raw: bytes
    pack: PolicyPack | None
    problems: tuple[Problem, ...]
    before: PolicyPack | None = None
    changes: tuple[Change, ...] = ()


def looked_at(house: House, raw: bytes, name: str = "proposal.toml", own: str = "") -> Proposal:
    """Read a proposed text; `own` is the id of the text that it would be a new version of, if it is one's own."""
    if len(raw) > min(MAX_TEXT_BYTES, MAX_PAPER_BYTES):
        return Proposal(raw, None, (_problem(name, "size", f"more than {MAX_TEXT_BYTES} bytes"),))
    try:
        pack = parse_pack(raw, reader(), name)
    except PackError as error:
        return Proposal(raw, None, error.problems)
    if taken := _taken(house, pack, own):
        return Proposal(raw, pack, (_problem(name, "version", taken),))
    before = newest(house, pack.ref.id)
    return Proposal(raw, pack, (), before, changes(before, pack) if before else ())


def propose(house: House, actor: Actor, raw: bytes, now: datetime, once: str) -> str:
    """Propose a text that was looked at; the id of the object. The same `once` again proposes nothing a second time."""
    name = "txt_" + hashlib.sha256(f"{actor.person} {once}".encode()).hexdigest()[:32]
    paper = Document(TEXT, 1, _digest(raw), actor.organisation, (actor.person,), now)
    try:
        act, beside = Act("propose", actor, now, documents=(paper,)), Beside(papers=((paper.data_class, raw),))
        house.begin(Standing(name, Kind.FRAMEWORK_TEXT), act, now, beside)
    except Stale:
        pass
    return name


def any_pack(house: House, ref: PackRef | None) -> PolicyPack:
    """The pack of a reference: a shipped one, or one that was adopted here. Raises `ValueError`."""
    try:
        return shipped_pack(ref)
    except ValueError:
        viewer = Viewer.house("the adopted text of a reference")
        for standing in _texts(house, ADOPTED):
            if ref is not None and current(standing) == ref.sha256:
                return _parsed(house.papers.get(viewer, standing.object, ref.sha256))
        raise


def choosable(house: House) -> dict[str, PolicyPack]:
    """What a new submission may be opened under, by id: the newest shipped version, or the one adopted after it."""
    found = {name: load_shipped(name) for name in names()}
    for pack in _packs(house, _texts(house, frozenset({"adopted"}))):
        if pack.ref.id not in found or _version(pack) > _version(found[pack.ref.id]):
            found[pack.ref.id] = pack
    return found


def newest(house: House, name: str) -> PolicyPack | None:
    """The version of a pack that holds now; None where there is no such pack."""
    return choosable(house).get(name)


def read(raw: bytes) -> tuple[PolicyPack | None, tuple[Problem, ...]]:
    """What a text that stands says, or what is wrong with it: a program may have proposed bytes that are no pack."""
    try:
        return _parsed(raw), ()
    except PackError as error:
        return None, error.problems


def words(before: PolicyPack | None, after: PolicyPack) -> bytes:
    """What a text changes, a line each; as it is kept beside a new version."""
    told = changes(before, after) if before else ()
    return ("\n".join(map(str, told)) or "no entry differs").encode()


@lru_cache(maxsize=KEPT)
def _parsed(raw: bytes) -> PolicyPack:
    return parse_pack(raw, reader(), "adopted.toml")


def _texts(house: House, states: frozenset[str]) -> tuple[Standing, ...]:
    viewer = Viewer.house("texts of the framework")
    return tuple(one for one in house.submissions.list(viewer, Kind.FRAMEWORK_TEXT) if one.state in states)


def _packs(house: House, texts: Iterable[Standing]) -> Iterator[PolicyPack]:
    """What adopted texts say; one whose bytes are no pack holds for nothing and keeps no other from holding."""
    viewer = Viewer.house("texts that are adopted")
    for standing in texts:
        pack, _ = read(house.papers.get(viewer, standing.object, current(standing)))
        if pack is not None:
            yield pack


def _taken(house: House, pack: PolicyPack, own: str) -> str:
    shipped = pack.ref.id in names() and pack.ref.version in versions(pack.ref.id)
    known = {current(one): one for one in _texts(house, ADOPTED) if one.object != own}
    adopted = (one.ref for one in _packs(house, known.values()))
    if shipped or any((one.id, one.version) == (pack.ref.id, pack.ref.version) for one in adopted):
        return f"{pack.ref} is there already; raise the version"
    return ""


def _problem(name: str, rule: str, said: str) -> Problem:
    return Problem(name, 0, "pack", "", rule, said)


def _version(pack: PolicyPack) -> list[int]:
    return [int(part) for part in pack.ref.version.split(".")]


def _digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()
