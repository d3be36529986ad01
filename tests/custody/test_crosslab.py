"""The rule between developers: unknown is no, at the issue and at each call."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.custody.crosslab import PURPOSES, READS_OTHERS, may_call, may_send, readers
from support.custody import MODEL, OWNER, gateway
from support.providers import provider

LABS = st.sampled_from(["lab-a", "lab-b", "lab-c", ""])
OWNERS = st.none() | st.frozensets(LABS)


@given(OWNERS, st.none() | LABS)
def test_text_goes_to_its_one_owner_and_to_nobody_else(owners: frozenset[str] | None, receiver: str | None) -> None:
    allowed = may_send(owners, receiver).allowed
    assert allowed == (owners is not None and bool(receiver) and owners <= {receiver})


@given(st.sampled_from([*sorted(PURPOSES), "train", "", "Judge"]), OWNERS, st.none() | LABS)
def test_a_lease_that_reads_others_states_whose_words_they_are(
    purpose: str, owners: frozenset[str] | None, receiver: str | None
) -> None:
    decision = may_call(purpose, owners, receiver)
    if purpose not in PURPOSES:
        assert not decision.allowed
    elif purpose in READS_OTHERS or owners is not None:
        assert decision.allowed == may_send(owners, receiver).allowed
    assert decision.allowed != bool(decision.why)


@given(st.lists(st.none() | st.frozensets(LABS)))
def test_readers_are_those_of_every_model(models: list[frozenset[str] | None]) -> None:
    found = readers(models)
    if None in models or not models:
        assert found == frozenset()
    else:
        assert all(found <= these for these in models if these is not None)


@pytest.mark.parametrize(
    ("purpose", "owners", "status"),
    [
        ("judge", None, 422),
        ("judge", ("lab-other",), 422),
        ("judge", (OWNER, "lab-other"), 422),
        ("judge", (OWNER,), 200),
        ("evaluate", None, 200),
        ("evaluate", ("lab-other",), 422),
        ("train", (OWNER,), 422),
    ],
)
def test_the_gateway_holds_each_call_to_it(purpose: str, owners: tuple[str, ...] | None, status: int) -> None:
    body = {"model": MODEL, "max_tokens": 5, "messages": []}
    with provider("openai") as there, gateway(there, purpose=purpose, content_owners=owners) as served:
        headers = {"authorization": f"Bearer {served.token}"}
        answer = httpx.post(f"{served.url}/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == status
        assert len(there.requests) == (status == 200)
        assert "lab-" not in answer.text
