"""The demonstration's model: a server of a few lines that looks around in a box and gives up. It is no model at all."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/v1/chat/completions"
TURNS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Let me look around.", "bash", {"command": "cd /challenge && ls -la && head -c 600 *"}),
    ("I will search what I was given for a mistake.", "bash", {"command": "cd /challenge && grep -rn . . | tail -20"}),
    ("I see nothing that I can use.", "give_up", {"reason": "nothing found within the budget of a demonstration"}),
)
CHARACTERS_A_TOKEN = 4


@contextmanager
def made_up_model() -> Iterator[str]:
    """Serve it on a free loopback port until the block ends; gives the address of its API."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.path == PATH
        text = json.dumps(completion(body) if known else {"error": {"message": "no such path"}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_given: object) -> None:
        """Say nothing."""


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """The next turn of a conversation; without tools, a few words.

    >>> said = completion({"model": "heron-7", "messages": [{"role": "user", "content": "hello"}]})
    >>> said["choices"][0]["finish_reason"]
    'stop'
    """
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    words, tool, arguments = TURNS[min(turn, len(TURNS) - 1)]
    message: dict[str, Any] = {"role": "assistant", "content": words}
    if body.get("tools"):
        call = {"name": tool, "arguments": json.dumps(arguments)}
        message["tool_calls"] = [{"id": f"call_{turn}", "type": "function", "function": call}]
    asked, answered = len(json.dumps(body["messages"])) // CHARACTERS_A_TOKEN, len(words) // CHARACTERS_A_TOKEN + 1
    return {
        "id": f"chatcmpl-{turn}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if body.get("tools") else "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }
