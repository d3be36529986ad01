"""The first questions to a submitted endpoint, through a real gateway, in three dialects; and what stops a review."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.custody.secret import Secret
from seatrial.evaluation import endpoint_sanity
from seatrial.evaluation.rundir import RunError
from seatrial.evaluation.submission import Access
from support.custody import MODEL, SUBMISSION, Served, gateway
from support.providers import INPUT, KEY, OUTPUT, WORDS, Provider, provider

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@contextmanager
def reached(dialect: str) -> Iterator[tuple[Provider, Served, Access]]:
    with provider(dialect) as there, gateway(there) as served:
        access = Access.through(SUBMISSION, MODEL, served.url, Secret(served.token.encode()))
        yield there, served, access


def look(access: Access) -> dict[str, Any]:
    return endpoint_sanity.look(access, MODEL, NOW)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "google"])
def test_the_record_holds_figures_and_digests_that_the_gateway_knows_too(dialect: str) -> None:
    with reached(dialect) as (there, served, access):
        found = look(access)
        rows = {row.call: row for row in served.rows}
        asked = [json.loads(body) for _, _, body in there.requests]
    assert len(asked) == 3
    for part in ("question", "maximum", "stream"):
        figures = found[part]
        row = rows[figures["call"]]
        assert figures["status"] == 200
        assert figures["answer_sha256"] == row.response_sha256
        assert (figures["input_tokens"], figures["output_tokens"]) == (INPUT, OUTPUT)
    assert found["maximum"]["kept"]
    assert found["stream"]["events"]
    assert found["answers_by_that_name"] == (dialect != "google")  # the local server calls it m there
    assert found["lease"] == access.lease_digest
    text = json.dumps(found)
    assert "".join(WORDS) not in text
    assert KEY not in text
    assert served.token not in text


def test_the_maximum_of_a_call_is_what_the_gateway_says_of_the_lease() -> None:
    with provider("openai") as there, gateway(there) as served:
        access = Access.through(SUBMISSION, MODEL, served.url, Secret(served.token.encode()))
        assert (access.max_output_tokens, access.dialect) == (4096, "openai")
        with pytest.raises(RunError, match="is for sub_5"):
            Access.through("sub_" + "6" * 32, MODEL, served.url, Secret(served.token.encode()))
        with pytest.raises(RunError, match="the lease is for m-1"):
            Access.through(SUBMISSION, "other", served.url, Secret(served.token.encode()))
        served.leases.end_scope(SUBMISSION, datetime.now(UTC))
        with pytest.raises(RunError, match="lease_revoked"):
            Access.through(SUBMISSION, MODEL, served.url, Secret(served.token.encode()))
    with pytest.raises(RunError, match="no gateway answers there"):
        Access.through(SUBMISSION, MODEL, served.url, Secret(served.token.encode()))


def fault(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    body = {"error": {"message": message, "type": "x", "code": "overloaded", "param": None}}
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fault": fault(503, "come again")}, "answered a short question with 503 overloaded: come again"),
        ({"fault": fault(404, "no such model")}, "404"),
        ({"words": ("", " ")}, "nothing within 2048 tokens"),
        ({"usage": (11, 17)}, "said 17 tokens where at most 16 were stated"),
    ],
)
def test_an_endpoint_that_does_not_answer_as_asked_stops_the_review(change: dict[str, Any], said: str) -> None:
    with reached("openai") as (there, served, access):
        for name, value in change.items():
            setattr(there, name, value)
        with pytest.raises(RunError, match=said) as caught:
            look(access)
        assert any(row.call in str(caught.value) for row in served.rows)
    assert KEY not in str(caught.value)
    assert caught.value.code == 4


def test_a_stream_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_sanity, "ANSWER_BYTES", 20_000)
    with reached("openai") as (there, _, access):
        there.endless, there.pause_s = True, 0.001
        with pytest.raises(RunError, match="did not end an answer of 2048 tokens"):
            look(access)
        assert there.left.wait(10)


def test_usage_that_is_not_stated_is_written_down_and_stops_nothing() -> None:
    with reached("openai") as (there, _, access):
        there.usage = None
        found = look(access)
    assert (found["maximum"]["kept"], found["maximum"]["usage_stated"]) == (False, False)
    assert found["question"]["answer_sha256"] == hashlib.sha256(there.answered[0]).hexdigest()


def test_a_withdrawal_before_the_first_question_is_said_as_what_it_is() -> None:
    with reached("openai") as (there, served, access):
        served.leases.end_scope(SUBMISSION, datetime.now(UTC))
        with pytest.raises(RunError, match=r"withdrawn \(owner: developer\)"):
            look(access)
        assert there.requests == []


def test_an_endpoint_that_wants_the_other_name_of_the_maximum_is_asked_by_it() -> None:
    with reached("openai") as (there, _, access):
        there.fault = fault(400, "use max_completion_tokens")
        asked = []

        class Turning(list[Any]):
            """Answers well from the second request on."""

            def append(self, item: Any) -> None:  # noqa: ANN401 - a request
                super().append(item)
                asked.append(json.loads(item[2]))
                if len(self) > 1:
                    there.fault = None

        there.requests = Turning()
        look(access)
    assert [next(name for name in body if name.startswith("max")) for body in asked] == [
        "max_tokens",
        *["max_completion_tokens"] * 3,
    ]
