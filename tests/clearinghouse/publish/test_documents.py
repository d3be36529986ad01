"""Every document of every advisory set is faulted by none of its validators, and says what the set says."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.publish import (
    FORMATS,
    AdvisorySet,
    NotExpressible,
    Product,
    Publisher,
    Revision,
    Status,
    Verdict,
    csaf_2_0,
    csaf_2_1,
    cve_drafts,
    cyclonedx_vex,
    faults,
    openvex,
    osv_records,
    sarif,
)
from seatrial.framework.data_class import Tlp
from support.advisories import AT, CVSS_3, advisory_sets, crowded, large, small


def documents(advisory: AdvisorySet) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document that can say it, as it will be read: from its JSON text."""
    for format_, make in FORMATS.items():
        try:
            made = make(advisory)
        except NotExpressible:
            continue
        for document in made:
            yield format_, json.loads(json.dumps(document))


@given(advisory_sets())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_document_of_any_set_is_faulted(advisory: AdvisorySet) -> None:
    assert [str(fault) for format_, document in documents(advisory) for fault in faults(format_, document)] == []


LONG = "A " * 9000 + "\u2028\u0000\u001b[31m <script>alert(1)</script> ]]> \\u0041 \ufeff"


@pytest.mark.parametrize(
    "advisory",
    [
        small(),
        large(),
        crowded(),
        small(summary=LONG, title="x" * 256),
        small(products=(Product(key="tiny", vendor="V" * 600, name="N" * 3000, version="1" * 1024),)),
        small(products=(Product(key="tiny", vendor="V", name="N", purl="pkg:swift/github.com/a/b"),)),
        small(products=(Product(key="tiny", vendor="V", name="N", purl="pkg:oci/ns/name@sha256:00?tag=1"),)),
        small(vulnerabilities=(small().vulnerabilities[0].model_copy(update={"description": LONG}),)),
        small(publisher=Publisher(name="House", namespace="http://findings.example", osv_prefix="OSV")),
    ],
)
def test_odd_but_allowed_sets_are_faulted_by_nothing(advisory: AdvisorySet) -> None:
    made = list(documents(advisory))
    assert len(made) >= 5
    assert [str(fault) for format_, document in made for fault in faults(format_, document)] == []


@pytest.mark.parametrize("format_", sorted(FORMATS))
def test_a_damaged_document_is_faulted(format_: str) -> None:
    """A validator that finds nothing wrong with this finds nothing."""
    (document, *_) = FORMATS[format_](large())
    damaged = {name: value for name, value in document.items() if name in ("csaf_version", "document", "bomFormat")}
    if "document" in damaged:
        damaged["document"] = {k: v for k, v in damaged["document"].items() if k != "tracking"}
    assert faults(format_, damaged)


