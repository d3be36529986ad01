"""Who brings in whom: the operator, organisations' own members, and their services' tokens."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from seatrial.framework.participant import Membership, OrganisationKind, Role
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.portal.pages import people
from seatrial.registry import INVITATION_DAYS, NotOpen, Registry, RolesExclude, may_bring_in, roles_of
from support.browser import browser, visits
from support.oidc_provider import provider
from support.portal_server import serving

if TYPE_CHECKING:
    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

RECORDS = "account_authentication_methods"
PASSWORD = "seven grey herons at dawn"  # noqa: S105 - of nobody
NOW = datetime.now(UTC)


def operator(portal: Served) -> Client:
    return portal.client("ola", "house-ops", Role.OPERATOR)


def shown(content: bytes) -> str:
    """The secret that a page shows once."""
    found = re.search(r"<code class=\"st-secret\">(sea_\w+?_[\w-]{43})</code>", content.decode())
    assert found
    return found[1]


def test_the_operator_enters_an_organisation_and_its_first_member_and_nobody_after_that(portal: Served) -> None:
    ola = operator(portal)
    made = ola.post("/organisations/", {"name": "Lab N", "id": "lab-n", "kind": "developer"})
    assert made.headers["Location"] == "/organisations/lab-n/"
    assert ola.post("/organisations/", {"name": "x", "id": "lab-n", "kind": "developer"}).status_code == 422
    secret = shown(ola.post("/organisations/lab-n/", {"role": "developer_owner"}).content)
    visitor = Client()
    visitor.post("/invitation/", {"secret": secret})
    accepted = visitor.post("/invitation/accept/", {"name": "nia", "password": PASSWORD, "again": PASSWORD})
    assert accepted.headers["Location"] == "/account/"
    assert ola.post("/organisations/lab-n/", {"role": "developer_owner"}).status_code == 404
    assert b"nia" in ola.get("/organisations/lab-n/").content
    assert Client().post("/invitation/", {"secret": secret}).status_code == 422


def test_an_invitation_is_used_once_and_ends(portal: Served) -> None:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    registry = Registry(portal.house)
    invited, secret = registry.invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, NOW)
    assert registry.invitation(NOW, secret=secret) == invited
    with pytest.raises(NotOpen):
        registry.invitation(NOW + timedelta(days=INVITATION_DAYS), secret=secret)
    with pytest.raises(NotOpen):
        registry.invitation(NOW, secret=secret[:-1] + "x")
    registry.accept(invited, "bob", NOW)
    with pytest.raises(NotOpen):
        registry.accept(invited, "eve", NOW)
    assert registry.memberships("eve", NOW) == ()
    other, other_secret = registry.invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, NOW)
    rival = portal.client("rob", "lab-b")
    rival.post(f"/people/invitations/{other.id}/")
    assert registry.invitation(NOW, secret=other_secret)
    portal.client("ada").post(f"/people/invitations/{other.id}/")
    with pytest.raises(NotOpen):
        registry.invitation(NOW, secret=other_secret)


def test_whoever_operates_is_nothing_else(portal: Served) -> None:
    portal.enter("ola", "house-ops", Role.OPERATOR)
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    registry = Registry(portal.house)
    invited, _ = registry.invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, NOW)
    with pytest.raises(RolesExclude):
        registry.accept(invited, "ola", datetime.now(UTC))
    assert registry.invitation(NOW, name=invited.id)
    operating, _ = registry.invite("ola", "house-ops", Role.OPERATOR, NOW)
    with pytest.raises(RolesExclude):
        registry.accept(operating, "ada", datetime.now(UTC))


def test_members_bring_in_people_of_their_own_organisation_in_roles_of_its_kind(portal: Served) -> None:
    ada = portal.client("ada")
    page = ada.get("/people/").content.decode()
    assert set(re.findall(r'name="role" value="(\w+)"', page)) == {"developer_owner", "developer_counsel", "maintainer"}
    assert ada.post("/people/", {"role": "evaluator"}).status_code == 422
    secret = shown(ada.post("/people/", {"role": "maintainer"}).content)
    found = Registry(portal.house).invitation(datetime.now(UTC), secret=secret)
    assert (found.organisation, found.invited_by) == ("lab-a", "ada")
    counsel = portal.client("cai", "lab-a", Role.DEVELOPER_COUNSEL)
    assert re.findall(r'name="role" value="(\w+)"', counsel.get("/people/").content.decode()) == ["developer_counsel"]
    for kind in OrganisationKind:
        for role in Role:
            assert may_bring_in(role, kind) <= roles_of(kind) | {role}
            assert Role.OPERATOR not in may_bring_in(role, kind) - {role}


def test_a_role_ends_at_once_and_only_by_those_who_may(portal: Served) -> None:
    bob, ada = portal.client("bob", "lab-a", Role.DEVELOPER_COUNSEL), portal.client("ada")
    portal.enter("rob", "lab-b", Role.DEVELOPER_OWNER)
    assert bob.get("/submissions/").status_code == 200
    assert bob.post("/people/ada/developer_owner/end/").status_code == 404
    assert ada.post("/people/rob/developer_owner/end/").status_code == 404
    assert ada.get("/people/bob/developer_counsel/end/").status_code == 200
    ada.post("/people/bob/developer_counsel/end/")
    assert bob.get("/submissions/").status_code == 404
    assert [one.person for one in Registry(portal.house).people("lab-a", datetime.now(UTC))] == ["ada"]


def test_a_login_name_is_nobodys_and_can_be_an_id(portal: Served) -> None:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    for name in ("ada", "Ada", "house", "per_" + "0" * 32, "a b", "1a"):
        _, secret = Registry(portal.house).invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, NOW)
        visitor = Client()
        visitor.post("/invitation/", {"secret": secret})
        answer = visitor.post("/invitation/accept/", {"name": name, "password": PASSWORD, "again": PASSWORD})
        assert answer.status_code == 422, name
    weak = {"name": "bob", "password": "password1234", "again": "password1234"}
    assert visitor.post("/invitation/accept/", weak).status_code == 422
    assert visitor.post("/invitation/accept/", {**weak, "again": PASSWORD}).status_code == 422


def test_a_token_acts_at_the_api_within_its_scopes_and_networks_and_ends_with_its_maker(portal: Served) -> None:
    ada = portal.client("ada")
    given = {"name": "nightly", "scopes": ["read"], "days": "30", "networks": "127.0.0.0/8"}
    secret = shown(ada.post("/tokens/", given).content)
    registry, now = Registry(portal.house), datetime.now(UTC)
    token = registry.token(secret, "127.0.0.1", now)
    assert token
    assert token.made_by == "ada"
    assert registry.token(secret, "192.0.2.1", now) is None
    assert registry.token(secret, "", now) is None
    assert registry.token(secret, "127.0.0.1", now + timedelta(days=30)) is None
    bearer = {"Authorization": f"Bearer {secret}"}
    program = Client(enforce_csrf_checks=True)
    assert program.get("/submissions/", headers=bearer).status_code == 302
    assert program.post("/api/nowhere/", headers=bearer).status_code == 403
    assert program.get("/api/nowhere/", headers=bearer).status_code == 404
    assert program.get("/api/nowhere/", headers={"Authorization": "Bearer sea_svc_x"}).status_code == 401
    listed = portal.client("rob", "lab-b").get("/tokens/").content
    assert b"nightly" not in listed
    assert portal.client("rob", "lab-b").post(f"/tokens/{token.id}/revoke/").status_code == 404
    registry.leave(Membership("ada", "lab-a", Role.DEVELOPER_OWNER, now - timedelta(days=1)), datetime.now(UTC))
    assert registry.token(secret, "127.0.0.1", datetime.now(UTC)) is None
    assert registry.memberships(token.id, datetime.now(UTC)) == ()


def test_a_token_lasts_ninety_days_at_most_and_operates_nothing(portal: Served) -> None:
    ada = portal.client("ada")
    for wrong in ({"days": "91"}, {"scopes": []}, {"networks": "everywhere"}, {"scopes": ["sign"]}):
        given = {"name": "p", "scopes": ["read"], "days": "30", "networks": "", **wrong}
        assert ada.post("/tokens/", given).status_code == 422
    assert operator(portal).get("/tokens/").status_code == 404
    member = Membership("ola", "house-ops", Role.OPERATOR, NOW)
    with pytest.raises(ValueError, match="has no tokens"):
        Registry(portal.house).issue_token(member, "t", ("read",), NOW)


def test_providers_are_set_by_the_operator_and_looked_at_first(portal: Served) -> None:
    ola = operator(portal)
    with provider() as there:
        key = portal.home / "keys" / "idp.pem"
        key.write_bytes(there.client_key.as_pem(private=True))
        given = {
            "name": "Ops",
            "id": "ops",
            "issuer": there.issuer,
            "client_id": there.client_id,
            "key_file": str(key),
            "organisation": "house-ops",
            "pkce": "on",
            "acr": "a b",
        }
        assert ola.post("/providers/", {**given, "key_file": "/nowhere"}).status_code == 422
        assert ola.post("/providers/", {**given, "issuer": "http://elsewhere.example"}).status_code == 422
        assert ola.post("/providers/", given).status_code == 302
    [made] = Registry(portal.house).providers()
    assert (made.acr, made.organisation, made.pkce) == (("a", "b"), "house-ops", True)
    assert portal.client("ada").get("/providers/").status_code == 404
    ola.post("/providers/ops/end/")
    assert Registry(portal.house).providers() == ()


def test_the_first_invitation_is_made_anew_until_somebody_operates(portal: Served) -> None:
    registry = Registry(portal.house)
    first, second = registry.first_invitation(NOW), registry.first_invitation(NOW)
    assert first
    assert second
    with pytest.raises(NotOpen):
        registry.invitation(NOW, secret=first)
    assert registry.invitation(NOW, secret=second).role is Role.OPERATOR
    with pytest.raises(NotOpen):
        registry.invitation(NOW + timedelta(days=1), secret=second)
    portal.enter("ola", "house-ops", Role.OPERATOR)
    assert registry.first_invitation(datetime.now(UTC)) is None


def test_what_was_shown_once_stands_in_no_row(portal: Served) -> None:
    ada = portal.client("ada")
    secrets = [
        shown(ada.post("/people/", {"role": "maintainer"}).content),
        shown(ada.post("/tokens/", {"name": "p", "scopes": ["read"], "days": "1", "networks": ""}).content),
    ]
    Client().post("/invitation/", {"secret": secrets[0]})
    for file in portal.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [one for one in secrets if one.encode() in content or one[8:].encode() in content], file


def test_the_pages_of_identity_say_no_word_of_permission() -> None:
    folder = Path(people.__file__).parent.parent / "templates"
    files = [file for area in ("account", "mfa", "operators") for file in (folder / area).rglob("*.html")]
    texts = [re.sub(r"{%.*?%}|{{.*?}}", " ", file.read_text()) for file in files]
    assert len(texts) > 25
    assert check(Wording(Surface.PAGE, "identity", text) for text in texts) == ()


@pytest.mark.slow
def test_the_pages_hold_at_both_widths(portal: Served, visits: Visits) -> None:
    visitors = {
        "ada": (portal.client("ada"), ["/people/", "/tokens/", "/people/ada/developer_owner/end/", "/account/"]),
        "ola": (operator(portal), ["/organisations/", "/organisations/lab-a/", "/providers/", "/service-tokens/"]),
    }
    registry = Registry(portal.house)
    registry.invite("ada", "lab-a", Role.MAINTAINER, datetime.now(UTC))
    registry.issue_token(Membership("ada", "lab-a", Role.DEVELOPER_OWNER, NOW), "pipeline", ("read",), NOW)
    with serving() as url:
        for client, paths in visitors.values():
            visit = visits(base_url=url)
            visit.context.add_cookies([{"name": "seatrial", "value": client.cookies["seatrial"].value, "url": url}])
            for path in paths:
                for width in (320, 1280):
                    visit.page.set_viewport_size({"width": width, "height": 900})
                    answer = visit.page.goto(path)
                    assert answer
                    assert answer.status == 200, path
                    visit.picture(f"operators{path}")
                    assert visit.axe() == [], path
                    assert visit.fits(), path
            if client is visitors["ada"][0]:
                _shown_once(visit)


def _shown_once(visit: Visit) -> None:
    """What a page shows once, at the narrow width."""
    visit.page.set_viewport_size({"width": 320, "height": 900})
    visit.page.goto("/people/")
    visit.page.get_by_text("maintainer", exact=True).last.click()
    visit.page.get_by_role("button", name="Make an invitation").click()
    visit.page.get_by_text("Shown this once").wait_for()
    visit.picture("invited")
    assert (visit.axe(), visit.fits()) == ([], True)
    visit.page.goto("/tokens/")
    visit.page.get_by_label("What it is for").fill("nightly")
    visit.page.get_by_text("read what this role reads").click()
    visit.page.get_by_role("button", name="Make a token").click()
    visit.page.get_by_text("Shown this once").wait_for()
    assert (visit.axe(), visit.fits()) == ([], True)


@pytest.mark.slow
def test_the_pages_of_what_is_not_possible_hold(portal: Served, visits: Visits) -> None:
    client = portal.client("eva", "bureau", Role.EVALUATOR)
    session = client.session
    session[RECORDS] = [{**one, "type": "totp"} for one in session[RECORDS]]
    session.save()
    for _ in range(30):
        assert Client().get("/account/provider/nobody/").status_code == 404
    pages = {
        "/reviews/r/runs/u/samples/s/": (403, "A passkey is needed"),
        "/account/provider/?state=none": (403, "That answer was not taken"),
        "/account/provider/nobody/": (429, "Too many attempts"),
    }
    with serving() as url:
        visit = visits(base_url=url, script=False)
        visit.context.add_cookies([{"name": "seatrial", "value": client.cookies["seatrial"].value, "url": url}])
        for path, (status, heading) in pages.items():
            for width in (320, 1280):
                visit.page.set_viewport_size({"width": width, "height": 900})
                answer = visit.page.goto(path)
                assert answer
                assert answer.status == status, path
                assert visit.page.get_by_role("heading", name=heading).count() == 1
                assert (visit.axe(), visit.fits()) == ([], True), path
