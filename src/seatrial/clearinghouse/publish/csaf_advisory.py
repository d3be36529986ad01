"""A CSAF advisory, in version 2.1 and in 2.0.

- 2.1 carries TLP 2.0, a sharing group, both versions of CVSS, SSVC selections and more weaknesses than one. 2.0 has no
  AMBER+STRICT: such a set is refused, never relabelled.
- The category is the strictest profile that the set meets: security advisory, else VEX.
- Published vectors are base vectors: threat and environment belong to whoever uses the product.
- What lies after this version's own date is left out: a released document states nothing of the future.

Source: OASIS, Common Security Advisory Framework 2.1 (chapters 3 to 6) and 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.publish.advisory_set import Remedy, Status
from seatrial.clearinghouse.publish.csaf_tree import Tree, product_tree
from seatrial.clearinghouse.publish.label import generator, origin_note
from seatrial.clearinghouse.rating import cvss_vectors, cwe, ssvc
from seatrial.framework.data_class import Tlp
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Credit, Reference, Remediation, Vulnerability

SCHEMA_2_1 = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json"
CWE_VERSION = "4.17"
"""The newest list of weaknesses that both validators know. What was named later goes out with the list here."""
NO_REMEDY = "No remediation is available yet."

_STATUS = {
    Status.AFFECTED: "known_affected",
    Status.NOT_AFFECTED: "known_not_affected",
    Status.FIXED: "fixed",
    Status.UNDER_INVESTIGATION: "under_investigation",
}
_TLP_2_0 = {Tlp.TLP_CLEAR: "WHITE", Tlp.TLP_GREEN: "GREEN", Tlp.TLP_AMBER: "AMBER", Tlp.TLP_RED: "RED"}


class NotExpressible(ValueError):
    """A format has no way to say what the set says."""


def csaf_2_1(advisory: AdvisorySet) -> dict[str, Any]:
    """The document in version 2.1."""
    tree = product_tree(advisory, many_purls=True)
    distribution: dict[str, Any] = {"tlp": {"label": advisory.tlp.removeprefix("TLP:")}}
    if advisory.sharing_group:
        distribution["sharing_group"] = {"id": advisory.sharing_group}
    document = _document(advisory, tree, distribution, "2.1")
    vulnerabilities = [
        _vulnerability(advisory, each, tree) | _only_2_1(advisory, each, tree) for each in advisory.vulnerabilities
    ]
    told = {"$schema": SCHEMA_2_1, "document": document, "product_tree": tree.document}
    return _sorted(told | {"vulnerabilities": vulnerabilities})


def csaf_2_0(advisory: AdvisorySet) -> dict[str, Any]:
    """The document in version 2.0.

    Raises:
        NotExpressible: The label is AMBER+STRICT, which 2.0 does not have.
    """
    if advisory.tlp not in _TLP_2_0:
        raise NotExpressible(f"{advisory.id}: CSAF 2.0 has no {advisory.tlp}; publish 2.1, or have the label changed")
    tree = product_tree(advisory, many_purls=False)
    document = _document(advisory, tree, {"tlp": {"label": _TLP_2_0[advisory.tlp]}}, "2.0")
    vulnerabilities = [
        _vulnerability(advisory, each, tree) | _only_2_0(advisory, each, tree) for each in advisory.vulnerabilities
    ]
    return _sorted({"document": document, "product_tree": tree.document, "vulnerabilities": vulnerabilities})


def _sorted(told: dict[str, Any]) -> dict[str, Any]:
    """Every object with its keys in order, as readers of CSAF are told to expect them."""
    return {key: _in_order(told[key]) for key in sorted(told)}


def _in_order(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return _sorted(value)
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _document(advisory: AdvisorySet, tree: Tree, distribution: dict[str, Any], version: str) -> dict[str, Any]:
    publisher = advisory.publisher
    named = {"category": publisher.category, "name": publisher.name, "namespace": publisher.namespace}
    notes = [{"category": "summary", "title": "Summary", "text": advisory.summary}]
    origin = origin_note(advisory)
    if origin:
        notes.append({"category": "general", "title": "How it was found and written", "text": origin})
    if publisher.contact.strip():  # the field for it differs between drafts of 2.1, a note does not
        notes.append({"category": "general", "title": "Contact", "text": publisher.contact})
    document: dict[str, Any] = {
        "category": _category(advisory, tree),
        "csaf_version": version,
        "distribution": distribution,
        "lang": "en",
        "notes": notes,
        "publisher": named,
        "title": advisory.title,
        "tracking": _tracking(advisory),
    }
    references = [*_self(advisory), *(_reference(reference) for reference in advisory.references)]
    return document | _listed("references", references) | _listed("acknowledgments", _thanks(advisory.credits))


def _category(advisory: AdvisorySet, tree: Tree) -> str:
    """A security advisory says what is affected by each vulnerability, and a fixed product has an unfixed relative."""
    for vulnerability in advisory.vulnerabilities:
        unfixed = {tree.families[v.product] for v in vulnerability.verdicts if v.status is not Status.FIXED}
        fixed = {tree.families[key] for key in vulnerability.products(Status.FIXED)}
        if not vulnerability.products(Status.AFFECTED) or fixed - unfixed:
            return "csaf_vex"
    return "csaf_security_advisory"


def _tracking(advisory: AdvisorySet) -> dict[str, Any]:
    return {
        "current_release_date": text(advisory.released),
        "generator": {"date": text(advisory.released), "engine": generator()},
        "id": advisory.id,
        "initial_release_date": text(advisory.revisions[0].at),
        "revision_history": [
            {"date": text(each.at), "number": str(each.number), "summary": each.summary} for each in advisory.revisions
        ],
        "status": advisory.state,
        "version": str(advisory.version),
    }


def _self(advisory: AdvisorySet) -> list[dict[str, str]]:
    if advisory.publisher.advisories is None:
        return []
    url = f"{advisory.publisher.advisories.rstrip('/')}/{advisory.revisions[0].at.year}/{advisory.file_name}"
    return [{"category": "self", "summary": "This document", "url": url}]


def _reference(reference: Reference) -> dict[str, str]:
    return {"category": "external", "summary": reference.summary, "url": reference.url}


def _thanks(credits_: Iterable[Credit]) -> list[dict[str, Any]]:
    thanks = []
    for credit in credits_:
        named: dict[str, Any] = {"names": [credit.name], "summary": credit.part.replace("_", " ").capitalize()}
        if credit.organization.strip():
            named["organization"] = credit.organization
        if credit.url:
            named["urls"] = [credit.url]
        thanks.append(named)
    return thanks


def _listed(name: str, items: list[Any]) -> dict[str, Any]:
    """A list only where it has something in it: CSAF has no empty lists."""
    return {name: items} if items else {}


def _vulnerability(advisory: AdvisorySet, vulnerability: Vulnerability, tree: Tree) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": vulnerability.title,
        "notes": [{"category": "description", "title": "Description", "text": vulnerability.description}],
        "ids": [{"system_name": system, "text": id_} for system, id_ in _ids(advisory, vulnerability)],
        "product_status": _product_status(vulnerability, tree),
    }
    if vulnerability.cve:
        told["cve"] = vulnerability.cve
    if not _after(vulnerability.discovered, vulnerability.disclosed):
        told |= _date("discovery_date", advisory, vulnerability.discovered)
    told |= _listed("references", [_reference(reference) for reference in vulnerability.references])
    told |= _listed("acknowledgments", _thanks(vulnerability.credits))
    told |= _listed("flags", _flags(vulnerability, tree)) | _listed("threats", _threats(advisory, vulnerability, tree))
    return told


def _ids(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[tuple[str, str]]:
    own = (advisory.publisher.name, f"{advisory.id}/{vulnerability.key}")
    ghsa = [("GitHub Security Advisory", vulnerability.ghsa)] if vulnerability.ghsa else []
    return list(dict.fromkeys([own, *ghsa, *vulnerability.ids]))


def _product_status(vulnerability: Vulnerability, tree: Tree) -> dict[str, list[str]]:
    standing = ((name, [tree.ids[key] for key in vulnerability.products(status)]) for status, name in _STATUS.items())
    return {name: ids for name, ids in standing if ids}


def _date(field: str, advisory: AdvisorySet, at: datetime | None) -> dict[str, str]:
    """A date that this version can know."""
    return {field: text(at)} if at is not None and at <= advisory.released else {}


def _after(discovered: datetime | None, disclosed: datetime | None) -> bool:
    """Found here after others had told of it: both dates in one document would contradict each other."""
    return discovered is not None and disclosed is not None and discovered > disclosed


def _flags(vulnerability: Vulnerability, tree: Tree) -> list[dict[str, Any]]:
    flags: dict[str, list[str]] = {}
    for verdict in vulnerability.verdicts:
        if verdict.justification is not None:
            flags.setdefault(verdict.justification.value, []).append(tree.ids[verdict.product])
    return [{"label": label, "product_ids": ids} for label, ids in flags.items()]


def _threats(advisory: AdvisorySet, vulnerability: Vulnerability, tree: Tree) -> list[dict[str, Any]]:
    threats = [
        {"category": "impact", "details": verdict.impact, "product_ids": [tree.ids[verdict.product]]}
        for verdict in vulnerability.verdicts
        if verdict.status is Status.NOT_AFFECTED and verdict.impact.strip()
    ]
    since = _date("date", advisory, vulnerability.exploited_since)
    if since:
        threats.append({"category": "exploit_status", "details": f"Exploited since {since['date']}", **since})
    return threats


def _remediations(vulnerability: Vulnerability, tree: Tree, kinds: dict[Remedy, str]) -> list[dict[str, Any]]:
    """Each for the affected products it is for; an affected product without one says that there is none.

    Where no fix is planned and there is a workaround or mitigation, that is what is listed, and its details say both.
    """
    listed = []
    for remediation in vulnerability.remediations:
        keys = [key for key in vulnerability.products(Status.AFFECTED) if remediation in vulnerability.remedies_of(key)]
        if remediation.kind is Remedy.NO_FIX_PLANNED:
            keys = [key for key in keys if not _eased(vulnerability, key)]
        for unplanned, group in _by_unplanned(vulnerability, remediation, keys).items():
            details = f"{remediation.details}\n\nNo fix is planned. {unplanned}" if unplanned else remediation.details
            told = {
                "category": kinds[remediation.kind],
                "details": details,
                "product_ids": [tree.ids[k] for k in group],
            }
            listed.append(told | ({"url": remediation.url} if remediation.url else {}))
    for verdict in vulnerability.verdicts:
        if verdict.status is Status.AFFECTED and not vulnerability.remedies_of(verdict.product):
            kind = Remedy.MITIGATION if verdict.action.strip() else Remedy.NONE_AVAILABLE
            details = verdict.action if verdict.action.strip() else NO_REMEDY
            listed.append({"category": kinds[kind], "details": details, "product_ids": [tree.ids[verdict.product]]})
    return listed


def _eased(vulnerability: Vulnerability, key: str) -> bool:
    """There is a workaround or a mitigation for the product."""
    return any(each.kind in {Remedy.MITIGATION, Remedy.WORKAROUND} for each in vulnerability.remedies_of(key))


def _by_unplanned(vulnerability: Vulnerability, remediation: Remediation, keys: list[str]) -> dict[str, list[str]]:
    """The products by what is said of no planned fix beside this remediation; empty where nothing is."""
    groups: dict[str, list[str]] = {}
    for key in keys:
        beside = [each.details for each in vulnerability.remedies_of(key) if each.kind is Remedy.NO_FIX_PLANNED]
        said = "" if remediation.kind is Remedy.NO_FIX_PLANNED else " ".join(beside)
        groups.setdefault(said, []).append(key)
    return groups


_KINDS_2_1 = {kind: kind.value for kind in Remedy}
_KINDS_2_0 = _KINDS_2_1 | {Remedy.FIX_PLANNED: Remedy.NONE_AVAILABLE.value}
"""2.0 has no planned fix: until it is there, none is available, and the details say what is planned."""


def _scored(vulnerability: Vulnerability, tree: Tree) -> list[str]:
    """The products that a score is about: the affected ones, else those looked into."""
    keys = vulnerability.products(Status.AFFECTED) or vulnerability.products(Status.UNDER_INVESTIGATION)
    return [tree.ids[key] for key in keys]


def _only_2_1(advisory: AdvisorySet, vulnerability: Vulnerability, tree: Tree) -> dict[str, Any]:
    told = _listed("remediations", _remediations(vulnerability, tree, _KINDS_2_1))
    told |= _listed("cwes", [_weakness(each) for each in vulnerability.cwes])
    told |= _date("disclosure_date", advisory, vulnerability.disclosed)
    products = _scored(vulnerability, tree)
    content: dict[str, Any] = {
        field: cvss_vectors.read(vector).base_document()
        for field, vector in (("cvss_v4", vulnerability.cvss_4), ("cvss_v3", vulnerability.cvss_3))
        if vector
    }
    if vulnerability.ssvc:
        table = ssvc.table(vulnerability.ssvc_table)
        content["ssvc_v2"] = ssvc.selection_list(table, vulnerability.ssvc, at=advisory.released)
    return told | ({"metrics": [{"content": content, "products": products}]} if content and products else {})


def _only_2_0(advisory: AdvisorySet, vulnerability: Vulnerability, tree: Tree) -> dict[str, Any]:
    told = _listed("remediations", _remediations(vulnerability, tree, _KINDS_2_0))
    first = next((each for each in map(_weakness, vulnerability.cwes) if each["version"] == CWE_VERSION), None)
    if first:  # 2.0 names no version of the list, so only what every reader's list has can stand
        told["cwe"] = {"id": first["id"], "name": first["name"]}
    told |= _date("release_date", advisory, vulnerability.disclosed)
    products = _scored(vulnerability, tree)
    if vulnerability.cvss_3 and products:
        told["scores"] = [{"cvss_v3": cvss_vectors.read(vulnerability.cvss_3).base_document(), "products": products}]
    return told


def _weakness(id_: str) -> dict[str, str]:
    found = cwe.weakness(id_)
    newer = _number(found.named_since) > _number(CWE_VERSION)
    return {"id": found.id, "name": found.name, "version": cwe.version() if newer else CWE_VERSION}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