def test_what_every_format_says_of_the_same_set() -> None:
    advisory = large()
    (record,) = osv_records(advisory)
    cve, unnumbered = cve_drafts(advisory)
    csaf = csaf_2_1(advisory)
    first, second = csaf["vulnerabilities"]
    assert record["affected"] == [
        {
            "package": {"ecosystem": "PyPI", "name": "tiny-xml", "purl": "pkg:pypi/tiny-xml"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "1.4.2"}]}],
        }
    ]
    assert record["aliases"] == ["CVE-2026-12345"]
    container = cve["containers"]["cna"]
    assert container["affected"][0]["versions"] == [
        {"version": "1.0", "status": "affected", "versionType": "pypi", "lessThan": "1.4.2"},
        {"version": "1.4.2", "status": "unaffected"},
    ]
    assert container["affected"][1]["versions"] == [{"version": "7.1 and earlier", "status": "affected"}]
    assert "cveMetadata" not in unnumbered
    assert csaf["document"]["category"] == "csaf_security_advisory"
    assert first["product_status"] == {
        "known_affected": ["CSAFPID-0001", "CSAFPID-0003"],
        "known_not_affected": ["CSAFPID-0005"],
        "fixed": ["CSAFPID-0002"],
        "under_investigation": ["CSAFPID-0004"],
    }
    assert [list(metric["content"]) for metric in first["metrics"]] == [["cvss_v3", "cvss_v4", "ssvc_v2"]]
    assert second["remediations"][0]["category"] == "no_fix_planned"
    flagged = [s for s in openvex(advisory)["statements"] if s["status"] == "not_affected"]
    assert flagged[0]["justification"] == "vulnerable_code_not_in_execute_path"
    assert "impact_statement" not in flagged[0]
    states = {v["analysis"]["state"] for v in cyclonedx_vex(advisory)["vulnerabilities"]}
    assert states == {"exploitable", "resolved", "not_affected", "in_triage"}
    results = sarif(advisory)["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["CWE-122/heap-overflow-in-parse-attribute", "CWE-20/no-id-yet"]
    assert all("fingerprints" not in result and "partialFingerprints" not in result for result in results)


def test_the_ai_label_is_on_the_report_and_on_the_fix_in_every_format() -> None:
    plain = small(
        ai_origin=AiOrigin.NONE, vulnerabilities=(large().vulnerabilities[0].model_copy(update=_only_tiny()),)
    )
    labelled = plain.model_copy(update={"ai_origin": AiOrigin.GENERATED, "patch_ai_origin": AiOrigin.ANNOTATED})
    for (format_, without), (_, with_) in zip(documents(plain), documents(labelled), strict=True):
        found = json.dumps(with_).lower()
        assert "generated" in found or "written by an ai model" in found, format_
        assert "written by an ai model" not in json.dumps(without).lower(), format_
        assert "ai/origin" not in json.dumps(without)


def _only_tiny() -> dict[str, Any]:
    return {"verdicts": (Verdict(product="tiny", status=Status.AFFECTED),), "remediations": ()}


def test_csaf_2_0_refuses_what_it_cannot_label() -> None:
    for tlp, label in (
        (Tlp.TLP_CLEAR, "WHITE"),
        (Tlp.TLP_GREEN, "GREEN"),
        (Tlp.TLP_AMBER, "AMBER"),
        (Tlp.TLP_RED, "RED"),
    ):
        assert csaf_2_0(small(tlp=tlp))["document"]["distribution"]["tlp"]["label"] == label
    with pytest.raises(NotExpressible, match=r"no TLP:AMBER\+STRICT"):
        csaf_2_0(small(tlp=Tlp.TLP_AMBER_STRICT))
    assert csaf_2_1(small())["document"]["distribution"]["tlp"]["label"] == "AMBER+STRICT"


def test_osv_needs_an_id_and_a_registered_prefix() -> None:
    with pytest.raises(NotExpressible, match="needs a CVE or GHSA id"):
        osv_records(small())
    with pytest.raises(NotExpressible, match="no prefix registered"):
        osv_records(small(publisher=Publisher(name="H", namespace="https://h.example", osv_prefix="SEATRIAL")))
    house = Publisher(name="H", namespace="https://h.example", osv_prefix="OSV")
    assert [record["id"] for record in osv_records(small(publisher=house))] == ["OSV-SC-2026-0001"]


def test_a_released_document_states_nothing_after_its_own_date() -> None:
    late = (
        large()
        .vulnerabilities[0]
        .model_copy(
            update=_only_tiny() | {"disclosed": AT + timedelta(days=400), "exploited_since": AT + timedelta(days=401)}
        )
    )
    advisory = small(vulnerabilities=(late,), state="final", revisions=(Revision(number=1, at=AT, summary="First"),))
    (told,) = csaf_2_1(advisory)["vulnerabilities"]
    assert "disclosure_date" not in told
    assert "threats" not in told


def test_published_vectors_are_base_vectors() -> None:
    rated = small().vulnerabilities[0].model_copy(update={"cvss_3": CVSS_3 + "/E:U/MAV:L"})
    (told,) = csaf_2_1(small(vulnerabilities=(rated,)))["vulnerabilities"]
    assert told["metrics"][0]["content"]["cvss_v3"] == {
        "version": "3.1",
        "vectorString": CVSS_3,
        "baseScore": 9.8,
        "baseSeverity": "CRITICAL",
    }
