"""What is sent twice is done once: a form whose answer was lost, and a request whose process was killed."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from portal.test_developer import OFFER, Two
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.idempotency import AnsweredTables

if TYPE_CHECKING:
    from portal.conftest import Served

HOUSE = Viewer.house("what was done")
BODY = {"evaluator": "bureau", "code_name": "heron-7", "digest": "sha256:" + "7" * 64, "share": True}


def events(portal: Served, name: str) -> list[str]:
    return [step.entry.event for step in portal.house.submissions.load(HOUSE, name).history]


@pytest.fixture
def two(portal: Served) -> Two:
    return Two(portal)


def test_an_offer_that_is_sent_twice_is_one_and_its_page_has_the_number(two: Two) -> None:
    page = two.owner.get("/submissions/new/").content.decode()
    [number] = re.findall(r'name="once" value="([0-9a-f]{32})"', page)
    first, second = (two.owner.post("/submissions/new/", {**OFFER, "once": number}) for _ in range(2))
    other = two.owner.post("/submissions/new/", {**OFFER, "once": "0" * 32})
    assert first.headers["Location"] == second.headers["Location"] != other.headers["Location"]
    assert len(two.portal.house.submissions.list(HOUSE, Kind.SUBMISSION)) == 2


def test_a_consent_and_a_comment_that_are_sent_twice_are_one(two: Two) -> None:
    two.commenting()
    for number in ("1" * 32, "1" * 32, "2" * 32):
        two.consent("share_results", once=number)
    for number in ("3" * 32, "3" * 32, "4" * 32):
        two.post("report/comment/", text=f"Say so, {number}.", once=number)
    done = Counter(events(two.portal, two.name))
    assert (done["give_consent"], done["comment"]) == (1 + 2, 2)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "killed before it was shared"])
def test_a_request_whose_answer_was_lost_opens_and_shares_one_submission(portal: Served, *, shared: bool) -> None:
    ada = portal.client("ada")

    def sent(**changed: object) -> dict[str, str]:
        answer = ada.post(
            "/api/v1/submissions",
            json.dumps({**BODY, **changed}),
            content_type="application/json",
            headers={"Idempotency-Key": "nightly-1"},
        )
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    first = sent(share=shared)
    viewer = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
    AnsweredTables(portal.house.database).drop(viewer, "nightly-1")  # as a process leaves it that is killed there
    again = sent()
    assert (again["id"], again["state"]) == (first["id"], "submitted")
    assert events(portal, first["id"]) == ["open_draft", "submit"]
    assert len(portal.house.submissions.list(HOUSE, Kind.SUBMISSION)) == 1
