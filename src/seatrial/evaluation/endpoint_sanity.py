"""Three short questions to a submitted endpoint, before the first sample: is it there, and does it keep to its word?

- They go the way of every other call: through the gateway, under the review's own lease.
- The record holds digests and figures, and no word of the model. The ids of its calls are those in the gateway's log,
  and the digest of an answer is the one that the gateway wrote down.
- An endpoint that does not answer, or says more than the stated maximum, does not begin: the lease's budget rests on
  that maximum. Everything else is written down and judged by nobody here.

>>> _body("openai", "m", "Hello?", 16, "max_tokens")
{'model': 'm', 'messages': [{'role': 'user', 'content': 'Hello?'}], 'max_tokens': 16}
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from seatrial.custody.usage import UsageReader
from seatrial.evaluation.rundir import RunError
from seatrial.evaluation.scrutiny.rules import is_refusal
from seatrial.evaluation.submission import access_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.custody.budget import Usage
    from seatrial.evaluation.submission import Access

RECORD = "endpoint_sanity.json"
SCHEMA = "seatrial.endpoint_sanity/1"
QUESTION = "Which whole number comes after six? Answer with that number alone."
COUNTING = "Count from 1 to 400, with a comma after each number."
QUESTION_TOKENS = 2048  # for an answer of one word by a model that thinks first
MAXIMUM_TOKENS = 16  # far below what the counting takes; the smallest maximum that all services accept
CONNECT_S = 10.0  # the gateway is near
ANSWER_S = 300.0  # a model may think before its one word
ANSWER_BYTES = 2 * 2**20  # for 2048 tokens with their reasoning, each in an event of its own: an endless stream is cut
ENDED = 4  # exit code: nothing is wrong with what was asked for; come again when the endpoint answers

_KEYS = {"openai": "authorization", "anthropic": "x-api-key", "google": "x-goog-api-key"}
_PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
_FIELDS = ("max_tokens", "max_completion_tokens")  # endpoints in the dialect of OpenAI know the one or the other


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one question."""

    question: str
    call: str
    status: int
    ms: int
    first_ms: int
    body: bytes
    events: bool
    usage: Usage | None

    @property
    def ok(self) -> bool:
        """Whether the endpoint answered at all."""
        return self.status == 200

    def figures(self) -> dict[str, Any]:
        """What the record says of it."""
        return {
            "question_sha256": hashlib.sha256(self.question.encode()).hexdigest(),
            "call": self.call,
            "status": self.status,
            "code": "" if self.ok else self.fault[0],
            "ms": self.ms,
            "first_byte_ms": self.first_ms,
            "answer_sha256": hashlib.sha256(self.body).hexdigest(),
            "answer_bytes": len(self.body),
            "usage_stated": self.usage is not None,
            "input_tokens": self.usage.input_tokens if self.usage else None,
            "output_tokens": self.usage.output_tokens if self.usage else None,
        }

    @property
    def fault(self) -> tuple[str, str]:
        """Code and message of an error in any dialect's form."""
        said = _object(self.body)
        error = said.get("error")
        error = error if isinstance(error, dict) else {}
        details = error.get("details") or [{}]
        reason = details[0].get("reason") if isinstance(details[0], dict) else ""
        code = reason or error.get("code") or error.get("type") or "unknown"
        return str(code)[:64], str(error.get("message", ""))[:200]


