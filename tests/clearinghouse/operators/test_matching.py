import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.clearinghouse.operators import (
    Component,
    Feed,
    Fit,
    Kev,
    NotAnInventory,
    Product,
    Row,
    Status,
    by_sector,
    fit,
    match,
    read_feed,
    read_inventory,
)

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
PARTIAL = "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("product", "purl", "version", "expected"),
    [
        (Product("a", ("pkg:npm/a@1.0",)), "pkg:npm/a@1.0", "", Fit.VERSION),
        (Product("a", ("pkg:npm/a@1.0",)), "pkg:npm/a@1.1", "", Fit.NONE),
        (Product("a", ("pkg:npm/a",)), "pkg:npm/a@9", "", Fit.PACKAGE),
        (Product("a", ("pkg:npm/b",)), "pkg:npm/a@9", "", Fit.NONE),
        (Product("a", ("pkg:npm/a",), range="vers:npm/>=1.0.0|<1.2.3"), "pkg:npm/a@1.2.2", "", Fit.RANGE),
        (Product("a", ("pkg:npm/a",), range="vers:npm/>=1.0.0|<1.2.3"), "pkg:npm/a@1.2.3", "", Fit.NONE),
        (Product("a", ("pkg:pypi/a",), range="<2.0"), "pkg:pypi/a@2.0rc1", "", Fit.RANGE),
        (
            Product("a", ("pkg:deb/debian/a",), range="vers:deb/<1.0-2"),
            "pkg:deb/debian/a@1.0-1%7Erc?arch=amd64",
            "",
            Fit.RANGE,
        ),
        (Product("a", ("pkg:generic/a",), range="vers:unknown/<2"), "pkg:generic/a@1", "", Fit.UNSURE),
        (Product("a", ("pkg:npm/a",), range="vers:npm/<2.0.0"), "pkg:npm/a@not-a-version", "", Fit.UNSURE),
        (Product("a", ("pkg:npm/a",), range="vers:npm/<2.0.0"), "pkg:npm/a", "", Fit.UNSURE),
        (Product("a", ("pkg:npm/a",), range="vers:npm/<2.0.0"), "pkg:npm/a", "1.0.0", Fit.RANGE),
        (Product("a", ("pkg:oci/a",)), "pkg:oci/a@1", "", Fit.UNSURE),
        (Product("a", ("pkg:npm/%40s/a",)), "pkg:npm/a@1", "", Fit.NONE),
    ],
)
def test_a_package_url_and_its_version_decide(product: Product, purl: str, version: str, expected: Fit) -> None:
    assert fit(product, purl, "", version) is expected


def test_a_cpe_is_a_weaker_match_and_a_range_over_it_is_not_guessed() -> None:
    cpe = "cpe:2.3:a:acme:flow:3.1:*:*:*:*:*:*:*"
    assert fit(Product("flow", cpe="cpe:2.3:a:ACME:flow:3.1:*:*:*:*:*:*:*"), "", cpe, "") is Fit.CPE
    assert fit(Product("flow", cpe="cpe:/a:acme:flow:3.0"), "", cpe, "") is Fit.NONE
    assert fit(Product("flow", cpe="cpe:2.3:a:acme:flow:*", range="vers:generic/<4"), "", cpe, "") is Fit.UNSURE
    assert fit(Product("flow", cpe="cpe:2.3:a:other:flow:3.1"), "", cpe, "") is Fit.NONE


