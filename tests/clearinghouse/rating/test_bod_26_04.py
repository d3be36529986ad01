"""BOD 26-04: the sixteen rows, what a vector proposes, what is not known, and the clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from seatrial.clearinghouse.rating import bod_26_04, cvss_vectors
from seatrial.clearinghouse.rating.bod_26_04 import Facts, Known

# In KEV, exposed, automatable -> (days, forensic) for partial and for total impact; None is the next upgrade.
DIRECTIVE = {
    "": ((None, False), (None, False)),
    "A": ((60, False), (60, False)),
    "X": ((60, False), (14, False)),
    "XA": ((14, False), (3, False)),
    "K": ((14, False), (14, False)),
    "KA": ((14, False), (3, True)),
    "KX": ((14, False), (3, True)),
    "KXA": ((3, False), (3, True)),
}
START = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("facts", "partial", "total"), [(k, *v) for k, v in DIRECTIVE.items()])
def test_each_row(facts: str, partial: tuple[int | None, bool], total: tuple[int | None, bool]) -> None:
    for impact, (days, forensic) in ((False, partial), (True, total)):
        got = bod_26_04.due(Facts("K" in facts, "X" in facts, Known("A" in facts, "analyst"), Known(impact, "analyst")))
        assert (got.days, got.forensic) == (days, forensic)
        assert got.instant(START) == (None if days is None else START + timedelta(seconds=86_400 * days))


def test_what_is_not_known_never_gives_more_time_in_kev_and_follows_the_directive_outside() -> None:
    outside = bod_26_04.due(Facts(in_kev=False, exposed=True))
    assert (outside.days, outside.forensic, outside.automatable.yes, outside.total.yes) == (14, False, False, True)
    assert {outside.automatable.source, outside.total.source} == {bod_26_04.ASSUMED}
    for exposed in (False, True):
        unknown = bod_26_04.due(Facts(in_kev=True, exposed=exposed))
        shortest = min(
            bod_26_04.due(Facts(in_kev=True, exposed=exposed, automatable=Known(a, "x"), total=Known(t, "x"))).days
            for a in (False, True)
            for t in (False, True)
        )
        assert (unknown.days, unknown.forensic) == (shortest, True)


@pytest.mark.parametrize(
    ("vector", "automatable", "total"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", True, True),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:L", True, False),
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", False, True),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:H/A:H", False, False),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:H", False, False),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", False, True),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", True, True),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", False, True),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", False, True),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:N/SC:H/SI:H/SA:H", True, False),
    ],
)
def test_what_a_vector_proposes_is_marked(vector: str, *, automatable: bool, total: bool) -> None:
    read = cvss_vectors.read(vector)
    assert bod_26_04.automatable(read) == Known(automatable, "derived from vector")
    assert bod_26_04.total_impact(read) == Known(total, "derived from vector")


def test_the_clock_starts_at_the_earlier_instant_in_any_zone() -> None:
    listed = datetime(2026, 3, 8, 1, 0, tzinfo=timezone(timedelta(hours=9)))  # 2026-03-07 16:00 UTC
    assert bod_26_04.clock_start(listed, START) == START
    assert bod_26_04.clock_start(listed, START + timedelta(days=1)) == datetime(2026, 3, 7, 16, 0, tzinfo=UTC)
    assert bod_26_04.clock_start(None, START) == START
    with pytest.raises(ValueError, match="not an instant"):
        bod_26_04.clock_start(None, START.replace(tzinfo=None))
