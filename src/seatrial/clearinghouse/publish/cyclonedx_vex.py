"""CycloneDX 1.7: the products as components, and how each stands to each vulnerability.

- An analysis has one state, so a vulnerability stands once for each standing of its products.
- The serial number follows from the advisory's id, so a new version of an advisory is
  a new version of the same document.

Source: CycloneDX 1.7 (ECMA-424), written with `cyclonedx-python-lib`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalContact, OrganizationalEntity
from cyclonedx.model.impact_analysis import (
    ImpactAnalysisAffectedStatus,
    ImpactAnalysisJustification,
    ImpactAnalysisResponse,
    ImpactAnalysisState,
)
from cyclonedx.model.vulnerability import (
    BomTarget,
    BomTargetVersionRange,
    VulnerabilityAdvisory,
    VulnerabilityAnalysis,
    VulnerabilityCredits,
    VulnerabilityRating,
    VulnerabilityScoreSource,
    VulnerabilitySeverity,
    VulnerabilitySource,
)
from cyclonedx.model.vulnerability import Vulnerability as Told
from cyclonedx.output.json import JsonV1Dot7
from packageurl import PackageURL

from seatrial.clearinghouse.publish.advisory_set import Justification, Part, Remedy, Status
from seatrial.clearinghouse.publish.label import NAME, generator, origin_note
from seatrial.clearinghouse.rating import cvss_vectors

if TYPE_CHECKING:
    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Credit, Product, Verdict, Vulnerability

_STATES = {
    Status.AFFECTED: ImpactAnalysisState.EXPLOITABLE,
    Status.FIXED: ImpactAnalysisState.RESOLVED,
    Status.NOT_AFFECTED: ImpactAnalysisState.NOT_AFFECTED,
    Status.UNDER_INVESTIGATION: ImpactAnalysisState.IN_TRIAGE,
}
_VERSIONS = {
    Status.AFFECTED: ImpactAnalysisAffectedStatus.AFFECTED,
    Status.FIXED: ImpactAnalysisAffectedStatus.UNAFFECTED,
    Status.NOT_AFFECTED: ImpactAnalysisAffectedStatus.UNAFFECTED,
    Status.UNDER_INVESTIGATION: ImpactAnalysisAffectedStatus.UNKNOWN,
}
_JUSTIFICATIONS = {
    Justification.COMPONENT_NOT_PRESENT: ImpactAnalysisJustification.CODE_NOT_PRESENT,
    Justification.CODE_NOT_PRESENT: ImpactAnalysisJustification.CODE_NOT_PRESENT,
    Justification.CODE_NOT_EXECUTED: ImpactAnalysisJustification.CODE_NOT_REACHABLE,
    Justification.CODE_NOT_CONTROLLED: ImpactAnalysisJustification.CODE_NOT_REACHABLE,
    Justification.MITIGATED: ImpactAnalysisJustification.PROTECTED_BY_MITIGATING_CONTROL,
}
_RESPONSES = {
    Remedy.VENDOR_FIX: ImpactAnalysisResponse.UPDATE,
    Remedy.WORKAROUND: ImpactAnalysisResponse.WORKAROUND_AVAILABLE,
    Remedy.MITIGATION: ImpactAnalysisResponse.WORKAROUND_AVAILABLE,
    Remedy.NO_FIX_PLANNED: ImpactAnalysisResponse.WILL_NOT_FIX,
}
_TEAMS = frozenset({Part.TOOL, Part.SPONSOR, Part.COORDINATOR})


def cyclonedx_vex(advisory: AdvisorySet) -> dict[str, Any]:
    """The document."""
    publisher = OrganizationalEntity(name=advisory.publisher.name, urls=[XsUri(advisory.publisher.namespace)])
    properties = [
        Property(name="seatrial:advisory", value=advisory.id),
        Property(name="seatrial:tlp", value=advisory.tlp),
    ]
    origin = origin_note(advisory)
    if origin:
        properties.append(Property(name="seatrial:ai-origin", value=origin))
    tool = Component(name=NAME, version=generator()["version"], type=ComponentType.APPLICATION, bom_ref="tool")
    metadata = BomMetaData(timestamp=advisory.released, supplier=publisher, properties=properties)
    metadata.tools.components.add(tool)
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{advisory.publisher.namespace}#{advisory.id}"),
        version=advisory.version,
        metadata=metadata,
        components=[_component(product) for product in advisory.products],
        vulnerabilities=[told for each in advisory.vulnerabilities for told in _told(advisory, each)],
    )
    document: dict[str, Any] = json.loads(JsonV1Dot7(bom).output_as_string())
    return document


def _ref(product_key: str) -> str:
    return f"product/{product_key}"


def _component(product: Product) -> Component:
    component = Component(
        name=product.name,
        type=ComponentType.APPLICATION,
        bom_ref=_ref(product.key),
        supplier=OrganizationalEntity(name=product.vendor),
        version=product.version or None,
        purl=PackageURL.from_string(product.portable_purl) if product.portable_purl else None,
        cpe=product.cpe or None,
    )
    if product.vers:  # no field of a component holds a range unless it is external to the document
        component.properties.add(Property(name="seatrial:vers", value=product.vers))
    return component


def _told(advisory: AdvisorySet, vulnerability: Vulnerability) -> list[Told]:
    groups: dict[tuple[Any, ...], list[Verdict]] = {}
    for verdict in vulnerability.verdicts:
        remedies = tuple(each.kind for each in vulnerability.remedies_of(verdict.product))
        reason = (verdict.status, verdict.justification, verdict.impact, verdict.action, remedies)
        groups.setdefault(reason, []).append(verdict)
    return [_once(advisory, vulnerability, verdicts, number) for number, verdicts in enumerate(groups.values(), 1)]


def _once(advisory: AdvisorySet, vulnerability: Vulnerability, verdicts: list[Verdict], number: int) -> Told:
    urls = {each.url: each.summary for each in (*vulnerability.references, *advisory.references)}
    remedies = [each for each in vulnerability.remediations if each in vulnerability.remedies_of(verdicts[0].product)]
    fixes = [each.details for each in remedies if each.kind is Remedy.VENDOR_FIX]
    eases = [each.details for each in remedies if each.kind in {Remedy.WORKAROUND, Remedy.MITIGATION}]
    credit = vulnerability.credits or advisory.credits
    return Told(
        bom_ref=f"vulnerability/{vulnerability.key}/{number}",
        id=vulnerability.cve or vulnerability.ghsa or f"{advisory.id}/{vulnerability.key}",
        source=VulnerabilitySource(name=advisory.publisher.name, url=XsUri(advisory.publisher.namespace)),
        ratings=_ratings(vulnerability),
        cwes=[int(each.removeprefix("CWE-")) for each in vulnerability.cwes],
        description=vulnerability.title,
        detail=vulnerability.description,
        recommendation="\n\n".join(fixes) or None,
        workaround="\n\n".join(eases) or None,
        advisories=[VulnerabilityAdvisory(url=XsUri(url), title=title) for url, title in urls.items()],
        created=vulnerability.discovered,
        published=vulnerability.disclosed,
        updated=advisory.released,
        credits=_credits(credit) if credit else None,
        analysis=_analysis(verdicts[0], remedies),
        affects=[_affects(advisory, verdict) for verdict in verdicts],
    )


def _ratings(vulnerability: Vulnerability) -> list[VulnerabilityRating]:
    ratings = []
    for method, written in (
        (VulnerabilityScoreSource.CVSS_V4, vulnerability.cvss_4),
        (VulnerabilityScoreSource.CVSS_V3_1, vulnerability.cvss_3),
    ):
        if written:
            vector = cvss_vectors.read(written)
            severity = VulnerabilitySeverity(cvss_vectors.band(vector.base).value)
            ratings.append(
                VulnerabilityRating(
                    method=method, vector=vector.base_vector(), score=Decimal(str(vector.base)), severity=severity
                )
            )
    return ratings


def _credits(listed: tuple[Credit, ...]) -> VulnerabilityCredits:
    teams = [OrganizationalEntity(name=each.name) for each in listed if each.part in _TEAMS]
    people = [OrganizationalContact(name=each.name) for each in listed if each.part not in _TEAMS]
    return VulnerabilityCredits(organizations=teams, individuals=people)


def _analysis(verdict: Verdict, remedies: list[Any]) -> VulnerabilityAnalysis:
    return VulnerabilityAnalysis(
        state=_STATES[verdict.status],
        justification=_JUSTIFICATIONS[verdict.justification] if verdict.justification else None,
        responses=[_RESPONSES[each.kind] for each in remedies if each.kind in _RESPONSES],
        detail=verdict.impact or verdict.action or None,
    )


def _affects(advisory: AdvisorySet, verdict: Verdict) -> BomTarget:
    product = advisory.product(verdict.product)
    versions = []
    if product.version or product.vers:
        versions.append(
            BomTargetVersionRange(
                version=product.version or None, range=product.vers or None, status=_VERSIONS[verdict.status]
            )
        )
    return BomTarget(ref=_ref(product.key), versions=versions)
