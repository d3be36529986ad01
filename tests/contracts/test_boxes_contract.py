"""One suite over every implementation of `Boxes`: as the user who runs the tests, and as ordinary users.

An ordinary user's boxes are made by a process of that user, which reports every check; root alone can start it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.sandbox import Boxes, SealedBoxes, Unavailable, cgroup
from support import ordinary
from support.boxchecks import CHECKS

Outcomes = dict[str, str]


@pytest.fixture(scope="module", params=["as found", "without control groups"])
def boxes(request: pytest.FixtureRequest) -> Iterator[Boxes]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "without control groups":
            patch.setattr(cgroup, "find", lambda: cgroup.Groups("rlimit", {}, []))
        try:
            sealed = SealedBoxes()
        except Unavailable as reason:
            pytest.skip(str(reason))
    with sealed:
        yield sealed


@pytest.mark.parametrize("name", CHECKS)
def test_embedded(name: str, boxes: Boxes) -> None:
    CHECKS[name](boxes)


@pytest.fixture(scope="module", params=["one id", "many ids"])
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    many = request.param == "many ids"
    reason = ordinary.missing(many=many)
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        done = ordinary.run(Path(folder), ["-m", "support.boxchecks"], many=many)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    return {line["check"]: line["error"] for line in lines}


@pytest.mark.parametrize("name", CHECKS)
def test_embedded_of_an_ordinary_user(name: str, outcomes: Outcomes) -> None:
    assert outcomes[name] == "", outcomes[name]
