"""The gateway as a real server between real clients and a local provider."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
import pytest

from seatrial.custody.access_log import Ending, MemoryAccessStore
from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.keys import KeyGone
from support.custody import LIMITS, MODEL, OWNER, Served, gateway
from support.providers import INPUT, KEY, OUTPUT, provider

ASKED = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "Which port?"}]}


def post(
    served: Served,
    body: object = None,
    token: str | None = None,
    path: str = "/v1/chat/completions",
    **more: Any,  # noqa: ANN401 - httpx's own
) -> httpx.Response:
    headers = {"authorization": f"Bearer {served.token if token is None else token}", **more.pop("headers", {})}
    return httpx.post(served.url + path, json=ASKED if body is None else body, headers=headers, timeout=20, **more)


def code(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def test_a_call_goes_out_with_the_key_and_comes_back_as_it_is() -> None:
    with provider("openai") as there, gateway(there) as served:
        answer = post(served, headers={"cookie": "a=b", "x-forwarded-for": "10.1.1.1", "x-other": "1"})
        assert answer.status_code == 200
        assert answer.content == there.answered[0]
        path, headers, body = there.requests[0]
        assert path == "/v1/chat/completions"
        assert json.loads(body) == ASKED
        assert headers["authorization"] == f"Bearer {KEY}"
        assert set(headers) == {"host", "authorization", "content-type", "content-length", "accept-encoding",
                                "accept", "user-agent"}  # fmt: skip
        row = served.rows[0]
        assert row.call == answer.headers["x-seatrial-call"]
        assert (row.status, row.ending, row.path, row.model) == (200, Ending.WHOLE, "chat/completions", "1")
        assert (row.input_tokens, row.output_tokens, row.microdollars) == (INPUT, OUTPUT, INPUT + 2 * OUTPUT)
        assert served.token not in repr(served.rows)
        assert MODEL not in repr(served.rows), "a row outlasts the deletion of what names the model"
        assert KEY not in repr(served.rows) + str(answer.headers)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "google"])
def test_a_stream_is_byte_equal_and_settled_by_its_last_event(dialect: str) -> None:
    paths = {
        "openai": "/v1/chat/completions",
        "anthropic": "/v1/messages",
        "google": f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
    }
    google = {"contents": [{"parts": [{"text": "Which port?"}]}], "generationConfig": {"maxOutputTokens": 50}}
    streaming = {**ASKED, "stream": True} | ({"stream_options": {"include_usage": True}} if dialect == "openai" else {})
    with provider(dialect) as there, gateway(there) as served:
        answer = post(served, google if dialect == "google" else streaming, path=paths[dialect])
        assert answer.status_code == 200, answer.text
        assert answer.content == there.answered[0]
        row = served.rows[0]
        assert (row.input_tokens, row.output_tokens, row.response_bytes) == (INPUT, OUTPUT, len(answer.content))


def test_a_stream_is_passed_on_while_it_comes() -> None:
    with provider("openai") as there, gateway(there) as served:
        there.pause_s = 0.2
        headers = {"authorization": f"Bearer {served.token}"}
        body = {**ASKED, "stream": True}
        with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, headers=headers) as answer:
            chunks = answer.iter_raw()
            began = time.monotonic()
            next(chunks)
            first = time.monotonic() - began
            rest = list(chunks)
        assert first < 0.2
        assert time.monotonic() - began > 0.8
        assert len(rest) > 4


def test_without_usage_the_reservation_stands() -> None:
    with provider("openai") as there, gateway(there) as served:
        there.usage = None
        post(served)
        row = served.rows[0]
        assert (row.input_tokens, row.output_tokens) == (row.request_bytes, 50)


def test_the_lease_is_not_the_key_and_the_key_is_no_lease() -> None:
    with provider("openai") as there, gateway(there) as served:
        wrong = served.token[:-4] + "AAAA"
        other = served.token.replace("lea_" + "0" * 31 + "1", "lea_" + "0" * 31 + "2")
        for token in ("none", KEY, wrong, other, served.token.upper(), served.token + "="):
            answer = post(served, token=token)
            assert (answer.status_code, code(answer)) == (401, "lease_unknown")
        assert there.requests == []
        assert served.rows == ()


def test_leases_that_are_over_call_nothing() -> None:
    with provider("openai") as there, gateway(there) as served:
        now = datetime.now(UTC)
        early = served.issue(2, not_before=now + timedelta(minutes=5))
        late = served.issue(3, not_before=now - timedelta(hours=2), expires=now - timedelta(hours=1))
        revoked = served.issue(4)
        served.leases.revoke(f"lea_{4:032x}", now)
        said = [code(post(served, token=token)) for token in (early, late, revoked)]
        assert said == ["lease_not_yet", "lease_expired", "lease_revoked"]
        assert there.requests == []


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"model": "m-2"}, 403, "model_not_in_lease"),
        ({"max_tokens": None}, 400, "maximum_output_unstated"),
        ({"max_tokens": 5000}, 400, "maximum_output_too_large"),
        ({"max_tokens": True}, 400, "number_unreadable"),
        ({"max_tokens": 1e3}, 400, "number_unreadable"),
        ({"n": 0}, 400, "number_unreadable"),
        ({"Model": MODEL}, 400, "field_not_carried"),
        ({"web_search_options": {}}, 400, "field_not_carried"),
        ({"service_tier": "priority"}, 400, "field_not_carried"),
        ({"tools": [{"type": "web_search"}]}, 400, "tool_not_carried"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}, 400,
         "content_not_carried"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]}, 400,
         "content_not_carried"),
    ],
)  # fmt: skip
def test_what_is_out_of_scope_is_refused(changed: dict[str, Any], status: int, said: str) -> None:
    with provider("openai") as there, gateway(there) as served:
        answer = post(served, {**ASKED, **changed})
        assert (answer.status_code, code(answer)) == (status, said)
        assert there.requests == []
        assert served.rows[0].ending is Ending.GATEWAY


def test_budgets_end_in_403_and_what_is_in_flight_in_429() -> None:
    with provider("openai") as there, gateway(there, limits=replace(LIMITS, max_requests=2)) as served:
        one = served.issue(2, limits=replace(LIMITS, max_concurrent=1))
        there.pause_s = 0.5
        first = threading.Thread(target=post, args=(served,), kwargs={"token": one})
        first.start()
        while not there.requests:
            time.sleep(0.01)
        busy = post(served, token=one)
        first.join()
        assert (busy.status_code, code(busy), busy.headers["retry-after"]) == (429, "too_many_at_once", "5")
        there.pause_s = 0
        assert [post(served).status_code for _ in range(3)] == [200, 200, 403]
        assert code(post(served)) == "budget_exhausted"


CAPS = {
    "max_requests": 20,
    "max_input_tokens": 20 * 200,
    "max_output_tokens": 20 * 50,
    "max_microdollars": 20 * 300,
}


@pytest.mark.parametrize("cap", sorted(CAPS))
def test_at_the_edge_of_each_cap_nothing_is_overspent(cap: str) -> None:
    with provider("openai") as there, gateway(there, limits=replace(LIMITS, **{cap: CAPS[cap]})) as served:
        there.usage = None  # every reservation stands: the most that may be spent
        there.pause_s = 0.05
        statuses = asyncio.run(many(served, 60))
        spend = served.leases.spend(served.lease.id)
        field = cap.removeprefix("max_")
        assert getattr(spend.settled, field) <= CAPS[cap]
        assert spend.held.requests == spend.open_calls == 0
        assert set(statuses) <= {200, 403, 429}
        assert statuses.count(200) == len(there.requests) == spend.settled.requests
        assert 10 <= statuses.count(200) < 60


async def many(served: Served, count: int) -> list[int]:
    headers = {"authorization": f"Bearer {served.token}"}
    async with httpx.AsyncClient(timeout=30) as client:
        calls = [client.post(f"{served.url}/v1/chat/completions", json=ASKED, headers=headers) for _ in range(count)]
        return [answer.status_code for answer in await asyncio.gather(*calls)]


@pytest.mark.parametrize("how", ["revoke", "end_scope"])
def test_revocation_cuts_running_streams_within_a_second(how: str) -> None:
    with provider("openai") as there, gateway(there) as served:
        there.pause_s, there.endless = 0.02, True
        headers = {"authorization": f"Bearer {served.token}"}
        body, seen = {**ASKED, "stream": True}, bytearray()
        with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, headers=headers) as answer:
            chunks = answer.iter_raw()
            seen += next(chunks)
            began = time.monotonic()
            getattr(served.leases, how)(
                served.lease.id if how == "revoke" else served.lease.submission, datetime.now(UTC)
            )
            with pytest.raises(httpx.RemoteProtocolError):
                deque(map(seen.extend, chunks))
            took = time.monotonic() - began
        assert took < 1.0
        last = json.loads(bytes(seen).rpartition(b"data: ")[2])
        assert last["error"]["code"] == "lease_revoked"
        assert there.left.wait(5)
        assert code(post(served)) == "lease_revoked"
        assert served.rows[0].ending is Ending.CUT
        assert served.rows[0].output_tokens == 50  # the reservation stands


def test_a_lease_that_runs_out_cuts_its_stream() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    with provider("openai") as there, gateway(there, expires=soon) as served:
        there.pause_s, there.endless = 0.05, True
        with pytest.raises(httpx.RemoteProtocolError):
            post(served, {**ASKED, "stream": True})
        assert (served.rows[0].code, served.rows[0].ending) == ("lease_expired", Ending.CUT)


def test_a_client_that_leaves_ends_the_call_at_the_endpoint() -> None:
    with provider("openai") as there, gateway(there) as served:
        there.pause_s, there.endless = 0.02, True
        headers = {"authorization": f"Bearer {served.token}"}
        body = {**ASKED, "stream": True}
        with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, headers=headers) as answer:
            next(answer.iter_raw())
        assert there.left.wait(5)
        eventually(lambda: bool(served.rows))
        assert served.rows[0].ending is Ending.CLIENT
        assert served.leases.open_calls(served.lease.submission) == 0


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ((429, {"retry-after": "7", "content-type": "application/json"}, b'{"error": {"message": "slow down"}}'), 429),
        ((500, {"content-type": "application/json"}, b'{"error": {"message": "oops"}}'), 500),
        ((529, {"retry-after": "3", "content-type": "text/html"}, b"<h1>overloaded</h1>"), 529),
        ((302, {"location": "http://elsewhere.example/"}, b""), 502),
        ((401, {"content-type": "application/json"}, f'{{"error": "bad key {KEY}"}}'.encode()), 502),
        ((200, {"content-type": "text/html"}, b"<h1>hello</h1>"), 502),
        ((200, {"content-type": "application/json", "content-encoding": "gzip"}, b"\x1f\x8b"), 502),
    ],
)
def test_faults_of_the_endpoint_are_told_without_its_secrets(
    fault: tuple[int, dict[str, str], bytes], status: int
) -> None:
    with provider("openai") as there, gateway(there) as served:
        there.fault = (fault[0], {**fault[1], "x-secret": KEY, "set-cookie": "a=b"}, fault[2])
        answer = post(served)
        assert answer.status_code == status
        assert answer.headers.get("retry-after") == fault[1].get("retry-after")
        assert not {"location", "x-secret", "set-cookie"} & set(answer.headers)
        assert "error" in answer.json()
        assert len(there.requests) == 1
        leaks(answer, there.url)


def test_an_error_text_is_passed_on_with_key_host_and_owner_scrubbed() -> None:
    with provider("openai") as there, gateway(there) as served:
        text = {"error": {"message": f"key {KEY} of {OWNER} at {there.url} has no quota", "code": "quota"}}
        there.fault = (403, {"content-type": "application/json"}, json.dumps(text).encode())
        answer = post(served)
        assert answer.json()["error"]["message"] == "key [key] of [developer] at http://[endpoint] has no quota"


def test_an_answer_that_holds_the_key_is_cut() -> None:
    with provider("openai") as there, gateway(there) as served:
        there.words = ("the key is ", KEY[:12], KEY[12:])
        answer = post(served)
        assert (answer.status_code, code(answer)) == (502, "endpoint_shows_key")
        leaks(answer, there.url)


def test_an_endpoint_that_is_not_there_is_told_and_costs_no_tokens() -> None:
    with provider("openai") as there:
        pass
    with gateway(there) as served:
        answer = post(served)
        assert (answer.status_code, code(answer)) == (502, "endpoint_unreachable")
        leaks(answer, there.url)
        assert served.leases.spend(served.lease.id).settled.output_tokens == 0


def test_either_half_of_the_key_ends_access() -> None:
    with provider("openai") as there, gateway(there) as served:
        served.fault.append(HalfAwaited("waiting"))
        waiting = post(served)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "30")
        served.fault[:] = [KeyGone("gone")]
        assert (post(served).status_code, code(post(served))) == (403, "endpoint_gone")
        assert there.requests == []


def test_calls_that_cannot_be_written_down_are_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider("openai") as there, gateway(there) as served:
        monkeypatch.setattr(MemoryAccessStore, "add", lambda *_: 1 / 0)
        post(served)
        assert code(post(served)) == "gateway_stopped"
        assert len(there.requests) == 1


def test_models_are_those_of_the_lease() -> None:
    with provider("openai") as there, gateway(there, models=("m-1", "m-9")) as served:
        answer = httpx.get(f"{served.url}/v1/models", headers={"x-api-key": served.token})
        assert [model["id"] for model in answer.json()["data"]] == ["m-1", "m-9"]
        assert there.requests == []


def leaks(answer: httpx.Response, url: str) -> None:
    told = answer.text + str(answer.headers)
    for secret in (KEY, OWNER, url.removeprefix("http://")):
        assert secret not in told


@pytest.mark.slow
def test_two_hundred_streams_run_in_flat_memory() -> None:
    with provider("openai") as there, gateway(there) as served:
        there.endless, there.pause_s = True, 0.1
        sizes = asyncio.run(held_open(served, 200))
    early, late = max(sizes[:3]), max(sizes[-3:])
    assert late - early < 8 * 2**20, sizes


async def held_open(served: Served, count: int) -> list[int]:
    """Memory of this process (server, gateway and clients) while `count` streams are open and read."""
    headers, body = {"authorization": f"Bearer {served.token}"}, {**ASKED, "stream": True}
    limits = httpx.Limits(max_connections=count)
    got = [0] * count
    async with httpx.AsyncClient(timeout=30, limits=limits, headers=headers) as client:

        async def read(number: int) -> None:
            async with client.stream("POST", f"{served.url}/v1/chat/completions", json=body) as answer:
                async for chunk in answer.aiter_raw():
                    got[number] += len(chunk)

        tasks = [asyncio.create_task(read(number)) for number in range(count)]
        while not all(got):  # noqa: ASYNC110 - 200 readers have no one event
            await asyncio.sleep(0.05)
        sizes = []
        for _ in range(12):
            sizes.append(psutil.Process().memory_info().rss)
            await asyncio.sleep(0.5)
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return sizes
