"""Two keys at the command line: what a request is for, whose key is missing, and until when both are turned."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seatrial.framework.standing import Standing
    from seatrial.framework.two_key import KeyAction, KeyRequest, KeyRule, Vote
    from seatrial.framework.viewer import Viewer
    from seatrial.house import House
    from seatrial.installation import Installation

EVENTS = {"agree": "agree", "resume_after_incident": "resume_after_incident", "adopt_pack": "adopt_pack"}
"""Events that take two keys, and the action that people turn them for."""
WEIGHTS = "use_weights"
ACTIONS = (*sorted(EVENTS.values()), WEIGHTS)
"""What keys are turned for here."""


def asked_for(
    installation: Installation, name: str, action: str, digest: str, upload: str, lease: str
) -> tuple[str, str]:
    """The object and the digest that a request is bound to. Weights: the upload, under this lease and manifest."""
    if action != WEIGHTS:
        if upload or lease or not digest:
            raise ValueError(f"{action}: give --digest, the digest of what is agreed to")
        return name, digest
    if not (upload and lease):
        raise ValueError(f"{WEIGHTS}: give --upload and --lease; custody knows the digest")
    found = weights_digest(installation, name, upload, lease)
    if digest not in ("", found):
        raise ValueError(f"--digest: what is asked for has the digest {found}")
    return upload, found


def weights_digest(installation: Installation, name: str, upload: str, lease: str) -> str:
    """What two people turn their keys for when they let weights be opened."""
    from seatrial.custody.weights import asked
    from seatrial.installation import now

    custody = installation.custody
    uploads = custody.uploads()
    kept = uploads.store.get(upload)
    if kept.submission != name or custody.leases.get(lease).submission != name:
        raise LookupError(f"{upload}, {lease}: not an upload and a lease of {name}")
    return asked(upload, lease, uploads.commitment(kept, now()))


def rule_of(house: House, standing: Standing, action: KeyAction) -> KeyRule:
    """The rule of its pack, which may ask for more than the framework and never for less."""
    return house.packs(standing.pack).key_rule(action)


def of_sides(standing: Standing, votes: Iterable[Vote]) -> tuple[Vote, ...]:
    """The votes of people of the two sides of this very submission."""
    sides = _sides(standing)
    return tuple(vote for vote in votes if vote.organisation == sides.get(vote.role))


def turn(house: House, viewer: Viewer, standing: Standing, request: KeyRequest, at: datetime) -> tuple[str, ...]:
    """Turn the viewer's key on a request; how it stands then, in words."""
    from seatrial.framework.two_key import Vote

    rule = rule_of(house, standing, request.action)
    if viewer.role not in rule.first | rule.second:
        holders = " and ".join(sorted(rule.first | rule.second))
        raise ValueError(f"{viewer.role}: holds no key for {request.action}; {holders} do")
    vote = Vote(request.id, request.digest, viewer.person, viewer.organisation, viewer.role, at)
    house.permissions.vote(viewer, standing.object, vote)
    for found, votes in house.permissions.asked(viewer, standing.object):
        if found.id == request.id:
            return state_of(house, standing, request, votes, at)
    raise LookupError(f"{request.id}: there is no such request")


def state_of(
    house: House, standing: Standing, request: KeyRequest, votes: Iterable[Vote], now: datetime
) -> tuple[str, ...]:
    """Whose key is missing; when none is, until when both are turned."""
    from seatrial.framework.instant import text

    rule, sides, known = rule_of(house, standing, request.action), _sides(standing), of_sides(standing, votes)
    if missing := rule.missing(request, known, now):
        return tuple(f"missing: the key of {_holders(side, sides)}" for side in missing)
    oldest = min(vote.at for vote in rule.live(request, known, now))
    return (f"both keys are turned until {text(oldest + timedelta(hours=rule.vote_hours))}",)


def _sides(standing: Standing) -> dict[str, str]:
    return {"developer_owner": standing.developer, "evaluator_lead": standing.evaluator}


def _holders(side: Iterable[str], sides: dict[str, str]) -> str:
    return " or ".join(f"{role} of {sides[role]}" if role in sides else str(role) for role in sorted(side))
