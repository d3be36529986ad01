"""The preflight: its record, its judges, and that anything unseen, odd or open means not sealed."""

from __future__ import annotations

import json
import os
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.sandbox import network
from seatrial.sandbox import preflight as preflight_module
from seatrial.sandbox.embedded.inside import probe as inside
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.errors import BoxGone, NotSealed
from seatrial.sandbox.preflight import PREFLIGHT_MAX_AGE_S, boundary_digest, door_check, preflight
from seatrial.sandbox.probes import DOOR_PROBES, PROBES, probe_list_digest
from seatrial.sandbox.probes.canaries import Canaries
from seatrial.sandbox.probes.judge import Eyes, judge_all
from seatrial.sandbox.probes.probe import HostFacts, Observations, Reach, Scene
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import BoxSpec, Profile, RangeHost, RangeSpec

if TYPE_CHECKING:
    from seatrial.sandbox.probes.record import PreflightRecord

NONCE = "0123456789abcdef0123456789abcdef"
PLANT = RangeSpec(
    (
        RangeHost("gate", segments=("office", "plant")),
        RangeHost("desk", segments=("office",)),
        RangeHost("meter", BoxSpec(profile=Profile(capabilities="range")), segments=("plant",)),
    )
)


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    made = EmbeddedEngine()
    yield made
    made.close()


@pytest.fixture(scope="module")
def record(engine: EmbeddedEngine) -> PreflightRecord:
    return preflight(engine, BoxSpec())


# A whole preflight


def test_a_box_is_sealed_and_every_mandatory_probe_was_made(record: PreflightRecord) -> None:
    assert record.sealed, record.why()
    assert {probe.id for probe in PROBES if probe.mandatory} <= {result.id for result in record.results}
    assert {result.control for result in record.results} <= {"seen", "none_needed"}
    assert (record.ended_ns - record.started_ns) / 1e9 < 5


def test_the_record_is_canonical_json_with_its_own_digest(record: PreflightRecord) -> None:
    text = record.to_json()
    read = json.loads(text)
    assert text == json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    assert read["schema"] == "seatrial.preflight/1"
    assert read["digest"] == record.digest
    assert read["sealed"] is True
    assert all(
        item.isascii() and item.isprintable() and len(item) <= 200 for item in (r.observed for r in record.results)
    )

    def floats(value: object) -> bool:
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        return any(map(floats, value)) if isinstance(value, list) else isinstance(value, float)

    assert not floats(read)


def test_another_verdict_is_another_digest_and_no_seal(record: PreflightRecord) -> None:
    for verdict in ("open", "blind", "limited"):
        first = replace(record.results[0], verdict=verdict)
        changed = replace(record, results=(first, *record.results[1:]))
        assert changed.digest != record.digest
        assert not changed.sealed
        assert first.id in changed.why()


def test_a_record_without_one_mandatory_probe_or_without_any_is_not_sealed(record: PreflightRecord) -> None:
    for result in record.results:
        if result.mandatory:
            rest = tuple(other for other in record.results if other is not result)
            assert not replace(record, results=rest).sealed
    assert not replace(record, results=()).sealed


def test_the_boundary_is_engine_spec_and_probes(engine: EmbeddedEngine, record: PreflightRecord) -> None:
    assert record.boundary_digest == boundary_digest(engine, BoxSpec())
    assert record.probe_list_digest == probe_list_digest()
    assert boundary_digest(engine, BoxSpec(hostname="other")) != record.boundary_digest
    assert boundary_digest(engine, RangeSpec((RangeHost("box"),))) != record.boundary_digest


@pytest.mark.parametrize("capabilities", ["task", "range", "bare"])
def test_every_profile_is_sealed(engine: EmbeddedEngine, capabilities: Any) -> None:  # noqa: ANN401 - a literal
    found = preflight(engine, BoxSpec(profile=Profile(capabilities=capabilities)))
    assert found.sealed, found.why()


