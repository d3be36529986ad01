"""The table of operations: each is in the document and the other way round, and opens to the roles that it names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.framework.wordings import of_schema
from seatrial.portal.access import ANYBODY, opens
from seatrial.portal.api.document import document, written
from seatrial.portal.operations import OPERATIONS

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served
    from seatrial.portal.access import Operation

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
VALUES = {
    "file": "report.html",
    "version": "2026.1",
    "seq": "1",
    "number": "1",
    "tile": "tile/0/000.p/1",
    "kind": "agreement",
    "digest": "sha256:" + "0" * 64,
}
NAMES = {"lease": "lea_", "upload": "upl_", "grant": "gra_", "unit": "unt_", "name": "sub_"}
ROLES = sorted(frozenset(Role) - SERVICE_ROLES - {Role.PUBLIC})
HOMES = {Role.OPERATOR: "house-ops", Role.DEVELOPER_OWNER: "lab-b", Role.DEVELOPER_COUNSEL: "lab-b"}
"""Developers are asked as a rival lab; the organisations of others say nothing here, where no object is theirs."""


def address(operation: Operation) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        return VALUES.get(name) or NAMES[name] + "0" * 32

    path = re.sub(r"{(\w+)}", value, operation.path)
    return "/api/v1/" + (path.replace("sub_" + "0" * 32, "minimal") if path.startswith("packs") else path)


def asked(client: Client, operation: Operation) -> tuple[int, bytes]:
    if operation.method == "GET":
        answer = client.get(address(operation))
    else:
        answer = client.post(address(operation), "{", content_type="application/json", headers={"If-Match": "1"})
    return answer.status_code, answer.content


def test_the_committed_document_is_what_the_code_says() -> None:
    again = "run: python -m seatrial.portal.api docs/openapi.json"
    assert FILE.read_text() == written(OPERATIONS), again


def test_no_word_of_the_document_lets_a_model_through_or_turns_it_away() -> None:
    described = json.loads(FILE.read_text())
    assert check(of_schema(described)) == ()
    planted = {**described, "paths": {**described["paths"], "/api/v1/submissions/{name}/approve": {}}}
    assert check(of_schema(planted))
    assert check([Wording(Surface.API, "x", "The model is cleared for release.")])


def test_the_table_and_the_document_name_the_same_operations() -> None:
    described = {
        (method.upper(), path.removeprefix("/api/v1/"), one["operationId"])
        for path, methods in document(OPERATIONS)["paths"].items()
        for method, one in methods.items()
    }
    assert described == {(one.method, one.path, one.name) for one in OPERATIONS}
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)


def test_nobody_gets_in_where_a_role_is_named(portal: Served) -> None:
    nobody = portal.client()
    for operation in OPERATIONS:
        status, _ = asked(nobody, operation)
        assert (status == 401) is (operation.roles != ANYBODY), operation.name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_a_line_does_not_name_gets_the_answer_of_nothing(portal: Served, role: Role) -> None:
    client = portal.client("zoe", HOMES.get(role, "agency-x"), role)
    nothing = client.get("/api/v1/nowhere")
    for operation in OPERATIONS:
        status, content = asked(client, operation)
        if not opens(operation.roles, role):
            assert (status, content) == (404, nothing.content), operation.name
        elif operation.method == "POST":
            assert status in {400, 403}, operation.name  # let in, as far as the body, or to be asked for a factor
        else:
            assert status in {200, 404, 422}, operation.name
