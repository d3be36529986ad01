"""The promises of the house, each as a test that fails when somebody breaks it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import seatrial
from seatrial.battery.verdict import Outcome
from seatrial.cli import main
from seatrial.evaluation import campaign
from seatrial.evaluation.campaign import Request
from seatrial.evaluation.plan import ReviewPlan
from seatrial.evaluation.rows import COLUMNS
from seatrial.report import published_schema
from seatrial.sandbox import BoxSpec, NotSealed, SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(seatrial.__file__).parent
# Words of permission and verdict: no state, field, verb or option may carry one. "clear" as in clearing a buffer is
# looked for as a word of its own, not inside others.
VERDICTS = re.compile(
    r"(?:^|[_\s-])(?:approv\w*|licen[cs]\w*|certif\w*|clear(?:ed|ance)?|pass(?:ed|es)?|fail(?:ed|s|ure)?|"
    r"permit\w*|block(?:ed|s)?|releas(?:e|ed)_?(?:gate|approval|allowed))(?:$|[_\s-])",
    re.IGNORECASE,
)


def commands(group: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, f"{path} {name}".strip())


def keys(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from keys(item, path)


def test_voluntary_no_verb_or_option_allows_or_refuses_anything() -> None:
    names = []
    for path, command in commands(main):
        names += path.split()
        names += [option.name or "" for option in command.params]
    assert len(names) > 40
    assert [name for name in names if VERDICTS.search(name)] == []


def test_voluntary_no_state_or_field_is_a_verdict_on_a_release() -> None:
    properties = set(keys(published_schema().get("properties", {}))) | set(keys(published_schema().get("$defs", {})))
    words = {*COLUMNS, *ReviewPlan.model_fields, *(outcome.value for outcome in Outcome), *properties}
    assert len(words) > 60
    assert sorted(word for word in words if VERDICTS.search(word)) == []


def test_the_vocabulary_check_can_see() -> None:
    for word in ("approved", "release_cleared", "licence_number", "passed", "fail", "release_gate", "blocked"):
        assert VERDICTS.search(word), word
    for word in ("clearinghouse", "unsolved", "password", "passive", "blockchain", "compass"):
        assert not VERDICTS.search(word), word


class _OpenBoundary(SealedBoxes):
    """Boxes behind a boundary that a probe finds open."""

    def open(self, spec: BoxSpec) -> Any:  # noqa: ANN401 - never returns
        raise NotSealed(f"network.outside is open on {spec.hostname}")


def test_sealed_an_open_boundary_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "SealedBoxes", _OpenBoundary)
    request = Request(participants=("null",), tier="ci", families=("memfind",), levels=(1,), seed="open")
    with pytest.raises(NotSealed, match="open"):
        campaign.prepare(request, tmp_path / "run", lambda _: None)
    assert not (tmp_path / "run" / "plan.digest").exists()
    assert list((tmp_path / "run" / "logs").iterdir()) == []


def test_sealed_no_room_opens_boxes_past_the_preflight() -> None:
    """Only the sandbox room knows engines; everybody else goes through `SealedBoxes`."""
    reaching = re.compile(r"seatrial\.sandbox\.(?:engine|embedded)\b|\bchoose\(|EmbeddedEngine")
    for room in ("battery", "evaluation", "report", "measurement"):
        for path in (SOURCE / room).rglob("*.py"):
            assert not reaching.search(path.read_text()), path


def test_no_number_without_its_error() -> None:
    """Whatever the published schema calls an estimate has all that makes it one, and may have nothing else."""
    schema = published_schema()
    estimate = schema["$defs"]["EstimateRecord"]
    assert {"estimand", "value", "interval", "level", "method", "n", "families", "budget"} <= set(estimate["required"])
    assert estimate["additionalProperties"] is False


def test_the_package_opens_no_connection_of_its_own() -> None:
    """No telemetry and no update check: nothing but the address that the user names is ever called."""
    calling = re.compile(r"^\s*(?:import|from) (?:requests|httpx|aiohttp|urllib\.request|http\.client)\b", re.MULTILINE)
    allowed = {
        "battery/families",  # services and solvers of challenges, which run inside boxes
        "cli/half.py",  # the gateway that the developer names
        "cli/weights.py",  # the receiver of weights that the developer names
        "custody/inference.py",  # the inference server that it has started itself, on loopback
        "custody/upload_client.py",  # the receiver of weights again
        "evaluation/endpoint_sanity.py",  # the gateway of the lease
        "evaluation/submission.py",  # the same
        "portal/identity/oidc.py",  # the identity providers that the operator registers
        "portal/pages/oidc.py",  # its errors
        "cli/remote.py",  # the portal that the user names
        "ledger/post.py",  # the witnesses that the policy names
    }
    for path in SOURCE.rglob("*.py"):
        if any(str(path.relative_to(SOURCE)).startswith(part) for part in allowed):
            continue
        assert not calling.search(path.read_text()), path


def test_the_published_schema_is_json() -> None:
    assert json.loads(json.dumps(published_schema()))["$schema"].startswith("https://json-schema.org/")
