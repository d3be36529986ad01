"""Who acts: a signed-in person, for one organisation, in one role; rights are never united.

- `request.acting` is that person in the pair they chose, or None; `request.pairs` are all the pairs they hold now.
- A pair is looked up at every request: a membership that ended a second ago opens nothing.
- `request.now` is the one time of a request; whatever it asks the rooms, it asks at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest

from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.framework.standing import Actor
from seatrial.framework.viewer import Viewer
from seatrial.portal.opening import house
from seatrial.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

CHOSEN = "acting"
"""The session's key of the pair that was chosen."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A person in one pair."""

    person: str
    organisation: str
    role: Role

    @property
    def pair(self) -> str:
        """As a form sends it."""
        return f"{self.organisation}:{self.role}"

    @property
    def viewer(self) -> Viewer:
        """How stores see them."""
        return Viewer.of(self.person, self.organisation, self.role)

    @property
    def actor(self) -> Actor:
        """How acts name them."""
        return Actor(self.person, self.organisation, self.role)


class PortalRequest(HttpRequest):
    """A request once the middleware has seen it; only types use it."""

    now: datetime
    pairs: tuple[Acting, ...]
    acting: Acting | None
    who: Acting
    """The same, behind a line of the table that asks for a role: then somebody acts."""


class ActingMiddleware:
    """Sets `request.now`, `request.pairs` and `request.acting`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, plain: HttpRequest) -> HttpResponse:
        """Look who it is, then answer."""
        request = cast("PortalRequest", plain)
        request.now = datetime.now(UTC)
        request.pairs = pairs_of(request.user.get_username(), request.now) if request.user.is_authenticated else ()
        request.acting = chosen(request.pairs, request.session.get(CHOSEN, ""))
        if request.acting is not None:
            request.who = request.acting
        return self._answer(request)


def pairs_of(person: str, now: datetime) -> tuple[Acting, ...]:
    """What a person may act as now, services of the house left out."""
    held = Registry(house()).memberships(person, now)
    return tuple(Acting(person, one.organisation, one.role) for one in held if one.role not in SERVICE_ROLES)


def chosen(pairs: tuple[Acting, ...], wish: str) -> Acting | None:
    """The pair that was chosen, or the first; None where there is none."""
    return next((pair for pair in pairs if pair.pair == wish), pairs[0] if pairs else None)
