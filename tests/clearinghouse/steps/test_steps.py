"""From candidates to clusters over a store, with decisions of people that outlive every later import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.grouping import Contradiction
from seatrial.clearinghouse.steps import Desk, Refused, Reproduction, cluster_findings, reproduction
from seatrial.clearinghouse.steps.proposals import proposals
from seatrial.sandbox import NotSealed, Unavailable
from support.findings import HOUSE, Kept, kept, source
from support.framework import BUREAU, DAY, T0
from support.told_boxes import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.replaying import Bench

PERSON = Actor("per-analyst", "analyst")
RECIPE = {"image": "host", "run": ["./target", "{pov}"], "expect": "crash"}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Kept]:
    with kept("memory", tmp_path) as found:
        yield found


def told(pov: str, **more: object) -> dict[str, object]:
    """A finding whose proof says, to the boxes of these tests, which frames crash: `abc`, or `abc@7` for a line."""
    artefacts = [{"role": "pov", "name": "pov.bin", "text": pov}]
    return {"purl": "pkg:generic/one", "title": f"crash {pov}", "artefacts": artefacts, "recipe": RECIPE, **more}


def proven(at: Kept, *povs: str) -> dict[str, str]:
    """Import, reproduce and cluster these; the id of each by its proof."""
    receipts = at.take([source([told(pov) for pov in povs])])
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY, Told())
    for _ in boxes.run(HOUSE, list(boxes.waiting(HOUSE))):
        pass
    cluster_findings(at.store, HOUSE, BUREAU, T0 + DAY)
    return dict(zip(povs, (one.id for one in receipts), strict=True))


def clusters(at: Kept) -> list[Cluster]:
    return [one for one in at.store.clusters(HOUSE) if one.stage is not Stage.MERGED_INTO]


def homes(at: Kept, names: dict[str, str]) -> dict[str, str]:
    held = at.store.findings(HOUSE, list(names.values()))
    return {pov: held[name].cluster_id for pov, name in names.items()}


def desk(at: Kept) -> Desk:
    return Desk(at.store, HOUSE, PERSON, T0 + 2 * DAY)


def test_every_verdict_is_durable_and_nothing_is_run_twice(at: Kept) -> None:
    items = [told("abcd"), told("quiet"), told("dies"), told("x", recipe=None, kind="memory"), told("y", recipe=None)]
    at.take([source(items)])
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY, Told())
    told_of = dict(boxes.run(HOUSE, list(boxes.waiting(HOUSE))))
    funnel = at.store.funnel(HOUSE)
    funnel.check()
    assert funnel.by_disposition == at.store.count(HOUSE).by_disposition
    assert {one: count for one, count in funnel.by_disposition.items() if count} == {
        Disposition.REPRODUCED: 1,
        Disposition.NOT_REPRODUCED: 1,
        Disposition.NEEDS_ATTENTION: 2,
        Disposition.NEEDS_ORACLE: 1,
    }
    assert list(boxes.waiting(HOUSE)) == []
    for name in told_of:
        assert [event.type for event in at.store.events(HOUSE, name)][-1] is EventType.REPLAYED
    lost = next(verdict for verdict in told_of.values() if "worker died" in verdict.reason)
    assert lost.disposition is Disposition.NEEDS_ATTENTION


def test_a_place_without_sealed_boxes_says_nothing_about_a_finding(at: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Bench:
        raise Unavailable("no engine makes boxes here")

    monkeypatch.setattr(reproduction, "bench_of", refused)
    at.take([source([told("abcd"), told("x", recipe=None)])])
    boxes = Reproduction(at.store, at.blobs, lambda: T0 + DAY)
    with pytest.raises(NotSealed, match="no engine makes boxes here"):
        list(boxes.run(HOUSE, list(boxes.waiting(HOUSE))))
    assert len(list(boxes.waiting(HOUSE))) == 1  # the one that needs no box has its verdict


def test_alike_crashes_meet_and_later_ones_join_them(at: Kept) -> None:
    first = proven(at, "abcdefgh", "abcdefgx", "zyxwvu")
    assert len(clusters(at)) == 2
    later = proven(at, "abcdefgh#again", "abcdefgy", "mnopqr")
    found = homes(at, first | later)
    assert found["abcdefgh"] == found["abcdefgx"] == found["abcdefgh#again"] == found["abcdefgy"]
    assert len({found["abcdefgh"], found["zyxwvu"], found["mnopqr"]}) == 3
    buckets = {member.crash_line: member.represents for member in clusters(at)[0].members if member.represents}
    assert buckets == {"a.c:1": True}


def test_a_split_survives_ten_imports(at: Kept) -> None:
    names = proven(at, "abcdefgh", "abcdefgx")
    [cluster] = clusters(at)
    left, new = desk(at).split(cluster.cluster_id, [names["abcdefgx"]], "two bugs: different fields")
    assert (left.cluster_id, new.cluster_id) == (cluster.cluster_id, "C-000002")
    for number in range(10):
        again = proven(at, f"abcdefgx#{number}", f"abcdefgh#{number}")
        assert set(homes(at, again).values()) == {left.cluster_id, new.cluster_id}
        assert homes(at, again)[f"abcdefgx#{number}"] == new.cluster_id
    assert len(clusters(at)) == 2


def test_a_split_of_one_key_is_held_by_the_crash_line(at: Kept) -> None:
    names = proven(at, "abcdef#1", "abcdef#2")
    [cluster] = clusters(at)
    desk(at).split(cluster.cluster_id, [names["abcdef#2"]], "two bugs behind one stack")
    later = proven(at, "abcdef#3", "abcdef#4")
    # Not even the line tells them apart: nothing joins by itself any more, not even one another, and a person decides.
    assert len(clusters(at)) == 4
    assert set(homes(at, later).values()).isdisjoint(homes(at, names).values())


def test_a_merge_redirects_for_ever_and_what_joins_later_follows(at: Kept) -> None:
    names = proven(at, "abcdef", "uvwxyz")
    kept_, gone = sorted(one.cluster_id for one in clusters(at))
    merged = desk(at).merge(gone, kept_, "one missing check")
    assert merged.cluster_id == kept_
    assert {member.finding_id for member in merged.members} == set(names.values())
    later = proven(at, "abcdef#later", "uvwxyz#later")
    assert set(homes(at, later).values()) == {kept_}
    [redirect] = at.store.clusters(HOUSE, [gone])
    assert (redirect.stage, redirect.merged_into, redirect.members) == (Stage.MERGED_INTO, kept_, ())
    with pytest.raises(Contradiction, match="held together by per-analyst"):
        desk(at).split(gone, [names["uvwxyz"], later["uvwxyz#later"]], "after all two")
    [link] = merged.constraints
    desk(at).revert(kept_, link.decision, "the check is not the cause")
    left, new = desk(at).split(kept_, [names["uvwxyz"], later["uvwxyz#later"]], "after all two")
    assert len(left.members) == len(new.members) == 2


def test_the_one_with_a_case_keeps_its_id(at: Kept) -> None:
    proven(at, "abcdef", "uvwxyz")
    low, high = sorted(one.cluster_id for one in clusters(at))
    with pytest.raises(Refused, match="a case each"):
        desk(at).merge(low, high, "one bug", with_case=[low, high])
    assert desk(at).merge(low, high, "one bug", with_case=[high]).cluster_id == high


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda to, one: to.split(one.cluster_id, [], "why"), "at least one and not all"),
        (lambda to, one: to.split(one.cluster_id, [one.members[0].finding_id], "why"), "at least one and not all"),
        (lambda to, one: to.split(one.cluster_id, ["f" * 64], "why"), "is not in it"),
        (lambda to, one: to.merge(one.cluster_id, one.cluster_id, "why"), "one cluster already"),
        (lambda to, one: to.merge(one.cluster_id, "C-000404", "why"), "no such cluster"),
        (lambda to, one: to.decide(one.cluster_id, "title", "words", " "), "needs a reason"),
        (lambda to, one: to.revert(one.cluster_id, "abc", "why"), "is in force"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_words(at: Kept, act: Callable[[Desk, Cluster], object], why: str) -> None:
    proven(at, "abcdef")
    before = at.store.clusters(HOUSE)
    with pytest.raises(Refused, match=why):
        act(desk(at), before[0])
    assert at.store.clusters(HOUSE) == before


def test_decisions_stay_with_the_cluster_and_are_a_persons(at: Kept) -> None:
    proven(at, "abcdef")
    [one] = clusters(at)
    desk(at).decide(one.cluster_id, "wont_fix", "yes", "the component is no longer shipped")
    proven(at, "abcdef#later")
    [same] = clusters(at)
    assert (same.stage, same.decided("wont_fix"), len(same.members)) == (Stage.WONT_FIX, "yes", 2)
    with pytest.raises(Refused, match="a decision is a person's"):
        Desk(at.store, HOUSE, Actor("worker:clustering", "1"), T0)


def test_pairs_are_proposed_until_they_are_declined(at: Kept) -> None:
    names = proven(at, "abcdef", "abxyzw", "mnopqr")
    assert proposals(at.store, HOUSE) == []  # the nearest two are 0.64 apart
    names |= proven(at, "abcdxx")
    [pair] = proposals(at.store, HOUSE)
    assert {pair.one, pair.other} == {homes(at, names)["abcdef"], homes(at, names)["abcdxx"]}
    desk(at).decline(pair.other, pair.one, [hint.words for hint in pair.hints], "another field")
    assert proposals(at.store, HOUSE) == []
    logic = {"recipe": None, "kind": "logic", "locations": [{"uri": "auth.c", "function": "login"}]}
    at.take([source([told("one", **logic), told("two", **logic)])])
    assert proposals(at.store, HOUSE) == []  # what is not true yet is in no cluster


POVS = st.lists(st.text("abcdefgh", min_size=3, max_size=9), min_size=1, max_size=8, unique=True)


@settings(max_examples=25, deadline=None)
@given(POVS, st.randoms(use_true_random=False))
def test_every_true_finding_is_in_exactly_one_cluster(povs: list[str], random: Random) -> None:
    with kept("memory", None) as at:  # type: ignore[arg-type]  # nothing lies on a disk
        names: dict[str, str] = {}
        rest = list(povs)
        while rest:
            some, rest = rest[: random.randrange(1, 4)], rest[len(rest[: random.randrange(1, 2)]) :]
            names |= proven(at, *some)
        members = [member.finding_id for one in clusters(at) for member in one.members]
        assert sorted(members) == sorted(set(names.values()))
        assert all(homes(at, names).values())
