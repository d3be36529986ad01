"""What a feed says about products: CSAF 2.0 and 2.1, OpenVEX and OSV documents, read into one shape.

A document of another form is passed over and named; one bad document never stops the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.operators.products import Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEPTH = 64
DOCUMENT_BYTES = 64 * 2**20


class Status(StrEnum):
    """What is said about a product, in the words of VEX."""

    AFFECTED = "affected"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"
    UNDER_INVESTIGATION = "under_investigation"


@dataclass(frozen=True, slots=True)
class Statement:
    """One document's word on one vulnerability and one product.

    Attributes:
        document: the tracking id of the document.
        vulnerability: CVE, else the first other id, else the document's id with its place.
        status: what is said.
        product: of which it is said.
        title: of the vulnerability, else of the document.
        vectors: CVSS vectors, 4.0 before 3.1.
        automatable: where an SSVC selection states it.
        total: the same, of the technical impact.
        remedy: what to do, with its address, where stated for the product.
        justification: why a product is not affected.
        updated: the document's own date, as it states it.
        sectors: critical infrastructure sectors, where the document names some.
    """

    document: str
    vulnerability: str
    status: Status
    product: Product
    title: str = ""
    vectors: tuple[str, ...] = ()
    automatable: bool | None = None
    total: bool | None = None
    remedy: str = ""
    justification: str = ""
    updated: str = ""
    sectors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """The statements of all documents, and what could not be read: name and why."""

    statements: tuple[Statement, ...] = ()
    unread: tuple[tuple[str, str], ...] = field(default=())


def read_feed(documents: Iterable[tuple[str, bytes]]) -> Feed:
    """Read documents, given by name and bytes."""
    statements: list[Statement] = []
    unread = []
    for name, content in documents:
        try:
            statements += read_document(content)
        except (ValueError, RecursionError, TypeError, AttributeError, KeyError) as error:
            unread.append((name, str(error) or type(error).__name__))
    return Feed(tuple(statements), tuple(unread))


def read_document(content: bytes) -> list[Statement]:
    """The statements of one document. Raises `ValueError` where it is of no form that is read here."""
    if len(content) > DOCUMENT_BYTES:
        raise ValueError(f"longer than {DOCUMENT_BYTES // 2**20} MiB")
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("JSON, and no object")  # noqa: TRY004 - what is read is data, and its fault a value
    if isinstance(document.get("document"), dict) and "csaf_version" in document["document"]:
        return list(_csaf(document))
    if "openvex" in str(document.get("@context", "")):
        return list(_openvex(document))
    if "id" in document and ("affected" in document or "schema_version" in document):
        return list(_osv(document))
    raise ValueError("neither CSAF nor OpenVEX nor OSV")


_CSAF = {
    "known_affected": Status.AFFECTED,
    "first_affected": Status.AFFECTED,
    "last_affected": Status.AFFECTED,
    "first_fixed": Status.FIXED,
    "fixed": Status.FIXED,
    "recommended": Status.FIXED,
    "known_not_affected": Status.NOT_AFFECTED,
    "under_investigation": Status.UNDER_INVESTIGATION,
}


def _csaf(document: Mapping[str, Any]) -> Iterator[Statement]:
    about = document["document"]
    tracking = about.get("tracking") or {}
    base = Statement(
        _text(tracking.get("id")) or "without an id",
        "",
        Status.AFFECTED,
        Product(""),
        _text(about.get("title")),
        updated=_text(tracking.get("current_release_date")),
        sectors=_sectors(about),
    )
    products = _products(document.get("product_tree") or {})
    for number, vulnerability in enumerate(_dicts(document.get("vulnerabilities")), 1):
        names = [_text(vulnerability.get("cve")), *(_text(one.get("text")) for one in _dicts(vulnerability.get("ids")))]
        title = _text(vulnerability.get("title")) or base.title
        one = replace(base, vulnerability=next(filter(None, names), f"{base.document} #{number}"), title=title)
        statuses = vulnerability.get("product_status") or {}
        for word, status in _CSAF.items():
            for product_id in _texts(statuses.get(word)):
                yield replace(
                    one,
                    status=status,
                    product=products.get(product_id, Product(product_id)),
                    remedy=_remedy(vulnerability, product_id),
                    justification=_flag(vulnerability, product_id),
                    **_scores(vulnerability, product_id),
                )


def _products(tree: Mapping[str, Any]) -> dict[str, Product]:
    found: dict[str, Product] = {}

    def name(given: Mapping[str, Any], version: str, span: str) -> None:
        helper = given.get("product_identification_helper") or {}
        purls = (_text(helper.get("purl")), *_texts(helper.get("purls")))
        own = tuple(purl for purl in purls if purl)
        product = Product(_text(given.get("name")), own, _text(helper.get("cpe")), version, span)
        found[_text(given.get("product_id"))] = product

    def walk(branches: object, version: str, span: str, depth: int) -> None:
        for branch in _dicts(branches):
            category, said = branch.get("category"), _text(branch.get("name"))
            exact = said if category == "product_version" else version
            range_ = said if category == "product_version_range" else span
            if isinstance(branch.get("product"), dict):
                name(branch["product"], exact, range_)
            if depth < DEPTH:
                walk(branch.get("branches"), exact, range_, depth + 1)

    walk(tree.get("branches"), "", "", 0)
    for product in _dicts(tree.get("full_product_names")):
        name(product, "", "")
    for relation in _dicts(tree.get("relationships")):
        whole = relation.get("full_product_name")
        part = found.get(_text(relation.get("product_reference")))
        if isinstance(whole, dict):
            name(whole, "", "")
            made = found[_text(whole.get("product_id"))]
            if part and not made.purls and not made.cpe:
                found[_text(whole.get("product_id"))] = replace(part, name=made.name)
    return found


def _scores(vulnerability: Mapping[str, Any], product_id: str) -> dict[str, Any]:
    """CVSS vectors and SSVC answers for a product: `scores` of 2.0, `metrics` of 2.1."""
    found: dict[str, list[str]] = {"cvss_v4": [], "cvss_v3": []}
    answers: dict[str, bool | None] = {"automatable": None, "total": None}
    for score in (*_dicts(vulnerability.get("scores")), *_dicts(vulnerability.get("metrics"))):
        if product_id not in _texts(score.get("products")):
            continue
        inner = score.get("content")
        content = inner if isinstance(inner, dict) else score
        for key, vectors in found.items():
            if isinstance(content.get(key), dict) and _text(content[key].get("vectorString")):
                vectors.append(_text(content[key]["vectorString"]))
        ssvc = content.get("ssvc_v2") or content.get("ssvc_v1")
        for selection in _dicts(ssvc.get("selections")) if isinstance(ssvc, dict) else ():
            keys = {_text(one.get("key")) or _text(one.get("name")) for one in _dicts(selection.get("values"))}
            point = _text(selection.get("key"))
            if point == "A" and len(keys) == 1:
                answers["automatable"] = keys <= {"Y", "Yes"}
            if point == "TI" and len(keys) == 1:
                answers["total"] = keys <= {"T", "Total"}
    return {"vectors": (*found["cvss_v4"], *found["cvss_v3"]), **answers}


def _remedy(vulnerability: Mapping[str, Any], product_id: str) -> str:
    order = (
        "vendor_fix",
        "fix_planned",
        "mitigation",
        "workaround",
        "optional_patch",
        "no_fix_planned",
        "none_available",
    )
    own = [one for one in _dicts(vulnerability.get("remediations")) if product_id in _texts(one.get("product_ids"))]
    own.sort(key=lambda one: order.index(one["category"]) if one.get("category") in order else len(order))
    if not own:
        return ""
    return " ".join(part for part in (_text(own[0].get("details")), _text(own[0].get("url"))) if part)


def _flag(vulnerability: Mapping[str, Any], product_id: str) -> str:
    for flag in _dicts(vulnerability.get("flags")):
        if product_id in _texts(flag.get("product_ids")):
            return _text(flag.get("label"))
    return ""


def _sectors(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Sectors that a note of the document names, one a line, under the title of this house's advisories."""
    for note in _dicts(about.get("notes")):
        if _text(note.get("title")).casefold() == "critical infrastructure sectors":
            return tuple(part.strip() for part in _text(note.get("text")).replace("\n", ",").split(",") if part.strip())
    return ()


