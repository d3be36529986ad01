"""From a case to what is published about it: a draft for a person to complete, a sign-off, and the files.

- A draft says what the records say and nothing more: products and verdicts are the person's to complete.
- Nothing leaves without a sign-off of every root in the case, over the rating, the representatives and the very bytes
  of the advisory. A change of any of these voids it.
- A label may be kept or made stricter by a format, never weaker; what is published to everybody is TLP:CLEAR.
- With the advisory the commitments of its findings are opened: whoever kept the day's root can check that the house
  held these very claims on that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from seatrial.clearinghouse.case.going_out import decided, severity
from seatrial.clearinghouse.case.signoff import SignOffs, Subject, sign
from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.finding import ArtefactRole, ReferenceKind
from seatrial.clearinghouse.publish import AdvisorySet, Product, Revision, Status, Verdict, Vulnerability, offer
from seatrial.clearinghouse.secrecy.commitment import DayRoot
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.steps.decisions import Refused
from seatrial.framework.data_class import Tlp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.clearinghouse.case.book import CaseBook
    from seatrial.clearinghouse.case.case import Case
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.event import Actor
    from seatrial.clearinghouse.finding import Finding, Target
    from seatrial.clearinghouse.publish import Offered, Publisher
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

EVERYBODY = "everybody"
"""The recipient of what is published."""
DAY = timedelta(days=1)
NUMBERS = {ReferenceKind.CVE: "cve", ReferenceKind.GHSA: "ghsa"}


@dataclass(frozen=True)
class Published:
    """The documents by format, and the reveals of the findings' commitments."""

    offered: tuple[Offered, ...]
    reveals: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class AdvisoryDesk:
    """Who drafts, signs off and publishes what is said about cases, at which instant."""

    store: Store
    book: CaseBook
    viewer: Viewer
    person: Actor
    at: datetime

    def draft(self, case_id: str, publisher: Publisher) -> AdvisorySet:
        """What the records say about a case, for a person to complete.

        Raises:
            Refused: a cluster of the case is not here.
            NotSigned: the rating of one is not decided.
        """
        case = self.book.case(case_id)
        clusters = [self._cluster(name) for name in case.clusters]
        products: dict[tuple[str, str], Product] = {}
        roots = [self._vulnerability(case, cluster, products) for cluster in clusters]
        found = self._standing(clusters)
        return AdvisorySet(
            id=case_id,
            title=case.title,
            summary="\n\n".join(root.description for root in roots),
            publisher=publisher,
            tlp=case.tlp,
            revisions=(Revision(number=1, at=self.at, summary="First version"),),
            products=tuple(products.values()),
            vulnerabilities=tuple(roots),
            ai_origin=max((one.ai_origin for one in found), key=list(type(found[0].ai_origin)).index),
        )

    def sign_off(self, case_id: str, advisory: AdvisorySet, reason: str) -> None:
        """Take responsibility for an advisory as it is, for every root in the case.

        Raises:
            NotSigned: it cannot be signed, or not by this person.
        """
        for cluster in self._of_case(case_id, advisory):
            subject = self._subject(cluster, advisory)
            given = sign(subject, self.person.id, self.person.version, reason, self.at)

            def act(given: Any = given, name: str = cluster.cluster_id) -> None:  # noqa: ANN401 - bound now
                chains = Chains.of(self.store, self.viewer, [name], self.person, self.at)
                chains.add(name, EventType.SIGNED_OFF, given.body())
                [now] = self.store.clusters(self.viewer, [name])
                stage = Stage.SIGNED_OFF if now.stage is Stage.RATED else now.stage
                self.store.append(self.viewer, chains.made, [now.model_copy(update={"stage": stage})])

            retried(act)

    def publish(self, case_id: str, advisory: AdvisorySet, formats: Sequence[str]) -> Published:
        """Make the documents, open the commitments, and record that it was published.

        Raises:
            Refused: it is a draft, or not for everybody, or its validators fault a document, or nothing was made.
            NotSigned: no sign-off covers it as it is.
        """
        clusters = self._of_case(case_id, advisory)
        for cluster in clusters:
            SignOffs.of(self.store.events(self.viewer, cluster.cluster_id)).covering(self._subject(cluster, advisory))
        if advisory.state == "draft" or advisory.tlp is not Tlp.TLP_CLEAR:
            raise Refused(
                f"{advisory.id}: it is a {advisory.state} under {advisory.tlp}; published is what is TLP:CLEAR"
            )
        offered = offer(advisory, formats)
        for one in offered:
            if one.faults or one.refused:
                raise Refused(f"{one.format}: {one.refused or one.faults[0]}; nothing was published")
        reveals = tuple(self._reveals(clusters))
        for cluster in clusters:
            self._mark(cluster.cluster_id, advisory)
        what = f"{advisory.id} version {advisory.version}"
        self.book.act(case_id, [(EventType.PUBLISHED, {"what": what, "formats": list(formats)})], self.person, self.at)
        return Published(offered, reveals)

    def _mark(self, name: str, advisory: AdvisorySet) -> None:
        def act() -> None:
            [cluster] = self.store.clusters(self.viewer, [name])
            chains = Chains.of(self.store, self.viewer, [name], self.person, self.at)
            chains.add(name, EventType.PUBLISHED, {"advisory": advisory.id, "version": advisory.version})
            self.store.append(self.viewer, chains.made, [cluster.model_copy(update={"stage": Stage.PUBLISHED})])

        retried(act)

    def _reveals(self, clusters: Sequence[Cluster]) -> list[dict[str, Any]]:
        """The nonce and bytes of each finding with its path to the root of its day."""
        ids = [member.finding_id for cluster in clusters for member in cluster.members]
        held = self.store.findings(self.viewer, ids)
        opening = self.store.nonces(self.viewer, ids)
        days: dict[datetime, tuple[DayRoot, tuple[str, ...]]] = {}
        found = []
        for name, one in sorted(held.items()):
            day = one.received_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            if day not in days:
                made = self.store.commitments(self.viewer, day, day + DAY)
                days[day] = (DayRoot.of(f"{day:%Y-%m-%d}", made), made)
            root, made = days[day]
            commitment, nonce = opening[name]
            reveal = root.reveal(made.index(commitment), nonce, one.finding.canonical())
            found.append(reveal.to_json())
        return found

    def _of_case(self, case_id: str, advisory: AdvisorySet) -> list[Cluster]:
        case = self.book.case(case_id)
        if advisory.id != case_id:
            raise Refused(f"{advisory.id}: it is not about {case_id}; an advisory bears the id of its case")
        return [self._cluster(name) for name in case.clusters]

    def _cluster(self, name: str) -> Cluster:
        found = self.store.clusters(self.viewer, [name])
        if not found:
            raise Refused(f"{name}: there is no such cluster for you")
        if found[0].stage is Stage.MERGED_INTO:
            return self._cluster(found[0].merged_into)
        return found[0]

    def _standing(self, clusters: Sequence[Cluster]) -> list[Finding]:
        held = self.store.findings(self.viewer, [cluster.stands_for_it for cluster in clusters])
        return [one.finding for one in held.values()]

    def _vulnerability(self, case: Case, cluster: Cluster, products: dict[tuple[str, str], Product]) -> Vulnerability:
        document = decided(cluster.cluster_id, self.store.events(self.viewer, cluster.cluster_id))
        rating = document["rating"]
        [held] = self.store.findings(self.viewer, [cluster.stands_for_it]).values()
        finding, target = held.finding, held.finding.target
        key = (target.project, target.version)
        if key not in products:
            products[key] = _product(f"P{len(products) + 1}", target)
        numbers = {NUMBERS[one.kind]: one.value for one in finding.references if one.kind in NUMBERS}
        shown = any(artefact.role is ArtefactRole.POV for artefact in finding.artefacts)
        return Vulnerability(
            key=cluster.cluster_id,
            title=cluster.decided("title") or finding.claim.title,
            description=cluster.root.text or finding.claim.summary or finding.claim.title,
            cve=next((one for one in case.numbers if one.startswith("CVE-")), numbers.get("cve", "")),
            ghsa=next((one for one in case.numbers if one.startswith("GHSA-")), numbers.get("ghsa", "")),
            cwes=(rating["cwe"],),
            cvss_4=rating["cvss_4"],
            cvss_3=rating["cvss_3"],
            ssvc=dict(rating["ssvc"]),
            verdicts=(Verdict(product=products[key].key, status=Status.AFFECTED),),
            shown="reproduced" if shown else "reviewed",
        )

    def _subject(self, cluster: Cluster, advisory: AdvisorySet) -> Subject:
        document = decided(cluster.cluster_id, self.store.events(self.viewer, cluster.cluster_id))
        representatives = tuple(one.finding_id for one in cluster.members if one.represents)
        return Subject(
            cluster.cluster_id,
            document,
            str(document["person"]),
            severity(document),
            representatives,
            {"advisory": advisory.canonical().decode()},
            (EVERYBODY,),
        )


def _product(key: str, target: Target) -> Product:
    """The product of a target; who makes it is the package's namespace, else the product's own name."""
    named = PackageURL.from_string(target.purl) if target.purl else None
    name = target.product_name or (named.name if named else target.project.rpartition("/")[2])
    vendor = (named.namespace if named else "") or name
    version = target.version or (named.version if named else "") or ""
    return Product(key=key, vendor=vendor, name=name, version=version, purl=target.purl, cpe=target.cpe)
