"""The door for deposits: one form, one token, one word back, and nothing of what was sent in any of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from seatrial.custody.deposit import AddressRefused, MemoryTokenStore, issue_token
from seatrial.custody.deposit_app import FORM_BYTES, DepositDoor, Given
from seatrial.custody.lease import ScopeEnded
from seatrial.custody.serving import served
from support.sealed import SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTAL = "https://portal.example"
CANARY = "sk-canary-4471"
FORM = {"submission": SUBMISSION, "base_url": "https://models.example.com/v1", "dialect": "openai", "key": CANARY}


@dataclass
class Side:
    url: str = ""
    tokens: MemoryTokenStore = field(default_factory=MemoryTokenStore)
    sealed: list[Given] = field(default_factory=list)
    fault: Exception | None = None

    def seal(self, given: Given, _now: datetime) -> None:
        if self.fault is not None:
            raise self.fault
        self.sealed.append(given)

    def token(self, at: datetime | None = None) -> str:
        return issue_token(self.tokens, SUBMISSION, at or datetime.now(UTC)).reveal().decode()

    def post(self, **given: str) -> httpx.Response:
        return httpx.post(f"{self.url}/deposits", data={**FORM, **given})


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side()
    door = DepositDoor(made.tokens, made.seal, PORTAL)
    with served(Starlette(routes=[door.route])) as made.url:
        yield made


def back(said: str) -> str:
    return f"{PORTAL}/submissions/{SUBMISSION}/access/?deposit={said}"


def test_a_form_is_sealed_once_and_the_browser_goes_back(side: Side) -> None:
    token = side.token()
    answer = side.post(token=token)
    assert (answer.status_code, answer.headers["location"]) == (303, back("done"))
    [given] = side.sealed
    assert given.key.reveal().decode() == CANARY
    assert CANARY not in repr(given)
    assert side.post(token=token).headers["location"] == back("token")
    assert len(side.sealed) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (AddressRefused(CANARY), "address"),
        (ScopeEnded(CANARY), "ended"),
        (LookupError(CANARY), "ended"),
        (RuntimeError(CANARY), "busy"),
    ],
)
def test_what_cannot_be_sealed_is_said_in_one_word_of_ours(side: Side, fault: Exception, said: str) -> None:
    side.fault = fault
    answer = side.post(token=side.token())
    assert answer.headers["location"] == back(said)
    assert CANARY not in answer.text + str(answer.headers)


def test_a_token_that_is_late_or_of_another_submission_seals_nothing(side: Side) -> None:
    late = side.token(datetime.now(UTC) - timedelta(minutes=11))
    assert side.post(token=late).headers["location"] == back("token")
    other = side.post(token=side.token(), submission="sub_" + "9" * 32)
    assert other.headers["location"].endswith("?deposit=token")
    assert side.post(token="not a token".replace(" ", "")).headers["location"] == back("token")
    assert side.sealed == []


def test_a_key_that_is_none_leaves_its_token_for_another_try(side: Side) -> None:
    token = side.token()
    assert side.post(token=token, key="two lines\nof key").headers["location"] == back("key")
    assert side.post(token=token).headers["location"] == back("done")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"dialect": "klingon"}, 400),
        ({"submission": "https://evil.example"}, 400),
        ({"submission": "sub_1/../.."}, 400),
        ({"more": "x"}, 400),
        ({"key": "k" * FORM_BYTES}, 413),
    ],
)
def test_anything_else_is_no_form_and_leads_nowhere(side: Side, changed: dict[str, str], status: int) -> None:
    answer = side.post(token=side.token(), **changed)
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert CANARY not in answer.text
    assert httpx.post(f"{side.url}/deposits", json=FORM).status_code == 400
    assert httpx.get(f"{side.url}/deposits").status_code == 405
    assert side.sealed == []
