"""Drafts of CVE records, one for each vulnerability. Nothing here submits anything.

- With a CVE id it is a whole record; without one it is the container that a numbering authority would be asked with.
- Texts that are longer than the record allows are cut, with a mark; the advisory has them whole.
- The organisation is the publisher's own as a numbering authority; where it is none, the id of all zeros says so.

Source: CVE Program, CVE record format 5.1.1 (the schema in package `cvelib`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.publish.advisory_set import Part, Remedy, Status
from seatrial.clearinghouse.publish.label import generator
from seatrial.clearinghouse.publish.vers import Vers
from seatrial.clearinghouse.rating import cvss_vectors, cwe
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Product, Remediation, Vulnerability
    from seatrial.clearinghouse.publish.vers import Interval

DATA_VERSION = "5.1.1"
NO_ORGANISATION = "00000000-0000-4000-9000-000000000000"
"""A well-formed id of nobody: a draft is not a numbering authority's."""

_LONGEST = {"value": 4096, "name": 2048, "vendor": 512, "version": 1024, "summary": 512, "credit": 4096}
"""Characters, as the schema allows."""

_STATUS = {
    Status.AFFECTED: "affected",
    Status.FIXED: "unaffected",
    Status.NOT_AFFECTED: "unaffected",
    Status.UNDER_INVESTIGATION: "unknown",
}
_PARTS = {part: part.value.replace("_", " ") for part in Part}
_TAGS = {"advisory": "vendor-advisory", "report": "technical-description", "fix": "patch", "article": "media-coverage"}


def cve_drafts(advisory: AdvisorySet) -> tuple[dict[str, Any], ...]:
    """A draft for each vulnerability, in the order of the set."""
    return tuple(cve_draft(advisory, each) for each in advisory.vulnerabilities)


def cve_draft(advisory: AdvisorySet, vulnerability: Vulnerability) -> dict[str, Any]:
    """A record where there is a CVE id, else the container."""
    organisation = advisory.publisher.cve_org or NO_ORGANISATION
    container = _container(advisory, vulnerability, organisation)
    if not vulnerability.cve:
        return container
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": DATA_VERSION,
        "cveMetadata": {"cveId": vulnerability.cve, "assignerOrgId": organisation, "state": "PUBLISHED"},
        "containers": {"cna": container},
    }


def _cut(value: str, what: str) -> str:
    longest = _LONGEST[what]
    return value if len(value) <= longest else value[: longest - 2] + " …"


def _said(value: str) -> dict[str, str]:
    return {"lang": "en", "value": _cut(value, "value")}


