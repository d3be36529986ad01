"""No box without a fresh, sealed record of its very boundary, and none whose own door is open."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from seatrial.sandbox import BoxSpec, NotSealed, RangeHost, RangeSpec, SealedBoxes, Unavailable, preflight
from seatrial.sandbox.embedded.launcher import EmbeddedEngine

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return preflight.time.time_ns() + self.ahead_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def boxes(clock: Clock) -> Iterator[SealedBoxes]:
    try:
        sealed = SealedBoxes(clock=clock)
        sealed.engine.open(BoxSpec()).close()
    except Unavailable as reason:
        pytest.skip(str(reason))
    with sealed:
        yield sealed


def test_one_preflight_a_boundary(boxes: SealedBoxes) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: boxes.open(BoxSpec()), range(8)))
    assert len(boxes.records) == 1
    assert {box.record().preflight_digest for box in opened} == {boxes.records[0].digest}
    boxes.open(BoxSpec(hostname="other"))
    boxes.open_range(RangeSpec((RangeHost("one"),)))
    assert len(boxes.records) == 3
    assert len({record.boundary_digest for record in boxes.records}) == 3
    assert all(record.sealed for record in boxes.records)


def test_a_record_grows_old(boxes: SealedBoxes, clock: Clock) -> None:
    boxes.open(BoxSpec())
    clock.ahead_ns = (preflight.PREFLIGHT_MAX_AGE_S - 5) * SECOND
    boxes.open(BoxSpec())
    assert len(boxes.records) == 1
    clock.ahead_ns = (preflight.PREFLIGHT_MAX_AGE_S + 5) * SECOND
    boxes.open(BoxSpec())
    assert len(boxes.records) == 2
    clock.ahead_ns = -60 * SECOND  # a clock set back makes a record from the future: worth nothing
    boxes.open(BoxSpec())
    assert len(boxes.records) == 3


def test_an_open_door_in_the_record_opens_no_box(boxes: SealedBoxes, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = preflight.preflight

    def leaking(*arguments: Any) -> preflight.PreflightRecord:  # noqa: ANN401 - passes through what it is given
        record = honest(*arguments)
        first = next(result for result in record.results if result.mandatory)
        return replace(record, results=(replace(first, verdict="open"), *record.results[1:]))

    monkeypatch.setattr(preflight, "preflight", leaking)
    with pytest.raises(NotSealed) as refused:
        boxes.open(BoxSpec())
    assert refused.value.record is boxes.records[0]
    monkeypatch.undo()
    assert boxes.open(BoxSpec()).exec(["true"]).returncode == 0  # shown closed since: a new record says so
    assert len(boxes.records) == 2


def test_a_record_of_another_boundary_opens_no_box(boxes: SealedBoxes, monkeypatch: pytest.MonkeyPatch) -> None:
    other = preflight.preflight(boxes.engine, BoxSpec(hostname="other"))
    monkeypatch.setattr(preflight, "preflight", lambda *_: other)
    with pytest.raises(NotSealed):
        boxes.open(BoxSpec())


def test_an_open_door_of_a_single_box_closes_it(boxes: SealedBoxes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(boxes.engine, EmbeddedEngine)
    boxes.open(BoxSpec()).close()
    monkeypatch.setattr(preflight, "door_check", lambda *_, **__: ("network.links: eth0",))
    with pytest.raises(NotSealed, match="eth0"):
        boxes.open(BoxSpec())
    with pytest.raises(NotSealed, match="eth0"):
        boxes.open_range(RangeSpec((RangeHost("one"), RangeHost("two"))))
    assert not boxes.engine._boxes
