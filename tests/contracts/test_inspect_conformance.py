"""Inspect's own checks of a sandbox provider, run over ours; an unexpected success of a listed exception also fails."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from inspect_ai.util._sandbox import self_check

from seatrial.evaluation.extensions._sandbox import SeatrialSandbox
from seatrial.sandbox import BoxSpec, SealedBoxes

CHECKS = {
    name: check
    for name, check in vars(self_check).items()
    if name.startswith("test_") and inspect.iscoroutinefunction(check)
}
NEEDS_USERS = {"test_exec_as_user"}  # a box with a single user has nobody to switch to


@pytest.fixture(scope="module")
def environment() -> Iterator[SeatrialSandbox]:
    with SealedBoxes() as boxes, boxes.open(BoxSpec()) as box:
        yield SeatrialSandbox(box)


def test_the_suite_is_the_one_we_know() -> None:
    assert len(CHECKS) >= 44


@pytest.mark.parametrize("name", CHECKS)
def test_conformance(name: str, environment: SeatrialSandbox, request: pytest.FixtureRequest) -> None:
    if environment.box.record().users_mode == "one" and name in NEEDS_USERS:
        request.applymarker(pytest.mark.xfail(reason="one user per box here", strict=True))
    asyncio.run(_run(CHECKS[name], environment))


async def _run(check: Any, environment: SeatrialSandbox) -> None:  # noqa: ANN401 - Inspect's functions
    await check(environment)