def test_variables_of_the_spec_are_no_leak_even_with_telling_names(engine: EmbeddedEngine) -> None:
    found = preflight(engine, BoxSpec(env=(("CHALLENGE_TOKEN", "given"), ("PLAIN", "1"))))
    assert found.sealed, found.why()


def test_a_range_is_sealed_seat_by_seat(engine: EmbeddedEngine) -> None:
    found = preflight(engine, PLANT)
    assert found.sealed, found.why()
    verdicts = {(result.box, result.id): result.verdict for result in found.results}
    assert verdicts["gate", "network.own_segment"] == "closed"
    assert verdicts["desk", "network.own_segment"] == "closed"
    assert verdicts["desk", "network.other_segments"] == "closed"
    assert verdicts["gate", "network.other_segments"] == "not_applicable"


def test_segments_that_are_one_network_are_refused(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    joined = RangeSpec(tuple(replace(host, segments=("lan",)) for host in PLANT.hosts))
    stated = RangeSpec(tuple(replace(host, segments=(host.segments[-1],)) for host in PLANT.hosts))
    monkeypatch.setattr(type(engine), "open_range", _opening(type(engine).open_range, joined))
    found = preflight(engine, stated)
    assert not found.sealed
    assert "network.other_segments" in {result.id for result in found.failures}


def _opening(open_range: Any, other: RangeSpec) -> Any:  # noqa: ANN401 - a method
    return lambda self, _: open_range(self, other)


def test_a_link_that_the_spec_does_not_give_is_refused(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    one = RangeSpec((RangeHost("box"),))
    monkeypatch.setattr(type(engine), "open", lambda self, _: self.open_range(one)["box"])
    found = preflight(engine, BoxSpec())
    assert "network.interfaces" in {result.id for result in found.failures}


# Blindness


def test_a_control_that_sees_nothing_makes_blind(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_module, "sys", type("Elsewhere", (), {"executable": "/bin/false"}))
    found = preflight(engine, BoxSpec())
    assert not found.sealed
    blind = {result.id for result in found.failures if result.verdict == "blind"}
    assert {"network.host_tcp", "host.marker", "host.processes", "kernel.calls", "agent.tracing"} <= blind


def test_a_canary_that_is_not_there_makes_blind(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    listen = Canaries._listen
    monkeypatch.setattr(
        Canaries, "_listen", lambda self, kind, address: None if kind == "udp" else listen(self, kind, address)
    )
    place = Canaries._place

    def lost(self: Canaries) -> None:
        place(self)
        self.facts = replace(self.facts, targets=(*self.facts.targets, ("udp", "127.0.0.1", 9)))

    monkeypatch.setattr(Canaries, "_place", lost)
    found = preflight(engine, BoxSpec())
    assert "network.host_udp" in {result.id for result in found.failures if result.verdict == "blind"}


def test_a_touch_that_only_the_host_saw_is_open() -> None:
    scene = Scene(host=HostFacts(), touched=("abstract seatrial-x:0",))
    scene = replace(scene, canaries=replace(scene.canaries, targets=(("abstract", "seatrial-x", 0),)))
    seen = Observations({"connect#host_abstract": {"results": [["abstract", "seatrial-x", 0, "ECONNREFUSED"]]}})
    [result] = [r for r in judge_all(PROBES, scene, Eyes(seen, seen, seen)) if r.id == "network.host_abstract"]
    assert result.verdict == "open"


class _Dying:
    """A box that opens and then answers badly."""

    def __init__(self, box: Any, answer: Any) -> None:  # noqa: ANN401 - a stand-in
        self.spec, self._box, self._answer = box.spec, box, answer

    def probe(self, request: Any, timeout_s: float) -> Any:  # noqa: ANN401 - a stand-in
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer(self._box.probe(request, timeout_s))

    def record(self) -> Any:  # noqa: ANN401 - a stand-in
        return self._box.record()

    def close(self) -> None:
        self._box.close()


def _emptied(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same shape with nothing in it: what a probe that was kept from looking would say."""
    if isinstance(value, dict):
        return (
            {key: _emptied(inner) for key, inner in value.items()}
            if "count" in value or "looked" in value
            else {key: type(inner)() for key, inner in value.items()}
        )
    return type(value)()


@pytest.mark.parametrize(
    "answer",
    [
        BoxGone("dead"), TimeoutError("late"), OSError(5, "broken"), lambda _: {}, lambda _: None, lambda _: [1],
        lambda reply: {**reply, "nonce": "another"}, lambda reply: {**reply, "observations": {}},
        lambda reply: {**reply, "observations": {key: {"error": "no"} for key in reply["observations"]}},
        lambda reply: {**reply, "observations": {key: {} for key in reply["observations"]}},
        lambda reply: {**reply, "observations": {key: _emptied(value) for key, value in reply["observations"].items()}},
    ],
)  # fmt: skip
def test_a_box_that_dies_or_lies_about_the_shape_is_not_sealed(engine: EmbeddedEngine, answer: Any) -> None:  # noqa: ANN401
    class Odd:
        name, version, level, calls = "odd", "1", 1, 0

        def open(self, spec: BoxSpec) -> Any:  # noqa: ANN401 - a stand-in
            self.calls += 1
            box = engine.open(spec)
            return box if self.calls == 1 else _Dying(box, answer)  # the sibling is honest

        def open_range(self, spec: RangeSpec) -> Any:  # noqa: ANN401 - a stand-in
            raise NotImplementedError

    found = preflight(Odd(), BoxSpec())
    assert not found.sealed
    if isinstance(answer, Exception):
        assert {result.verdict for result in found.results} <= {"blind", "not_applicable"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=8)
    | st.sampled_from(["closed", "0", "lo"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = sorted({key for probe in PROBES for key in probe.asks(Scene(reach=Reach()))})


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=len(KEYS)))
def test_no_answer_breaks_a_judge_and_nonsense_seals_nothing(answers: dict[str, Any]) -> None:
    scene = Scene(host=HostFacts(namespaces={"net": 1}), reach=Reach((("10.77.1.2", 1),), (("10.77.2.2", 1),)))
    seen = Observations(answers)
    results = judge_all(PROBES, scene, Eyes(seen, seen, seen))
    assert len(results) == len(PROBES)
    assert any(result.mandatory and result.verdict not in ("closed", "not_applicable") for result in results)
    assert all(result.observed.isascii() and result.observed.isprintable() for result in results)


# What a probe never does outside a box


def test_nothing_but_canaries_is_ever_dialled_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[Any] = []

    class Watched(socket.socket):
        def connect_ex(self, address: Any) -> int:  # noqa: ANN401 - as socket has it
            dialled.append(address)
            return super().connect_ex(address)

    monkeypatch.setattr(inside.socket, "socket", Watched)
    monkeypatch.setattr(inside.socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up on the host"))
    own = inside.namespaces({})
    for params in ({"addresses": ["192.0.2.1"], "host_namespaces": own}, {"addresses": ["192.0.2.1"]}):
        for name in ("foreign", "lookup"):
            assert inside.run({"observe": {name: params}})["observations"][name]["not_tried"]
    assert dialled == []


def test_no_environment_but_the_canarys_is_read_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open

    def watched(path: Any, *arguments: Any, **options: Any) -> int:  # noqa: ANN401 - as os.open has it
        opened.append(str(path))
        return real(path, *arguments, **options)

    with Canaries(NONCE) as canaries:
        monkeypatch.setattr(inside.os, "open", watched)
        facts = canaries.facts
        for own in (inside.namespaces({}), {}):
            params = {"markers": [facts.marker], "pids": [facts.marked_pid], "host_namespaces": own}
            found = inside.run({"observe": {"processes": params, "tracing": params}})["observations"]
            assert found["processes"]["shared"]
            assert found["processes"]["seen"] == []
            assert found["processes"]["marked"] == [facts.marker]
            assert list(found["tracing"]["others"]) == ["canary0"]
        monkeypatch.undo()
    read = {path for path in opened if path.endswith("/environ")}
    child = read - {f"/proc/{facts.marked_pid}/environ"}
    assert len(child) <= 2  # the sleeping children that tracing makes for itself


def test_canaries_vanish_and_count_touches() -> None:
    with Canaries(NONCE) as canaries:
        facts = canaries.facts
        kind, address, port = facts.targets[0]
        assert (kind, address) == ("tcp", "127.0.0.1")
        found = inside.connect({"targets": facts.of("tcp", "udp", "unix", "abstract"), "word": facts.word})["results"]
        assert {result for *_, result in found} == {"connected"}
        until = time.monotonic() + 2
        while len(canaries.touches()) < len(found) and time.monotonic() < until:
            time.sleep(0.01)
        assert len(canaries.touches()) == len(found)
        assert inside.connect({"targets": facts.of("udp"), "word": "wrong"})["results"][0][-1] == "ETIMEDOUT"
        canaries.forget_touches()
        assert canaries.touches() == ()
    assert not os.path.exists(facts.marker_path)  # noqa: PTH110 - beside its like
    assert not os.path.exists(f"/proc/{facts.marked_pid}")  # noqa: PTH110 - beside its like
    left = inside.ipc({"shm_key": facts.shm_key, "queue": facts.queue})
    assert left == {"shm": "ENOENT", "queue": "ENOENT"}
    with socket.socket() as again:
        assert again.connect_ex((address, port)) != 0


# The door, and the way to a box


def test_the_door_check_is_short_and_finds_nothing_in_a_good_box(engine: EmbeddedEngine) -> None:
    box = engine.open(BoxSpec())
    times = []
    for _ in range(9):
        started = time.perf_counter()
        assert door_check(box) == ()
        times.append(time.perf_counter() - started)
    box.close()
    assert statistics.median(times) < 0.1  # 5 ms on an idle machine; a loaded one gets ten times the aim


def test_the_door_check_knows_the_seats_of_a_range(engine: EmbeddedEngine) -> None:
    box = engine.open_range(RangeSpec((RangeHost("box"),)))["box"]
    assert door_check(box, seats=1) == ()
    assert any("network.interfaces" in found for found in door_check(box))
    box.close()


def test_a_dead_box_has_an_open_door(engine: EmbeddedEngine) -> None:
    box = engine.open(BoxSpec())
    box.close()
    assert len(door_check(box)) == len(DOOR_PROBES)


def test_an_old_record_is_renewed_and_a_fresh_one_is_kept() -> None:
    ahead_s = [0]
    with SealedBoxes(clock=lambda: time.time_ns() + ahead_s[0] * 1_000_000_000) as boxes:
        boxes.open(BoxSpec()).close()
        boxes.open(BoxSpec()).close()
        assert len(boxes.records) == 1
        ahead_s[0] = PREFLIGHT_MAX_AGE_S + 60
        boxes.open(BoxSpec()).close()
        assert len(boxes.records) == 2
        ahead_s[0] = -PREFLIGHT_MAX_AGE_S  # a record from the future is no record
        boxes.open(BoxSpec()).close()
        assert len(boxes.records) == 3


def test_a_boundary_that_stopped_being_sealed_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with SealedBoxes() as boxes:
        box = boxes.open(BoxSpec())
        assert box.record().preflight_digest == boxes.records[0].digest
        monkeypatch.setattr(preflight_module, "door_check", lambda _, **__: ("host.mounts: a door",))
        with pytest.raises(NotSealed, match="a door"):
            boxes.open(BoxSpec())


def test_ranges_of_the_preflight_lie_in_the_network_that_seats_are_given() -> None:
    for seats in network.seats(PLANT).values():
        assert all(seat.address.startswith("10.77.") for seat in seats)
