"""CSAF 2.0 and 2.1 as a report: one finding a vulnerability and product that is affected or looked into.

- The product comes from the tree: purl, CPE or name. A version range stands as vers where it follows that grammar.
- Notes are the claim, scores the finder's severity, SSVC selections and EPSS evidence.
- 2.0 is read as what it means in 2.1: `cwe` becomes one of `cwes`, `scores` metrics, WHITE becomes CLEAR.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.finding import Claim, Evidence, FinderSeverity, Target
from seatrial.clearinghouse.intake.fields import Reading, kind_of, title_of
from seatrial.clearinghouse.intake.item import Draft, Unreadable, as_dict, as_list, as_text
from seatrial.clearinghouse.intake.limits import clean, json_of
from seatrial.framework.data_class import Tlp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.finding import Reference
    from seatrial.clearinghouse.intake.item import Defaults, Item, Source

VERSIONS = ("2.0", "2.1")
AFFECTED = ("known_affected", "first_affected", "last_affected", "under_investigation")
NOTES = ("summary", "description", "details", "general")
DEPTH = 30
"""Branches within branches; real trees have five."""
SCORES = ("cvss_v4", "cvss_v3", "cvss_v2")
MOST_PRODUCTS = 100
"""Findings of one vulnerability; one with more affected products is one report about a platform."""


def read(source: Source, defaults: Defaults) -> Iterator[Item]:
    """The vulnerabilities of a document. Raises `Unreadable`."""
    whole = as_dict(json_of(source.data, source.name), source.name)
    document = as_dict(whole.get("document"), "$.document")
    version = document.get("csaf_version")
    if version not in VERSIONS:
        raise Unreadable("$.document.csaf_version", f"is {version!r}", "Hand in CSAF 2.0 or 2.1")
    products = _products(as_dict(whole.get("product_tree") or {}, "$.product_tree"))
    label = _dict(_dict(document.get("distribution")).get("tlp")).get("label")
    title = as_text(document.get("title"), "$.document.title")
    vulnerabilities = as_list(whole.get("vulnerabilities"), "$.vulnerabilities")
    if not vulnerabilities:
        raise Unreadable("$.vulnerabilities", "is empty", "A report names at least one vulnerability")
    for number, given in enumerate(vulnerabilities):
        where = f"$.vulnerabilities[{number}]"
        try:
            yield from _drafts(as_dict(given, where), where, products, title, str(label or ""), defaults)
        except Unreadable as error:
            yield error.fault


def _drafts(
    one: dict[str, Any], where: str, products: dict[str, dict[str, str]], title: str, label: str, defaults: Defaults
) -> Iterator[Draft]:
    status = _dict(one.get("product_status"))
    named = [
        str(product) for word in AFFECTED for product in as_list(status.get(word), f"{where}.product_status.{word}")
    ]
    for name in list(dict.fromkeys(named))[:MOST_PRODUCTS] or [""]:
        reading = Reading()
        if name and name not in products:
            reading.fault("target", name, "a product that the document's tree does not have")
        notes = as_list(one.get("notes"), f"{where}.notes")
        cwe = reading.cwe([_dict(given).get("id") for given in _weaknesses(one)])
        claim = Claim(
            title=title_of(
                as_text(one.get("title"), f"{where}.title") or str(one.get("cve") or ""), title or "vulnerability"
            ),
            kind=kind_of(cwe),
            cwe=cwe,
            summary=clean(_summary(notes)),
        )
        yield Draft(
            where,
            _target(products.get(name, {}), reading),
            claim,
            severity=_severity(one, name),
            references=tuple(_references(one, reading)),
            evidence=tuple(_evidence(one)),
            reporter_kind=defaults.reporter_kind,
            ai_origin=defaults.ai_origin,
            tlp=reading.tlp(label, Tlp.TLP_AMBER_STRICT),
            unread=tuple(reading.unread),  # last: by now every field was read
        )  # fmt: skip


def _weaknesses(one: dict[str, Any]) -> list[Any]:
    return as_list(one.get("cwes"), "cwes") or ([one["cwe"]] if one.get("cwe") else [])


def _summary(notes: list[Any]) -> str:
    by_category = {str(_dict(note).get("category")): str(_dict(note).get("text") or "") for note in reversed(notes)}
    return "\n\n".join(by_category[word] for word in NOTES if by_category.get(word))


def _products(tree: dict[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}

    def keep(product: dict[str, Any], named: dict[str, str]) -> None:
        helper = _dict(product.get("product_identification_helper"))
        purls = as_list(helper.get("purls"), "purls") or [helper.get("purl")]
        found[str(product.get("product_id"))] = {
            "name": str(product.get("name") or ""),
            "purl": str(purls[0] or ""),
            "cpe": str(helper.get("cpe") or ""),
            **named,
        }

    def walk(branches: list[Any], named: dict[str, str], depth: int) -> None:
        if depth > DEPTH:
            raise Unreadable("$.product_tree", "is nested too deep", f"Nest at most {DEPTH} branches")
        for given in branches:
            branch = _dict(given)
            own = {**named, str(branch.get("category")): str(branch.get("name") or "")}
            if isinstance(branch.get("product"), dict):
                keep(branch["product"], own)
            walk(as_list(branch.get("branches"), "branches"), own, depth + 1)

    walk(as_list(tree.get("branches"), "$.product_tree.branches"), {}, 0)
    for product in as_list(tree.get("full_product_names"), "$.product_tree.full_product_names"):
        keep(_dict(product), {})
    for given in as_list(tree.get("relationships"), "$.product_tree.relationships"):
        keep(_dict(_dict(given).get("full_product_name")), {})
    return found


def _target(product: dict[str, str], reading: Reading) -> Target:
    ranged = product.get("product_version_range", "")
    return Target(
        purl=reading.purl(clean(product.get("purl", ""), 2048)),
        product_name=clean(product.get("product_name") or product.get("name", ""), 500),
        version=clean(product.get("product_version", ""), 200),
        cpe=reading.cpe(clean(product.get("cpe", ""), 500)),
        vers=reading.vers(clean(ranged, 500)) if ranged.startswith("vers:") else "",
    )


def _metrics(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Scores of 2.0 and metrics of 2.1, in one form."""
    for given in as_list(one.get("metrics"), "metrics"):
        yield {**_dict(_dict(given).get("content")), "products": _dict(given).get("products")}
    for given in as_list(one.get("scores"), "scores"):
        yield _dict(given)