def _unique(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _container(advisory: AdvisorySet, vulnerability: Vulnerability, organisation: str) -> dict[str, Any]:
    container: dict[str, Any] = {
        "providerMetadata": {"orgId": organisation},
        "title": vulnerability.title,
        "descriptions": [_said(vulnerability.description)],
        "affected": _affected(advisory, vulnerability),
        "references": _references(advisory, vulnerability),
        "problemTypes": [{"descriptions": [_problem(each)]} for each in vulnerability.cwes],
        "metrics": _metrics(vulnerability),
        "solutions": _remedies(vulnerability.remediations, {Remedy.VENDOR_FIX}),
        "workarounds": _remedies(vulnerability.remediations, {Remedy.WORKAROUND, Remedy.MITIGATION}),
        "credits": _unique(
            {
                "lang": "en",
                "value": _cut(_thanked(credit.name, credit.organization), "credit"),
                "type": _PARTS[credit.part],
            }
            for credit in (vulnerability.credits or advisory.credits)
        ),
        "timeline": _timeline(vulnerability),
        "source": {"advisory": advisory.id, "discovery": "UNKNOWN"},
        "x_generator": {"engine": " ".join(generator().values())},
        "x_aiOrigin": {"report": advisory.ai_origin.value, "suggestedFix": advisory.patch_ai_origin.value},
    }
    if vulnerability.disclosed is not None:
        container["datePublic"] = text(vulnerability.disclosed)
    if vulnerability.exploited_since is not None:
        container["exploits"] = [_said(f"Exploited since {text(vulnerability.exploited_since)}")]
    return {name: value for name, value in container.items() if value != []}


def _timeline(vulnerability: Vulnerability) -> list[dict[str, str]]:
    events = (
        (vulnerability.discovered, "Discovered"),
        (vulnerability.exploited_since, "First known exploitation"),
        (vulnerability.disclosed, "Disclosed"),
    )
    return [{"time": text(at), "lang": "en", "value": what} for at, what in events if at is not None]


def _thanked(name: str, organization: str) -> str:
    return f"{name} ({organization})" if organization.strip() else name


def _problem(id_: str) -> dict[str, str]:
    found = cwe.weakness(id_)
    return {"lang": "en", "type": "CWE", "cweId": found.id, "description": f"{found.id} {found.name}"}


def _metrics(vulnerability: Vulnerability) -> list[dict[str, Any]]:
    return [
        {
            "format": "CVSS",
            "scenarios": [{"lang": "en", "value": "GENERAL"}],
            name: cvss_vectors.read(vector).base_document(),
        }
        for name, vector in (("cvssV4_0", vulnerability.cvss_4), ("cvssV3_1", vulnerability.cvss_3))
        if vector
    ]


def _remedies(remediations: Iterable[Remediation], kinds: set[Remedy]) -> list[dict[str, str]]:
    return _unique(_said(each.details) for each in remediations if each.kind in kinds)


def _references(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[dict[str, Any]]:
    """At least one is asked for: without any, the publisher's own page."""
    listed: dict[str, dict[str, Any]] = {}
    for each in (*vulnerability.references, *advisory.references):
        told: dict[str, Any] = {"url": each.url, "name": _cut(each.summary, "summary")}
        listed.setdefault(each.url, told | ({"tags": [_TAGS[each.kind]]} if each.kind in _TAGS else {}))
    own = advisory.publisher.advisories or advisory.publisher.namespace
    return list(listed.values()) or [{"url": own, "name": _cut(advisory.publisher.name, "summary")}]


def _affected(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[dict[str, Any]]:
    """One entry a product, with all its versions and their status."""
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for verdict in vulnerability.verdicts:
        product = advisory.product(verdict.product)
        entry = entries.setdefault((product.vendor, product.name), _entry(product))
        status = _STATUS[verdict.status]
        stated = _versions(product, status)
        if stated:
            entry["versions"] = _unique([*entry.get("versions", []), *stated])
        elif "versions" not in entry or entry["defaultStatus"] == "unknown":
            entry["defaultStatus"] = status
        if product.cpe:
            entry["cpes"] = _unique([*entry.get("cpes", []), product.cpe])
    return _unique(entries.values())


def _entry(product: Product) -> dict[str, Any]:
    entry: dict[str, Any] = {"vendor": _cut(product.vendor, "vendor"), "product": _cut(product.name, "name")}
    entry["defaultStatus"] = "unknown"
    return entry | ({"repo": product.repo} if product.repo else {})


def _versions(product: Product, status: str) -> list[dict[str, str]]:
    if product.version:
        return [{"version": _cut(product.version, "version"), "status": status}]
    if not product.vers:
        return []
    scheme = Vers.parse(product.vers).scheme
    return [_version(interval, scheme, status) for interval in Vers.parse(product.vers).intervals]


def _version(interval: Interval, scheme: str, status: str) -> dict[str, str]:
    """A record has no excluded lower bound: such an interval is written out in words."""
    if interval.single or not interval.low_included:
        return {"version": _cut(str(interval), "version"), "status": status}
    stated = {"version": _cut(interval.low or "0", "version"), "status": status}
    kind = "semver" if scheme in {"npm", "semver", "golang", "cargo"} else scheme
    end = "lessThanOrEqual" if interval.high_included else "lessThan"
    return stated | {"versionType": kind, end: _cut(interval.high or "*", "version")}
