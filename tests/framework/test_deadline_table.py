from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import product

import pytest

from seatrial.framework.deadline_table import COLUMNS, BadTable, DeadlineTable, Points, parse_table

RAW = files("seatrial.framework").joinpath("packs/tables/bod-26-04-1.0.0.csv").read_bytes()
DETECTED = datetime(2026, 7, 20, 12, tzinfo=UTC)
LISTED = datetime(2026, 7, 18, 12, tzinfo=UTC)
# By (listed, exposed): not automatable and partial, not automatable and total, automatable and partial, both.
# Days, None for the next upgrade, a negative number where forensics are asked as well; as the directive prints it.
PRINTED = {
    (False, False): (None, None, 60, 60),
    (False, True): (60, 14, 14, 3),
    (True, False): (14, 14, 14, -3),
    (True, True): (14, -3, 3, -3),
}


@pytest.fixture(scope="module")
def table() -> DeadlineTable:
    return parse_table(RAW)


@pytest.mark.parametrize(("kev", "exposed", "automatable", "total"), list(product((False, True), repeat=4)))
def test_all_sixteen_rows(table: DeadlineTable, *, kev: bool, exposed: bool, automatable: bool, total: bool) -> None:
    days = PRINTED[kev, exposed][2 * automatable + total]
    due = table.due(Points(kev, exposed, automatable, total), DETECTED)
    assert due.at == (None if days is None else DETECTED + timedelta(days=abs(days)))
    assert due.forensics == (days is not None and days < 0)
    assert due.assumed == ()


def test_the_row_that_one_page_states_otherwise(table: DeadlineTable) -> None:
    due = table.due(Points(kev=True, exposed=False, automatable=False, total=True), DETECTED)
    assert due.at == DETECTED + timedelta(days=14)
    assert not due.forensics


def test_time_starts_at_the_earlier_of_listing_and_detection(table: DeadlineTable) -> None:
    points = Points(kev=True, exposed=True, automatable=True, total=False)
    assert table.due(points, DETECTED, LISTED).at == LISTED + timedelta(days=3)
    assert table.due(points, LISTED, DETECTED).at == LISTED + timedelta(days=3)
    with pytest.raises(ValueError, match="not listed"):
        table.due(Points(kev=False), DETECTED, LISTED)


def test_what_is_not_known_is_assumed_and_named(table: DeadlineTable) -> None:
    unlisted = table.due(Points(kev=False), DETECTED)
    assert unlisted.at == DETECTED + timedelta(days=14)  # exposed, not automatable, total
    assert unlisted.assumed == ("exposed", "automatable", "total")
    listed = table.due(Points(kev=True, total=False), DETECTED)
    assert listed.at == DETECTED + timedelta(days=3)  # exposed, automatable, partial
    assert listed.assumed == ("exposed", "automatable")


def test_it_binds_federal_civilian_organisations_only(table: DeadlineTable) -> None:
    points = Points(kev=False)
    assert not table.due(points, DETECTED).binding
    assert table.due(points, DETECTED, federal_civilian=True).binding


HEAD = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"", "first line"),
        (b"a,b\n", "first line"),
        (f"{HEAD}\nyes,no\n".encode(), "row 1: 2 values"),
        (f"{HEAD}\nyes,no,maybe,total,3,no\n".encode(), "row 1: yes,no,maybe"),
        (f"{HEAD}\nyes,no,no,total,soon,no\n".encode(), "row 1: yes,no,no,total,soon"),
        (f"{HEAD}\nyes,no,no,total,3,no\nyes,no,no,total,3,no\n".encode(), "row 2: the same points as row 1"),
        (RAW.rsplit(b"\n", 2)[0], "1 of 16"),
    ],
)
def test_a_table_that_is_not_the_directives_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(BadTable, match=says):
        parse_table(raw)
