"""The OpenAPI document: what the shapes say, and what the door adds to every operation.

`python -m seatrial.portal.api docs/openapi.json` writes it anew; a test compares.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seatrial.portal.access import ANYBODY, Again, Operation
from seatrial.portal.errors import API, PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A service token, `sea_svc_...`."},
    "session": {"type": "apiKey", "in": "cookie", "name": "seatrial", "description": "A signed-in person's session."},
}
PROBLEM_SHAPE = {
    "type": "object",
    "title": "Problem",
    "description": "What was not done, and why (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "additionalProperties": False,
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
WORDS = {
    400: "It cannot be read.",
    401: "Nobody is signed in, or the token opens nothing.",
    403: "The token reads only; or a person has to do this; or the form token is missing.",
    404: "It is not there for whoever asks.",
    405: "The path has no such method.",
    409: "It is not possible now; `errors` say what is missing. Or the key stands for another request.",
    411: "It has no length.",
    412: "Somebody acted since the version that was read.",
    413: "It is too long.",
    415: "It is not JSON.",
    422: "It does not hold together; `errors` name the fields.",
    428: "It names no version.",
    429: "There were too many calls; `Retry-After` says how long to wait.",
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request under the same key gets its first answer, for 24 hours.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}
VERSION = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag that was read.",
    "schema": {"type": "string", "pattern": '^"?[1-9][0-9]{0,8}"?$', "examples": ['"1"']},
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    from seatrial.portal.api.root import api  # noqa: PLC0415 - rooms with rows: Django is set up by then

    made: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix=f"{API}v1/"), default=str))
    made["components"]["schemas"]["Problem"] = PROBLEM_SHAPE
    made["components"]["securitySchemes"] = SCHEMES
    made["servers"] = [{"url": "/"}]
    by_name = {one.name: one for one in operations}
    for methods in made["paths"].values():
        for method, described in methods.items():
            _complete(described, by_name[described["operationId"]], method)
    return made


def _complete(described: dict[str, Any], operation: Operation, method: str) -> None:
    """Add what the door does."""
    posted = method == "post"
    if posted and operation.again is not Again.ITSELF:
        described["parameters"].append(KEY)
    if operation.versioned:
        described["parameters"].append(VERSION)
    if posted and "requestBody" not in described:
        empty = {"type": "object", "additionalProperties": False}
        described["requestBody"] = {"content": {"application/json": {"schema": empty}}, "required": True}
    roles = "anybody" if operation.roles == ANYBODY else ", ".join(sorted(operation.roles))
    described["description"] = f"{described.get('description', described['summary'])}\n\nRoles: {roles}."
    described["security"] = [] if operation.roles == ANYBODY else [{"token": []}, {"session": []}]
    for status in _statuses(operation, posted=posted):
        shape = {"$ref": "#/components/schemas/Problem"}
        described["responses"][str(status)] = {"description": WORDS[status], "content": {PROBLEM: {"schema": shape}}}
    if "429" in described["responses"]:
        described["responses"]["429"]["headers"] = {
            "Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        }


def _statuses(operation: Operation, *, posted: bool) -> Iterator[int]:
    yield from (404, 405, 409, 422, 429)
    if operation.roles != ANYBODY:
        yield from (401, 403)
    if posted:
        yield from (400, 411, 413, 415)
    if operation.versioned:
        yield from (412, 428)


def written(operations: Iterable[Operation]) -> str:
    """As the file has it."""
    return json.dumps(document(operations), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
