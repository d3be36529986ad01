"""A local server that speaks the OpenAI chat-completions wire format, with a scripted mind and planned faults."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Say:
    """One assistant turn: words, tool calls as (name, arguments or raw text), and how it ended."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    finish: str = ""


@dataclass(frozen=True)
class Fault:
    """A reply that is no completion: a status with an optional Retry-After, or silence until the client hangs up."""

    status: int
    retry_after: str = ""
    hang: bool = False


Mind = Callable[[Messages, int], Say | Fault]


@dataclass
class Endpoint:
    """What a test may look at: the base URL, every request's path and headers, and counts by status."""

    mind: Mind
    url: str = ""
    statuses: Counter[int] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def endpoint(mind: Mind) -> Iterator[Endpoint]:
    """Serve on a free loopback port until the block ends."""
    state = Endpoint(mind)
    numbers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                self._send(404, {"error": {"message": f"no such path {self.path}"}})
                return
            with state.lock:
                number = next(numbers)
                state.keys.add(self.headers.get("Authorization", ""))
                state.bodies.append(body)
            said = state.mind(body["messages"], number)
            if isinstance(said, Fault):
                if said.hang:
                    state.released.wait(60)
                headers = {"Retry-After": said.retry_after} if said.retry_after else {}
                self._send(
                    said.status, {"error": {"message": f"planned fault {said.status}", "type": "fault"}}, headers
                )
                return
            self._send(200, completion(body, said, number))

        def _send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
            with state.lock:
                state.statuses[status] += 1
            text = json.dumps(body).encode()
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep the tests' output readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def completion(body: dict[str, Any], said: Say, number: int) -> dict[str, Any]:
    """A chat completion in the wire format; token counts are a quarter of the characters, up to the stated maximum."""
    calls = [
        {
            "id": f"call_{number}_{index}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            },
        }
        for index, (name, arguments) in enumerate(said.calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if calls:
        message["tool_calls"] = calls
    asked = len(json.dumps(body["messages"])) // 4
    answered = (len(said.text) + len(json.dumps(calls))) // 4 + 1
    most = body.get("max_completion_tokens") or body.get("max_tokens") or answered
    if answered > most:
        answered, message, said = most, {"role": "assistant", "content": said.text[: 4 * most]}, Say(finish="length")
        calls = []
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": said.finish or ("tool_calls" if calls else "stop"),
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }


def turns(messages: Messages) -> int:
    """How often the assistant has spoken in this conversation."""
    return sum(message["role"] == "assistant" for message in messages)


def task_of(messages: Messages) -> str:
    """The text of the first user message."""
    for message in messages:
        if message["role"] == "user":
            content = message["content"]
            return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return ""
