"""Objects of the rooms as the shapes of the API; who sees which part is said here once, as on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.obligation import due
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.standing import Kind
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.desk import Desk, Keys, Offer
    from seatrial.framework.consent import Consent
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.framework.submission_store import Record, Step
    from seatrial.house import Outcome

PARTIES = DEVELOPER_ROLES | {Role.EVALUATOR, Role.EVALUATOR_LEAD, Role.DESIGNATION_LIAISON}
"""Who sees papers, consents and keys of a submission: the sides of it."""


def summary(standing: Standing) -> dict[str, Any]:
    """A line of a list."""
    return {
        "id": standing.object,
        "kind": standing.kind,
        "state": standing.state,
        "since": standing.since,
        "version": standing.last.seq if standing.last else 0,
        "code_name": standing.subject.code_name if standing.subject else None,
        "evaluator": standing.evaluator,
        "pack": str(standing.pack) if standing.pack else None,
        "access_ends": standing.window.end if standing.window else None,
    }


def shown(desk: Desk, record: Record) -> dict[str, Any]:
    """All that whoever sits at the desk sees of an object."""
    standing = record.standing
    party = standing.kind is not Kind.SUBMISSION or desk.viewer.role in PARTIES
    return {
        **summary(standing),
        "meaning": LIFECYCLES[standing.kind].meaning[standing.state],
        "access_ends_by": str(standing.window.ends_by) if standing.window else None,
        "owed": [
            {"name": one.name, "what": one.what, "owner": one.owner, "by": one.by}
            for one in due(standing, house().packs(standing.pack), desk.now)
        ],
        "offers": [_offer(one) for one in desk.offers(standing)],
        "keys": [_keys(one) for one in desk.keys(standing.object, standing)] if party else [],
        "papers": [_paper(one) for one in standing.documents] if party else [],
        "consents": [_consent(one) for one in standing.consents] if party else [],
        "steps": _steps(record.history),
    }


def taken(outcome: Outcome, version: int) -> dict[str, Any]:
    """What an act came to: ids, states and numbers only, since answers are kept for a day."""
    return {
        "id": outcome.standing.object,
        "state": outcome.standing.state,
        "version": version,
        "entries": [receipt.index for receipt in outcome.receipts],
        "owed": outcome.owed,
        "outstanding": [str(effect) for effect in outcome.outstanding],
    }


def _offer(one: Offer) -> dict[str, Any]:
    asks = [{"kind": asked.kind, "names": list(asked.names)} for asked in one.asks]
    return {"event": one.event, "target": one.target, "asks": asks, "missing": list(one.missing)}


def _keys(one: Keys) -> dict[str, Any]:
    turned = [{"organisation": vote.organisation, "role": vote.role, "at": vote.at} for vote in one.votes]
    return {
        "action": one.request.action,
        "digest": one.request.digest,
        "at": one.request.at,
        "turned": turned,
        "missing": [sorted(side) for side in one.missing],
    }


def _paper(one: Document) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "version": one.version,
        "digest": one.digest,
        "organisation": one.organisation,
        "at": one.at,
        "data_class": one.data_class,
    }


def _consent(one: Consent) -> dict[str, Any]:
    recipients = sorted((to.organisation, str(to.role)) for to in one.recipients)
    return {
        "id": one.id,
        "activity": one.activity,
        "purposes": sorted(one.purposes),
        "recipients": [{"organisation": organisation, "role": role} for organisation, role in recipients],
        "classes": sorted(one.classes),
        "not_before": one.not_before,
        "expires": one.expires,
        "revoked_at": one.revoked_at,
    }


def _steps(history: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {
            "seq": step.entry.seq,
            "at": step.entry.at,
            "event": step.entry.event,
            "to": step.entry.target,
            "role": step.entry.actor.role,
            "entry": step.place.index if step.place else None,
        }
        for step in history
    ]
