"""An offer names somebody else as its evaluator: a developer never evaluates itself, by no door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.test_developer import OFFER

if TYPE_CHECKING:
    from portal.conftest import Served


def test_a_developer_is_not_its_own_evaluator(portal: Served) -> None:
    owner = portal.client("ada")
    said = "a developer never evaluates itself"
    page = owner.post("/submissions/new/?pack=minimal", {**OFFER, "evaluator": "lab-a"})
    assert (page.status_code, said in page.content.decode()) == (422, True)
    given = {"evaluator": "lab-a", "code_name": "heron-7", "digest": "sha256:" + "a" * 64, "pack": "minimal"}
    answer = owner.post("/api/v1/submissions", given, "application/json")
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert owner.get("/api/v1/submissions").json()["items"] == []