def csaf(version: str, status: dict[str, list[str]], **vulnerability: object) -> bytes:
    score = {"products": ["P1", "P2"], "cvss_v3": {"vectorString": CRITICAL}}
    metric = {"products": ["P1", "P2"], "content": {"cvss_v3": {"vectorString": CRITICAL}}}
    document = {
        "document": {
            "csaf_version": version,
            "title": "Flow writes past a buffer",
            "tracking": {"id": "ACME-1", "current_release_date": "2026-11-20T00:00:00Z"},
            "notes": [{"title": "Critical infrastructure sectors", "text": "water, energy", "category": "other"}],
        },
        "product_tree": {
            "branches": [
                {"category": "vendor", "name": "acme", "branches": [
                    {"category": "product_name", "name": "flow", "branches": [
                        {"category": "product_version_range", "name": "vers:npm/<2.0.0", "product": {
                            "product_id": "P1", "name": "flow before 2",
                            "product_identification_helper": {"purl": "pkg:npm/flow"}}},
                        {"category": "product_version", "name": "1.9.1", "product": {
                            "product_id": "P2", "name": "flow 1.9.1",
                            "product_identification_helper": {"purls": ["pkg:npm/flow@1.9.1"]}}},
                    ]},
                ]},
            ],
        },
        "vulnerabilities": [
            {"cve": "CVE-2026-1000", "product_status": status,
             "remediations": [{"category": "vendor_fix", "details": "Update to 2.0.0", "product_ids": ["P1"]}],
             **({"scores": [score]} if version == "2.0" else {"metrics": [metric]}), **vulnerability},
        ],
    }  # fmt: skip
    return json.dumps(document).encode()


def rows(feed: bytes | Feed, *components: Component, **asked: Any) -> list[Row]:  # noqa: ANN401 - what `match` takes by name
    read = feed if isinstance(feed, Feed) else read_feed([("one.json", feed)])
    assert read.unread == ()
    return list(match(components, read, detected=NOW, **asked).rows)


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_row_has_a_date_and_says_why(version: str) -> None:
    found = rows(
        csaf(version, {"known_affected": ["P1"]}), Component("flow", "1.5.0", "pkg:npm/flow@1.5.0", group="plant")
    )
    assert [(row.vulnerability, row.product, row.fit) for row in found] == [
        ("CVE-2026-1000", "pkg:npm/flow", Fit.RANGE)
    ]
    assert found[0].due == NOW + timedelta(days=3)  # exposed, automatable, total impact
    assert "no answer about exposure for plant: taken as exposed" in found[0].reason
    assert found[0].remedy == "Update to 2.0.0"
    assert list(by_sector(found)) == ["energy", "water"]
    inside = rows(
        csaf(version, {"known_affected": ["P1"]}),
        Component("flow", "1.5.0", "pkg:npm/flow@1.5.0", group="plant"),
        exposed={"plant": False},
    )
    assert inside[0].due == NOW + timedelta(days=60)


def test_one_row_for_each_root_and_product_however_often_it_is_found() -> None:
    many = [Component("flow", f"1.{n}.0", f"pkg:npm/flow@1.{n}.0", group=f"plant {n % 2}") for n in range(6)]
    found = rows(csaf("2.1", {"known_affected": ["P1"]}), *many, exposed={"plant 0": False, "plant 1": True})
    assert len(found) == 1
    assert found[0].groups == ("plant 0", "plant 1")
    assert found[0].due == NOW + timedelta(days=3)  # the most pressing group decides


def test_the_more_exact_statement_counts() -> None:
    mended = csaf("2.1", {"known_affected": ["P1"], "fixed": ["P2"]})
    assert rows(mended, Component("flow", "1.9.1", "pkg:npm/flow@1.9.1")) == []
    assert len(rows(mended, Component("flow", "1.9.0", "pkg:npm/flow@1.9.0"))) == 1


def test_a_listing_as_exploited_starts_the_clock_and_asks_for_an_investigation() -> None:
    kev = Kev.read(
        json.dumps(
            {"dateReleased": "2026-11-23", "vulnerabilities": [{"cveID": "CVE-2026-1000", "dateAdded": "2026-11-22"}]}
        ).encode()
    )
    found = rows(csaf("2.0", {"known_affected": ["P1"]}), Component("flow", "1.5.0", "pkg:npm/flow@1.5.0"), kev=kev)
    assert found[0].due == datetime(2026, 11, 25, tzinfo=UTC)
    assert found[0].forensic
    with pytest.raises(ValueError, match="no KEV catalogue"):
        Kev.read(b"[]")


def test_what_cannot_be_compared_is_shown_and_not_taken_for_no() -> None:
    found = rows(csaf("2.1", {"known_not_affected": ["P1"]}), Component("flow", "unreadable version", "pkg:npm/flow"))
    assert [(row.fit, row.status) for row in found] == [(Fit.UNSURE, Status.AFFECTED)]


