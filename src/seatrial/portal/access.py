"""One guard before every page and every operation: what the route table says, and nothing else.

- Default deny: a route names the roles of each method; nobody else gets in.
- A route may need more than a session with two factors (`needs`), or a view may find so (`StepUp`): then it is asked
  for and the act goes on. A service token is told that it cannot.
- Whoever is not signed in is asked to sign in (a page) or told so (the API); whoever is signed in and has no right gets
  the same answer as for a page that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.http import urlencode

from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.framework.submission_store import NotHere
from seatrial.portal.errors import API, not_found, plain
from seatrial.portal.identity.assurance import BY_TOKEN, Need, StepUp, assurance
from seatrial.portal.identity.step_up import step_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.portal.acting import PortalRequest

ANYBODY = frozenset({Role.PUBLIC})
SIGNED_IN = frozenset(Role) - SERVICE_ROLES - ANYBODY
NOBODY: frozenset[Role] = frozenset()
SIGN_IN = "/account/login/"


@dataclass(frozen=True, slots=True)
class Route:
    """One URL: who may read it, and who may act on it.

    Attributes:
        name: How pages link to it.
        path: As Django writes it.
        view: What answers.
        read: The roles of GET and HEAD; `ANYBODY` includes whoever is not signed in.
        act: The roles of POST.
        needs: How sure it must be who asks; where nobody has to be signed in, this is not looked at.
    """

    name: str
    path: str
    view: Callable[..., HttpResponse]
    read: frozenset[Role]
    act: frozenset[Role] = field(default=NOBODY)
    needs: Need = Need.SESSION

    def roles(self, method: str) -> frozenset[Role] | None:
        """Who may use this method; None where the route has no such method for anybody."""
        found = {"GET": self.read, "HEAD": self.read, "POST": self.act}.get(method, NOBODY)
        return found or None


class Again(Enum):
    """What the same request gets when a program sends it again under its `Idempotency-Key`."""

    FIRST = "its first answer"
    ITSELF = "the same by itself: it needs no key"
    ONCE = "no second answer: what it shows is shown once"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: who may call it, and what it asks for beside that.

    Attributes:
        name: Its id in the OpenAPI document; the function of that name answers.
        method: GET or POST.
        path: Below `/api/v1/`, as OpenAPI writes it.
        roles: Who may call it; `ANYBODY` includes whoever is not signed in.
        needs: How sure it must be who asks.
        versioned: Whether it changes what was read before, and so wants to be told which version that was.
        again: What a repeat gets.
    """

    name: str
    method: str
    path: str
    roles: frozenset[Role]
    needs: Need = Need.SESSION
    versioned: bool = False
    again: Again = Again.FIRST


def opens(roles: frozenset[Role], role: Role | None) -> bool:
    """Whether somebody in this role, or nobody at all, is let in."""
    return Role.PUBLIC in roles or (role is not None and role in roles)


def guarded(route: Route) -> Callable[..., HttpResponse]:
    """The route's view behind its line of the table."""

    @wraps(route.view)
    def answer(request: PortalRequest, *args: Any, **given: Any) -> HttpResponse:  # noqa: ANN401 - of the path
        role = request.acting.role if request.acting else None
        roles = route.roles(request.method or "")
        anyhow = opens(route.read | route.act, role)
        if roles is None and anyhow:
            return HttpResponseNotAllowed([name for name in ("GET", "HEAD", "POST") if route.roles(name)])
        if roles is None or not opens(roles, role):
            return _outside(request) if role is None else not_found(request)
        request.assurance = BY_TOKEN if request.assurance is BY_TOKEN else assurance(request)
        try:
            if route.needs is not Need.SESSION and not route.needs.met(request.assurance, request.now):
                return step_up(request, route.needs)
            return route.view(request, *args, **given)
        except StepUp as asked:
            return step_up(request, asked.need)
        except NotHere:
            return not_found(request)

    return answer


def _outside(request: PortalRequest) -> HttpResponse:
    """Nobody acts: sign in first, or set up a second factor; signed in without any membership, nothing is here."""
    if request.user.is_authenticated:
        shown = Need.SESSION.met(request.assurance, request.now)
        return not_found(request) if shown or request.path.startswith(API) else redirect("account")
    if request.path.startswith(API):
        return plain(request, 401, "Not signed in", "Sign in, or send a service token.")
    return redirect(f"{SIGN_IN}?{urlencode({'next': request.path})}")
