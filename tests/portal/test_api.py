"""The API: acts of a submission by session and by token, and what it answers when it does not act."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from seatrial.framework.participant import Role

if TYPE_CHECKING:
    from django.test import Client

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
