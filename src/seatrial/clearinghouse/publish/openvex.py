"""OpenVEX 0.2.0: how each product stands to each vulnerability, for machines.

- One statement for each vulnerability and standing; those that give a reason are kept apart by their reason.
- `not_affected` gives a justification, or else an impact statement: never both, since the schema takes exactly one.
- `affected` says what to do, or that there is nothing yet.
- A product is named by its purl, else by an address under the publisher's namespace.

Source: OpenVEX specification 0.2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packageurl import PackageURL

from seatrial.clearinghouse.publish.advisory_set import Status
from seatrial.clearinghouse.publish.csaf_advisory import NO_REMEDY
from seatrial.clearinghouse.publish.label import NAME, generator, origin_note
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Product, Verdict, Vulnerability

CONTEXT = "https://openvex.dev/ns/v0.2.0"


def openvex(advisory: AdvisorySet) -> dict[str, Any]:
    """The document."""
    return {
        "@context": CONTEXT,
        "@id": f"{advisory.publisher.namespace.rstrip('/')}/vex/{quote(advisory.id)}",
        "author": advisory.publisher.name,
        "role": advisory.publisher.category,
        "timestamp": text(advisory.revisions[0].at),
        "last_updated": text(advisory.released),
        "version": advisory.version,
        "tooling": f"{NAME} {generator()['version']}",
        "statements": [each for v in advisory.vulnerabilities for each in _statements(advisory, v)],
    }


def _statements(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[dict[str, Any]]:
    named = _vulnerability(advisory, vulnerability)
    groups: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for verdict in vulnerability.verdicts:
        component = _component(advisory, advisory.product(verdict.product))
        members = groups.setdefault(tuple(_standing(advisory, vulnerability, verdict).items()), [])
        if component not in members:
            members.append(component)
    return [
        {"vulnerability": named, "timestamp": text(advisory.released), "products": products, **dict(standing)}
        for standing, products in groups.items()
    ]


def _vulnerability(advisory: AdvisorySet, vulnerability: Vulnerability) -> dict[str, Any]:
    own = f"{advisory.id}/{vulnerability.key}"
    names = [vulnerability.cve, vulnerability.ghsa, *(id_ for _, id_ in vulnerability.ids), own]
    first, *others = (
        list(dict.fromkeys(name for name in names if name)) if vulnerability.cve or vulnerability.ghsa else [own]
    )
    named: dict[str, Any] = {"name": first, "description": vulnerability.description}
    return named | ({"aliases": others} if others else {})


def _standing(advisory: AdvisorySet, vulnerability: Vulnerability, verdict: Verdict) -> dict[str, str]:
    standing = {"status": verdict.status.value}
    notes = [origin_note(advisory)]
    if verdict.status is Status.NOT_AFFECTED:
        if verdict.justification is not None:
            standing["justification"] = verdict.justification.value
            notes.insert(0, verdict.impact)
        else:
            standing["impact_statement"] = verdict.impact
    if verdict.status is Status.AFFECTED:
        remedies = [each.details for each in vulnerability.remedies_of(verdict.product)]
        standing["action_statement"] = (
            "\n\n".join(told for told in (*remedies, verdict.action) if told.strip()) or NO_REMEDY
        )
    told = "\n\n".join(note for note in notes if note.strip())
    return standing | ({"status_notes": told} if told else {})


def _component(advisory: AdvisorySet, product: Product) -> dict[str, Any]:
    purl = _purl(product)
    place = f"{advisory.publisher.namespace.rstrip('/')}/products/{quote(advisory.id)}/{quote(product.key)}"
    identifiers = {name: value for name, value in (("purl", purl), ("@cpe23", product.cpe)) if value}
    return {"@id": purl or place} | ({"identifiers": identifiers} if identifiers else {})


def _purl(product: Product) -> str:
    """The purl with its version, or with its range as the qualifier `vers`, where it states neither itself."""
    if not product.portable_purl:
        return ""
    purl = PackageURL.from_string(product.portable_purl)
    if purl.version or not (product.version or product.vers):
        return product.portable_purl
    qualifiers = dict(purl.qualifiers) if isinstance(purl.qualifiers, dict) else {}
    if product.vers:
        qualifiers["vers"] = product.vers
    stated = product.version or None
    return PackageURL(purl.type, purl.namespace, purl.name, stated, qualifiers, purl.subpath).to_string()
