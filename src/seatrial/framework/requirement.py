"""What a row of a lifecycle can rest on, each in words: consents, papers, keys, reasons, an open window, a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.framework.consent import Activity
from seatrial.framework.lifecycle import Asked, Case, Requirement

if TYPE_CHECKING:
    from seatrial.framework.standing import Standing
    from seatrial.framework.two_key import KeyAction


def consent(*activities: Activity) -> Requirement:
    """One of these consents holds at the time of the act."""
    words = " or ".join(activities)
    return Requirement(f"consent {words}", lambda case: bool(case.standing.consenting(case.now, *activities)))


def brought(*kinds: str) -> tuple[Requirement, ...]:
    """Each of these papers comes with the act."""
    return tuple(
        Requirement(f"document {kind}", lambda case, kind=kind: case.act.brings(kind), Asked("document", (kind,)))  # type: ignore[misc]  # the default binds the loop's kind
        for kind in kinds
    )


def keyed(kind: str) -> Requirement:
    """The paper of this kind that comes with the act is the very text that its keys were turned for."""
    words = f"keys that were turned for this very {kind}"
    return Requirement(words, lambda case: _keyed(case, kind), Asked("document", (kind,)))


def _keyed(case: Case, kind: str) -> bool:
    request = case.act.key_request
    return request is not None and (kind, request.digest) in {(one.kind, one.digest) for one in case.act.documents}


def held(*kinds: str) -> tuple[Requirement, ...]:
    """Each of these papers comes with the act or was brought before."""
    return tuple(
        Requirement(f"document {kind}", lambda case, kind=kind: case.standing.holds(kind), Asked("document", (kind,)))  # type: ignore[misc]  # the same
        for kind in kinds
    )


def two_keys(action: KeyAction) -> Requirement:
    """Two people have turned their keys on this very request."""
    return Requirement(f"two keys to {action}", lambda case: _turned(case, action), Asked("keys", (action,)))


def _turned(case: Case, action: KeyAction) -> bool:
    asked, standing = case.act.key_request, case.standing
    if asked is None or asked.object != standing.object or asked.digest != case.act.request_digest:
        return False
    return case.pack.key_rule(action).turned(asked, standing.of_sides(case.act.votes), case.now)


def reason(*known: str) -> Requirement:
    """The act says why, in one of these words; without any, in its own."""
    if not known:
        return Requirement("a reason", lambda case: bool(case.act.reason.strip()), Asked("reason"))
    words = f"a reason: {', '.join(known)}"
    return Requirement(words, lambda case: case.act.reason in known, Asked("reason", known))


def date() -> Requirement:
    """The act names an instant."""
    return Requirement("a date", lambda case: case.act.date is not None, Asked("date"))


def mark(name: str, *known: str) -> Requirement:
    """The act records a mark; one of these where they are given."""
    words = f"{name}: {' or '.join(known)}" if known else name

    def met(case: Case) -> bool:
        return case.act.mark(name) in known if known else bool(case.act.mark(name))

    return Requirement(words, met, Asked("mark", (name, *known)))


def when(name: str, met: Callable[[Case], bool], asks: Asked | None = None) -> Requirement:
    """Anything else, in words."""
    return Requirement(name, met, asks)


def access_open(standing: Standing, now: datetime) -> bool:
    """Whether the model may be used: the window contains `now`; weights that everybody has need a consent only."""
    if standing.subject is not None and not standing.subject.access.windowed:
        return bool(standing.consenting(now, Activity.EVALUATE))
    return standing.window is not None and standing.window.contains(now)


WINDOW_OPEN = Requirement("an open window of access", lambda case: access_open(case.standing, case.now))
