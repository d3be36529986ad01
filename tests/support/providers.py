"""Local servers in the wire formats of three providers, with streams, faults and pauses, for tests of the gateway."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - Starlette looks at annotations
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-live-CANARY-0123456789abcdef"
WORDS = ("Port", " 8", "080", " is", " open", ".")
INPUT, OUTPUT = 11, 7


@dataclass
class Provider:
    """What a test may set and look at."""

    dialect: str
    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    """The body of each whole answer, as sent."""
    fault: tuple[int, dict[str, str], bytes] | None = None
    pause_s: float = 0.0
    words: tuple[str, ...] = WORDS
    endless: bool = False
    usage: tuple[int, int] | None = (INPUT, OUTPUT)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client left in the middle of a stream."""

    @property
    def base_url(self) -> str:
        """As this dialect's clients want it."""
        return f"{self.url}/v1" if self.dialect == "openai" else self.url


@contextmanager
def provider(dialect: str) -> Iterator[Provider]:
    """Serve on a free loopback port until the block ends."""
    state = Provider(dialect)

    async def answer(request: Request) -> Response:
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        state.requests.append((path, dict(request.headers), body))
        if state.fault is not None:
            status, headers, text = state.fault
            return Response(text, status, headers)
        asked = json.loads(body)
        if "count" in path.lower():
            return Response(json.dumps(_COUNTS[dialect]), media_type="application/json")
        if asked.get("stream") or "streamGenerateContent" in path:
            return StreamingResponse(_stream(state, asked, path), media_type="text/event-stream")
        await asyncio.sleep(state.pause_s)
        text = json.dumps(_whole(state, asked, path)).encode()
        state.answered.append(text)
        return Response(text, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    config = uvicorn.Config(app, port=0, log_config=None, log_level="critical", lifespan="off")
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield state
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()


async def _stream(state: Provider, asked: dict[str, Any], path: str) -> AsyncIterator[bytes]:
    sent = bytearray()
    try:
        for event in _events(state, asked, path):
            sent += event
            yield event
            if state.pause_s:
                await asyncio.sleep(state.pause_s)
    except (asyncio.CancelledError, GeneratorExit):
        state.left.set()
        raise
    state.answered.append(bytes(sent))


def _words(state: Provider) -> Iterator[str]:
    yield from state.words
    while state.endless:
        yield " and so on"


def _events(state: Provider, asked: dict[str, Any], path: str) -> Iterator[bytes]:
    if state.dialect == "anthropic":
        yield from _anthropic_events(state, asked)
    elif state.dialect == "google":
        yield from _google_events(state)
    elif path.endswith("/responses"):
        yield from _responses_events(state, asked)
    else:
        yield from _openai_events(state, asked)


def _data(value: object, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


def _openai_events(state: Provider, asked: dict[str, Any]) -> Iterator[bytes]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
    for word in _words(state):
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        yield _data({**base, "choices": [choice], "usage": None})
    yield _data({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    if state.usage and (asked.get("stream_options") or {}).get("include_usage"):
        yield _data({**base, "choices": [], "usage": _openai_usage(state.usage)})
    yield b"data: [DONE]\n\n"


def _responses_events(state: Provider, asked: dict[str, Any]) -> Iterator[bytes]:
    for number, word in enumerate(_words(state)):
        event = {
            "type": "response.output_text.delta",
            "delta": word,
            "sequence_number": number,
            "item_id": "m",
            "output_index": 0,
            "content_index": 0,
            "logprobs": [],
        }
        yield _data(event, event["type"])  # type: ignore[arg-type]
    done = {"type": "response.completed", "sequence_number": 99, "response": _whole(state, asked, "/responses")}
    yield _data(done, "response.completed")


def _anthropic_events(state: Provider, asked: dict[str, Any]) -> Iterator[bytes]:
    spent = state.usage or (0, 0)
    message = {**_whole(state, asked, ""), "content": [], "stop_reason": None}
    message["usage"] = {"input_tokens": spent[0], "output_tokens": 1}
    yield _data({"type": "message_start", "message": message}, "message_start")
    block = {"type": "text", "text": ""}
    yield _data({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
    for word in _words(state):
        delta = {"type": "text_delta", "text": word}
        yield _data({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
    yield _data({"type": "content_block_stop", "index": 0}, "content_block_stop")
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _data({"type": "message_delta", "delta": ending, "usage": {"output_tokens": spent[1]}}, "message_delta")
    yield _data({"type": "message_stop"}, "message_stop")


def _google_events(state: Provider) -> Iterator[bytes]:
    for number, word in enumerate(_words(state)):
        yield _data({**_google(word), "usageMetadata": {"promptTokenCount": INPUT, "candidatesTokenCount": number}})
    yield _data({**_google(""), **_google_usage(state)})


def _google(text: str) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "modelVersion": "m"}


def _google_usage(state: Provider) -> dict[str, Any]:
    if state.usage is None:
        return {}
    told = {"promptTokenCount": state.usage[0], "candidatesTokenCount": state.usage[1] - 2, "thoughtsTokenCount": 2}
    return {"usageMetadata": told}


def _openai_usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _whole(state: Provider, asked: dict[str, Any], path: str) -> dict[str, Any]:
    text = "".join(state.words)
    if state.dialect == "google":
        return {**_google(text), **_google_usage(state)}
    if state.dialect == "anthropic":
        spent = state.usage or (0, 0)
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": spent[0], "output_tokens": spent[1]},
        }
    if path.endswith("/responses"):
        return _response(state, asked, text)
    kind = "chat.completion" if "messages" in asked else "text_completion"
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    choice |= {"message": {"role": "assistant", "content": text}} if "messages" in asked else {"text": text}
    answer = {"id": "c-1", "object": kind, "created": 1, "model": asked["model"], "choices": [choice]}
    return {**answer, "usage": _openai_usage(state.usage)} if state.usage else answer


def _response(state: Provider, asked: dict[str, Any], text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
    spent = state.usage or (0, 0)
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked["model"],
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": spent[0], "output_tokens": spent[1], "total_tokens": sum(spent)},
    }


_COUNTS = {"openai": {}, "anthropic": {"input_tokens": INPUT}, "google": {"totalTokens": INPUT}}
