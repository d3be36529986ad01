"""Sign-in by an identity provider, against a real one on loopback; and every answer of it that is a lie."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from joserfc.jwk import RSAKey

from seatrial.framework.participant import Role
from seatrial.portal.identity.assurance import Need, of_records
from seatrial.portal.identity.oidc import check_address, own_key
from seatrial.registry import Registry
from seatrial.storage.stores.identity import IdentityProvider
from support.oidc_provider import provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpResponse

    from portal.conftest import Served
    from support.oidc_provider import Provider

LOW, HIGH = "http://idmanagement.gov/ns/assurance/ial/1", "http://idmanagement.gov/ns/assurance/ial/2"


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as one:
        yield one


def entered(portal: Served, there: Provider, organisation: str = "lab-a", **more: Any) -> IdentityProvider:  # noqa: ANN401
    portal.enter("ada", organisation, Role.DEVELOPER_OWNER)
    key = portal.home / "keys" / "provider.pem"
    key.write_bytes(there.client_key.as_pem(private=True))
    made = IdentityProvider("idp_lab", "Lab A", there.issuer, there.client_id, str(key), "k1", organisation, **more)
    Registry(portal.house).set_provider(made)
    return made


def answer(client: Client, there: Provider, query: str = "", name: str = "idp_lab") -> HttpResponse:
    """Leave for the provider and come back."""
    assert there.issuer
    left = client.get(f"/account/provider/{name}/{query}")
    assert left.status_code == 302
    back = httpx.get(left.headers["Location"]).headers["Location"]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def invited(portal: Served, role: Role = Role.DEVELOPER_COUNSEL, organisation: str = "lab-a") -> Client:
    """A browser that has an invitation open."""
    portal.enter("ada", organisation, role)
    _, secret = Registry(portal.house).invite("ada", organisation, role, datetime.now(UTC))
    client = Client()
    assert client.post("/invitation/", {"secret": secret}).status_code == 302
    return client


def test_whoever_is_invited_comes_in_by_their_provider_and_comes_back(portal: Served, there: Provider) -> None:
    entered(portal, there)
    client = invited(portal)
    assert answer(client, there, "?next=/submissions/").headers["Location"] == "/submissions/"
    assert client.get("/submissions/").status_code == 200
    person = Registry(portal.house).known_as(there.issuer, "subject-1")
    assert person.startswith("per_")
    again = Client()
    assert answer(again, there).status_code == 302
    assert again.get("/submissions/").status_code == 200
    assert there.asked["code_challenge_method"] == "S256"
    assert "email" not in there.asked["scope"]
    assert there.refusals == []


def test_a_local_factor_is_none_of_theirs(portal: Served, there: Provider) -> None:
    entered(portal, there)
    client = invited(portal)
    answer(client, there)
    answer(client, there, f"?need={Need.FRESH.value}")
    for path in ("/account/passkeys/add/", "/account/factors/app/", "/account/password/"):
        assert client.get(path).status_code == 404
    assert b"Lab A signs you in" in client.get("/account/").content


def test_without_invitation_nobody_comes_in(portal: Served, there: Provider) -> None:
    entered(portal, there)
    assert answer(Client(), there).status_code == 403
    assert Registry(portal.house).known_as(there.issuer, "subject-1") == ""


def test_a_provider_signs_in_for_its_organisation_only(portal: Served, there: Provider) -> None:
    entered(portal, there)
    stranger = invited(portal, Role.EVALUATOR, "bureau")
    assert answer(stranger, there).status_code == 403
    client = invited(portal)
    answer(client, there)
    person = Registry(portal.house).known_as(there.issuer, "subject-1")
    portal.enter(person, "bureau", Role.EVALUATOR)
    assert b"bureau" not in client.get("/account/").content
    _, secret = Registry(portal.house).invite("x", "bureau", Role.EVALUATOR_LEAD, datetime.now(UTC))
    client.post("/invitation/", {"secret": secret})
    client.post("/invitation/accept/")
    held = {one.role for one in Registry(portal.house).memberships(person, datetime.now(UTC))}
    assert held == {Role.DEVELOPER_COUNSEL, Role.EVALUATOR}


def test_a_provider_that_has_ended_opens_nothing(portal: Served, there: Provider) -> None:
    made = entered(portal, there)
    client = invited(portal)
    answer(client, there)
    Registry(portal.house).end_provider(made.id, datetime.now(UTC))
    assert client.get("/submissions/").status_code != 200
    assert client.get("/account/provider/idp_lab/").status_code == 404


NOW = int(time.time())
LIES: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "audience": {"aud": "another"},
    "audience, authorised party": {"aud": "another", "azp": "urn:example:seatrial"},
    "two audiences": {"aud": ["urn:example:seatrial", "another"]},
    "issuer": {"iss": "https://elsewhere.example"},
    "expired": {"exp": NOW - 3600, "iat": NOW - 7200},
    "from the future": {"iat": NOW + 36000, "exp": NOW + 72000},
    "no subject": {"sub": None},
    "lower": {"acr": LOW},
    "none at all": {"acr": ""},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_signs_nobody_in(portal: Served, there: Provider, lie: str) -> None:
    entered(portal, there, acr=(HIGH,))
    there.acr = HIGH
    client = invited(portal)
    there.claims = LIES[lie]
    assert answer(client, there).status_code == 403
    assert client.get("/submissions/").status_code == 302
    there.claims = {}
    assert answer(client, there).status_code == 302


@pytest.mark.parametrize("how", ["unsigned", "another key", "hmac of the public key"])
def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(portal: Served, there: Provider, how: str) -> None:
    entered(portal, there)
    client = invited(portal)
    if how == "unsigned":
        there.unsigned = True
    elif how == "another key":
        there.key = RSAKey.generate_key(2048, {"kid": "1"})
    else:
        there._id_token = _by_public_key(there)  # type: ignore[method-assign]
    assert answer(client, there).status_code == 403


def _by_public_key(there: Provider) -> Any:  # noqa: ANN401
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415
    import json  # noqa: PLC0415

    def forged(asked: dict[str, str]) -> str:
        said = {
            "iss": there.issuer,
            "sub": "subject-1",
            "aud": there.client_id,
            "iat": NOW,
            "exp": NOW + 3000,
            "nonce": asked["nonce"],
        }
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "1"}, said)]
        body = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        mac = hmac.new(there.published.as_pem(private=False), body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    return forged


def test_an_answer_counts_once_and_in_the_session_that_asked(portal: Served, there: Provider) -> None:
    entered(portal, there)
    client = invited(portal)
    left = client.get("/account/provider/idp_lab/")
    parts = urlsplit(httpx.get(left.headers["Location"]).headers["Location"])
    back = f"{parts.path}?{parts.query}"
    assert Client().get(back).status_code == 403
    assert client.get(back.replace("state=", "state=x")).status_code == 403
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 403
    other = client.get("/account/provider/idp_lab/")
    fresh = urlsplit(httpx.get(other.headers["Location"]).headers["Location"])
    code = parts.query.split("&")[0]
    replayed = f"{fresh.path}?{code}&{'&'.join(fresh.query.split('&')[1:])}"
    assert client.get(replayed).status_code == 403
    assert there.refusals == ["no such code"]


def test_another_issuer_that_answers_is_not_heard(portal: Served, there: Provider) -> None:
    entered(portal, there)
    client = invited(portal)
    left = client.get("/account/provider/idp_lab/")
    parts = urlsplit(httpx.get(left.headers["Location"]).headers["Location"])
    mixed = parts.query.rpartition("iss=")[0] + "iss=https%3A%2F%2Felsewhere.example"
    assert client.get(f"{parts.path}?{mixed}").status_code == 403
    assert there.assertions == set()


def test_a_provider_may_know_no_pkce(portal: Served, there: Provider) -> None:
    entered(portal, there, pkce=False)
    there.requires_pkce = False
    assert answer(invited(portal), there).status_code == 302
    assert "code_challenge" not in there.asked


def test_a_signature_asks_for_the_higher_assurance_and_takes_what_came_back(portal: Served, there: Provider) -> None:
    entered(portal, there, acr=(LOW,), step_up_acr=(HIGH,), phishing_resistant_acr=(HIGH,))
    there.acr = LOW
    client = invited(portal)
    answer(client, there)
    assert there.asked["acr_values"] == LOW
    assert fresh(client) == {Need.SESSION}
    answer(client, there)
    assert fresh(client) == {Need.SESSION}
    there.claims = {"auth_time": int(time.time())}
    answer(client, there)
    assert fresh(client) == {Need.SESSION, Need.FRESH}
    there.claims = {}
    step = f"?next=/account/&need={Need.SIGNING.value}"
    assert answer(client, there, step).status_code == 403
    assert (there.asked["acr_values"], there.asked["prompt"]) == (HIGH, "login")
    there.acr, there.claims = HIGH, {"auth_time": int(time.time()) - 3600}
    assert answer(client, there, step).status_code == 403
    there.claims = {}
    assert answer(client, there, step).headers["Location"] == "/account/"
    assert fresh(client) == set(Need)
    there.subject = "subject-2"
    assert answer(client, there, step).status_code == 403


def fresh(client: Client) -> set[Need]:
    """What a session meets now."""
    shown = of_records(client.session["account_authentication_methods"])
    return {need for need in Need if need.met(shown, datetime.now(UTC))}


def test_where_people_go_afterwards_is_here(portal: Served, there: Provider) -> None:
    entered(portal, there)
    assert answer(invited(portal), there, "?next=https://elsewhere.example/").headers["Location"] == "/"


def test_an_address_is_over_tls_and_a_key_is_private(tmp_path: Path) -> None:
    for address in ("http://idp.example/token", "ftp://127.0.0.1/", "https:///token"):
        with pytest.raises(ValueError, match="begins with https"):
            check_address(address)
    (tmp_path / "public.pem").write_bytes(RSAKey.generate_key(2048).as_pem(private=False))
    with pytest.raises(ValueError, match="holds no private"):
        own_key(tmp_path / "public.pem")


def test_a_provider_that_is_away_is_said_so(portal: Served, there: Provider) -> None:
    key = portal.home / "keys" / "p.pem"
    key.write_bytes(there.client_key.as_pem(private=True))
    gone = IdentityProvider("idp_gone", "Gone", "http://127.0.0.1:9", "c", str(key))
    Registry(portal.house).set_provider(gone)
    assert Client().get("/account/provider/idp_gone/").status_code == 403
