r"""What an endpoint says a call used, read as its answer passes by.

- Memory is bounded: of a stream at most one event is held, of a plain answer at most `HELD_BYTES`. What is larger is
  forwarded all the same; its usage then counts as missing, and the reservation stands.
- Usage counts only when the answer came to its end: a stream that was cut says nothing about what it cost.
- Cached and thinking tokens count as input and output.

>>> reader = UsageReader("openai", stream=True)
>>> reader.feed(b'data: {"choices": []}\n\ndata: {"usage": {"prompt_tokens": 3, "completion')
>>> reader.feed(b'_tokens": 4}}\n\ndata: [DONE]\n\n')
>>> reader.usage()
Usage(input_tokens=3, output_tokens=4)
"""

from __future__ import annotations

import json
import re
from typing import Any

from seatrial.custody.budget import Usage

HELD_BYTES = 4 * 1024 * 1024
"""More than any plain answer of 32,768 tokens with its log probabilities."""

_MENTIONED = re.compile(rb'"usage(Metadata)?"\s*:\s*\{')
"""Quotes inside a JSON string are escaped, so words of the model never look like this."""

_INPUT = (
    "prompt_tokens",
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "promptTokenCount",
    "toolUsePromptTokenCount",
)
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount", "thoughtsTokenCount")


class UsageReader:
    """Fed with every chunk of one answer."""

    def __init__(self, dialect: str, *, stream: bool) -> None:
        self._anthropic = dialect == "anthropic"
        self._stream = stream
        self._held = bytearray()
        self._too_large = False
        self._found: dict[str, int] = {}
        self._final = not (stream and self._anthropic)

    def feed(self, chunk: bytes) -> None:
        """Read on."""
        if not self._stream:
            self._hold(chunk)
            return
        if b"\n" not in chunk:
            self._hold(chunk)
            return
        first, *lines, rest = chunk.split(b"\n")
        self._hold(first)
        if not self._too_large:
            self._line(bytes(self._held))
        for line in lines:
            self._line(line)
        self._held.clear()
        self._too_large = False
        self._hold(rest)

    def usage(self) -> Usage | None:
        """What was used, once all has been fed; None where the endpoint did not say."""
        if self._held and not self._too_large:
            self._line(bytes(self._held)) if self._stream else self._read(bytes(self._held))
        self._held.clear()
        if not self._final or not self._found:
            return None
        return Usage(*(sum(self._found.get(name, 0) for name in names) for names in (_INPUT, _OUTPUT)))

    def _hold(self, chunk: bytes) -> None:
        if len(self._held) + len(chunk) > HELD_BYTES:
            self._too_large = True
            self._held.clear()
        if not self._too_large:
            self._held += chunk

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:") and _MENTIONED.search(line):
            self._read(line[5:])

    def _read(self, text: bytes) -> None:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        for holder in (said, *(said.get(name) for name in ("message", "response"))) if isinstance(said, dict) else ():
            if isinstance(holder, dict):
                self._take(holder.get("usage") or holder.get("usageMetadata"))
        if self._anthropic and isinstance(said, dict) and said.get("type") == "message_delta":
            self._final = True

    def _take(self, stated: Any) -> None:  # noqa: ANN401 - JSON
        """Later figures replace earlier ones: all dialects state totals."""
        if isinstance(stated, dict):
            for name in (*_INPUT, *_OUTPUT):
                value = stated.get(name)
                if type(value) is int and value >= 0:
                    self._found[name] = value
