"""Which fields, parts and tools of a request are carried; everything else is refused by its name.

Closed lists, because an unknown field may fetch content that neither the log nor the budget sees, run a tool at the
endpoint, keep what was said, or cost a price of its own. A name is refused whatever its spelling: servers differ on
upper and lower case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAMPLING = """model stream temperature top_p top_k min_p stop seed frequency_penalty presence_penalty logit_bias
    logprobs top_logprobs user metadata safety_identifier"""
_TOOLS = "tools tool_choice parallel_tool_calls"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CAMEL = re.compile(r"_([a-z0-9])")

FIELDS = {
    "chat/completions": _words(
        f"""{_SAMPLING} {_TOOLS} messages max_tokens max_completion_tokens n response_format reasoning_effort
        reasoning stream_options verbosity prompt_cache_key prompt_cache_retention functions function_call store
        modalities service_tier chat_template_kwargs repetition_penalty thinking"""
    ),
    "responses": _words(
        f"""{_SAMPLING} {_TOOLS} input instructions max_output_tokens reasoning text include store truncation
        stream_options prompt_cache_key prompt_cache_retention service_tier"""
    ),
    "completions": _words(f"{_SAMPLING} prompt max_tokens n best_of echo suffix stream_options repetition_penalty"),
    "messages": _words(
        """model messages system max_tokens stop_sequences stream temperature top_p top_k tools tool_choice thinking
        metadata service_tier output_config output_format cache_control context_management"""
    ),
    "messages/count_tokens": _words(
        "model messages system tools tool_choice thinking output_config output_format cache_control"
    ),
    "models:generateContent": _words("contents systemInstruction generationConfig safetySettings tools toolConfig"),
    "models:countTokens": frozenset(["contents"]),
}
FIELDS["models:streamGenerateContent"] = FIELDS["models:generateContent"]

GENERATION = _words(
    """temperature topP topK maxOutputTokens candidateCount stopSequences responseMimeType responseSchema
    responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs thinkingConfig"""
)
"""Of Google's generationConfig."""

GOOGLE_PARTS = _words("text thought thoughtSignature functionCall functionResponse")
OPENAI_PARTS = _words("text refusal")
ANTHROPIC_PARTS = _words("text tool_use tool_result thinking redacted_thinking")
RESPONSES_PARTS = _words("input_text output_text refusal text")
RESPONSES_ITEMS = _words(
    "message function_call function_call_output custom_tool_call custom_tool_call_output reasoning"
)
OPENAI_TOOLS = frozenset(["function", "custom"])
ANTHROPIC_TOOLS = re.compile(r"custom|(bash|text_editor|memory|computer)_[0-9]{8}")
"""Tools that the client runs; those that the endpoint runs (search, code, MCP) are not carried."""
TIERS = frozenset(["auto", "default", "standard", "standard_only", "flex"])
"""Service tiers at the dossier's prices or below."""


class Refused(Exception):
    """Something in a request that is not carried."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(name: str, fields: dict[str, Any]) -> None:
    """Refuse the body of a request on path `name` unless everything in it is carried."""
    given = camel(fields) if name.startswith("models:") else fields
    _names(given, FIELDS[name], "")
    if given.get("service_tier") not in (None, *TIERS):
        raise Refused("field_not_carried", "service_tier: this tier has a price of its own")
    _CHECKS[name](given)


def camel(fields: dict[str, Any]) -> dict[str, Any]:
    """Google's names in their first form; its servers read `max_output_tokens` and `maxOutputTokens` alike."""
    if not isinstance(fields, dict):
        raise Refused("body_unreadable", "an object is needed here")
    found = {_CAMEL.sub(lambda match: match[1].upper(), name): value for name, value in fields.items()}
    if len(found) != len(fields):
        raise Refused("body_unreadable", "a field stands in two spellings")
    return found


def _names(fields: dict[str, Any], known: frozenset[str], where: str) -> None:
    for name in fields:
        if name not in known:
            shown = name if re.fullmatch(r"[A-Za-z0-9_]{1,64}", name) else "a field of a strange name"
            raise Refused("field_not_carried", f"{where}{shown}: the gateway does not carry this field")


def _objects(value: Any, where: str) -> Iterable[dict[str, Any]]:  # noqa: ANN401 - JSON
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, dict):
            raise Refused("body_unreadable", f"{where}: a list of objects is needed")
        yield item


