"""Opening a signed report to one more reader: the developer's consent, the grant, and the entry that it was opened.

- One report, in one version, to one organisation in one role, for one purpose, until a day. A later version takes a
  grant of its own.
- A grant rests on a consent that names its reader. Where none does, one to receive results is given first, for this
  reader, purpose and time and nothing more.
- The grant and its entry are one transaction. The same request again is the same grant.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.desk import Brought
from seatrial.framework.access import READING
from seatrial.framework.consent import Activity, BadConsent, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.instant import text as moment
from seatrial.framework.matrix import Condition
from seatrial.framework.participant import Role
from seatrial.ledger.event import Actor, Event, instant, pseudonym
from seatrial.offering import given
from seatrial.publication import SIGNED, newest

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.desk import Desk
    from seatrial.framework.consent import Consent
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.purpose import Purpose
    from seatrial.framework.standing import Standing

NOT_AFTER = frozenset({"withdrawn", "purged", "expired", "declined"})
"""States after which nothing more is opened."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to read the report, what for, and until when."""

    organisation: str
    role: Role
    purpose: Purpose
    expires: datetime


def readers(pack: PolicyPack) -> tuple[Role, ...]:
    """The roles that may read a report by a grant, under this policy."""
    ways = ((role, pack.matrix.ways(role, DataClass.R, Action.READ)) for role in Role)
    return tuple(role for role, found in ways if any(Condition.GRANTED in way for way in found))


def grantable(standing: Standing) -> bool:
    """Whether there is a report to open, and opening it is still possible."""
    return standing.state not in NOT_AFTER and newest(standing, SIGNED) is not None


def opened(desk: Desk, standing: Standing, wanted: Wanted, number: str = "") -> Grant:
    """Open the newest signed report to one reader; `number` makes a repeat of a request the same grant.

    Raises:
        BadConsent: there is no report, the role reads none by a grant, or the time is not one that can be granted.
        NotPossible: a consent is needed, and none can be given any more.
    """
    report, pack = newest(standing, SIGNED), desk.house.packs(standing.pack)
    if report is None or not grantable(standing):
        raise BadConsent("there is no signed report that could be opened to anybody")
    if wanted.role not in readers(pack):
        raise BadConsent(f"{wanted.role}: reads no report by a grant")
    if wanted.expires <= desk.now:
        raise BadConsent(f"until {moment(wanted.expires)}: that has passed; name a time to come")
    name = _named(desk, standing, number)
    known = {one.id: one for one in desk.house.permissions.grants(desk.viewer, standing.object)}
    if name in known:
        return known[name]
    consent = _consent(desk, standing, wanted, pack)
    grant = Grant(
        id=name,
        consent=consent.id,
        object=standing.object,
        data_class=DataClass.R,
        actions=frozenset({Action.READ}),
        organisation=wanted.organisation,
        role=wanted.role,
        purpose=wanted.purpose,
        not_before=desk.now,
        expires=wanted.expires,
        object_version=report.version,
    ).within(consent)
    _kept(desk, standing, grant, report.digest)
    return grant


def _consent(desk: Desk, standing: Standing, wanted: Wanted, pack: PolicyPack) -> Consent:
    """A consent that covers what is wanted: one that is there, or a new one for this alone."""
    for known in standing.consents:
        covers = known.names(wanted.organisation, wanted.role) and DataClass.R in known.classes
        covers = covers and wanted.purpose in known.purposes and known.activity in READING
        if covers and known.active(desk.now) and known.expires >= wanted.expires:
            return known
    recipient = Recipient(wanted.organisation, wanted.role)
    new = desk.house.new_id("con")
    made = given(new, standing, Activity.SHARE_RESULTS, (recipient,), pack, desk.actor, desk.now)
    made = replace(made, purposes=frozenset({wanted.purpose}), classes=frozenset({DataClass.R}), expires=wanted.expires)
    desk.act(standing.object, "give_consent", Brought(consent=made))
    return made


def _kept(desk: Desk, standing: Standing, grant: Grant, report: str) -> None:
    house, name = desk.house, standing.object
    actor = Actor("developer", pseudonym(house.stream_keys.of(name), desk.actor.organisation))
    nonce = house.random(16).hex()
    event = Event(
        "report.view_issued", instant(desk.now), name, actor, nonce, refs={"report": report}, ids={"grant": grant.id}
    )
    with house.database.session(desk.viewer, writing=True):
        house.permissions.grant(desk.viewer, name, grant)
        house.log.append([event])


def _named(desk: Desk, standing: Standing, number: str) -> str:
    if not number:
        return desk.house.new_id("grt")
    said = f"grant {standing.object} {desk.actor.organisation} {number}"
    return f"grt_{hashlib.sha256(said.encode()).hexdigest()[:32]}"
