"""How sure it must be who acts: second factors, their age, sessions that end, attempts that are counted; canaries."""

from __future__ import annotations

import logging
import re
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client, RequestFactory

from seatrial.framework.participant import Role
from seatrial.portal.access import SIGNED_IN, Route, guarded
from seatrial.portal.acting import Acting, PortalRequest
from seatrial.portal.identity.assurance import BY_TOKEN, Assurance, Factor, Need, StepUp, of_records
from seatrial.portal.identity.sealing import KeyUnfit, key, seal, unseal
from seatrial.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from portal.conftest import Served

PASSWORD = "seven grey herons at dawn"  # noqa: S105 - of nobody
RECORDS = "account_authentication_methods"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def account(portal: Served, name: str = "ada", role: Role = Role.DEVELOPER_OWNER, organisation: str = "lab-a") -> str:
    """A local account with a password and an authenticator app; the app's secret."""
    portal.enter(name, organisation, role)
    user = User.objects.get(username=name)
    user.set_password(PASSWORD)
    user.save()
    secret = generate_totp_secret()
    client = Client()
    client.get("/")
    TOTP.activate(user, secret)
    return secret


HALF_MINUTES = [59_000_000]
"""Which half-minute an authenticator app's codes are of; a test turns it, so that no code is out of date meanwhile."""


@pytest.fixture(autouse=True)
def half_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time", lambda: iter(HALF_MINUTES[:1]))


def code(secret: str) -> str:
    """The code of the next half-minute, which is now."""
    HALF_MINUTES[0] += 1
    return format_hotp_value(hotp_value(secret, HALF_MINUTES[0]))


def signed_in(secret: str, name: str = "ada", second: bool = True) -> Client:  # noqa: FBT001, FBT002
    client = Client()
    client.post("/account/login/", {"login": name, "password": PASSWORD})
    if second:
        answer = client.post("/account/factors/code/", {"code": code(secret)})
        assert answer.status_code == 302, answer.content
    return client


def aged(client: Client, by: timedelta, *names: str) -> None:
    """Make what a session has shown older."""
    session = client.session
    if RECORDS in names:
        session[RECORDS] = [{**one, "at": one["at"] - by.total_seconds()} for one in session[RECORDS]]
    for name in names:
        if name != RECORDS:
            session[name] -= by.total_seconds()
    session.save()


def test_needs_are_met_by_what_was_shown_and_when() -> None:
    at = NOW.timestamp()
    password = {"method": "password", "at": at - 10}
    old_code = {"method": "mfa", "type": "totp", "at": at - 1000}
    new_code = {"method": "mfa", "type": "recovery_codes", "at": at - 899}
    passkey = {"method": "mfa", "type": "webauthn", "at": at - 5000}
    new_passkey = {**passkey, "at": at - 1}
    table = {
        (): set(),
        ("password",): set(),
        ("old_code",): {Need.SESSION},
        ("old_code", "new_code"): {Need.SESSION, Need.FRESH},
        ("passkey", "new_code"): {Need.SESSION, Need.PASSKEY, Need.FRESH},
        ("new_passkey",): set(Need),
    }
    known = {
        "password": password,
        "old_code": old_code,
        "new_code": new_code,
        "passkey": passkey,
        "new_passkey": new_passkey,
    }
    for names, met in table.items():
        shown = of_records([known[name] for name in names])
        assert {need for need in Need if need.met(shown, NOW)} == met, names
    assert {need for need in Need if need.met(BY_TOKEN, NOW)} == {Need.SESSION}


def test_a_password_alone_opens_the_set_up_page_and_nothing_else(portal: Served) -> None:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    User.objects.filter(username="ada").update(password=_hashed())
    client = signed_in("", second=False)
    assert client.get("/submissions/").headers["Location"] == "/account/"
    assert client.get("/people/").headers["Location"] == "/account/"
    assert b"One step is left" in client.get("/account/").content
    assert client.get("/api/nowhere/").status_code == 404


def _hashed() -> str:
    user = User()
    user.set_password(PASSWORD)
    return user.password


