"""Each dialect's own clients through the gateway, and what its requests may hold."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.custody import dialects
from seatrial.custody.dialects import NotCarried, asked, route
from seatrial.custody.usage import HELD_BYTES, UsageReader
from support.custody import MODEL, gateway
from support.providers import INPUT, OUTPUT, WORDS, provider

SAID = "".join(WORDS)
USER = [{"role": "user", "content": "Which port?"}]


def test_openai_client() -> None:
    with provider("openai") as there, gateway(there) as served:
        client = openai.OpenAI(api_key=served.token, base_url=served.base_url, max_retries=0)
        whole = client.chat.completions.create(model=MODEL, messages=USER, max_completion_tokens=9)  # type: ignore[call-overload]
        assert whole.choices[0].message.content == SAID
        chunks = client.chat.completions.create(model=MODEL, messages=USER, max_tokens=9, stream=True)  # type: ignore[call-overload]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
        done = client.responses.create(model=MODEL, input="Which port?", max_output_tokens=9)
        assert done.output_text == SAID
        with client.responses.create(model=MODEL, input="Which port?", max_output_tokens=9, stream=True) as stream:
            assert "".join(event.delta for event in stream if event.type == "response.output_text.delta") == SAID
        plain = client.completions.create(model=MODEL, prompt=["a", "b"], max_tokens=9)
        assert plain.choices[0].text == SAID
        assert [model.id for model in client.models.list()] == [MODEL]
        spent = [(row.path, row.input_tokens, row.output_tokens) for row in served.rows]
        usual = (INPUT, OUTPUT)
        assert spent[0] == ("chat/completions", *usual)
        assert spent[1][2] == 9  # no usage was asked for: the reservation stands
        assert spent[2:5] == [("responses", *usual), ("responses", *usual), ("completions", *usual)]
        with pytest.raises(openai.AuthenticationError, match="lease_unknown"):
            openai.OpenAI(api_key="sk-none", base_url=served.base_url).models.list()
        with pytest.raises(openai.BadRequestError, match="maximum_output_unstated"):
            client.chat.completions.create(model=MODEL, messages=USER)  # type: ignore[call-overload]


def test_anthropic_client() -> None:
    with provider("anthropic") as there, gateway(there) as served:
        client = anthropic.Anthropic(api_key=served.token, base_url=served.base_url, max_retries=0)
        whole = client.messages.create(model=MODEL, messages=USER, max_tokens=9)  # type: ignore[arg-type]
        assert whole.content[0].text == SAID  # type: ignore[union-attr]
        with client.messages.stream(model=MODEL, messages=USER, max_tokens=9) as stream:  # type: ignore[arg-type]
            assert "".join(stream.text_stream) == SAID
        counted = client.messages.count_tokens(model=MODEL, messages=USER)  # type: ignore[arg-type]
        assert counted.input_tokens == INPUT
        assert [model.id for model in client.models.list()] == [MODEL]
        assert [(row.input_tokens, row.output_tokens) for row in served.rows[:2]] == [(INPUT, OUTPUT)] * 2
        assert {headers["x-api-key"] for _, headers, _ in there.requests} != {served.token}
        with pytest.raises(anthropic.PermissionDeniedError, match="model_not_in_lease"):
            client.messages.create(model="m-2", messages=USER, max_tokens=9)  # type: ignore[arg-type]


GOOGLE = {"contents": [{"role": "user", "parts": [{"text": "Which port?"}]}]}


def test_google_requests() -> None:
    with provider("google") as there, gateway(there) as served:
        client = httpx.Client(base_url=f"{served.url}/v1beta/", headers={"x-goog-api-key": served.token})
        body = {**GOOGLE, "generation_config": {"max_output_tokens": 9, "candidateCount": 1}}
        whole = client.post(f"models/{MODEL}:generateContent", json=body).json()
        assert whole["candidates"][0]["content"]["parts"][0]["text"] == SAID
        counted = client.post(f"models/{MODEL}:countTokens", json=GOOGLE)
        assert counted.json() == {"totalTokens": INPUT}
        listed = client.get("models").json()["models"]
        assert [model["name"] for model in listed] == [f"models/{MODEL}"]
        assert (served.rows[0].input_tokens, served.rows[0].output_tokens) == (INPUT, OUTPUT)
        unstated = client.post(f"models/{MODEL}:generateContent", json=GOOGLE).json()["error"]
        assert (unstated["code"], unstated["status"]) == (400, "INVALID_ARGUMENT")
        assert unstated["details"][0]["reason"] == "maximum_output_unstated"
        plain = client.post(f"models/{MODEL}:streamGenerateContent", json=body).json()["error"]
        assert plain["details"][0]["reason"] == "query_not_carried"
        keyed = client.post(f"models/{MODEL}:generateContent?key={served.token}", json=body)
        assert keyed.status_code == 400


ANTHROPIC = {"model": MODEL, "max_tokens": 9, "messages": USER}
OPENAI = {"model": MODEL, "max_output_tokens": 9, "input": "hello"}


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("messages", {**ANTHROPIC, "mcp_servers": []}, "field_not_carried"),
        ("messages", {**ANTHROPIC, "container": "c"}, "field_not_carried"),
        ("messages", {**ANTHROPIC, "tools": [{"type": "web_search_20250305", "name": "w"}]}, "tool_not_carried"),
        ("messages", {**ANTHROPIC, "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
         "content_not_carried"),
        ("messages", {**ANTHROPIC, "messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document"}]}]}]}, "content_not_carried"),
        ("responses", {**OPENAI, "previous_response_id": "r"}, "field_not_carried"),
        ("responses", {**OPENAI, "conversation": "c"}, "field_not_carried"),
        ("responses", {**OPENAI, "background": True}, "field_not_carried"),
        ("responses", {**OPENAI, "input": [{"type": "item_reference", "id": "i"}]}, "content_not_carried"),
        ("responses", {**OPENAI, "input": [{"type": "reasoning", "id": "i"}]}, "content_not_carried"),
        ("responses", {**OPENAI, "tools": [{"type": "code_interpreter"}]}, "tool_not_carried"),
        ("google", {**GOOGLE, "cachedContent": "c"}, "field_not_carried"),
        ("google", {**GOOGLE, "cached_content": "c"}, "field_not_carried"),
        ("google", {**GOOGLE, "tools": [{"google_search": {}}]}, "tool_not_carried"),
        ("google", {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]}, "content_not_carried"),
        ("google", {"contents": [{"parts": [{"inline_data": {"data": "AA"}}]}]}, "content_not_carried"),
        ("google", {**GOOGLE, "generationConfig": {}, "generation_config": {}}, "body_unreadable"),
    ],
)  # fmt: skip
def test_what_escapes_budget_or_log_is_refused(name: str, body: dict[str, Any], code: str) -> None:
    with pytest.raises(NotCarried) as refused:
        asked(ROUTES[name], json.dumps(body).encode())
    assert (refused.value.status, refused.value.code) == (400, code)


ROUTES = {
    "messages": route("anthropic", "POST", b"/v1/messages", b"beta=true"),
    "responses": route("openai", "POST", b"/v1/responses", b""),
    "chat": route("openai", "POST", b"/v1/chat/completions", b""),
    "google": route("google", "POST", b"/v1beta/models/m-1:generateContent", b""),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["model", "messages", "max_tokens", "n", "tools", "input", "contents", "generationConfig", "system", "stream"]
)


@given(st.sampled_from(sorted(ROUTES)), st.dictionaries(NAMES, JSON, max_size=6) | JSON)
def test_whatever_is_asked_it_is_read_or_refused_in_words(name: str, body: object) -> None:
    try:
        want = asked(ROUTES[name], json.dumps(body).encode())
    except NotCarried as refused:
        assert refused.status == 400  # noqa: PT017 - either outcome is right, no other is
    else:
        assert want.choices >= 1
        assert want.max_output_tokens is None or want.max_output_tokens >= 1


@given(st.binary(max_size=80), st.binary(max_size=12), st.sampled_from(["openai", "anthropic", "google"]))
def test_no_path_but_those_of_the_list(path: bytes, query: bytes, dialect: str) -> None:
    with pytest.raises(NotCarried):
        route(dialect, "POST", path, query)


@given(st.data())
def test_usage_is_read_however_the_stream_is_cut_into_chunks(data: st.DataObject) -> None:
    text = b'data: {"choices": []}\n\n: ping\n\ndata: {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}\n\n'
    stream = text + b"data: [DONE]\n\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = UsageReader("openai", stream=True)
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[begin:end])
    usage = reader.usage()
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)


def test_an_event_beyond_the_bound_is_not_held() -> None:
    reader = UsageReader("openai", stream=True)
    for _ in range(2 * HELD_BYTES // 65536):
        reader.feed(b"x" * 65536)
    assert len(reader._held) <= HELD_BYTES
    reader.feed(b'\ndata: {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n\n')
    assert reader.usage() is not None


def test_an_anthropic_stream_counts_only_with_its_last_figures() -> None:
    reader = UsageReader("anthropic", stream=True)
    reader.feed(b'data: {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}\n\n')
    assert reader.usage() is None


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "google"])
def test_errors_carry_their_code_in_every_dialect(dialect: str) -> None:
    body = json.dumps(dialects.error_body(dialect, 403, "budget_exhausted", "the budget is spent"))
    assert "budget_exhausted" in body
    assert json.loads(body)["error"]["message"].startswith("budget_exhausted: ")
