"""Every line of the route table, as every role, nobody and a rival, by every method: the answer that the table says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.participant import Role
from seatrial.portal import opening
from seatrial.portal.access import ANYBODY, opens
from seatrial.portal.routes import ROUTES
from support.portal_world import ROLES, World

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from portal.conftest import Served
    from seatrial.portal.access import Route

pytestmark = pytest.mark.slow
METHODS = ("GET", "HEAD", "PUT", "DELETE", "POST")
ANSWERS = frozenset({200, 302, 400, 403, 404, 409, 413, 422, 429, 503})
"""Of whoever is let in; 429 is of sign-in asked for too often; 503 is the word of `readyz` where no worker beats."""
RIVALS = {
    Role.DEVELOPER_OWNER: "lab-b",
    Role.DEVELOPER_COUNSEL: "lab-b",
    Role.EVALUATOR: "bureau-b",
    Role.EVALUATOR_LEAD: "bureau-b",
    Role.MAINTAINER: "lab-b",
}
LEAVING = frozenset({"account_logout", "submission-withdraw", "acting", "leave"})
"""Posts that change who asks, or end what is asked about; each has tests of its own."""
CODE_NAME = "heron-7"
"""Of lab-a's model, which a form gives as its example of one."""
ELSEWHERE = frozenset(
    {
        *("feed-of-due", "feed-of-changes", "oidc-start", "oidc-callback", "text-revise", "granted-report"),
        *("finding-step", "finding-paper", "submission-run-file", "submission-receipt", "submission-signed"),
        *("report-whole", "publication-file"),
    }
)
"""Pages of what this world has not got (a secret address, a provider, a signed report …); their own tests open them."""
OF_ONE = ("submissions/<str:name>/", "reviews/<str:name>/")


@pytest.fixture
def world(portal: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(opening, "_place", [replace(opening.place(), home=portal.home)])
    return World(portal, tmp_path)


def expected(route: Route, method: str, role: Role | None) -> frozenset[int]:
    """What the table says of this role."""
    roles = route.roles(method)
    if roles is None and opens(route.read | route.act, role):
        return frozenset({405})
    if roles is None or not opens(roles, role):
        return frozenset({302}) if role is None else frozenset({404})
    return ANSWERS


def methods(route: Route) -> tuple[str, ...]:
    return METHODS[:-1] if route.name in LEAVING else METHODS


def test_every_role_and_nobody_gets_the_answer_of_the_table(world: World) -> None:
    wrong = []
    people: list[tuple[Role | None, Client]] = [(None, world.portal.client())]
    people += [(role, world.client(role, RIVALS.get(role, ""))) for role in ROLES]
    for role, client in people:
        nothing = client.get("/nowhere/").content
        for route in ROUTES:
            for method in methods(route):
                if method == "HEAD" and role and opens(route.read, role):
                    continue  # it is the same view as GET, and half of this test's time
                answer = client.generic(method, world.address(route))
                fits = answer.status_code in expected(route, method, role)
                shut = (
                    answer.status_code == 404 and method != "HEAD" and not opens(route.roles(method) or ANYBODY, role)
                )
                if not fits or (shut and answer.content != nothing):
                    wrong.append((route.name, method, role, answer.status_code))
    assert wrong == []


def test_whoever_may_read_a_page_of_what_is_there_gets_it(world: World) -> None:
    """Otherwise the test above might hold over pages that nobody ever sees."""
    seen = {route.name: world.reader(route).get(world.address(route)).status_code for route in ROUTES if route.read}
    missing = {name for name, status in seen.items() if status not in {200, 302, 503}}
    assert sorted(missing ^ ELSEWHERE) == []


def test_a_rival_gets_of_what_is_there_the_answer_of_what_never_was(world: World) -> None:
    told = []
    for role, organisation in RIVALS.items():
        rival = world.client(role, organisation)
        for route in ROUTES:
            if not route.path.startswith(OF_ONE) or "int:" in route.path:
                continue
            for method in methods(route):
                real = rival.generic(method, world.address(route))
                never = rival.generic(method, world.address(route, real=False))
                if (real.status_code, real.content) != (never.status_code, never.content):
                    told.append((route.name, method, role, real.status_code, never.status_code))
    assert told == []


def test_no_page_of_a_rival_names_anything_of_lab_a(world: World) -> None:
    secrets = ("lab-a", world.bureau.name, world.unit.id, world.values["submissions"]["digest"])
    named = []
    for role, organisation in RIVALS.items():
        if role is Role.MAINTAINER:
            continue
        rival = world.client(role, organisation)
        for route in ROUTES:
            if ANYBODY & route.read or not opens(route.read, role) or route.path.startswith("framework"):
                continue
            page = rival.get(world.address(route)).content.decode(errors="replace")
            named += [(route.name, role, secret) for secret in secrets if secret in page]
            if CODE_NAME in page.replace(f"For example: {CODE_NAME}", ""):
                named.append((route.name, role, CODE_NAME))
    assert named == []
