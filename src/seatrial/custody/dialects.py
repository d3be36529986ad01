"""The three shapes of request that the gateway carries, read so strictly that nothing escapes budget and log.

- Paths are a closed list and compared byte for byte: no decoding, so no trick of encoding reaches another path.
- A body is UTF-8 JSON whose names stand once each; fields, parts and tools are closed lists. What is not carried is
  refused with its name: content that lies elsewhere (files, URLs, earlier answers), tools that the endpoint runs by
  itself, pictures and sound (their tokens are not bounded by their bytes), priced extras.
- The body is forwarded as it came; what was checked here is what the endpoint reads.
- An error has the dialect's own shape, so that its clients show the code and the message.

>>> route("openai", "POST", b"/v1/chat/completions", b"").name
'chat/completions'
>>> asked(route("openai", "POST", b"/v1/chat/completions", b""), b'{"model": "m", "max_tokens": 9, "messages": []}')
Asked(model='m', max_output_tokens=9, choices=1)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.custody import carried

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A model's name where it stands in a path."""

_GOOGLE_CALL = re.compile(
    rb"/v1beta/models/([A-Za-z0-9][A-Za-z0-9._-]{0,127}):(generateContent|streamGenerateContent|countTokens)"
)
_GOOGLE_QUERY = {"streamGenerateContent": {b"alt=sse"}}


class NotCarried(Exception):
    """A request that is not forwarded: status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@dataclass(frozen=True, slots=True)
class Route:
    """What a path means: its name in the log, the path below the endpoint's base URL, and the model in it if any."""

    dialect: str
    name: str
    suffix: str
    model: str = ""
    own: bool = False
    """The gateway answers it by itself: `models` or `lease`."""
    counting: bool = False
    """It counts tokens and has no output."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request would use at most."""

    model: str
    max_output_tokens: int | None
    choices: int = 1


_POSTS = {
    ("openai", b"/v1/chat/completions"): Route("openai", "chat/completions", "/chat/completions"),
    ("openai", b"/v1/responses"): Route("openai", "responses", "/responses"),
    ("openai", b"/v1/completions"): Route("openai", "completions", "/completions"),
    ("anthropic", b"/v1/messages"): Route("anthropic", "messages", "/v1/messages"),
    ("anthropic", b"/v1/messages/count_tokens"): Route(
        "anthropic", "messages/count_tokens", "/v1/messages/count_tokens", counting=True
    ),
}
LEASE_PATH = b"/lease"
"""The one path that is no dialect's: what a lease's holder may know of it."""
_LISTS = {"openai": b"/v1/models", "anthropic": b"/v1/models", "google": b"/v1beta/models"}
_QUERIES = {"anthropic": {b"beta=true"}}


def route(dialect: str, method: str, raw_path: bytes, query: bytes) -> Route:
    """The route of a request as its bytes stand in the request line. Raises `NotCarried` (404, 405, 400)."""
    if raw_path == _LISTS[dialect]:
        _only(method, "GET")
        return Route(dialect, "models", "", own=True)
    if raw_path == LEASE_PATH:
        _only(method, "GET")
        if query:
            raise NotCarried(400, "query_not_carried", "this path has no query")
        return Route(dialect, "lease", "", own=True)
    found = _google(raw_path) if dialect == "google" else _POSTS.get((dialect, raw_path))
    if found is None:
        raise NotCarried(404, "path_not_carried", "the gateway carries no such path for this submission's dialect")
    _only(method, "POST")
    allowed = _QUERIES.get(dialect, set())
    if dialect == "google":
        allowed = _GOOGLE_QUERY.get(found.name.rpartition(":")[2], set())
    if query not in (allowed if found.name.endswith("streamGenerateContent") else allowed | {b""}):
        raise NotCarried(400, "query_not_carried", "a query is not carried here; streamGenerateContent needs ?alt=sse")
    return found


def _google(raw_path: bytes) -> Route | None:
    match = _GOOGLE_CALL.fullmatch(raw_path)
    if match is None:
        return None
    model, verb = match[1].decode(), match[2].decode()
    query = "?alt=sse" if verb == "streamGenerateContent" else ""
    suffix = f"/v1beta/models/{model}:{verb}{query}"
    return Route("google", f"models:{verb}", suffix, model, counting=verb == "countTokens")


def _only(method: str, wanted: str) -> None:
    if method != wanted:
        raise NotCarried(405, "method_not_carried", f"this path is for {wanted} only")


