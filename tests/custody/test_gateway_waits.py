"""Whoever is slow, client or endpoint, ends at a named limit, and its place, budget and memory are free again."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from seatrial.custody import bodies, serving
from seatrial.custody.access_log import Ending
from seatrial.custody.budget import Amount
from seatrial.custody.waits import Waits
from support.custody import LIMITS, MODEL, Served, gateway
from support.providers import Provider, provider

ASKED = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "Which port?"}]}
STREAM = {**ASKED, "stream": True}
SHORT = 0.3
"""For what never comes."""
BRIEF = 1.0
"""For what comes at first: enough for that also on a busy machine."""
PATH = "/v1/chat/completions"
FLOOD_BYTES = 48 * 2**20
"""Beyond all that the kernel holds for the connections on both sides of the gateway."""
GIVE_UP_S = 20.0


def head(served: Served, length: int) -> bytes:
    lines = (
        f"POST {PATH} HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"authorization: Bearer {served.token}",
        f"content-length: {length}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connected(served: Served) -> socket.socket:
    host, _, port = served.url.removeprefix("http://").partition(":")
    made = socket.create_connection((host, int(port)), timeout=GIVE_UP_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def said(connection: socket.socket) -> bytes:
    text = b""
    while chunk := connection.recv(65536):
        text += chunk
    return text


def free(served: Served) -> None:
    """No call is in flight and nothing is held any more."""
    spend = served.leases.spend(served.lease.id)
    assert (spend.open_calls, spend.held) == (0, Amount())


@contextmanager
def endpoint(answer: Any) -> Iterator[Provider]:  # noqa: ANN401 - what to do with each connection
    """An endpoint that does with its connections what a test says, and is over when the block is."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with connection:
            answer(connection, over)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield Provider("openai", f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def test_a_head_that_does_not_come_ends_the_connection() -> None:
    with provider("openai") as there, gateway(there, waits=Waits(head=SHORT)) as served:
        with connected(served) as connection:
            connection.sendall(head(served, 10)[:20])
            assert connection.recv(1) == b""
        assert served.rows == ()


def test_a_body_that_comes_byte_by_byte_ends_at_its_limit() -> None:
    share: list[bodies.Bodies] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "Bodies", lambda made=bodies.Bodies: share.append(made()) or share[0])
        with provider("openai") as there, gateway(there, waits=Waits(body=SHORT)) as served, connected(served) as slow:
            slow.sendall(head(served, 10_000))
            while not select.select([slow], [], [], 0.02)[0]:
                slow.sendall(b" ")
            answer = said(slow)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"body_too_slow" in answer
            assert there.requests == []
            (row,) = served.rows
            assert (row.code, row.ending, row.output_tokens) == ("body_too_slow", Ending.GATEWAY, 0)
            assert served.leases.spend(served.lease.id).settled == Amount()
            free(served)
    assert [one.held for one in share] == [0]


def test_an_evaluator_that_never_reads_is_cut_and_the_endpoint_is_not_read_on() -> None:
    sent, cut = [0], threading.Event()

    def flood(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)
        piece = b"data: " + b"x" * 65000 + b"\n\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            while sent[0] < 100 * FLOOD_BYTES:
                sent[0] += connection.send(piece)
        except OSError:
            cut.set()

    with endpoint(flood) as there, gateway(there, waits=Waits(reader=SHORT)) as served, connected(served) as reader:
        body = json.dumps(STREAM).encode()
        reader.sendall(head(served, len(body)) + body)
        assert cut.wait(GIVE_UP_S)
        assert sent[0] < FLOOD_BYTES, "the gateway read on for nobody"
        row = written(served)
        assert (row.code, row.ending, row.output_tokens) == ("client_gone", Ending.CLIENT, 50)
        assert row.response_bytes < FLOOD_BYTES
        free(served)


