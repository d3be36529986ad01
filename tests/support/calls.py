"""The model calls in Inspect's logs of a run, each with the gateway's id of it and the bytes that were sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from inspect_ai.event import ModelEvent
from inspect_ai.log import list_eval_logs, read_eval_log
from openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inspect_ai.event import Event

HEADER = "x-request-id"


@dataclass(frozen=True)
class Logged:
    """One call as the log has it."""

    id: str
    status: int
    output_tokens: int
    request: dict[str, Any]
    again: bool
    """Of a sample that was run again: Inspect keeps its requests with references that it does not resolve."""

    @property
    def request_sha256(self) -> str:
        """Of the body as OpenAI's client makes it from the logged request."""
        sent: list[bytes] = []

        def kept(request: httpx2.Request) -> httpx2.Response:
            sent.append(request.content)
            return httpx2.Response(200, json={"choices": []})

        client = OpenAI(
            api_key="-", base_url="http://x", http_client=httpx2.Client(transport=httpx2.MockTransport(kept))
        )
        client.chat.completions.create(
            **{name: value for name, value in self.request.items() if name != "extra_headers"}
        )
        return hashlib.sha256(sent[0]).hexdigest()


def calls(run: Path, participant: str) -> list[Logged]:
    """Every call of a participant that the gateway answered, also those of samples that were run again."""
    found = {call.id: call for call in _calls(run, participant)}
    return list(found.values())


def _calls(run: Path, participant: str) -> Iterator[Logged]:
    for info in list_eval_logs(str(run / "logs"), formats=["eval"]):
        log = read_eval_log(info, resolve_attachments=True)
        for sample in (log.samples or []) if log.eval.task == participant else []:
            for attempt in sample.error_retries or []:
                yield from _logged(attempt.events or [], again=True)
            yield from _logged(sample.events, again=False)


def _logged(events: list[Event], *, again: bool) -> Iterator[Logged]:
    for event in events:
        if isinstance(event, ModelEvent) and event.call is not None:
            used = event.output.usage.output_tokens if event.output.usage else 0
            for known, status in _ids(event, event.call.response or {}):
                yield Logged(known, status, used, event.call.request, again)


def _ids(event: ModelEvent, response: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Ids and statuses of an event's calls; Google's client has its own way of keeping an answer's headers."""
    for known in event.request_ids or ():
        if known.header == HEADER:
            yield known.id, known.status or 0
    headers = response.get("sdkHttpResponse", {}).get("headers", {})
    if "x-seatrial-call" in headers:
        yield headers["x-seatrial-call"], 200