def guess(raw_path: bytes, names: Iterable[bytes]) -> str:
    """Which dialect an error is told in when no lease says: by the header that carried a token, else by the path."""
    if b"x-goog-api-key" in names or raw_path.startswith(b"/v1beta"):
        return "google"
    if b"x-api-key" in names or b"anthropic-version" in names or raw_path.startswith(b"/v1/messages"):
        return "anthropic"
    return "openai"


def read(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises `NotCarried`: other encodings, a name twice, NaN, or too deep."""
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        detail = str(error) if isinstance(error, _Unclear) else "the body is not UTF-8 JSON"
        raise NotCarried(400, "body_unreadable", detail) from None
    if not isinstance(found, dict):
        raise NotCarried(400, "body_unreadable", "the body is not a JSON object")
    return found


class _Unclear(ValueError):
    """JSON that two readers may read differently."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unclear("a name stands twice in one object of the body; two readers could differ on which one counts")
    return found


def _no_constant(_: str) -> None:
    raise _Unclear("NaN and Infinity are not JSON")


def asked(on: Route, body: bytes) -> Asked:
    """What a body asks for on a route. Raises `NotCarried` for anything that the gateway does not carry."""
    fields = read(body)
    try:
        carried.check(on.name, fields)
    except carried.Refused as error:
        raise NotCarried(400, error.code, str(error)) from None
    if on.dialect == "google":
        return _asked_google(on, fields)
    model = fields.get("model")
    if not isinstance(model, str):
        raise NotCarried(400, "model_unstated", "name a model")
    if on.counting:
        return Asked(model, 1)
    return Asked(model, _most(fields, *_MAXIMA[on.name]), _choices(on.name, fields))


_MAXIMA = {
    "chat/completions": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "completions": ("max_tokens",),
    "messages": ("max_tokens",),
}


def _asked_google(on: Route, fields: dict[str, Any]) -> Asked:
    config = carried.camel(fields).get("generationConfig") or {}
    if on.counting:
        return Asked(on.model, 1)
    config = carried.camel(config)
    return Asked(on.model, _most(config, "maxOutputTokens"), _most(config, "candidateCount") or 1)


def _choices(name: str, fields: dict[str, Any]) -> int:
    many = max(_most(fields, "n") or 1, _most(fields, "best_of") or 1)
    prompts = fields.get("prompt")
    if name == "completions" and isinstance(prompts, list) and prompts and not isinstance(prompts[0], int):
        many *= len(prompts)
    return many


def _most(fields: dict[str, Any], *names: str) -> int | None:
    """The largest of the stated numbers; None where none is stated."""
    stated = [fields[name] for name in names if fields.get(name) is not None]
    for value in stated:
        if type(value) is not int or not 0 < value < 2**31:
            raise NotCarried(400, "number_unreadable", f"{' or '.join(names)}: a whole number of at least 1 is needed")
    return max(stated, default=None)


_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OPENAI = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_body(dialect: str, status: int, code: str, message: str) -> dict[str, Any]:
    """An error as the dialect's clients read it; `code` is there in all of them."""
    if dialect == "google":
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "seatrial"}
        return {
            "error": {
                "code": status,
                "message": f"{code}: {message}",
                "status": _GOOGLE.get(status, "FAILED_PRECONDITION" if status < 500 else "INTERNAL"),
                "details": [info],
            }
        }
    usual = "invalid_request_error" if status < 500 else "api_error"
    table = _ANTHROPIC if dialect == "anthropic" else _OPENAI
    error: dict[str, Any] = {"type": table.get(status, usual), "code": code, "message": f"{code}: {message}"}
    return {"type": "error", "error": error} if dialect == "anthropic" else {"error": {**error, "param": None}}


def error_event(dialect: str, status: int, code: str, message: str) -> bytes:
    """The same inside a stream that has begun, after whatever was cut."""
    name = b"event: error\n" if dialect == "anthropic" else b""
    return b"\n\n" + name + b"data: " + json.dumps(error_body(dialect, status, code, message)).encode() + b"\n\n"


def listing(dialect: str, models: Iterable[str]) -> dict[str, Any]:
    """The answer to a request for models: those of the lease, and no other that the endpoint may have."""
    names = tuple(models)
    if dialect == "google":
        verbs = ["generateContent", "streamGenerateContent", "countTokens"]
        return {"models": [{"name": f"models/{name}", "supportedGenerationMethods": verbs} for name in names]}
    if dialect == "anthropic":
        rows: list[dict[str, Any]] = [
            {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"} for name in names
        ]
        return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "developer"} for name in names]
    return {"object": "list", "data": rows}