def _openvex(document: Mapping[str, Any]) -> Iterator[Statement]:
    for number, statement in enumerate(_dicts(document.get("statements")), 1):
        named = statement.get("vulnerability")
        name = _text(named.get("name")) if isinstance(named, dict) else _text(named)
        try:
            status = Status(_text(statement.get("status")))
        except ValueError:
            continue
        for product in _dicts(statement.get("products")):
            for part in (product, *_dicts(product.get("subcomponents"))):
                identifiers = part.get("identifiers") or {}
                purl = _text(identifiers.get("purl")) or _text(part.get("@id"))
                yield Statement(
                    _text(document.get("@id")) or "without an id",
                    name or f"{_text(document.get('@id'))} #{number}",
                    status,
                    Product(purl, (purl,) if purl.startswith("pkg:") else (), _text(identifiers.get("cpe23"))),
                    remedy=_text(statement.get("action_statement")),
                    justification=_text(statement.get("justification")),
                    updated=_text(statement.get("timestamp")) or _text(document.get("timestamp")),
                )


_OSV_SCHEMES = {
    "PyPI": "pypi", "npm": "npm", "Go": "golang", "crates.io": "cargo", "RubyGems": "gem", "NuGet": "nuget",
    "Maven": "maven", "Packagist": "composer", "Hex": "hex", "Debian": "deb", "Ubuntu": "deb", "Alpine": "apk",
    "Red Hat": "rpm",
}  # fmt: skip
"""Version schemes of the ecosystems of OSV; of any other the versions it lists are compared and nothing else."""


