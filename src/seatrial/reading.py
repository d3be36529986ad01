"""Whether somebody may read a granted report now, and its bytes: the framework's `decide` over what the house knows.

- A grant of class R is about a submission's report in one version; its object is the submission.
- Every no looks the same: `NotHere`. What was answered yes is read at once; a grant that ends a second later ends that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.access import Facts, Origin, Thing, decide
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.consent import Grant
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Actor, Standing
    from seatrial.house import House

REPORT = "report"


def report_of(standing: Standing, version: int) -> Document | None:
    """A submission's report in that version; None where there is none."""
    found = (one for one in standing.documents if (one.kind, one.version) == (REPORT, version))
    return next(found, None)


def granted_report(house: House, actor: Actor, standing: Standing, grant: Grant, now: datetime) -> dict[str, bytes]:
    """The papers of the report that a grant opens to whoever acts, by kind. Raises `NotHere`."""
    document = report_of(standing, grant.object_version)
    if document is None or standing.subject is None or grant.data_class is not DataClass.R:
        raise NotHere(grant.id)
    origin = Origin(standing.subject.id, standing.developer)
    thing = Thing(
        standing.object,
        DataClass.R,
        standing.developer,
        standing.object,
        grant.object_version,
        frozenset({origin}),
    )
    if not decide(actor, Action.READ, thing, grant.purpose, now, _facts(house, actor, standing, grant, now)).yes:
        raise NotHere(grant.id)
    beside = {one.digest: one.kind for one in standing.documents if one.at == document.at}
    job = Viewer.for_submission(standing.object)
    found = house.papers.several(job, standing.object, beside)
    if document.digest not in found:
        raise NotHere(grant.id)
    return {beside[digest]: content for digest, content in found.items()}


def _facts(house: House, actor: Actor, standing: Standing, grant: Grant, now: datetime) -> Facts:
    everybody = Viewer.house("whether a report is open to whoever asks")
    pack = house.packs(standing.pack)
    withdrawn = standing.state in {"withdrawn", "purged"} and standing.since is not None and standing.subject
    return Facts(
        matrix=pack.matrix,
        organisations={one.id: one.kind for one in house.participants.organisations(everybody)},
        memberships=house.participants.memberships(everybody, actor.person, now),
        consents=standing.consents,
        grants=(grant,),
        withdrawn={standing.subject.id: standing.since} if withdrawn and standing.subject and standing.since else {},
        key_rules=pack.key_rules,
    )