def test_osv_and_openvex_speak_of_the_same_vulnerability() -> None:
    osv = {
        "id": "SEA-1", "aliases": ["CVE-2026-1000"], "modified": "2026-11-01T00:00:00Z", "summary": "Flow",
        "severity": [{"type": "CVSS_V4", "score": PARTIAL}],
        "affected": [{"package": {"ecosystem": "npm", "name": "flow", "purl": "pkg:npm/flow"},
                      "ranges": [{"type": "SEMVER", "events": [
                          {"introduced": "0"}, {"fixed": "1.0.0"}, {"introduced": "2.0.0"}]}]}],
    }  # fmt: skip
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "vex-1", "timestamp": "2026-11-02T00:00:00Z",
        "statements": [{"vulnerability": {"name": "CVE-2026-1000"}, "status": "not_affected",
                        "justification": "vulnerable_code_not_present", "products": [{"@id": "pkg:npm/flow@2.5.0"}]}],
    }  # fmt: skip
    feed = read_feed([("a", json.dumps(osv).encode()), ("b", json.dumps(vex).encode())])
    listed = {
        version: len(rows(feed, Component("flow", version, f"pkg:npm/flow@{version}")))
        for version in ("0.9.0", "1.0.0", "2.0.0", "2.5.0")
    }
    assert listed == {"0.9.0": 1, "1.0.0": 0, "2.0.0": 1, "2.5.0": 0}


def test_one_bad_document_stops_nothing_and_is_named() -> None:
    good = csaf("2.0", {"known_affected": ["P1"]})
    feed = read_feed([("bad.json", b"{"), ("odd.json", b'{"a": 1}'), ("list.json", b"[]"), ("good.json", good)])
    assert [name for name, _ in feed.unread] == ["bad.json", "odd.json", "list.json"]
    assert len(feed.statements) == 1
    for cut in range(0, len(good), 97):
        read_feed([("cut", good[:cut])])


CYCLONE = {
    "bomFormat": "CycloneDX", "specVersion": "1.6",
    "metadata": {"component": {"name": "plant", "properties": [{"name": "seatrial:asset-group", "value": "plant"}]}},
    "components": [
        {"type": "library", "name": "flow", "version": "1.0", "purl": "pkg:npm/flow@1.0",
         "components": [{"type": "library", "name": "inner", "version": "2", "cpe": "cpe:2.3:a:x:inner:2"}]},
        {"type": "library", "name": "nameless"},
    ],
}  # fmt: skip
CYCLONE_XML = b"""<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>
<component type="library"><name>flow</name><version>1.0</version>
<purl>pkg:npm/flow@1.0</purl></component></components></bom>"""
SPDX2 = {
    "spdxVersion": "SPDX-2.3",
    "packages": [{"name": "flow", "versionInfo": "1.0", "externalRefs": [
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/flow@1.0"}]}],
}  # fmt: skip
SPDX3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [{"type": "software_Package", "name": "flow", "software_packageVersion": "1.0",
         "software_packageUrl": "pkg:npm/flow@1.0"},
               {"type": "Relationship"}],
}  # fmt: skip


@pytest.mark.parametrize("content", [json.dumps(SPDX2).encode(), json.dumps(SPDX3).encode(), CYCLONE_XML])
def test_inventories_in_each_form(content: bytes) -> None:
    assert read_inventory(content) == (Component("flow", "1.0", "pkg:npm/flow@1.0"),)


def test_an_inventory_keeps_groups_and_components_inside_components() -> None:
    flow, inner, nameless = read_inventory(json.dumps(CYCLONE).encode())
    assert (flow.group, inner.cpe, nameless.nameable) == ("plant", "cpe:2.3:a:x:inner:2", False)
    assert match([flow, inner, nameless], Feed(), detected=NOW).without_name == 1


@pytest.mark.parametrize(
    "content", [b"", b"words", b"[]", b"{}", b"<bom/>", b"<!DOCTYPE x><x/>", b'{"bomFormat": "Other"}']
)
def test_what_is_no_inventory_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(NotAnInventory, match="CycloneDX"):
        read_inventory(content, "given.json")