def test_the_rest_of_an_answer_that_nobody_reads_holds_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = threading.Event()

    class Watched(serving.PromptProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    monkeypatch.setattr(serving, "PromptProtocol", Watched)
    with provider("openai") as there, gateway(there, waits=Waits(reader=SHORT)) as served, socket.socket() as reader:
        there.words = ("x" * 50_000,)  # less than makes a server wait, more than the kernel takes
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = served.url.removeprefix("http://").partition(":")
        reader.connect((host, int(port)))
        body = json.dumps(ASKED).encode()
        reader.sendall(head(served, len(body)) + body)
        assert lost.wait(GIVE_UP_S)
        assert (served.rows[0].ending, served.rows[0].status) == (Ending.WHOLE, 200)


def written(served: Served) -> Any:  # noqa: ANN401 - a row
    """The only row, once it is there: the next answer that waits for the same store comes after it."""
    for _ in range(1000):
        if served.rows:
            return served.rows[0]
        httpx.get(f"{served.url}/nothing")
    raise AssertionError("no row was written")


def test_an_endpoint_that_never_says_a_word_ends_at_its_limit() -> None:
    def silent(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        over.wait()

    with endpoint(silent) as there, gateway(there, waits=Waits(silence=SHORT)) as served:
        answer = ask(served, ASKED)
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "endpoint_silent")
        (row,) = served.rows
        assert (row.ending, row.output_tokens) == (Ending.UPSTREAM, 50)  # it may have worked: the reservation stands
        free(served)


def test_an_endpoint_that_falls_silent_in_a_stream_is_told_there() -> None:
    def half(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n")
        over.wait()

    with endpoint(half) as there, gateway(there, waits=Waits(silence=BRIEF)) as served:
        seen = broken(served)
        assert json.loads(seen.rpartition(b"data: ")[2])["error"]["code"] == "endpoint_silent"
        assert served.rows[0].output_tokens == 50
        free(served)


def test_an_endpoint_that_does_not_take_the_request_ends_at_its_limit() -> None:
    def deaf(_: socket.socket, over: threading.Event) -> None:
        over.wait()

    limits = replace(LIMITS, max_input_tokens=10**9)
    large = {**ASKED, "messages": [{"role": "user", "content": "x" * (24 * 2**20)}]}
    with endpoint(deaf) as there, gateway(there, waits=Waits(write=SHORT), limits=limits) as served:
        answer = ask(served, large)
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "endpoint_silent")
        free(served)


def test_an_endpoint_that_accepts_nobody_ends_at_its_limit_and_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, filled(listening):
        there = Provider("openai", f"http://127.0.0.1:{listening.getsockname()[1]}")
        with gateway(there, waits=Waits(connect=SHORT)) as served:
            answer = ask(served, ASKED)
            assert (answer.status_code, answer.json()["error"]["code"]) == (502, "endpoint_unreachable")
            assert served.leases.spend(served.lease.id).settled.output_tokens == 0
            free(served)


@contextmanager
def filled(listening: socket.socket) -> Iterator[None]:
    """Fill a listener's queue, so that it takes no connection more."""
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listening.getsockname())
    try:
        yield
    finally:
        for one in waiting:
            one.close()


def test_a_call_ends_when_its_whole_time_is_over() -> None:
    with provider("openai") as there, gateway(there, waits=Waits(call=BRIEF)) as served:
        there.endless, there.pause_s = True, 0.02
        seen = broken(served)
        assert json.loads(seen.rpartition(b"data: ")[2])["error"]["code"] == "call_too_long"
        assert (served.rows[0].code, served.rows[0].output_tokens) == ("call_too_long", 50)
        assert there.left.wait(GIVE_UP_S)
        free(served)


def ask(served: Served, body: object) -> httpx.Response:
    headers = {"authorization": f"Bearer {served.token}"}
    return httpx.post(served.url + PATH, json=body, headers=headers, timeout=GIVE_UP_S)


def broken(served: Served) -> bytes:
    """What is read of a stream until it breaks off."""
    seen, headers = bytearray(), {"authorization": f"Bearer {served.token}"}
    with httpx.stream("POST", served.url + PATH, json=STREAM, headers=headers, timeout=GIVE_UP_S) as answer:
        chunks = answer.iter_raw()
        with pytest.raises(httpx.RemoteProtocolError):
            deque(map(seen.extend, chunks))
    return bytes(seen)