def test_with_a_second_factor_the_password_alone_signs_nobody_in(portal: Served) -> None:
    secret = account(portal)
    half = signed_in(secret, second=False)
    assert half.get("/account/").status_code == 302
    assert half.post("/account/factors/code/", {"code": "000000"}).status_code == 200
    assert half.get("/submissions/").status_code == 302
    assert signed_in(secret).get("/submissions/").status_code == 200


def test_a_code_counts_once(portal: Served) -> None:
    secret = account(portal)
    used = code(secret)
    first, second = signed_in(secret, second=False), signed_in(secret, second=False)
    assert first.post("/account/factors/code/", {"code": used}).status_code == 302
    assert second.post("/account/factors/code/", {"code": used}).status_code == 200
    assert second.post("/account/factors/code/", {"code": code(secret)}).status_code == 302


def test_an_act_waits_for_a_fresh_factor_and_then_goes_on_by_itself(portal: Served) -> None:
    secret = account(portal, "ola", Role.OPERATOR, "house-ops")
    client = signed_in(secret, "ola")
    assert client.get("/providers/").status_code == 200
    aged(client, timedelta(minutes=16), RECORDS)
    assert client.get("/providers/").headers["Location"] == "/account/factors/again/?next=%2Fproviders%2F"
    asked = client.post("/providers/", {"name": "kept while asked"})
    assert asked.headers["Location"] == "/account/factors/again/?next=%2Fproviders%2F"
    gone_on = client.post(asked.headers["Location"], {"code": code(secret), "next": "/providers/"})
    assert gone_on.status_code == 422
    assert b"kept while asked" in gone_on.content
    assert client.get("/providers/").status_code == 200


def test_a_password_is_not_kept_while_a_factor_is_asked_for(portal: Served) -> None:
    client = signed_in(account(portal))
    aged(client, timedelta(minutes=16), RECORDS)
    asked = client.post("/account/password/", {"oldpassword": PASSWORD, "password1": "x", "password2": "x"})
    assert asked.status_code == 302
    assert PASSWORD not in str(dict(client.session.items()))


def ask(route: Route, shown: Assurance, method: str = "GET") -> HttpResponse:
    """A route, for somebody who has shown that much."""
    request: Any = RequestFactory().generic(method, f"/{route.path}")
    request.now, request.user, request.session = NOW, User(username="ada", pk=1), {}
    request.who = request.acting = Acting("ada", "lab-a", Role.DEVELOPER_OWNER)
    request.pairs, request.assurance = (request.acting,), shown
    return guarded(route)(request)


def test_a_view_can_find_that_an_act_needs_more_and_a_token_is_told_that_it_cannot(portal: Served) -> None:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)

    def signing(request: PortalRequest) -> HttpResponse:
        if not Need.SIGNING.met(request.assurance, request.now):
            raise StepUp(Need.SIGNING)
        return HttpResponse("signed")

    page, door = Route("a", "a/", signing, SIGNED_IN), Route("b", "api/b/", signing, SIGNED_IN)
    for needs in Need:
        assert ask(Route("c", "api/c/", lambda _: HttpResponse(), SIGNED_IN, needs=needs), BY_TOKEN).status_code == (
            200 if needs is Need.SESSION else 403
        )
    assert ask(door, BY_TOKEN).status_code == 403
    assert b"A passkey is needed" in ask(page, Assurance(Factor.TWO)).content


def test_a_session_ends_when_nobody_acts_and_when_it_is_old(portal: Served) -> None:
    for names, by, open_still in (
        (("seen",), timedelta(minutes=29), True),
        (("seen",), timedelta(minutes=31), False),
        (("began", RECORDS), timedelta(hours=11), True),
        (("began",), timedelta(hours=12, minutes=1), False),
    ):
        client = portal.client("ada")
        aged(client, by, *names)
        assert (client.get("/submissions/").status_code == 200) is open_still, (names, by)


def test_a_part_that_renews_itself_keeps_no_session(portal: Served) -> None:
    client = portal.client("ada")
    aged(client, timedelta(minutes=20), "seen")
    before = client.session["seen"]
    client.get("/submissions/", headers={"HX-Request": "true"})
    assert client.session["seen"] == before
    client.get("/submissions/")
    assert client.session["seen"] > before


