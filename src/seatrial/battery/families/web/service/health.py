"""Asks the site what its visitors ask, by the operator's own listener; exit 0 when every answer is as expected."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path
from typing import Any

WAIT_S = 4.0


def ask(port: int, call: dict[str, Any], kept: dict[str, str]) -> str:
    """Make one request; says what is wrong with the answer, or nothing."""
    headers = {"Connection": "close", **call["headers"]}
    if call["actor"]:
        headers["X-Act-As"] = call["actor"]
    path, body = call["path"], call["body"]
    for name, value in kept.items():
        path, body = path.replace(f"<<{name}>>", value), body.replace(f"<<{name}>>", value)
        headers = {key: text.replace(f"<<{name}>>", value) for key, text in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request(call["method"], path, body.encode(), headers)
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", "replace")
    finally:
        connection.close()
    if reply.status != call["status"]:
        return f"status {reply.status}, not {call['status']}"
    whole = text + "".join(f"\n{key}: {value}" for key, value in reply.getheaders())
    for wanted in call["holds"]:
        if wanted not in whole:
            return f"lacks {wanted!r}"
    for unwanted in call["lacks"]:
        if unwanted in whole:
            return f"holds {unwanted!r}"
    for name, (before, after) in call["keeps"].items():
        kept[name] = whole.partition(before)[2].partition(after)[0]
    return ""


def main() -> int:
    """Every call in turn."""
    port = int(sys.argv[1])
    calls = json.loads((Path(__file__).resolve().parent / "calls.json").read_text())
    wrong, kept = [], dict[str, str]()
    for call in calls:
        try:
            trouble = ask(port, call, kept)
        except (OSError, http.client.HTTPException) as error:
            trouble = f"{type(error).__name__}: {error}"
        if trouble:
            wrong.append(f"{call['name']}: {trouble}")
            if len(wrong) > 9 or "Error" in trouble or "timed out" in trouble:
                break
    sys.stdout.write("".join(line + "\n" for line in wrong) or f"{len(calls)} as expected\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
