"""What a set takes, what it refuses, and how it says so; ranges of versions."""

from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.clearinghouse.publish import (
    AdvisorySet,
    NotARange,
    Product,
    Publisher,
    Reference,
    Remediation,
    Remedy,
    Revision,
    Status,
    Verdict,
    Vers,
    Vulnerability,
)
from support.advisories import AT, CVSS_3, CVSS_4, small

AFFECTED = Verdict(product="tiny", status=Status.AFFECTED)
UNKNOWN = Verdict(product="x", status=Status.AFFECTED)


def vulnerability(**changes: Any) -> Vulnerability:  # noqa: ANN401 - fields of any type
    plain = {"key": "root", "title": "t", "description": "d", "verdicts": (AFFECTED,)}
    return Vulnerability.model_validate(plain | changes)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Product(key="a", vendor="v", name="n", purl="npm/left-pad"), "purl"),
        (lambda: Product(key="a", vendor="v", name="n", cpe="cpe:/a:v:n"), "CPE 2.3"),
        (lambda: Product(key="a", vendor="v", name="n", version="1", vers="vers:npm/<1"), "not both"),
        (lambda: Product(key="a", vendor="v", name="n", vers="<1.0"), "is no range"),
        (lambda: Product(key="a b", vendor="v", name="n"), "key"),
        (lambda: Product(key="a", vendor=" ", name="n"), "not blank"),
        (lambda: Product(key="a", vendor="v\n", name="n"), "control characters"),
        (lambda: Verdict(product="tiny", status=Status.NOT_AFFECTED), "needs a justification or an impact"),
        (lambda: Verdict(product="tiny", status=Status.FIXED, justification="component_not_present"), "belongs to"),
        (lambda: Reference(url="javascript:alert(1)", summary="s"), "http"),
        (lambda: Reference(url="https://e.example/a b", summary="s"), "ASCII"),
        (lambda: Reference(url="https://e.example/%zz", summary="s"), "percent-encoded"),
        (lambda: Reference(url="https://e.example/a#b#c", summary="s"), "percent-encoded"),
        (lambda: Reference(url="https://e.example/[a]", summary="s"), "percent-encoded"),
        (lambda: vulnerability(cve="CVE-26-1"), "CVE id is written"),
        (lambda: vulnerability(ghsa="GHSA-1"), "GHSA id is written"),
        (lambda: vulnerability(cwes=("CWE-16",)), "is a category"),
        (lambda: vulnerability(cvss_4=CVSS_3), "no vector of CVSS 4.0"),
        (lambda: vulnerability(cvss_3=CVSS_4), "no vector of CVSS 3.1"),
        (lambda: vulnerability(cvss_3="CVSS:3.1/AV:N"), "AC: it is missing"),
        (lambda: vulnerability(ssvc={"E": "Q"}), "is no value of Exploitation"),
        (lambda: vulnerability(ssvc={"RC": "C"}), "has no point 'RC'"),
        (lambda: vulnerability(ssvc_table="trees"), "no table 'trees'"),
        (lambda: vulnerability(verdicts=()), "at least 1"),
        (lambda: vulnerability(verdicts=(AFFECTED, AFFECTED)), "two verdicts"),
        (
            lambda: vulnerability(
                remediations=(
                    Remediation(kind=Remedy.VENDOR_FIX, details="x"),
                    Remediation(kind=Remedy.NONE_AVAILABLE, details="x", products=("tiny",)),
                )
            ),
            "both none_available and vendor_fix",
        ),
        (lambda: small(id="no spaces please"), "id"),
        (lambda: small(title="x" * 257), "256"),
        (lambda: small(products=small().products * 2), "product stands twice"),
        (lambda: small(vulnerabilities=(vulnerability(verdicts=(UNKNOWN,)),)), "no product x"),
        (lambda: Product(key="a", vendor="v", name="n", version="1" * 1025), "1024"),
        (lambda: small(revisions=(Revision(number=2, at=AT, summary="s"),)), "count from 1"),
        (lambda: small(vulnerabilities=(vulnerability(), vulnerability())), "vulnerability stands twice"),
        (lambda: Revision(number=1, at=AT.replace(tzinfo=None), summary="s"), "not an instant"),
        (lambda: Publisher(name="n", namespace="https://e.example", cve_org="0"), "cve_org"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_reason(make: Any, said: str) -> None:  # noqa: ANN401 - a constructor
    with pytest.raises(ValidationError, match=said):
        make()


def test_a_set_comes_back_from_its_canonical_bytes() -> None:
    advisory = small()
    assert AdvisorySet.model_validate_json(advisory.canonical()) == advisory
    assert advisory.file_name == "sc-2026-0001.json"
    assert small(id="Re_po+x..1").file_name == "re_po+x_1.json"


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        ("vers:npm/<2.0", ["<2.0"]),
        ("vers:npm/1.0", ["1.0"]),
        ("vers:npm/>=1|<2|>=3|<=4", [">=1 <2", ">=3 <=4"]),
        ("vers:npm/>=1|!=1.5|<2", [">=1 <1.5", ">1.5 <2"]),
        ("vers:npm/1.0|1.1|>2", ["1.0", "1.1", ">2"]),
        ("vers:rpm/>=1%2B1", [">=1+1"]),
        ("vers:all/*", ["*"]),
    ],
)
def test_ranges_become_intervals(text: str, intervals: list[str]) -> None:
    assert [str(interval) for interval in Vers.parse(text).intervals] == intervals


@pytest.mark.parametrize(
    "text",
    [
        "npm/<1",
        "vers:npm/",
        "vers:npm/>1|>2",
        "vers:npm/>1|1.5",
        "vers:npm/<1|<2",
        "vers:npm/=>1",
        "vers:npm/<2.0.0|>=1.0.0",
        "vers:pypi/>=1.10|<1.9",
    ],
)
def test_what_makes_no_intervals_is_refused(text: str) -> None:
    with pytest.raises(NotARange):
        Vers.parse(text)
