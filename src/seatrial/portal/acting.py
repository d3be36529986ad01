"""Who acts: a signed-in person, for one organisation, in one role; rights are never united.

- `request.acting` is that person in the pair they chose, or None; `request.pairs` are all the pairs they hold now.
- A pair is looked up at every request: a membership that ended a second ago opens nothing.
- Whoever has shown no second factor in this session holds no pair, whatever the registry says.
- Whom an identity provider signed in acts for its organisation alone, and for nobody once the provider has ended.
- A service token acts at the API alone, as itself, and no session is looked at beside it.
- `request.now` is the one time of a request; whatever it asks the rooms, it asks at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.framework.standing import Actor
from seatrial.framework.viewer import Viewer
from seatrial.portal.errors import plain
from seatrial.portal.identity.assurance import BY_TOKEN, NOTHING, Need, assurance
from seatrial.portal.identity.tokens import carries_token, token_of
from seatrial.portal.opening import house
from seatrial.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from seatrial.portal.identity.assurance import Assurance

READING = frozenset({"GET", "HEAD", "OPTIONS"})
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
    assurance: Assurance
    acting: Acting | None
    csrf_processing_done: bool
    expected: int
    """At the API: the version that a change was made on, where its line of the table asks for one."""
    who: Acting
    """The same, behind a line of the table that asks for a role: then somebody acts."""


class ActingMiddleware:
    """Sets `request.now`, `request.assurance`, `request.pairs` and `request.acting`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, given: HttpRequest) -> HttpResponse:
        """Look who it is, then answer."""
        request = cast("PortalRequest", given)
        request.now = datetime.now(UTC)
        if carries_token(request):
            if (refused := self._by_token(request)) is not None:
                return refused
        else:
            request.assurance = shown = assurance(request)
            held = pairs_of(request.user.get_username(), request.now) if vouched(shown, request.now) else ()
            request.pairs = tuple(pair for pair in held if shown.within(pair.organisation))
            request.acting = chosen(request.pairs, request.session.get(CHOSEN, ""))
        if request.acting is not None:
            request.who = request.acting
        return self._answer(request)

    @staticmethod
    def _by_token(request: PortalRequest) -> HttpResponse | None:
        """The token acts; or the answer to one that opens nothing."""
        request.user = AnonymousUser()
        request.pairs, request.assurance, request.acting = (), NOTHING, None
        token = token_of(request)
        if token is None:
            return plain(request, 401, "Not signed in", "The service token opens nothing: it may have ended.")
        if request.method not in READING and "act" not in token.scopes:
            return plain(request, 403, "Not in its scopes", "This service token reads and does not act.")
        request.acting = Acting(token.id, token.organisation, token.role)
        request.pairs, request.assurance = (request.acting,), BY_TOKEN
        request.csrf_processing_done = True  # a page elsewhere cannot send a header that it does not know
        return None


def pairs_of(person: str, now: datetime) -> tuple[Acting, ...]:
    """What a person may act as now, services of the house left out."""
    held = Registry(house()).memberships(person, now)
    pairs = (Acting(person, one.organisation, one.role) for one in held if one.role not in SERVICE_ROLES)
    return tuple(dict.fromkeys(pairs))


def vouched(shown: Assurance, now: datetime) -> bool:
    """Whether two factors were shown, and whoever vouched for them still does."""
    if not Need.SESSION.met(shown, now):
        return False
    return not shown.provider or shown.provider in {one.id for one in Registry(house()).providers()}


def chosen(pairs: tuple[Acting, ...], wish: str) -> Acting | None:
    """The pair that was chosen, or the first; None where there is none."""
    return next((pair for pair in pairs if pair.pair == wish), pairs[0] if pairs else None)