def _osv(document: Mapping[str, Any]) -> Iterator[Statement]:
    if document.get("withdrawn"):
        return
    name = next((one for one in _texts(document.get("aliases")) if one.startswith("CVE-")), _text(document["id"]))
    vectors = [_text(one.get("score")) for one in _dicts(document.get("severity"))]
    ordered = (
        *(one for one in vectors if one.startswith("CVSS:4")),
        *(one for one in vectors if one.startswith("CVSS:3")),
    )
    base = Statement(
        _text(document["id"]),
        name,
        Status.AFFECTED,
        Product(""),
        _text(document.get("summary")),
        vectors=ordered,
        updated=_text(document.get("modified")),
    )
    for affected in _dicts(document.get("affected")):
        package = affected.get("package") or {}
        purl = _text(package.get("purl"))
        scheme = _OSV_SCHEMES.get(_text(package.get("ecosystem")).split(":")[0], "")
        product = Product(_text(package.get("name")), (purl.partition("@")[0],) if purl else ())
        spans = [span for one in _dicts(affected.get("ranges")) for span in _osv_spans(one, scheme)]
        fixes = [
            _text(event.get("fixed")) for one in _dicts(affected.get("ranges")) for event in _dicts(one.get("events"))
        ]
        remedy = " or ".join(f"version {fix}" for fix in dict.fromkeys(fixes) if fix and scheme)
        for span in spans:
            yield replace(base, product=replace(product, range=span), remedy=remedy)
        for version in _texts(affected.get("versions")):
            yield replace(base, product=replace(product, version=version), remedy=remedy)
        if not spans and not affected.get("versions"):
            yield replace(base, product=product, remedy=remedy)


def _osv_spans(given: Mapping[str, Any], scheme: str) -> Iterator[str]:
    """The spans of one range as `vers`: from each `introduced` to the next `fixed` or `last_affected`."""
    if given.get("type") not in {"SEMVER", "ECOSYSTEM"} or not scheme:
        return
    low = ""
    for event in _dicts(given.get("events")):
        if "introduced" in event:
            low = _text(event["introduced"])
            continue
        end = next(
            (mark + _text(event[key]) for key, mark in (("fixed", "<"), ("last_affected", "<=")) if key in event), ""
        )
        if end:
            yield f"vers:{scheme}/{end}" if low in {"", "0"} else f"vers:{scheme}/>={low}|{end}"
            low = ""
    if low:
        yield "*" if low == "0" else f"vers:{scheme}/>={low}"


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
