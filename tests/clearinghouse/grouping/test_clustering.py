"""Groups against their definition, written out naively here."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from seatrial.clearinghouse.crash import CrashReport, Frame
from seatrial.clearinghouse.grouping import Constraints, Link, Trace, cluster, cluster_traces
from seatrial.clearinghouse.grouping.linkage import complete
from seatrial.clearinghouse.grouping.pdm import CUT, similarity

NAMES = "abcdefgh"


def plain(x: str, y: str) -> float:
    """The model, row by row, as it is defined."""
    table = [[0.0] * (len(y) + 1) for _ in range(len(x) + 1)]
    for i, one in enumerate(x, 1):
        for j, other in enumerate(y, 1):
            gain = np.exp(-0.04 * min(i, j) - 0.13 * abs(i - j)) if one == other else 0.0
            table[i][j] = max(table[i - 1][j - 1] + gain, table[i - 1][j], table[i][j - 1])
    return float(table[-1][-1] / sum(np.exp(-0.04 * k) for k in range(1, min(len(x), len(y)) + 1)))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ("abcde", "abcde", 1.0),
        ("abcde", "zabcde", 0.8781),
        ("abcde", "zbcde", 0.7837),
        ("abc", "axc", 0.6668),
        ("abcdef", "abxyzw", 0.3603),
        ("abcde", "abc", 1.0),
    ],
)
def test_similarity_of_known_pairs(x: str, y: str, expected: float) -> None:
    assert similarity(x, y) == pytest.approx(expected, abs=5e-5)


@given(st.text(NAMES, min_size=1, max_size=30), st.text(NAMES, min_size=1, max_size=30))
def test_similarity_is_the_model(x: str, y: str) -> None:
    assert similarity(x, y) == pytest.approx(plain(x, y), abs=1e-12)
    assert similarity(x, y) == pytest.approx(similarity(y, x), abs=1e-12)


def test_a_trace_without_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="without a frame"):
        similarity("", "abc")


def trace(functions: str, key: str = "", project: str = "p") -> Trace:
    return Trace(key or f"{project}:{functions}", project, tuple(functions), "Heap-buffer-overflow", functions[:1])


def naive(traces: list[Trace]) -> set[frozenset[str]]:
    """Join the two nearest groups until none are near; compare every pair; ties by the lowest first members."""
    unique = [one for _, one in sorted({one.exact_key: one for one in traces}.items())]

    def distance(a: Trace, b: Trace) -> float:
        near = a.project == b.project and a.comparable and b.comparable and set(a.functions[:3]) & set(b.functions[:3])
        return 1.0 - plain("".join(a.functions), "".join(b.functions)) if near else 1.0

    groups = [[number] for number in range(len(unique))]
    table = {pair: distance(unique[pair[0]], unique[pair[1]]) for pair in combinations(range(len(unique)), 2)}
    while True:
        joins = []
        for one, other in combinations(groups, 2):
            farthest = max(table[min(a, b), max(a, b)] for a in one for b in other)
            if farthest < CUT:
                joins.append((round(farthest, 12), min(one), min(other), one, other))
        if not joins:
            return {frozenset(unique[number].exact_key for number in group) for group in groups}
        *_, one, other = min(joins, key=lambda join: (join[0], min(join[1:3]), max(join[1:3])))
        groups = [group for group in groups if group not in (one, other)] + [one + other]


def keys(traces: list[Trace], constraints: Constraints | None = None) -> set[frozenset[str]]:
    groups = cluster_traces(traces, constraints).groups
    return {frozenset(traces[member].exact_key for member in group.members) for group in groups}


def family() -> st.SearchStrategy[list[Trace]]:
    """Traces that are variants of few roots, so that many are near one another."""
    root = st.text(NAMES, min_size=2, max_size=12)
    change = st.tuples(st.integers(0, 11), st.sampled_from(NAMES), st.booleans())

    def variants(roots: list[str], changes: list[tuple[int, tuple[int, str, bool]]]) -> list[Trace]:
        made = []
        for which, (place, name, longer) in changes:
            text = roots[which % len(roots)]
            made.append(trace(text[:place] + name + text[place + (not longer) :]))
        return made

    changes = st.lists(st.tuples(st.integers(0, 5), change), max_size=24)
    return st.builds(variants, st.lists(root, min_size=1, max_size=4), changes)


@settings(max_examples=200, deadline=None)
@given(family(), st.randoms(use_true_random=False))
def test_groups_are_those_of_the_definition_in_any_order(traces: list[Trace], random: object) -> None:
    expected = naive(traces)
    assert keys(traces) == expected
    random.shuffle(traces)  # type: ignore[attr-defined]
    assert keys(traces) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)), max_size=30), st.integers(2, 10))
def test_linkage_never_joins_what_is_not_near_each_other(edges: list[tuple[int, int, int]], count: int) -> None:
    matrix = np.ones((count, count))
    for one, other, tenth in edges:
        if one < count and other < count:
            matrix[one, other] = matrix[other, one] = tenth / 10
    for group in complete(matrix.copy(), 0.3):
        assert all(matrix[one, other] < 0.3 for one, other in combinations(group, 2))


def test_short_traces_join_by_exact_key_only() -> None:
    stub, whole = trace("ab"), trace("abcdefg")
    assert keys([stub, whole]) == {frozenset({stub.exact_key}), frozenset({whole.exact_key})}


def test_projects_are_never_mixed() -> None:
    assert len(keys([trace("abcde", project="one"), trace("abcde", project="two")])) == 2


def test_a_block_that_is_too_large_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.clearinghouse.grouping.neighbourhood.CAP", 4)
    traces = [trace("a" + "bcdefgh"[:n] + "xyz") for n in range(1, 8)]
    found = cluster_traces(traces)
    assert [(capped.function, capped.traces) for capped in found.capped][:1] == [("a", 7)]
    assert sorted(member for group in found.groups for member in group.members) == list(range(7))


def test_crash_lines_are_told_apart_inside_a_group() -> None:
    one, other = trace("abcde", "1"), Trace("2", "p", tuple("abcdf"), crash_line="g.c:9")
    group = cluster_traces([one, one, other]).groups[0]
    assert group.mixed
    assert group.lines == {"a": (0, 1), "g.c:9": (2,)}


def frames(functions: str, line: int = 1) -> tuple[Frame, ...]:
    return tuple(Frame(n, name, file=f"{name}.c", line=line) for n, name in enumerate(functions))


def test_reports_without_a_frame_are_in_no_group() -> None:
    found = cluster([CrashReport("asan", "c", "UNKNOWN"), CrashReport("asan", "c", "UNKNOWN", trace=frames("abc"))])
    assert found.without_trace == (0,)
    assert found.groups[0].members == (1,)


@settings(max_examples=60, deadline=None)
@given(family())
def test_reference_is_unrestricted_linkage_in_the_order_given(traces: list[Trace]) -> None:
    reports = [CrashReport("asan", "c", "X", trace=frames("".join(one.functions))) for one in traces]
    found = cluster(reports, reference=True)
    unique = list(dict.fromkeys("".join(one.functions) for one in traces))
    if len(unique) < 2:
        assert len(found.groups) == len(unique)
        return
    condensed = [1.0 - plain(a, b) for a, b in combinations(unique, 2)]
    labels = fcluster(linkage(np.array(condensed), "complete"), CUT - 1e-12, criterion="distance")
    of = dict(zip(unique, labels, strict=True))
    mine = found.labels()
    for a, b in combinations(range(len(traces)), 2):
        theirs = of["".join(traces[a].functions)] == of["".join(traces[b].functions)]
        assert (mine[a] == mine[b]) == theirs


def test_reference_takes_a_position_before_a_module_before_a_name() -> None:
    def report(*given: Frame) -> CrashReport:
        return CrashReport("asan", "c", "X", trace=given)

    placed = report(Frame(0, "f", file="a.c", line=3, column=1))
    moved = report(Frame(0, "f", file="a.c", line=4, column=1))
    offset = report(Frame(0, "f", module="lib.so", offset="0x10"))
    named = report(Frame(0, "f"))
    assert len(cluster([placed, moved], reference=True).groups) == 2
    assert len(cluster([placed, offset], reference=True).groups) == 1  # no two positions, no two modules: by name
    assert len(cluster([offset, named], reference=True).groups) == 1
    assert len(cluster([offset, report(Frame(0, "f", module="lib.so", offset="0x20"))], reference=True).groups) == 2


def test_decisions_of_people_bind() -> None:
    near, far = [trace("abcdefg"), trace("abcdefh")], trace("hgfedcba")
    apart = Constraints((Link("cannot", near[0].exact_key, near[1].exact_key, "kim", "two bugs"),))
    assert len(keys(near)) == 1
    assert len(keys(near, apart)) == 2
    together = Constraints((Link("must", near[0].exact_key, far.exact_key, "pat", "one root"),))
    assert frozenset({near[0].exact_key, far.exact_key}) in keys([near[0], far], together)


def test_an_ambiguous_key_is_extended_by_the_crash_line() -> None:
    one, other = Trace("k", "p", tuple("abc"), crash_line="a.c:1"), Trace("k", "p", tuple("abc"), crash_line="a.c:2")
    assert len(cluster_traces([one, other]).groups) == 1
    decided = Constraints().with_ambiguous("k").with_link(Link("cannot", "k a.c:1", "k a.c:2", "kim", "two bugs"))
    assert len(cluster_traces([one, other], decided).groups) == 2
