"""A shift at the works, second by second: polls, workflows, bad writes, and the plant that feels what passes.

* Every write of a person follows the plant's present state, so a gateway that refuses it changes what comes next.
* Bad writes are offered when their circumstances hold; what passes moves the plant.
* A recorded shift is the training capture: labelled bad writes come from a drill with the outputs isolated, so they are
  answered and move nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.battery.families.ot.gateway import Request
from seatrial.battery.families.ot.plants import STEP, Plant, steer
from seatrial.battery.wire.modbus import TABLE_OF

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.ot.gateway import Gateway
    from seatrial.battery.families.ot.recorder import Recorder
    from seatrial.battery.families.ot.works import Workflow, WorkPoint, Works

POLL_S = 10
SWING_S = 160  # seconds between two changes of a unit's goal
SETTLE_S = 30.0
HAND = 5.0  # percent: how finely a person meets a position, each way; so that values hardly ever repeat
BURST = 12  # writes of one burst; those beyond the point's rate are bad
QUIET_S = 75  # a burst stands alone: nobody else writes there so long before and after
EVERY = {"trim": 14, "relief": 17, "pump": 34, "recipe": 70, "line-up": 60, "calibrate": 25}
MARGIN = 0.025  # of the span: how far below its mark a state is when a bad opening is offered


@dataclass
class Tally:
    """What became of the requests: offered and passed by origin; labelled frames of a recorded shift."""

    offered: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    by_class: dict[str, list[int]] = field(default_factory=dict)  # class → [offered, passed]
    critical_blocked: int = 0
    safe: bool = True
    labels: list[tuple[int, Request]] = field(default_factory=list)

    def count(self, origin: str, *, passed: bool) -> None:
        """Take one decision."""
        self.offered[origin] = self.offered.get(origin, 0) + 1
        self.passed[origin] = self.passed.get(origin, 0) + passed


@dataclass(frozen=True)
class _Attack:
    """A bad write to come: its class and the second from which on it is offered."""

    at: int
    kind: str


class Shift:
    """One shift; `play` runs it to its end."""

    def __init__(
        self,
        works: Works,
        draw: Draw,
        seconds: int,
        *,
        attacks: int,
        gateway: Gateway | None = None,
        recorder: Recorder | None = None,
        blind: bool = False,
    ) -> None:
        self._works, self._draw, self._seconds = works, draw, seconds
        self._gateway, self._recorder, self._blind = gateway, recorder, blind
        size = len(works.shapes)
        units = tuple(item.unit for item in works.shapes)
        start = [item.centre - 0.3 * (item.hard[1] - item.centre) for item in works.shapes]
        self.plant = Plant(works.kind, units, start, [0.35] * size, [0.4] * size)
        self._goal = [0.0] * size
        self._swing = [draw.below(SWING_S) for _ in range(size)]
        self._due = [draw.between(2, EVERY[flow.kind] + 2) for flow in works.workflows]
        self._attacks = self._plan(attacks)
        self._burst: list[int] = []
        self._quiet = (-1, -1)
        self._key_from = draw.between(seconds // 5, seconds // 2)
        self._offset = 0
        self.now = 0
        self.tally = Tally()
        self._readings: dict[str, float] = {}
        self._coils: dict[str, int] = {}

    def _plan(self, count: int) -> list[_Attack]:
        """`count` attacks of each class in turn, spread over the shift; bursts early enough to be quiet around."""
        draw, classes = self._draw, self._works.classes
        plan = []
        if count < 0:  # labelled examples: that many in all, each a single write
            singles = draw.shuffled(kind for kind in classes if kind != "rate")
            kinds = [singles[index % len(singles)] for index in range(-count)]
        else:
            kinds = [kind for kind in classes for _ in range(min(1, count) if kind == "rate" else count)]
        for kind in kinds:
            room = self._seconds - QUIET_S - BURST - 20
            if kind in _WAITING:
                room //= 2
            plan.append(_Attack(draw.between(20, room), kind))
        return sorted(plan, key=lambda item: (item.at, item.kind))

    def play(self) -> Tally:
        """Run it."""
        bursts = [attack.at for attack in self._attacks if attack.kind == "rate" and not self._blind]
        if bursts:
            self._quiet = (bursts[0] - QUIET_S, bursts[0] + BURST + QUIET_S)
            self._burst = [bursts[0] + number for number in range(BURST)]
            self._attacks = [item for item in self._attacks if item.kind != "rate"]
        for second in range(self._seconds):
            self.now = second
            self._second()
        if self._recorder is not None:
            self._recorder.close(self._seconds)
        return self.tally

    def _second(self) -> None:
        self._offset = 0
        self._move()
        if self.now % POLL_S == 0:
            self._poll()
        for index, flow in enumerate(self._works.workflows):
            if self.now >= self._due[index]:
                self._due[index] = self.now + EVERY[flow.kind] + self._draw.below(5)
                self._work(flow)
        self._misuse()

    def _move(self) -> None:
        works, plant = self._works, self.plant
        for index, item in enumerate(works.shapes):
            phase = (self.now + self._swing[index]) // SWING_S % 2
            reach = 0.45 * (item.hard[1] - item.centre)
            self._goal[index] = item.centre + (reach if phase else -reach)
        for _ in range(round(1 / STEP)):
            plant.step()
        if self.tally.safe:
            for value, item in zip(plant.state, works.shapes, strict=True):
                if not item.hard[0] <= value <= item.hard[1]:
                    self.tally.safe = False
        for point in works.points:
            if point.signal[0] == "state":
                raw = int(plant.state[point.signal[1]] / point.scale + 0.5)
                self._readings[point.tag] = raw * point.scale
            elif point.signal[0] == "key":
                self._readings[point.tag] = float(self._key())

    def _key(self) -> bool:
        """The maintenance key is turned for a while once in a shift."""
        return self._key_from <= self.now < self._key_from + self._seconds // 5

    def _poll(self) -> None:
        for role in ("panel", "historian"):
            source = self._works.host(role)
            for point in self._works.points:
                if point.signal[0] in {"state", "key"}:
                    function = 4 if point.table == "input" else 2
                    self._offer(Request(self._time(), source, point.unit, function, point.address, 1), "operator")

    def _time(self) -> float:
        self._offset += 1
        return self.now + 0.02 * self._offset

    def _work(self, flow: Workflow) -> None:
        if flow.kind == "pump" and self._quiet[0] <= self.now <= self._quiet[1]:
            return
        values = self._values(flow)
        if values is not None:
            self._write(flow, values, "operator")

    def _values(self, flow: Workflow) -> tuple[int, ...] | None:
        """What a person would write now; None when there is nothing to do."""
        draw, point, plant = self._draw, flow.point, self.plant
        index = point.signal[1]
        if flow.kind == "trim":
            drive, _ = steer(plant, index, (self._goal[index] - plant.state[index]) / SETTLE_S)
            inner = min(point.high - HAND, max(point.low + HAND, 100 * drive))
            return (self._raw(point, inner + HAND * draw.between(-1000, 1000) / 1000),)
        if flow.kind == "relief":
            assert flow.watch is not None  # noqa: S101 - a relief has its state to watch
            assert flow.watch.mark is not None  # noqa: S101 - and that has a mark
            above = self._readings[flow.watch.tag] >= flow.watch.mark
            share = draw.between(52, 70) if above else draw.between(25, 48)
            return (self._raw(point, share + draw.below(100) / 100),)
        if flow.kind == "calibrate":
            return (self._raw(point, 40 + draw.below(2001) / 100),) if self._key() else None
        if flow.kind == "pump":
            self._coils[point.tag] = 1 - self._coils.get(point.tag, 0)
            return (self._coils[point.tag],)
        if flow.kind == "line-up":
            return tuple(draw.below(2) for _ in range(point.count))
        span = int((point.high - point.low) * 100)
        return tuple(self._raw(point, point.low + draw.below(span + 1) / 100) for _ in range(point.count))

    @staticmethod
    def _raw(point: WorkPoint, value: float) -> int:
        """A value as its register holds it, inside the working range."""
        low, high = working_range(point)
        return min(high, max(low, int(value / point.scale + 0.5)))

    def _write(self, flow: Workflow, values: tuple[int, ...], origin: str, **changed: object) -> None:
        point = flow.point
        fields = {"source": flow.source, "unit": point.unit, "function": flow.function, "address": point.address}
        fields |= changed
        request = Request(self._time(), count=len(values), values=values, **fields)  # type: ignore[arg-type]
        self._offer(request, origin, flow)

    def _offer(self, request: Request, origin: str, flow: Workflow | None = None) -> None:
        passed = self._gateway is None or self._gateway.passes(request, self._readings)
        self.tally.count(origin.split(" ", maxsplit=1)[0], passed=passed)
        if origin.startswith("bad"):
            seen = self.tally.by_class.setdefault(origin[4:], [0, 0])
            seen[0] += 1
            seen[1] += passed
        elif origin == "operator" and flow is not None and flow.critical and not passed:
            self.tally.critical_blocked += 1
        if self._recorder is not None:
            frame = self._recorder.take(request, self._shown(request))
            if origin.startswith("bad"):
                self.tally.labels.append((frame, request))
                return
        if passed and request.values:
            self._apply(request)

    def _apply(self, request: Request) -> None:
        """Move what the written place is wired to."""
        for point in self._works.points:
            name, index = point.signal
            if (
                name not in {"drive", "relief"}
                or point.unit != request.unit
                or TABLE_OF[request.function] != point.table
            ):
                continue
            if request.address <= point.address < request.address + len(request.values):
                position = request.values[point.address - request.address] * point.scale / 100
                getattr(self.plant, name)[index] = min(1.0, max(0.0, position))

    def _shown(self, request: Request) -> list[int]:
        """What a read of one point returns."""
        for point in self._works.points:
            if (point.unit, point.table, point.address) == (
                request.unit,
                TABLE_OF[request.function],
                request.address,
            ) and point.tag in self._readings:
                return [int(self._readings[point.tag] / point.scale + 0.5)]
        return [0] * request.count

    def _misuse(self) -> None:
        if self.now in self._burst:
            self._bursting()
        self._attacks = [item for item in self._attacks if item.at > self.now or not self._strike(item.kind)]

    def _bursting(self) -> None:
        flow = next(flow for flow in self._works.workflows if flow.kind == "pump")
        number = self.now - self._burst[0]
        assert flow.point.per_minute is not None  # noqa: S101 - every command has a rate
        origin = "bad rate" if number >= flow.point.per_minute else "neutral"
        self._write(flow, (number & 1,), origin)

    def _strike(self, kind: str) -> bool:
        """Offer one bad write, unless its circumstances do not hold yet."""
        if self._blind:
            return self._pretend(kind)
        draw = self._draw
        flows = [flow for flow in self._works.workflows if flow.kind in _ON[kind]]
        flow = draw.choice(flows)
        point = flow.point
        values = self._fitting(flow)
        changed: dict[str, object] = {}
        if kind in {"state", "state-edge"}:
            assert flow.watch is not None  # noqa: S101 - only reliefs
            if not self._below(flow, edge=kind == "state-edge"):
                return False
            values = (self._raw(point, draw.between(5800, 8000) / 100),)
        elif kind == "calibration":
            if self._key():
                return False
        elif kind in _VALUES:
            values = self._wrong_values(kind, flow, values)
        else:
            values, changed = self._wrong_place(kind, flow, values)
        self._write(flow, values, f"bad {kind}", **changed)
        return True

    def _fitting(self, flow: Workflow) -> tuple[int, ...]:
        """Values that would be in order at any time."""
        draw, point = self._draw, flow.point
        if point.table == "coil":
            return tuple(draw.below(2) for _ in range(point.count))
        high = point.mark - 2 if point.mark is not None else point.high
        span = int((high - point.low) * 100)
        return tuple(self._raw(point, point.low + draw.below(span + 1) / 100) for _ in range(point.count))

    def _below(self, flow: Workflow, *, edge: bool) -> bool:
        """Whether the watched state is well below its mark, or (edge) just below it."""
        watch = flow.watch
        assert watch is not None  # noqa: S101 - only reliefs
        assert watch.mark is not None  # noqa: S101 - their states have marks
        gap = (watch.mark - self._readings[watch.tag]) / self._works.shapes[watch.signal[1]].span[1]
        return 0.005 <= gap <= MARGIN if edge else gap >= MARGIN

    def _wrong_values(self, kind: str, flow: Workflow, values: tuple[int, ...]) -> tuple[int, ...]:
        draw, point = self._draw, flow.point
        low, high = working_range(point)
        room = int(4 / point.scale)
        wild = {
            "range": draw.between(high + room, int(100 / point.scale)),
            "low": draw.between(0, max(0, low - room // 2)),
            "edge": high + draw.between(1, 3),
            "middle": draw.between(high + room, int(100 / point.scale)),
        }[kind]
        if kind == "middle":
            return (values[0], wild, *values[2:])
        return (*values[:-1], wild)

    def _wrong_place(
        self, kind: str, flow: Workflow, values: tuple[int, ...]
    ) -> tuple[tuple[int, ...], dict[str, object]]:
        draw, works, point = self._draw, self._works, flow.point
        spare = next(other for other in works.points if other.tag.startswith("TL-") and other.unit == point.unit)
        others = [other.source for other in works.workflows if other.source != flow.source]
        if kind == "span":  # a block that runs past its point
            return (*values, *values[:2]), {}
        if kind == "address":
            return values[:1], {"address": spare.address, "function": 6}
        changes: dict[str, dict[str, object]] = {
            "stranger": {"source": works.host(draw.choice(("office", "historian")))},
            "colleague": {"source": draw.choice(others or [works.host("office")])},
            "function": {"function": {5: 15, 6: 16}.get(flow.function, 16)},
            "unit": {"unit": point.unit + 1},
            "zero": {"unit": 0},
        }
        return values, changes[kind]

    def _pretend(self, kind: str) -> bool:
        """A bad write that is an operator's in every respect: the same law, place, source and rate."""
        flow = next(flow for flow in self._works.workflows if flow.kind == "trim")
        values = self._values(flow)
        assert values is not None  # noqa: S101 - there is always something to trim
        self._write(flow, values, f"bad {kind}")
        return True


_WAITING = ("state", "state-edge", "calibration")  # offered when the plant is in the right state: early, to leave time
_VALUES = ("range", "edge", "low", "middle")
_ON = {
    "stranger": ("trim", "pump", "recipe"),
    "range": ("trim", "recipe"),
    "address": ("trim", "recipe"),
    "state": ("relief",),
    "function": ("trim", "pump"),
    "calibration": ("calibrate",),
    "unit": ("trim", "pump", "recipe"),
    "span": ("recipe",),
    "edge": ("trim", "recipe"),
    "zero": ("trim", "pump"),
    "state-edge": ("relief",),
    "colleague": ("trim", "pump", "recipe"),
    "low": ("trim", "recipe"),
    "middle": ("recipe",),
}


def working_range(point: WorkPoint) -> tuple[int, int]:
    """The register values whose engineering values lie within a point's low and high."""
    low, high = int(point.low / point.scale), int(point.high / point.scale)
    low += low * point.scale < point.low - 1e-9
    high += (high + 1) * point.scale <= point.high + 1e-9
    return low, high