def look(
    access: Access,
    model: str,
    now: datetime,
    *,
    clock: Callable[[], float] = time.monotonic,
    transport: httpx.BaseTransport | None = None,
) -> dict[str, Any]:
    """Ask all three questions; the record. Raises `RunError` where the endpoint is not fit to begin with."""
    token = access.token.reveal().decode()
    headers = {_KEYS[access.dialect]: f"Bearer {token}" if access.dialect == "openai" else token}
    waits = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    with httpx.Client(
        base_url=access.gateway, headers=headers, timeout=waits, transport=transport, trust_env=False
    ) as client:
        return _Endpoint(access, model, client, clock).look(now)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The endpoint as the review reaches it."""

    access: Access
    model: str
    client: httpx.Client
    clock: Callable[[], float]

    def ask(self, question: str, most: int, maximum: str, *, stream: bool = False) -> Answer:
        """One question, answered or not. Raises `RunError` when the gateway cannot be reached."""
        dialect = self.access.dialect
        body = _body(dialect, self.model, question, most, maximum, stream=stream)
        began, first, text = self.clock(), None, bytearray()
        try:
            with self.client.stream("POST", _path(dialect, self.model, stream=stream), json=body) as got:
                for chunk in got.iter_raw():
                    first = first or self.clock()
                    text += chunk
                    if len(text) > ANSWER_BYTES or self.clock() - began > ANSWER_S:
                        raise self._fault(f"did not end an answer of {most} tokens: {len(text)} bytes, and more")
        except httpx.TimeoutException:
            raise self._fault(f"gave no answer within {ANSWER_S:g} s") from None
        except httpx.TransportError as error:
            raise self._fault(f"broke off, or the gateway did: {type(error).__name__}") from None
        ended = self.clock()
        events = got.status_code == 200 and got.headers.get("content-type", "").startswith("text/event-stream")
        reader = UsageReader(dialect, stream=events)
        reader.feed(bytes(text))
        call, times = got.headers.get("x-seatrial-call", ""), (_ms(ended - began), _ms((first or ended) - began))
        return Answer(question, call, got.status_code, *times, bytes(text), events, reader.usage())

    def look(self, now: datetime) -> dict[str, Any]:
        """See the function of this name."""
        most = min(QUESTION_TOKENS, self.access.max_output_tokens)
        whole, maximum = self._whole(most)
        text, model = _said(self.access.dialect, _object(whole.body))
        if not text.strip():
            raise self._fault(f"answered a short question with nothing within {most} tokens (call {whole.call})")
        short = self._short(maximum)
        streamed = self.ask(QUESTION, most, maximum, stream=True)
        return {
            "schema": SCHEMA,
            "at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "submission": self.access.submission,
            "lease": self.access.lease_digest,
            "dialect": self.access.dialect,
            "model": self.model,
            "answers_as": f"sha256:{hashlib.sha256(model.encode()).hexdigest()}" if model else "",
            "answers_by_that_name": model == self.model,
            "question": {**whole.figures(), "stated": most, "refused": is_refusal(text)},
            "maximum": {**short.figures(), "stated": MAXIMUM_TOKENS, "kept": short.ok and short.usage is not None},
            "stream": {**streamed.figures(), "events": streamed.events},
        }

    def _whole(self, most: int) -> tuple[Answer, str]:
        """A whole answer, and the name of the field by which this endpoint takes its maximum."""
        for maximum in _FIELDS:
            answer = self.ask(QUESTION, most, maximum)
            if answer.ok:
                return answer, maximum
            if self.access.dialect != "openai" or answer.status != 400:
                break
        raise self._refused(answer)

    def _short(self, maximum: str) -> Answer:
        """The answer to a question that asks for far more than the stated maximum."""
        answer = self.ask(COUNTING, MAXIMUM_TOKENS, maximum)
        if answer.usage is not None and answer.usage.output_tokens > MAXIMUM_TOKENS:
            raise self._fault(
                f"said {answer.usage.output_tokens} tokens where at most {MAXIMUM_TOKENS} were stated "
                f"(call {answer.call}); the lease's budget rests on that maximum"
            )
        return answer

    def _refused(self, answer: Answer) -> RunError:
        code, message = answer.fault
        why = access_ended(code) or f"answered a short question with {answer.status} {code}: {message}"
        return self._fault(f"{why} (call {answer.call})" if answer.call else why)

    def _fault(self, why: str) -> RunError:
        return RunError(f"{self.access.submission}, model {self.model}: the endpoint {why}", code=ENDED)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


def _path(dialect: str, model: str, *, stream: bool) -> str:
    if dialect == "google":
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    return _PATHS[dialect]


def _body(dialect: str, model: str, question: str, most: int, maximum: str, *, stream: bool = False) -> dict[str, Any]:
    if dialect == "google":
        contents = [{"role": "user", "parts": [{"text": question}]}]
        return {"contents": contents, "generationConfig": {"maxOutputTokens": most}}
    asked = {"model": model, "messages": [{"role": "user", "content": question}], maximum: most}
    if stream and dialect == "openai":
        return {**asked, "stream": True, "stream_options": {"include_usage": True}}
    return {**asked, "stream": True} if stream else asked


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(dialect: str, said: dict[str, Any]) -> tuple[str, str]:
    """The words of a whole answer, and the name that it gives the model; empty where it has neither."""
    try:
        if dialect == "google":
            parts = said["candidates"][0]["content"]["parts"]
            return "".join(part.get("text", "") for part in parts), str(said.get("modelVersion", ""))
        name = str(said.get("model", ""))
        if dialect == "anthropic":
            return "".join(part.get("text", "") for part in said["content"]), name
        return str(said["choices"][0]["message"].get("content") or ""), name
    except (AttributeError, LookupError, TypeError):
        return "", ""
