"""Weaknesses, sectors and the floor of a crash."""

import pytest

from seatrial.clearinghouse import data
from seatrial.clearinghouse.rating import (
    Deployment,
    Entry,
    NotAWeakness,
    Sector,
    SectorTable,
    floor,
    suggest,
    table,
    weakness,
)
from seatrial.clearinghouse.rating.sectors import UNKNOWN


def test_the_list_is_whole() -> None:
    """Version 4.15 had 939 weaknesses that are not deprecated; 1427, 1428, 1429, 1431 and 1434 came since."""
    listed = data.table("cwe-4.20.json")
    live = [row for row in listed["weaknesses"].values() if row[2] != "Deprecated"]
    assert (listed["version"], len(live), len(listed["categories"]), len(listed["views"])) == ("4.20", 939 + 5, 409, 54)


@pytest.mark.parametrize(
    ("written", "name", "abstraction", "wide"),
    [
        ("CWE-787", "Out-of-bounds Write", "Base", False),
        (416, "Use After Free", "Variant", False),
        ("cwe-119", "Improper Restriction of Operations within the Bounds of a Memory Buffer", "Class", True),
        ("79", "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')", "Base", False),
        (1427, "Improper Neutralization of Input Used for LLM Prompting", "", False),
    ],
)
def test_a_weakness_by_number(written: int | str, name: str, abstraction: str, *, wide: bool) -> None:
    found = weakness(written)
    assert (found.name, found.abstraction, found.wide) == (name, abstraction, wide)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (16, "is a category"), ("CWE-1000", "is a view"), (92, "maps no vulnerability"), (999999, "not written like"),
        (99999, "not in the list"), ("NVD-CWE-noinfo", "not written like"), ("", "not written like"),
    ],
)  # fmt: skip
def test_what_is_no_weakness_is_refused(written: int | str, said: str) -> None:
    with pytest.raises(NotAWeakness, match=said):
        weakness(written)


def test_every_category_and_view_is_refused_and_no_weakness_is_one() -> None:
    listed = data.table("cwe-4.20.json")
    for kind in ("categories", "views"):
        assert set(listed[kind]).isdisjoint(listed["weaknesses"])
        for number in listed[kind]:
            with pytest.raises(NotAWeakness):
                weakness(number)


FLOORS = {
    "high": [
        ("Heap-use-after-free", "READ"), ("Heap-double-free", None), ("Invalid-free", None), ("Bad-cast", None),
        ("Heap-buffer-overflow", "WRITE"), ("Stack-buffer-overflow", "WRITE"), ("Global-buffer-overflow", "WRITE"),
        ("Container-overflow", "WRITE"), ("UNKNOWN", "WRITE"), ("Stack-use-after-return", "READ"),
        ("Use-after-poison", "READ"), ("Memcpy-param-overlap", None), ("Dynamic-stack-buffer-overflow", "WRITE"),
    ],
    "medium": [
        ("Heap-buffer-overflow", "READ"), ("Stack-buffer-underflow", "READ"), ("Use-of-uninitialized-value", None),
        ("UNKNOWN", "READ"), ("Index-out-of-bounds", None),
    ],
    "none": [
        ("Null-dereference", "READ"), ("Null-dereference", "WRITE"), ("Stack-overflow", None), ("Timeout", None),
        ("Out-of-memory", None), ("Direct-leak", None), ("ASSERT", None), ("CHECK failure", None),
        ("Integer-overflow", None), ("Unsigned-integer-overflow", None), ("Undefined-shift", None),
        ("Divide-by-zero", None), ("Float-cast-overflow", None), ("Pointer-overflow", None), ("UNKNOWN", None),
        ("Uncaught exception", None), ("Data race", None), ("", None),
    ],
}  # fmt: skip


def test_the_floor_of_a_crash() -> None:
    got = {(kind, access): floor(kind, access).value for rows in FLOORS.values() for kind, access in rows}
    assert got == {row: named for named, rows in FLOORS.items() for row in rows}


def test_sectors_come_from_the_latest_entry_and_unknown_stays_unknown() -> None:
    known = SectorTable(
        (
            Entry("Acme", "", (Sector.ENERGY,), "advisory 2025-3", "j.doe", "2025-03-01"),
            Entry("Acme", "", (Sector.WATER, Sector.ENERGY), "advisory 2026-1", "j.doe", "2026-02-01"),
            Entry("Acme", "Ledger", (Sector.FINANCIAL_SERVICES,), "vendor", "m.roe", "2024-01-01", Deployment.OFFICE),
        )
    )
    assert len([sector for sector in Sector if sector is not Sector.UNKNOWN]) == 16
    assert known.of("acme ", "Pump").sectors == (Sector.WATER, Sector.ENERGY)
    assert known.of("ACME", "ledger").sectors == (Sector.FINANCIAL_SERVICES,)
    assert known.of("nobody") is UNKNOWN
    assert suggest(UNKNOWN).points == {}
    assert suggest(known.of("acme", "pump")).points == {}  # how it is deployed is not known
    with pytest.raises(ValueError, match="source is missing"):
        Entry("Acme", "", (Sector.WATER,), " ", "j.doe", "2026-01-01")


def test_what_a_sector_suggests_is_a_value_of_the_tables() -> None:
    points = {"PSI": table("public_safety_impact").outcome, "MI": table("human_impact").point("MI")}
    for sector in Sector:
        for deployment in Deployment:
            suggested = suggest(Entry("v", "", (sector,), "s", "e", "2026-01-01", deployment))
            assert suggested.reason
            for key, value in suggested.points.items():
                points[key].value(value)