def _parts(content: Any, allowed: frozenset[str], where: str) -> Iterable[dict[str, Any]]:  # noqa: ANN401 - JSON
    """The parts of a content that is a text or a list of parts, each of an allowed type."""
    if content is None or isinstance(content, str):
        return
    for part in _objects(content, where):
        kind = part.get("type")
        if kind not in allowed:
            shown = kind if isinstance(kind, str) and re.fullmatch(r"[a-z0-9_]{1,48}", kind) else "a part without type"
            raise Refused("content_not_carried", f"{where}: {shown} is not carried; text and client-side tools are")
        yield part


def _chat(fields: dict[str, Any]) -> None:
    for message in _objects(fields.get("messages", []), "messages"):
        if message.get("audio") is not None:
            raise Refused("content_not_carried", "messages: audio refers to content that the gateway does not see")
        list(_parts(message.get("content"), OPENAI_PARTS, "messages"))
    if fields.get("modalities") not in (None, ["text"]):
        raise Refused("content_not_carried", "modalities: only text is carried")
    _openai_tools(fields)


def _responses(fields: dict[str, Any]) -> None:
    given = fields.get("input")
    if given is not None and not isinstance(given, str):
        for item in _objects(given, "input"):
            _responses_item(item)
    _openai_tools(fields)


def _responses_item(item: dict[str, Any]) -> None:
    kind = item.get("type", "message")
    if kind not in RESPONSES_ITEMS:
        raise Refused("content_not_carried", "input: an item of this type refers to what the gateway does not see")
    if kind == "reasoning" and not item.get("encrypted_content"):
        raise Refused("content_not_carried", "input: reasoning needs its encrypted_content; an id alone is not carried")
    list(_parts(item.get("content"), RESPONSES_PARTS | {"reasoning_text"}, "input"))
    list(_parts(item.get("output"), RESPONSES_PARTS, "input"))


def _openai_tools(fields: dict[str, Any]) -> None:
    for tool in _objects(fields.get("tools") or [], "tools"):
        if tool.get("type") not in OPENAI_TOOLS:
            raise Refused("tool_not_carried", "tools: only function and custom tools, which the client runs")


def _completions(fields: dict[str, Any]) -> None:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str | list):
        raise Refused("body_unreadable", "prompt: a text or a list is needed")


def _messages(fields: dict[str, Any]) -> None:
    for message in _objects(fields.get("messages", []), "messages"):
        for part in _parts(message.get("content"), ANTHROPIC_PARTS, "messages"):
            if part["type"] == "tool_result":
                list(_parts(part.get("content"), frozenset(["text"]), "messages: tool_result"))
    list(_parts(fields.get("system"), frozenset(["text"]), "system"))
    for tool in _objects(fields.get("tools") or [], "tools"):
        if not ANTHROPIC_TOOLS.fullmatch(str(tool.get("type") or "custom")):
            raise Refused("tool_not_carried", "tools: only tools that the client runs")


def _google(fields: dict[str, Any]) -> None:
    contents = list(_objects(fields.get("contents", []), "contents"))
    for content in (*contents, *_objects(fields.get("systemInstruction") or [], "systemInstruction")):
        given = camel(content)
        _names(given, frozenset(["role", "parts"]), "contents: ")
        for part in _objects(given.get("parts", []), "parts"):
            _google_part(camel(part))
    for tool in _objects(fields.get("tools") or [], "tools"):
        if set(camel(tool)) - {"functionDeclarations"}:
            raise Refused("tool_not_carried", "tools: only functionDeclarations, which the client runs")
    _names(camel(fields.get("generationConfig") or {}), GENERATION, "generationConfig: ")


def _google_part(part: dict[str, Any]) -> None:
    if set(part) - GOOGLE_PARTS:
        raise Refused("content_not_carried", "parts: only text, thoughts and function calls are carried")
    answer = part.get("functionResponse")
    if answer is not None and set(camel(answer)) - {"id", "name", "response"}:
        raise Refused("content_not_carried", "functionResponse: only its name, id and response are carried")


_CHECKS = {
    "chat/completions": _chat,
    "responses": _responses,
    "completions": _completions,
    "messages": _messages,
    "messages/count_tokens": _messages,
    "models:generateContent": _google,
    "models:streamGenerateContent": _google,
    "models:countTokens": _google,
}
