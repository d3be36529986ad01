"""Who may decide a rating: two independent proposals where it is severe, a person, a reason where bands differ."""

from datetime import UTC, datetime

import pytest

from seatrial.clearinghouse.rating import NotASelection, NotAVector, NotAWeakness, NotDecidable, Version
from seatrial.clearinghouse.rating.raters import Proposal, RaterKind, Rating, decide, disagreements

AT = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
SEVERE = Rating(
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CWE-787",
    {"E": "P"},
)
LIGHT = Rating(
    "CVSS:4.0/AV:L/AC:H/AT:P/PR:L/UI:P/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N",
    "CWE-125",
    {"E": "N"},
)
# 3.1 says 6.5 (medium), 4.0 says 7.1 (high): either version is enough.
SPLIT = Rating(
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N",
    "CWE-125",
)


def proposal(
    rater: str = "j.doe", kind: RaterKind = RaterKind.PERSON, rating: Rating = SEVERE, saw: tuple[str, ...] = ()
) -> Proposal:
    return Proposal(rater, kind, rating, AT, ("replay 3 of 3",), frozenset(saw))


PERSON = proposal()
SECOND = proposal("m.roe")
MODEL = proposal("rater-model", RaterKind.MODEL)
RULE = proposal("rules-1", RaterKind.RULE)


@pytest.mark.parametrize(
    ("proposals", "rating", "missing"),
    [
        ([PERSON], SEVERE, "two independent"),
        ([MODEL, RULE], SEVERE, "two independent"),
        ([PERSON, proposal("j.doe", RaterKind.MODEL)], SEVERE, "two independent"),
        ([PERSON, proposal("m.roe", saw=("j.doe",))], SEVERE, "two independent"),
        ([PERSON], SPLIT, "two independent"),
        ([PERSON], LIGHT, "two independent"),  # one proposal says critical: going below it needs the same care
        ([], LIGHT, "no proposal"),
        ([PERSON, SECOND], LIGHT, "bands differ"),
        ([PERSON, proposal("m.roe", rating=LIGHT)], SEVERE, "bands differ"),
    ],
)
def test_what_is_missing_is_said(proposals: list[Proposal], rating: Rating, missing: str) -> None:
    with pytest.raises(NotDecidable, match=missing):
        decide(proposals, rating, person="a.smith", reason="", at=AT)


def test_a_person_with_a_model_or_a_rule_decides_and_a_light_one_needs_one_proposal() -> None:
    for pair in ([PERSON, MODEL], [PERSON, RULE], [PERSON, SECOND]):
        assert decide(pair, SEVERE, person="a.smith", reason="", at=AT).person == "a.smith"
    light = [proposal("rules-1", RaterKind.RULE, LIGHT)]
    assert decide(light, LIGHT, person="a.smith", reason="", at=AT).rating is LIGHT
    assert decide([PERSON, SECOND], LIGHT, person="a.smith", reason="needs a local account", at=AT).reason
    with pytest.raises(NotDecidable, match="name who"):
        decide(light, LIGHT, person=" ", reason="", at=AT)


def test_the_digest_changes_with_the_rating_and_with_who_proposed_what() -> None:
    decided = decide([PERSON, SECOND], SEVERE, person="a.smith", reason="x", at=AT)
    others = [
        decide([PERSON, SECOND], Rating(SEVERE.cvss_4, SEVERE.cvss_3, "CWE-122"), person="a.smith", reason="x", at=AT),
        decide([PERSON, MODEL], SEVERE, person="a.smith", reason="x", at=AT),
        decide([PERSON, SECOND], SEVERE, person="b.smith", reason="x", at=AT),
        decide([PERSON, SECOND], SEVERE, person="a.smith", reason="y", at=AT),
    ]
    assert decided.digest() == decide([PERSON, SECOND], SEVERE, person="a.smith", reason="x", at=AT).digest()
    assert len({decided.digest(), *(other.digest() for other in others)}) == 5


def test_disagreement_is_shown_by_metric_score_and_band() -> None:
    (pair,) = disagreements([PERSON, SECOND, proposal("w.low", rating=LIGHT)])[:1]
    on = {difference.on: (difference.one, difference.other) for difference in pair.metrics}
    assert on["4.0 AV"] == ("N", "L")
    assert on["3.1 UI"] == ("N", "R")
    assert on["CWE"] == ("CWE-787", "CWE-125")
    assert on["SSVC E"] == ("P", "N")
    assert "3.1 S" not in on
    assert pair.bands_differ
    assert pair.score_gap == {"4.0": round(9.3 - LIGHT.vectors()[Version.V4_0].score, 1), "3.1": round(9.8 - 2.2, 1)}
    assert disagreements([PERSON, SECOND]) == ()


def test_nothing_is_decided_on_what_does_not_parse() -> None:
    for rating, refusal in (
        (Rating(SEVERE.cvss_4, "CVSS:3.1/AV:N", "CWE-787"), NotAVector),
        (Rating(SEVERE.cvss_3, SEVERE.cvss_4, "CWE-787"), NotAVector),
        (Rating(SEVERE.cvss_4, SEVERE.cvss_3, "CWE-16"), NotAWeakness),
        (Rating(SEVERE.cvss_4, SEVERE.cvss_3, "CWE-787", {"E": "X"}), NotASelection),
        (Rating(SEVERE.cvss_4, SEVERE.cvss_3, "CWE-787", {"mood": "N"}), NotASelection),
    ):
        with pytest.raises(refusal):
            decide([PERSON, SECOND], rating, person="a.smith", reason="x", at=AT)
