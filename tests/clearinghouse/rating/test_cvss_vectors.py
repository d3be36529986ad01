"""CVSS: every base vector of 3.1 against the formula of the standard, 4.0 against a second implementation, refusals."""

import math
import random
from itertools import product

import pytest
from csaf import _cvss4 as second
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.rating import cvss_vectors
from seatrial.clearinghouse.rating.cvss_vectors import Band, NotAVector, band, read

BASE_3 = {"AV": "NALP", "AC": "LH", "PR": "NLH", "UI": "NR", "S": "UC", "C": "HLN", "I": "HLN", "A": "HLN"}
BASE_4 = {
    "AV": "NALP", "AC": "LH", "AT": "NP", "PR": "NLH", "UI": "NPA",
    "VC": "HLN", "VI": "HLN", "VA": "HLN", "SC": "HLN", "SI": "HLN", "SA": "HLN",
}  # fmt: skip
MORE_4 = {
    "E": "XAPU", "CR": "XHML", "IR": "XHML", "AR": "XHML", "MAV": "XNALP", "MAC": "XLH", "MAT": "XNP", "MPR": "XNLH",
    "MUI": "XNPA", "MVC": "XHLN", "MVI": "XHLN", "MVA": "XHLN", "MSC": "XHLN", "MSI": "XSHLN", "MSA": "XSHLN",
}  # fmt: skip
SEED = 20261124


def formula_3_1(m: dict[str, str]) -> float:
    """The base score as chapter 7.1 of the 3.1 specification writes it, with its integer round-up of appendix A."""
    changed = m["S"] == "C"
    loss = {"H": 0.56, "L": 0.22, "N": 0.0}
    iss = 1 - (1 - loss[m["C"]]) * (1 - loss[m["I"]]) * (1 - loss[m["A"]])
    impact = 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15 if changed else 6.42 * iss
    if impact <= 0:
        return 0.0
    privileges = {"N": 0.85, "L": 0.68 if changed else 0.62, "H": 0.5 if changed else 0.27}
    exploitability = 8.22 * privileges[m["PR"]] * {"N": 0.85, "R": 0.62}[m["UI"]]
    exploitability *= {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}[m["AV"]] * {"L": 0.77, "H": 0.44}[m["AC"]]
    scaled = round(min((impact + exploitability) * (1.08 if changed else 1), 10) * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (math.floor(scaled / 10_000) + 1) / 10


def test_every_base_vector_of_3_1_has_the_score_of_the_formula() -> None:
    wrong, count = [], 0
    for values in product(*BASE_3.values()):
        metrics = dict(zip(BASE_3, values, strict=True))
        vector = "CVSS:3.1/" + "/".join(f"{k}:{v}" for k, v in metrics.items())
        scored, count = read(vector), count + 1
        if (scored.base, scored.score, scored.text) != (formula_3_1(metrics), formula_3_1(metrics), vector):
            wrong.append((vector, scored.base))
    assert (count, wrong) == (2592, [])


def test_vectors_of_4_0_have_the_score_of_a_second_implementation() -> None:
    draw = random.Random(SEED)  # base alone, and base with threat and environment
    for number in range(3000):
        metrics = {k: draw.choice(v) for k, v in BASE_4.items()}
        base = dict(metrics)
        if number % 2:
            metrics |= {k: draw.choice(v) for k, v in MORE_4.items() if draw.random() < 0.5}
        scored = read("CVSS:4.0/" + "/".join(f"{k}:{v}" for k, v in metrics.items()))
        assert (scored.base, scored.score) == (second.score(base), second.score(metrics)), scored.text


# Scores that the standards' own documents print.
PRINTED = {
    "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N": 6.4,  # CVE-2013-0375
    "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N": 3.1,  # CVE-2014-3566
    "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H": 9.9,  # CVE-2012-1516
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N": 7.5,  # CVE-2014-0160
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H": 10.0,  # CVE-2021-44228
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N": 0.0,
}


def test_printed_scores() -> None:
    assert {vector: read(vector).score for vector in PRINTED} == PRINTED


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "A"),
        ("CVSS:3.1/AV:Z/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV"),
        ("CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/QQ:X", "QQ"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H", "S"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:R/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "UI"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N", "SA"),
        ("CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "S"),
        ("CVSS:3.1/AV=N", "AV=N"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", ""),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", ""),
        ("", ""),
    ],
)
def test_a_refusal_names_the_metric(text: str, metric: str) -> None:
    with pytest.raises(NotAVector) as refused:
        read(text)
    assert refused.value.metric == metric
    assert metric in str(refused.value)


@given(st.text(max_size=60) | st.from_regex(r"CVSS:(3\.1|4\.0)/([A-Z]{1,3}:[A-Z]/?){0,12}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        vector = read(text)
    except NotAVector:
        return
    assert read(vector.text) == vector


def test_metrics_in_any_order_and_undefined_ones_are_one_vector() -> None:
    one = read("CVSS:3.1/C:H/AV:N/AC:L/PR:N/UI:N/S:U/I:H/A:H/E:U/RL:X")
    assert one.text == "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U"
    assert (one.base, one.score, one.band, one.base_document()["baseSeverity"]) == (9.8, 9.0, Band.CRITICAL, "CRITICAL")


def test_bands_change_where_the_standards_say() -> None:
    edges = {
        0.0: "none",
        0.1: "low",
        3.9: "low",
        4.0: "medium",
        6.9: "medium",
        7.0: "high",
        8.9: "high",
        9.0: "critical",
    }
    assert {score: band(score).value for score in edges} == edges
    assert cvss_vectors.HIGH == 7.0