def test_the_last_second_factor_stays(portal: Served) -> None:
    client = signed_in(account(portal))
    assert b"last second factor" in client.get("/account/factors/app/remove/").content
    assert client.post("/account/factors/app/remove/").status_code == 200
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert client.post("/account/passkeys/99/remove/").status_code in {302, 404}


def test_attempts_are_counted_for_all_processes_and_end(portal: Served) -> None:
    secret = account(portal)
    wrong = {"login": "ada", "password": "not it at all"}
    answers = [Client().post("/account/login/", wrong).content for _ in range(6)]
    assert b"Too many failed login attempts" in answers[-1]
    assert not any(b"Too many" in one for one in answers[:5])
    right = Client().post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert b"Too many failed login attempts" in right.content
    from seatrial.portal.models import Cached  # noqa: PLC0415 - a model

    assert Cached.objects.exists()
    Cached.objects.all().delete()
    assert signed_in(secret).get("/submissions/").status_code == 200


def test_no_secret_stands_in_a_row_a_file_or_a_log(portal: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    _, invitation = Registry(portal.house).invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, datetime.now(UTC))
    client = Client(raise_request_exception=False)
    client.post("/invitation/", {"secret": invitation})
    client.post("/invitation/accept/", {"name": "bob", "password": PASSWORD, "again": PASSWORD})
    page = client.get("/account/factors/app/").content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    secret = found[1]
    pending = [Session.objects.get(pk=client.session.session_key).get_decoded()]
    client.post("/account/factors/app/", {"code": code(secret)})
    recovery = re.findall(r"<code>(\d{8})</code>", client.get("/account/recovery/").content.decode())
    assert len(recovery) == 10
    Client().post("/account/login/", {"login": "bob", "password": PASSWORD + "x"})
    Client().post("/account/login/", {"login": PASSWORD, "password": "x"})
    assert client.post("/account/password/", {"oldpassword": PASSWORD}).status_code == 200
    canaries = [PASSWORD, secret, invitation, invitation[8:], *recovery]
    kept = [Session.objects.get(pk=one.pk).get_decoded() for one in Session.objects.all()]
    rows = str(pending + kept + list(Authenticator.objects.values()) + list(User.objects.values()))
    assert [one for one in canaries if one in rows] == []
    assert [one for one in canaries if one in caplog.text] == []
    for file in portal.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert [one for one in canaries if one.encode() in content] == [], file
    shown_again = client.get("/account/recovery/").content
    assert [one for one in canaries if one.encode() in shown_again] == []


def test_factors_are_sealed_under_a_key_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "factors"
    one = key(path)
    assert (key(path), stat.S_IMODE(path.stat().st_mode)) == (one, 0o600)
    sealed = seal("a secret", one)
    assert unseal(sealed, one) == "a secret"
    assert seal("a secret", one) != sealed
    other = key(tmp_path / "other")
    with pytest.raises(KeyUnfit, match="another key"):
        unseal(sealed, other)
    path.chmod(0o640)
    with pytest.raises(KeyUnfit, match="others can read it"):
        key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(KeyUnfit, match="is not a key"):
        key(path)


def test_a_changed_password_ends_the_other_sessions(portal: Served) -> None:
    secret = account(portal)
    here = signed_in(secret)
    other = Client()
    other.force_login(User.objects.get(username="ada"))
    assert other.get("/account/").status_code == 200
    new = "eight grey herons at dusk"
    changed = here.post("/account/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert changed.headers["Location"] == "/account/"
    assert here.get("/submissions/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_sessions_that_are_over_go_with_the_next_sign_in(portal: Served) -> None:
    client = portal.client("ada")
    Session.objects.filter(pk=client.session.session_key).update(expire_date=NOW - timedelta(days=1))
    portal.client("bob")
    assert not Session.objects.filter(expire_date__lt=datetime.now(UTC)).exists()


def test_whoever_signed_out_or_ended_opens_nothing(portal: Served) -> None:
    client = portal.client("ada")
    key_before = client.session.session_key
    client.post("/account/logout/")
    client.cookies["seatrial"] = str(key_before)
    assert client.get("/submissions/").status_code == 302
    ended = signed_in(account(portal, "bob"), "bob")
    User.objects.filter(username="bob").update(is_active=False)
    assert ended.get("/submissions/").status_code == 302
