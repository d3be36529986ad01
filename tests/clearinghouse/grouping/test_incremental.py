from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.clearinghouse.grouping import Constraints, Contradiction, Link, Standing, Trace, drift, place
from seatrial.clearinghouse.grouping.pdm import CUT, similarity

NAMES = "abcdefgh"
TRACES = st.lists(st.text(NAMES, min_size=1, max_size=10), max_size=14, unique=True)


def trace(functions: str, key: str = "", line: str = "") -> Trace:
    return Trace(key or functions, "p", tuple(functions), crash_line=line)


def standing(**groups: list[str]) -> Standing:
    return Standing({group: [trace(functions) for functions in some] for group, some in groups.items()})


@settings(max_examples=100, deadline=None)
@given(TRACES, TRACES, st.randoms(use_true_random=False))
def test_newcomers_join_only_what_they_are_near_to_and_in_any_order(
    old: list[str], new: list[str], random: object
) -> None:
    groups = {f"C-{number}": [functions] for number, functions in enumerate(old)}
    arrivals = [trace(functions) for functions in new]
    found = place(arrivals, standing(**groups))
    random.shuffle(arrivals)  # type: ignore[attr-defined]
    assert place(arrivals, standing(**groups)) == found
    assert sorted([*found.joined, *(key for group in found.founded for key in group)]) == sorted(new)
    for group, old_members in groups.items():
        members = old_members + [key for key, home in found.joined.items() if home == group]
        pairs = [(a, b) for a in members for b in members if a < b]
        assert all(1 - similarity(a, b) < CUT for a, b in pairs)


def test_a_known_key_decides_alone_and_equal_distances_go_to_the_lowest_id() -> None:
    found = place(
        [trace("ab"), trace("abcdefgx")], standing(**{"C-2": ["abcdefgh"], "C-1": ["abcdefgy"], "C-3": ["ab"]})
    )
    assert found.joined == {"ab": "C-3", "abcdefgx": "C-1"}


def test_the_farthest_member_counts() -> None:
    near, far = "abcdefgh", "abcdxxyy"
    assert 1 - similarity("abcdefgx", near) < CUT < 1 - similarity("abcdefgx", far)
    assert place([trace("abcdefgx")], standing(one=[near, far])).joined == {}


def test_a_parted_key_does_not_come_back() -> None:
    parted = Constraints((Link("cannot", "abcdefgh", "abcdefgx", "kim", "two bugs"),))
    assert place([trace("abcdefgx")], standing(one=["abcdefgh"])).joined
    found = place([trace("abcdefgx")], standing(one=["abcdefgh"]), parted)
    assert (found.joined, found.founded) == ({}, (("abcdefgx",),))


def test_a_key_held_with_a_member_joins_whatever_its_distance() -> None:
    held = Constraints((Link("must", "abcdefgh", "zzzz", "pat", "one root cause"),))
    assert place([trace("zzzz")], standing(one=["abcdefgh"]), held).joined == {"zzzz": "one"}


def test_where_not_even_the_line_tells_crashes_apart_nothing_joins() -> None:
    decided = Constraints().with_ambiguous("k").with_ambiguous("k a.c:1")
    known = Standing({"one": [trace("abcd", "k", "a.c:1")]})
    assert place([trace("abcd", "k", "a.c:1")], known, decided).joined == {}


DECISIONS = st.lists(st.tuples(st.sampled_from(["must", "cannot"]), st.sampled_from("abcde"), st.sampled_from("abcde")))


@given(DECISIONS)
def test_decisions_in_force_never_contradict_one_another(decisions: list[tuple[str, str, str]]) -> None:
    decided = Constraints()
    for kind, one, other in decisions:
        if one == other:
            continue
        link = Link(kind, one, other, "pat", "looked at both")  # type: ignore[arg-type]
        with suppress(Contradiction):
            decided = decided.with_link(link)
    homes = decided.homes()
    for link in decided.links:
        together = homes.get(link.one, link.one) == homes.get(link.other, link.other)
        assert together == (link.kind == "must")


def test_a_contradiction_names_both_decisions() -> None:
    decided = Constraints((Link("must", "a", "b", "pat", "one root"), Link("must", "b", "c", "lee", "same fix")))
    with pytest.raises(Contradiction, match=r"held together by lee \(same fix\), so kim cannot part"):
        decided.with_link(Link("cannot", "a", "c", "kim", "two bugs"))
    parted = Constraints((Link("cannot", "a", "c", "kim", "two bugs"), Link("must", "a", "b", "pat", "one root")))
    with pytest.raises(Contradiction, match=r"parted by kim \(two bugs\), so lee cannot put"):
        parted.with_link(Link("must", "b", "c", "lee", "same fix"))
    assert parted.without_link(parted.links[0]).with_link(Link("must", "b", "c", "lee", "same fix"))


def test_drift_counts_what_a_fresh_run_would_put_elsewhere() -> None:
    same = drift({"a": "1", "b": "1", "c": "2"}, {"a": 7, "b": 7, "c": 9})
    assert (same.moved, same.adjusted_rand) == (0, 1.0)
    other = drift({"a": "1", "b": "1", "c": "1", "d": "2"}, {"a": 0, "b": 0, "c": 1, "d": 1})
    assert other.moved == 1
    assert other.adjusted_rand == pytest.approx(0.0)  # one of the six pairs agrees as by chance
