"""What a lease tells its holder about itself, and about nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from seatrial.custody.access_log import Ending
from seatrial.custody.budget import Call, Reservation
from support.custody import LIMITS, MODEL, OWNER, SUBMISSION, Served, gateway
from support.providers import KEY, provider


def asked(served: Served, token: str | None = None, path: str = "/lease", method: str = "GET") -> httpx.Response:
    headers = {"x-api-key": served.token if token is None else token}
    return httpx.request(method, served.url + path, headers=headers, timeout=20)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "google"])
def test_a_lease_tells_its_scope_its_end_its_limits_and_what_is_spent(dialect: str) -> None:
    with provider(dialect) as there, gateway(there, models=("m-1", "m-9")) as served:
        held = served.leases.reserve(served.lease.id, Call(MODEL, 100, 50), datetime.now(UTC))
        assert isinstance(held, Reservation)
        answer = asked(served)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["dialect"], told["submission"], told["purpose"]) == (dialect, SUBMISSION, "evaluate")
        assert told["models"] == ["m-1", "m-9"]
        assert told["limits"]["max_output_per_request"] == LIMITS.max_output_per_request
        assert datetime.fromisoformat(told["ends"]) == served.lease.expires
        assert (told["spent"]["requests"], told["held"]["output_tokens"], told["open_calls"]) == (0, 50, 1)
        (row,) = served.rows
        assert (row.path, row.ending, row.output_tokens) == ("lease", Ending.WHOLE, 0)
        assert there.requests == []


def test_hours_that_run_bring_its_end_nearer() -> None:
    with provider("openai") as there, gateway(there) as served:
        first = datetime.now(UTC)
        token = served.issue(2, limits=replace(LIMITS, max_hours=1), expires=first + timedelta(days=1))
        served.leases.reserve(f"lea_{2:032x}", Call(MODEL, 1, 1), first)
        assert datetime.fromisoformat(asked(served, token).json()["ends"]) == first + timedelta(hours=1)


def test_it_tells_nothing_of_others() -> None:
    with provider("openai") as there, gateway(there) as served:
        others = {"issuer": "issuer-person", "countersigner": "counter-person", "attempt": "attempt-7"}
        token = served.issue(2, content_owners=(OWNER,), **others)
        served.issue(3, models=("m-secret",))
        answer = asked(served, token)
        text = answer.text + str(answer.headers)
        assert answer.status_code == 200
        for secret in (
            *others.values(),
            OWNER,
            KEY,
            "m-secret",
            f"lea_{3:032x}",
            served.token,
            token,
            served.lease.token_digest,
        ):
            assert secret not in text
        assert there.url.removeprefix("http://") not in text
        assert set(json.loads(answer.text)) == {"dialect", "lease", "submission", "purpose", "models", "not_before",
                                                "ends", "limits", "spent", "held", "open_calls"}  # fmt: skip


def test_it_is_told_to_a_lease_that_holds_and_to_no_other() -> None:
    now = datetime.now(UTC)
    with provider("openai") as there, gateway(there) as served:
        late = served.issue(2, not_before=now - timedelta(hours=2), expires=now - timedelta(hours=1))
        revoked = served.issue(3)
        served.leases.revoke(f"lea_{3:032x}", now)
        judge = served.issue(4, purpose="judge", content_owners=None)
        tokens = ("", "none", KEY, served.token[:-1] + "!", late, revoked)
        assert [asked(served, token).status_code for token in tokens] == [401] * 6
        assert asked(served, judge).status_code == 422
        assert httpx.get(served.url + "/lease").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/lease", 405),
        ("DELETE", "/lease", 405),
        ("HEAD", "/lease", 405),
        ("GET", "/lease?lease=lea_00000000000000000000000000000002", 400),
        ("GET", "/lease/lea_00000000000000000000000000000002", 404),
        ("GET", "/lease/", 404),
        ("GET", "/Lease", 404),
        ("GET", "/v1/lease", 404),
        ("GET", "/%6cease", 404),
    ],
)
def test_its_path_has_one_spelling(method: str, path: str, status: int) -> None:
    with provider("openai") as there, gateway(there) as served:
        assert asked(served, path=path, method=method).status_code == status
        assert there.requests == []
