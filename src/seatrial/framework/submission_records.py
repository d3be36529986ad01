"""What the rows of a submission write down beside the new state. Each takes a case and gives the standing after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.framework.clock import Pause, after
from seatrial.framework.consent import Activity
from seatrial.framework.standing import Actor, Standing, of_developer
from seatrial.framework.window import open_window

if TYPE_CHECKING:
    from seatrial.framework.lifecycle import Case

PUBLIC_FROM = "public_from"  # the date under which the day of a publication is recorded
INCIDENT = "incident"  # the fault that a hold is accounted to


def side(actor: Actor) -> str:
    """Which side of a submission somebody acts for."""
    return "developer" if of_developer(actor) else "evaluator"


def pinned(case: Case) -> Standing:
    """From now on this version of the pack holds for it."""
    return replace(case.standing, pack=case.pack.ref)


def window_opened(case: Case) -> Standing:
    """A window opens: the first, the same again after a revocation, or the next.

    Raises:
        WindowEmpty: An end that is already known is not after the opening.
    """
    standing = _paused_until_now(case).with_date("access_opened", case.now)
    if standing.subject is not None and not standing.subject.access.windowed:
        return standing
    expires = max(consent.expires for consent in standing.consenting(case.now, Activity.EVALUATE))
    agreed_end = _agreed_end(case)
    if standing.window is not None:
        return replace(standing, window=standing.window.granted_again(case.now, expires, agreed_end))
    window = open_window(
        case.now,
        consent_expires=expires,
        agreed_end=agreed_end,
        partner_release=standing.date("partner_date"),
        ceiling_hours=case.pack.window_hours,
    )
    return replace(standing, window=window)


def _agreed_end(case: Case) -> datetime | None:
    """The end that was agreed, if it is to come; else the pack's default where it asks for one."""
    agreed, ceiling = case.standing.date("agreed_end"), after(case.now, case.pack.window_hours)
    if agreed is not None and agreed > case.now:
        return min(agreed, ceiling)
    terms = case.pack.terms
    return min(after(case.now, terms.access_hours), ceiling) if terms.agreed_end_required else None


def interim(case: Case) -> Standing:
    """The first interim report is the one that was due."""
    known = case.standing.date("interim")
    return case.standing.with_date("interim", known or case.now)


def paused(case: Case) -> Standing:
    """Work stands still, by whose fault, and which side can go on."""
    pause = Pause(case.now, None, case.act.reason)
    return replace(case.standing, pauses=(*case.standing.pauses, pause)).with_mark("paused_by", side(case.act.actor))


def held_for_incident(case: Case) -> Standing:
    """An incident holds the runs; a pause that was on gives way to it."""
    standing = incident(case, _paused_until_now(case))
    return replace(standing, pauses=(*standing.pauses, Pause(case.now, None, INCIDENT)))


def going_on(case: Case) -> Standing:
    """Whatever stood still goes on."""
    return _paused_until_now(case)


def runs_ended(case: Case) -> Standing:
    """Runs are done, and so is access."""
    standing = _paused_until_now(case).with_date("runs_ended", case.now)
    return replace(standing, window=standing.window and standing.window.ended(case.now))


def stopped(case: Case) -> Standing:
    """Access is over by its own clock."""
    return _paused_until_now(case)


def withdrawn(case: Case) -> Standing:
    """The developer has taken it back."""
    standing = _paused_until_now(case).with_date("withdrawn", case.now)
    return replace(standing, window=standing.window and standing.window.withdrawn(case.now))


def draft_delivered(case: Case) -> Standing:
    """The developer's time to comment begins; a revised draft starts it again."""
    standing = case.standing.with_date("draft_delivered", case.now)
    return standing.with_mark("commented", "").with_mark("comment_extensions", "")


def commented(case: Case) -> Standing:
    """A comment exists, which the report must annex."""
    return case.standing.with_mark("commented", "yes")


def comment_extended(case: Case) -> Standing:
    """The developer takes more time to comment."""
    used = int(case.standing.mark("comment_extensions") or 0)
    return case.standing.with_mark("comment_extensions", str(used + 1))


def publication(case: Case) -> Standing:
    """From which day the public edition of the report is open to everybody; one that has passed means from now on."""
    return case.standing.with_date(PUBLIC_FROM, max(case.act.date or case.now, case.now))


def publication_stopped(case: Case) -> Standing:
    """Nothing is published; both sides may agree on an edition again."""
    return case.standing.with_date(PUBLIC_FROM, None)


def release_date(case: Case) -> Standing:
    """The developer's own date, written down and read by nothing; of a purged submission nothing is kept."""
    return _kept(case, case.standing.with_date("release_date", case.act.date))


def partner_date(case: Case) -> Standing:
    """The date from which partners of the developer have access: an end of the window and nothing else."""
    standing = case.standing.with_date("partner_date", case.act.date)
    window = standing.window and standing.window.with_partner_release(case.act.date, case.now)
    return _kept(case, replace(standing, window=window))


def incident(case: Case, standing: Standing | None = None) -> Standing:
    """When the last incident became known: the report must list all up to it."""
    standing = case.standing if standing is None else standing
    latest = max(document.at for document in case.act.documents if document.kind == "incident_record")
    return _kept(case, standing.with_date("last_incident", max(latest, standing.date("last_incident") or latest)))


def known_consent(case: Case) -> bool:
    """Whether the act names a consent that was given."""
    revoked = case.act.consent
    return revoked is not None and any(consent.id == revoked.id for consent in case.standing.consents)


def consent_revoked(case: Case) -> Standing:
    """The consent ends now, and with it a window that rests on no other."""
    revoked = case.act.consent
    standing = case.standing
    for consent in standing.consents:
        if revoked is not None and consent.id == revoked.id:
            standing = standing.with_consent(consent.revoke(case.now))
    if standing.window is not None and not standing.consenting(case.now, Activity.EVALUATE):
        standing = replace(standing, window=standing.window.revoked(case.now))
    return _kept(case, standing)


def access_extended(case: Case) -> Standing:
    """The developer sets or moves the end of access."""
    until = case.act.date
    standing = case.standing.with_date("agreed_end", until)
    if standing.window is None or until is None:
        return standing
    return replace(standing, window=standing.window.agreed_until(until, case.now))


def purged(case: Case) -> Standing:
    """Nothing about the model remains: digests and ids only."""
    return replace(case.standing, subject=None, window=None, pauses=(), dates=(), marks=())


def _paused_until_now(case: Case) -> Standing:
    pauses = tuple(replace(pause, until=case.now) if pause.until is None else pause for pause in case.standing.pauses)
    return replace(case.standing, pauses=pauses).with_mark("paused_by", "")


def _kept(case: Case, standing: Standing) -> Standing:
    return purged(case) if case.standing.state == "purged" else standing
