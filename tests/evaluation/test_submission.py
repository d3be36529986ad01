"""A review through a real gateway: the worker holds a lease, the endpoint sees the key, withdrawal is no failure."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.custody.access_log import Ending
from seatrial.custody.lease import LeaseToken
from seatrial.custody.secret import Secret
from seatrial.evaluation import campaign
from seatrial.evaluation.request import Request
from seatrial.evaluation.rundir import RunError
from seatrial.evaluation.submission import Access
from support.calls import calls
from support.custody import MODEL, SUBMISSION, Served, gateway
from support.endpoint import Fault, Messages, Mind, Say, endpoint
from support.minds import Solver, instance_of
from support.providers import KEY, Provider, provider

SEED, FAMILY = "journey", "memfind"


@contextmanager
def reached(mind: Mind) -> Iterator[tuple[Served, Access, set[str]]]:
    with endpoint(mind) as there, gateway(Provider("openai", there.url.removesuffix("/v1"))) as served:
        yield served, Access(SUBMISSION, "openai", served.url, Secret(served.token.encode()), 2048), there.keys


def request(access: Access) -> Request:
    asked = Request(model="m-1", alias="alpha", participants=("null",), families=(FAMILY,), levels=(1,), seed=SEED)
    return access.asked(asked)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "samples.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["participant"] == "alpha"]


@pytest.mark.slow
def test_a_review_runs_through_the_gateway_and_the_key_stays_there(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with reached(Solver(instance_of(SEED, FAMILY, 1))) as (served, access, keys):
        plan = campaign.prepare(request(access), out, lambda _: None, access=access)
        assert (plan.submission, plan.lease_digest) == (SUBMISSION, access.lease_digest)
        with pytest.raises(RunError, match="carry on with --submission"):
            campaign.execute(out, lambda _: None)
        assert campaign.execute(out, lambda _: None, access=access) == "finished"
        assert keys == {f"Bearer {KEY}"}
        assert [row["outcome"] for row in rows(out)] == ["solved"]
        spent = sum(row.input_tokens + row.output_tokens for row in served.rows)
        assert spent == json.loads((out / "run.json").read_text())["spend"]["tokens"] > 0
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert KEY.encode() not in content
            assert served.token.encode() not in content


@pytest.mark.slow
def test_a_withdrawal_in_the_middle_ends_the_review_as_withdrawn_and_fails_nothing(tmp_path: Path) -> None:
    out, first = tmp_path / "run", threading.Event()

    def slow(messages: Messages, number: int) -> Say | Fault:  # noqa: ARG001 - a mind's signature
        first.set()
        return Fault(200, hang=True)

    with reached(slow) as (served, access, _):
        campaign.prepare(request(access), out, lambda _: None, access=access)

        def withdrawing() -> None:
            first.wait(60)
            served.leases.end_scope(SUBMISSION, datetime.now(UTC))

        threading.Thread(target=withdrawing).start()
        assert campaign.execute(out, lambda _: None, access=access) == "stopped"
    assert "withdrawn (owner: developer)" in json.loads((out / "run.json").read_text())["stops"][-1]["reason"]
    assert {row["outcome"] for row in rows(out)} <= {"censored"}
    assert all(row["score"] == "" for row in rows(out))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["anthropic", "google"])
def test_a_small_review_in_another_dialect(dialect: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with provider(dialect) as there, gateway(there) as served:
        access = Access.through(SUBMISSION, MODEL, served.url, Secret(served.token.encode()))
        campaign.prepare(replace(request(access), limit_turns=2), out, lambda _: None, access=access)
        assert campaign.execute(out, lambda _: None, access=access) == "finished"
        assert [(row["outcome"], row["status"], row["turns"]) for row in rows(out)] == [("unsolved", "budget", "2")]
        called = [row for row in served.rows if row.path != "lease"]
        assert {(row.status, row.ending) for row in called} == {(200, Ending.WHOLE)}
    assert {call.id for call in calls(out, "alpha")} == {row.call for row in called}
    key = {"anthropic": "x-api-key", "google": "x-goog-api-key"}[dialect]
    assert {headers[key] for _, headers, _ in there.requests} == {KEY}


def test_the_plan_knows_the_lease_and_not_its_token() -> None:
    token = LeaseToken.new("lea_" + "1" * 32)
    access = Access(SUBMISSION, "anthropic", "http://127.0.0.1:1", token.secret, 9)
    assert access.lease_digest == f"sha256:{token.digest}"
    assert access.base_url == "http://127.0.0.1:1"
    assert token.secret.reveal().decode() not in repr(access)
    assert request(access).model == "anthropic/m-1"


def test_without_googles_client_a_review_of_its_dialect_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(SUBMISSION, "google", "http://127.0.0.1:1", LeaseToken.new("lea_" + "1" * 32).secret, 9)
    monkeypatch.setattr("seatrial.evaluation.submission.find_spec", lambda _: None)
    with pytest.raises(RunError, match="pip install google-genai"):
        request(access)
    monkeypatch.setattr("seatrial.evaluation.submission.find_spec", lambda name: name)
    assert request(access).model == "google/m-1"
