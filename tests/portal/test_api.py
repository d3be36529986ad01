"""The API: acts of a submission by session and by token, and what it answers when it does not act."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.test import Client

from seatrial.framework.participant import Membership, Role
from seatrial.framework.viewer import Viewer
from seatrial.ledger.merkle import verify_inclusion
from seatrial.ledger.receipt import verify_receipt
from seatrial.portal.api import door
from seatrial.portal.api.pace import Pace
from seatrial.registry import Registry
from seatrial.storage.stores.idempotency import AnsweredTables, Holder

if TYPE_CHECKING:
    import pytest

    from portal.conftest import Served

V1 = "/api/v1"
DIGEST = "sha256:" + "a" * 64
OFFER = {"evaluator": "bureau", "code_name": "heron-7", "digest": DIGEST}
NOTHING = "sub_" + "0" * 32


def post(client: Client, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - Django's test answer
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(V1 + path, json.dumps(body or {}), content_type="application/json", headers=given)


def get(client: Client, path: str) -> Any:  # noqa: ANN401 - the same
    return client.get(V1 + path)


def paper(kind: str, text: str) -> dict[str, str]:
    return {"kind": kind, "content": base64.b64encode(text.encode()).decode()}


def test_a_developer_opens_and_shares_and_an_evaluator_begins_terms(portal: Served) -> None:
    ada = portal.client("ada")
    bea = portal.client("bea", "bureau", Role.EVALUATOR_LEAD)
    opened = post(ada, "/submissions", OFFER)
    assert opened.status_code == 201, opened.content
    name = opened.json()["id"]
    assert get(bea, f"/submissions/{name}").status_code == 404
    shared = post(ada, f"/submissions/{name}/share", If_Match=opened.headers["ETag"])
    assert (shared.status_code, shared.json()["state"]) == (200, "submitted"), shared.content
    seen = get(bea, f"/submissions/{name}")
    assert seen.json()["code_name"] == "heron-7"
    step = {"event": "begin_terms", "papers": [paper("capacity_note", "room in December")]}
    begun = post(bea, f"/submissions/{name}/steps", step, If_Match=seen.headers["ETag"])
    assert (begun.status_code, begun.json()["state"]) == (200, "terms"), begun.content
    assert [one["id"] for one in get(ada, "/submissions").json()["items"]] == [name]


def test_what_is_not_there_and_what_is_a_rivals_is_the_same_byte_for_byte(portal: Served) -> None:
    ada, rio = portal.client("ada"), portal.client("rio", "lab-b")
    name = post(ada, "/submissions", OFFER).json()["id"]
    step = {"event": "record_release_date", "date": "2026-12-01T09:00:00Z"}
    for path in ("", "/leases", "/grants", "/receipts", "/receipts/1", "/access-log"):
        theirs, none = get(rio, f"/submissions/{name}{path}"), get(rio, f"/submissions/{NOTHING}{path}")
        assert (theirs.status_code, theirs.content) == (404, none.content), path
    for path, body in (("/steps", step), ("/withdraw", {}), ("/deposits", {}), ("/share", {})):
        theirs, none = (post(rio, f"/submissions/{one}{path}", body, If_Match='"1"') for one in (name, NOTHING))
        assert (theirs.status_code, theirs.content) == (404, none.content), path
    assert get(ada, f"/submissions/{name}").json()["state"] == "draft"


def test_a_change_names_the_version_that_it_was_read_at(portal: Served) -> None:
    ada = portal.client("ada")
    path = "/submissions/" + post(ada, "/submissions", OFFER).json()["id"] + "/steps"
    step = {"event": "record_release_date", "date": "2026-12-01T09:00:00Z"}
    assert post(ada, path, step).status_code == 428
    assert post(ada, path, step, If_Match='"7"').status_code == 412
    assert post(ada, path, step, If_Match="yes").status_code == 400
    assert post(ada, path, step, If_Match='"1"').json()["version"] == 2
    assert post(ada, path, step, If_Match='"1"').status_code == 412


def test_the_same_request_under_its_key_is_done_once(portal: Served) -> None:
    ada, rio = portal.client("ada"), portal.client("rio", "lab-b")
    first = post(ada, "/submissions", OFFER, Idempotency_Key="run-7")
    again = post(ada, "/submissions", OFFER, Idempotency_Key="run-7")
    assert (again.status_code, again.json(), again.headers["ETag"]) == (201, first.json(), first.headers["ETag"])
    assert len(get(ada, "/submissions").json()["items"]) == 1
    other = post(ada, "/submissions", {**OFFER, "code_name": "tern-2"}, Idempotency_Key="run-7")
    assert (other.status_code, other.json()["title"]) == (409, "Another request")
    assert post(rio, "/submissions", OFFER, Idempotency_Key="run-7").json()["id"] != first.json()["id"]
    step = {"event": "record_release_date", "date": "2026-12-01T09:00:00Z"}
    path = f"/submissions/{first.json()['id']}/steps"
    one, two = (post(ada, path, step, If_Match='"1"', Idempotency_Key="run-8") for _ in range(2))
    assert (one.status_code, one.json()) == (two.status_code, two.json()) == (200, one.json())
    assert post(ada, path, {**step, "reason": "x"}, If_Match='"1"', Idempotency_Key="").status_code == 422


def test_a_key_is_kept_for_a_day_and_a_lost_request_lets_it_go(portal: Served) -> None:
    table, now = AnsweredTables(portal.house.database), datetime.now(UTC)
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    viewer = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
    here = Holder({"pid": 1}, lambda _: False)
    assert table.take(viewer, "k", "a" * 64, "open", now, here) is None
    assert table.take(viewer, "k", "a" * 64, "open", now + timedelta(seconds=119), here) is not None
    assert table.take(viewer, "k", "a" * 64, "open", now + timedelta(minutes=2), here) is None
    table.answered(viewer, "k", 201, {"body": {}, "headers": {}})
    assert table.take(viewer, "k", "a" * 64, "open", now + timedelta(hours=24), here) is not None
    assert table.take(viewer, "k", "b" * 64, "open", now + timedelta(hours=24, minutes=2), here) is None
    after = Holder({"pid": 2}, lambda named: named == {"pid": 1})
    assert table.take(viewer, "k", "b" * 64, "open", now + timedelta(hours=24, minutes=2), after) is None
    assert table.take(viewer, "k", "b" * 64, "open", now + timedelta(hours=24, minutes=2), here) is not None


def test_what_is_shown_once_is_kept_nowhere(portal: Served) -> None:
    ada = portal.client("ada")
    path = "/submissions/" + post(ada, "/submissions", OFFER).json()["id"] + "/deposits"
    token = post(ada, path, Idempotency_Key="dep-1").json()["token"]
    assert post(ada, path, Idempotency_Key="dep-1").status_code == 409
    files = b"".join(one.read_bytes() for one in portal.home.rglob("*") if one.is_file())
    assert token.startswith("sea_dep_")
    assert token.encode() not in files


def test_problems_say_what_and_where(portal: Served) -> None:
    ada = portal.client("ada")
    bad = post(ada, "/submissions", {**OFFER, "digest": "x", "colour": "red"})
    assert (bad.status_code, bad.headers["Content-Type"]) == (422, "application/problem+json")
    assert {one["field"] for one in bad.json()["errors"]} == {"digest", "colour"}
    name = post(ada, "/submissions", OFFER).json()["id"]
    early = post(ada, f"/submissions/{name}/steps", {"event": "grant_access"}, If_Match='"1"')
    assert (early.status_code, early.json()["errors"][0]["field"]) == (409, "missing")
    assert ada.post(V1 + "/submissions", "{", content_type="application/json").status_code == 400
    assert ada.post(V1 + "/submissions", "a=1", content_type="application/x-www-form-urlencoded").status_code == 415
    assert get(ada, "/nowhere").json() == get(ada, f"/submissions/{NOTHING}").json()
    wrong = ada.put(V1 + "/submissions", "{}", content_type="application/json")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, POST")


def test_too_many_calls_are_told_to_wait(portal: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PACE", Pace(a_minute=2))
    ada = portal.client("ada")
    statuses = [get(ada, "/submissions").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(get(ada, "/submissions").headers["Retry-After"]) in range(1, 31)


def test_a_session_sends_its_form_token_and_a_service_needs_none(portal: Served) -> None:
    portal.client("ada")
    ada = Client(enforce_csrf_checks=True)
    ada.cookies = portal.client("ada").cookies
    assert post(ada, "/submissions", OFFER).status_code == 403
    assert post(service(portal, "read", "act"), "/submissions", OFFER).status_code == 201


def test_a_service_signs_nothing_and_one_that_looks_changes_nothing(portal: Served) -> None:
    acting, looking = service(portal, "read", "act"), service(portal, "read")
    name = post(acting, "/submissions", OFFER).json()["id"]
    turned = post(acting, f"/submissions/{name}/keys", {"action": "agree", "digest": DIGEST})
    assert (turned.status_code, turned.json()["title"]) == (403, "Not for a service token")
    assert get(looking, f"/submissions/{name}").status_code == 200
    assert post(looking, f"/submissions/{name}/share", If_Match='"1"').status_code == 403


def test_a_withdrawal_gives_its_receipt_and_gives_it_again(portal: Served) -> None:
    ada = portal.client("ada")
    opened = post(ada, "/submissions", {**OFFER, "share": True}).json()
    receipt = post(ada, f"/submissions/{opened['id']}/withdraw").json()
    assert receipt["kind"] == "withdrawal"
    assert get(ada, f"/submissions/{opened['id']}").json()["state"] == "withdrawn"
    assert post(ada, f"/submissions/{opened['id']}/withdraw").json()["envelope"] == receipt["envelope"]
    assert post(ada, f"/submissions/{opened['id']}/deposits").status_code == 409
    listed = get(ada, f"/submissions/{opened['id']}/receipts").json()
    assert (listed["custody"][0]["envelope"], listed["steps"]) == (receipt["envelope"], [1, 2, 3])
    proof = get(ada, f"/submissions/{opened['id']}/receipts/2").json()["proof"].encode()
    assert verify_receipt(proof, get(Client(), "/keys").json()["log"]).event.kind.endswith("submit")


def test_the_record_can_be_checked_by_anybody(portal: Served) -> None:
    for number in range(3):
        post(portal.client("ada"), "/submissions", {**OFFER, "code_name": f"heron-{number}"})
    nobody = Client()
    head = get(nobody, "/ledger/checkpoint").json()
    tile = nobody.get(f"{V1}/ledger/tile/0/000.p/{head['size']}").content
    leaves = [tile[at : at + 32] for at in range(0, len(tile), 32)]
    proof = get(nobody, f"/ledger/proofs/inclusion?index=1&size={head['size']}").json()
    path = tuple(base64.b64decode(one) for one in proof["path"])
    assert verify_inclusion(leaves[1], 1, head["size"], path, base64.b64decode(head["root"]))
    assert get(nobody, f"/ledger/proofs/consistency?old=1&new={head['size']}").status_code == 200
    assert get(nobody, f"/ledger/proofs/consistency?old=1&new={head['size'] + 1}").status_code == 404
    assert get(nobody, "/submissions").status_code == 401


def service(portal: Served, *scopes: str) -> Client:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    by = Membership("ada", "lab-a", Role.DEVELOPER_OWNER, datetime.now(UTC))
    _, secret = Registry(portal.house).issue_token(by, "pipeline", scopes, datetime.now(UTC))
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})