def _severity(one: dict[str, Any], product: str) -> FinderSeverity | None:
    for metric in _metrics(one):
        if product and product not in as_list(metric.get("products"), "products"):
            continue
        for scheme in SCORES:
            if score := _dict(metric.get(scheme)):
                value, vector = str(score.get("baseScore", "")), str(score.get("vectorString", ""))
                return FinderSeverity(scheme=scheme, value=clean(value, 20), vector=clean(vector, 300))
    return None


def _evidence(one: dict[str, Any]) -> Iterator[Evidence]:
    for metric in _metrics(one):
        for word in ("epss", "qualitative_severity_rating"):
            if metric.get(word):
                yield Evidence(source="csaf", name=word, value=clean(json.dumps(metric[word], sort_keys=True), 2000))
        for name in ("ssvc_v1", "ssvc_v2", "ssvc"):
            if metric.get(name):
                yield Evidence(source="csaf", name=name, value=clean(json.dumps(metric[name], sort_keys=True), 4000))
    for given in as_list(one.get("ids"), "ids"):
        named = _dict(given)
        yield Evidence(
            source="csaf", name=f"id {named.get('system_name')}"[:200], value=clean(str(named.get("text")), 200)
        )


def _references(one: dict[str, Any], reading: Reading) -> Iterator[Reference]:
    names = [one.get("cve"), *(_dict(given).get("url") for given in as_list(one.get("references"), "references"))]
    for name in names:
        if isinstance(name, str) and (found := reading.reference(name)) is not None:
            yield found


def _dict(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {}


def is_csaf(given: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether JSON looks like CSAF."""
    return isinstance(given, dict) and "csaf_version" in _dict(given.get("document"))
