"""SSVC tables: every row, every check at loading, and the list that a selection becomes."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from csaf.csaf import v21

from seatrial.clearinghouse import data
from seatrial.clearinghouse.rating import ssvc

# The outcomes as CERT/CC's own package (certcc-ssvc 2026.10.0) evaluates them, in the order of the product of the
# values below. Written out from that package's objects, not from the files that the code reads.
PUBLISHED = {
    "supplier": (
        "E N,P,A|U L,E,S|TI P,T|PSI M,S",
        "D S S O S O S O S O O O S O S I S I O I O I O I O I O I O I O I I I I I",
    ),
    "utility": (
        "A N,Y|VD D,C",
        "L E E S",
    ),
    "deployer": (
        "E N,P,A|EXP S,C,O|A N,Y|HI L,M,H,VH",
        (
            "D D S S D S S S D S S S S S S S D S S S S S S O D S S S S S S S D S S S S S S O S S S O S S O O S S "
            "O O S O O O S S O O O O O O S O O I O O I I"
        ),
    ),
    "public_safety_impact": (
        "SI N,M,R,C",
        "M S S S",
    ),
    "coordinator_publication": (
        "SINV FR,C,UU|E N,P,A|PVA L,A,P",
        "N N P N N P N P P N N P N N P N P P N N P N P P P P P",
    ),
    "coordinator_triage": (
        "RP Y,N|SCON N,Y|RC NC,C|SC O,M|SE A,U|U L,E,S|PSI M,S",
        (
            "D D D D D D D D D D D D D D D D D C D D D D D C D D D D D D D D D D D D D D D D D C D D D D D C D D "
            "D D D D D D D D D D D D D D D C D D D D D C D D D D D D D D D D D D D D D D D C D D D D D C D D D D "
            "D D D D D D D D D D D D D C D D D D D C D D D D D D D D D D D D D D D D D C D D D D D C D D D T D T "
            "D D D T D T D T D T T C D T D T T C D D D T D T T C C C C C D T D T C C C C C C C C"
        ),
    ),
    "human_impact": (
        "SI N,M,R,C|MI D,MSC,MEF,MF",
        "L L M VH L L M VH M H H VH VH VH VH VH",
    ),
    "bod_26_04": (
        "PE N,Y|KEV N,Y|A N,Y|TI P,T",
        "FSU FSU 60D 60D 14D 14D 14D 3DF 60D 14D 14D 3D 14D 3DF 3D 3DF",
    ),
    "cisa": (
        "E N,P,A|A N,Y|TI P,T|MWI L,M,H",
        "T T T T T T* T T AT T T AT T T T* T T* AT T T AT T T* AT T T AT T AT AC AT AT AC AT AC AC",
    ),
}


def published_rows() -> Iterator[tuple[str, dict[str, str], str]]:
    for name, (points, outcomes) in PUBLISHED.items():
        keys, values = zip(*(point.split(" ") for point in points.split("|")), strict=True)
        for row, outcome in zip(product(*(v.split(",") for v in values)), outcomes.split(), strict=True):
            yield name, dict(zip(keys, row, strict=True)), outcome


def test_all_403_rows_are_as_published() -> None:
    rows = list(published_rows())
    assert len(rows) == 403
    assert [(n, g) for n, g, outcome in rows if ssvc.table(n).evaluate(g).key != outcome] == []
    assert sorted(PUBLISHED) == sorted(ssvc.TABLES)


def test_rows_follow_the_definitions_that_the_tables_carry() -> None:
    """Utility, human impact and public safety impact say in words which values they stand for."""
    human, utility, safety = (ssvc.table(name) for name in ("human_impact", "utility", "public_safety_impact"))
    for impact, mission in product("NMRC", ("D", "MSC", "MEF", "MF")):
        said = human.evaluate({"SI": impact, "MI": mission}).key
        if impact == "C" or mission == "MF":
            assert said == "VH"
        elif impact == "N":
            assert said == ("M" if mission == "MEF" else "L")
    assert [utility.evaluate({"A": a, "VD": d}).key for a in "NY" for d in "DC"] == ["L", "E", "E", "S"]
    assert [safety.evaluate({"SI": s}).key for s in "NMRC"] == ["M", "S", "S", "S"]


@pytest.mark.parametrize("name", sorted(ssvc.TABLES))
def test_a_damaged_table_is_not_loaded(name: str) -> None:
    whole = data.table(f"ssvc/{ssvc.TABLES[name]}.json")
    points = list(whole["decision_points"])

    def damaged(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        broken = copy.deepcopy(whole)
        change(broken)
        return broken

    faults = {
        "rows of": lambda t: t["mapping"].pop(),
        "stands twice": lambda t: t["mapping"].append(dict(t["mapping"][0])),
        "has no value": lambda t: t["mapping"][1].update({points[0]: "Q"}),
        "not the points": lambda t: t["mapping"][0].pop(points[0]),
        "two of its values": lambda t: t["decision_points"][points[0]]["values"].append(
            t["decision_points"][points[0]]["values"][0]
        ),
        "says that it is": lambda t: t["decision_points"][points[0]].update(version="9.9.9"),
        "has no 'mapping'": lambda t: t.pop("mapping"),
    }
    for said, change in faults.items():
        with pytest.raises(ssvc.TableFault, match=said):
            ssvc.load(damaged(change))
    assert len(ssvc.load(whole).rows) == len(whole["mapping"])


def test_what_is_missing_or_wrong_is_named_with_what_there_is() -> None:
    triage = ssvc.table("coordinator_triage")
    given = {"RP": "N", "SCON": "Y", "RC": "C", "SC": "M", "SE": "U", "U": "S", "PSI": "S"}
    assert triage.evaluate({f"ssvc:{k}:{triage.point(k).version}": v for k, v in given.items()}).name == "Coordinate"
    with pytest.raises(ssvc.NotASelection, match=r"ssvc:SE:1\.0\.0 is missing: .*A \(Active\), U \(Unresponsive\)"):
        triage.evaluate({k: v for k, v in given.items() if k != "SE"})
    with pytest.raises(ssvc.NotASelection, match=r"'X' is no value of Report Credibility"):
        triage.evaluate(given | {"RC": "X"})
    with pytest.raises(ssvc.NotASelection, match="no table 'trees'"):
        ssvc.table("trees")


def test_a_selection_list_is_valid_and_holds_the_outcome_only_if_all_is_known() -> None:
    schema = json.loads((Path(v21.__file__).parent / "schema/referenced/SelectionList_2_0_0.schema.json").read_bytes())
    check = jsonschema.Draft202012Validator(schema)
    at = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    for name in ssvc.TABLES:
        table = ssvc.table(name)
        whole = {point.key: point.values[-1].key for point in table.points}
        full = ssvc.selection_list(table, whole, at=at, targets=["CVE-2026-1", "CVE-2026-1"], because=["https://e.org"])
        part = ssvc.selection_list(table, dict([next(iter(whole.items()))]), at=at)
        for listed in (full, part):
            check.validate(listed)
        assert full["selections"][-1]["key"] == table.outcome.key
        assert full["selections"][-1]["values"][0]["key"] == table.evaluate(whole).key
        assert full["target_ids"] == ["CVE-2026-1"]
        assert len(part["selections"]) == (1 if len(table.points) > 1 else 2)
    with pytest.raises(ssvc.NotASelection, match="nothing is selected"):
        ssvc.selection_list(ssvc.table("cisa"), {}, at=at)
