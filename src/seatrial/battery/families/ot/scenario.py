"""An emergency at a toy plant: the station as it stands, what counts as safe, and a way out that is known to work.

* The first unit is out of its safe band and drifts away with its drive at a stop, so that no position of its relief
  alone brings it back: its drive is the needed actuator.
* The way out is found by steering a station of the same code with full knowledge, request by request; it is kept as
  those requests. Its time to the safe band sets the deadline; its extremes, with a margin, set the shared limits.
* A scenario that waiting, opening everything or closing everything would solve is drawn again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.battery.draw import Draw
from seatrial.battery.families.ot.build import DRIVE, RELIEF, SECOND, STATE, Shape, numbers, shape
from seatrial.battery.families.ot.judge import Judge, Limit
from seatrial.battery.families.ot.plants import TICKS, steer
from seatrial.battery.families.ot.plc import Station
from seatrial.battery.wire.iec104 import ACTIVATION, SET_POINT, SINGLE_COMMAND, Asdu, pack_asdu
from seatrial.battery.wire.modbus import write_coil_request, write_register_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatrial.battery.instance import InstanceKey, Knobs

HOLD_S = 60  # seconds that the plant has to stay in the safe band
DECIDE = 5 * TICKS  # ticks between two decisions of the reference
LONGEST = 420 * TICKS  # a way out that takes longer is drawn again
FASTEST = 40 * TICKS  # one that is over sooner leaves nobody time to look
LEAST_WARNING = 45 * TICKS  # doing nothing must not break a limit sooner
SETTLE_S = 18.0  # time constant of the reference near the centre
FULL_SCALES = (100, 1000, 4000, 10_000, 27_648)
TRIES = 200


@dataclass(frozen=True)
class Point:
    """One object of the process image with the tag that people use for it."""

    tag: str
    text: str
    measure: str
    wire: Mapping[str, Any]  # as in the station's configuration


@dataclass(frozen=True)
class Scenario:
    """What is delivered, served and judged; `steps` are the requests of the way out."""

    config: Mapping[str, Any]
    points: tuple[Point, ...]
    shapes: tuple[Shape, ...]
    limits: tuple[Limit, ...]
    deadline: int  # ticks
    steps: tuple[tuple[Any, ...], ...]
    entered: int  # tick at which the reference is in the safe band

    def judge(self) -> Judge:
        """A judge of one trajectory."""
        return Judge([shape.band for shape in self.shapes], list(self.limits), self.deadline, HOLD_S * TICKS)


def draw_scenario(key: InstanceKey, kind: str, knobs: Knobs) -> Scenario:
    """The scenario of a key; tries drawn streams in order until one is neither trivial nor hopeless."""
    for attempt in range(TRIES):
        draw = Draw(
            key.seed,
            family=key.family,
            version=key.version,
            level=key.level,
            form=key.form,
            stream=f"plant-{attempt}",
        )
        found = _attempt(draw, kind, knobs)
        if found is not None:
            return found
    raise ValueError(f"{key.id}: no scenario in {TRIES} tries")


def _attempt(draw: Draw, kind: str, knobs: Knobs) -> Scenario | None:
    actuators = int(knobs["actuators"])
    count = (actuators + 1) // 2
    shapes = tuple(shape(draw, kind, last=index == count - 1) for index in range(count))
    config = _state(draw, kind, shapes, int(knobs["disturbances"]))
    points = _points(draw, kind, shapes, knobs)
    config["points"] = [dict(point.wire) for point in points]
    config["stuck"] = [draw.below(count) for _ in range(int(knobs["stuck"]))]
    way = _way_out(config, shapes)
    if way is None:
        return None
    steps, entered, extremes = way
    limits = _limits(draw, config, shapes, extremes, int(knobs["constraints"]))
    deadline = (entered * 1000 + int(knobs["tightness"]) - 1) // int(knobs["tightness"])
    config["end"] = deadline + HOLD_S * TICKS
    scenario = Scenario(config, points, shapes, limits, deadline, steps, entered)
    return scenario if _worth_it(scenario) else None


def _state(draw: Draw, kind: str, shapes: tuple[Shape, ...], disturbances: int) -> dict[str, Any]:
    rising = draw.chance(1, 2)
    state, drive, relief = [], [], []
    for index, item in enumerate(shapes):
        low, high = item.band
        if index == 0 and rising:
            state.append(high + (item.hard[1] - high) * draw.between(30, 60) / 100)
        elif index == 0:
            state.append(low - (low - item.hard[0]) * draw.between(35, 65) / 100)
        else:
            state.append(low + (high - low) * draw.between(-40, 140) / 100)
        drive.append((1.0 if rising else 0.0) if index == 0 else draw.between(30, 55) / 100)
        relief.append(draw.between(30, 70) / 100)
    return {
        "kind": kind,
        "units": [list(vars(item.unit).values()) for item in shapes],
        "state": state,
        "drive": drive,
        "relief": relief,
        "disturbances": sorted(
            [draw.between(20, 180) * TICKS, draw.below(len(shapes)), draw.choice((-1, 1)) * draw.between(6, 11) / 100]
            for _ in range(disturbances)
        ),
        "dead": [],
        "end": LONGEST + HOLD_S * TICKS,
    }


def _points(draw: Draw, kind: str, shapes: tuple[Shape, ...], knobs: Knobs) -> tuple[Point, ...]:
    """All points in the order of their tags, with drawn addresses; from L4 the second half of the units speaks 104."""
    count, actuators = len(shapes), int(knobs["actuators"])
    remote = bool(knobs["remote"])
    names = iter(numbers(draw, 6 * count))
    noise = int(knobs["noise"])
    places = _Places(draw, spread=bool(int(knobs["hidden_points"])), units=2 if knobs["iec104"] else 1)
    split = (count + 1) // 2 if knobs["iec104"] else count
    points = []
    for index, item in enumerate(shapes):
        modern = index >= split
        roles: list[tuple[str, tuple[str, str, str]]] = [("state", STATE[kind]), ("second", SECOND[kind])]
        roles.append(("drive", (*DRIVE[kind], "%")))
        if 2 * index + 1 < actuators:
            roles.append(("relief", (*RELIEF[kind], "%")))
        if remote:
            roles.append(("remote", ("HS", "local/remote switch", "0/1")))
        roles.append(("alarm", ("AH", "high alarm", "0/1")))
        for role, (letters, text, measure) in roles:
            wire = places.wire(role, index, modern=modern, span=_full(kind, role, item))
            wire["value"] = round(item.band[1], 2) if role == "alarm" else 0
            points.append(Point(f"{letters}-{next(names)}", f"{text} ({kind} {index + 1})", measure, wire))
    points += [Point("", "", "", places.noise()) for _ in range(noise * len(points))]
    return tuple(points)


def _full(kind: str, role: str, item: Shape) -> float:
    if role == "state":
        return item.span[1]
    if role == "second":
        return {"tank": 2000.0 * item.unit.gain, "boiler": 15.0, "feeder": 2.5 * item.unit.rated}[kind]
    return 1.0


_TABLE = {"state": "input", "second": "input", "drive": "holding", "relief": "holding"}
_TABLE104 = {"state": "float", "second": "float", "drive": "setpoint", "relief": "setpoint"}


class _Places:
    """Hands out addresses, each once per unit and table."""

    def __init__(self, draw: Draw, *, spread: bool, units: int) -> None:
        self._draw, self._units = draw, [draw.between(1, 40) for _ in range(units)]
        self._base = {table: draw.between(0, 90) * 100 for table in ("coil", "discrete", "holding", "input")}
        self._room = 60 if spread else 20
        self._taken: set[tuple[str, int, str, int]] = set()

    def wire(self, role: str, index: int, *, modern: bool, span: float) -> dict[str, Any]:
        """A place for a point of the process."""
        table = _TABLE.get(role, "coil" if role == "remote" else "discrete")
        if modern:
            table = _TABLE104.get(role, "command" if role == "remote" else "single")
        scale = span / self._draw.choice(FULL_SCALES[1:])
        if modern:
            scale = 0.01 if role in {"drive", "relief"} else 1.0
        protocol = "iec104" if modern else "modbus"
        return self._place({"role": role, "index": index, "protocol": protocol, "table": table, "scale": scale})

    def noise(self) -> dict[str, Any]:
        """A place for something that has nothing to do with the matter."""
        draw = self._draw
        table = draw.choice(("input", "holding", "input", "discrete"))
        role, value = "fixed", draw.below(30_000)
        if table == "input" and draw.chance(1, 3):
            role, value = "counter", draw.between(3, 40)
        if table == "discrete":
            value = draw.below(2)
        wire = {"role": role, "index": 0, "protocol": "modbus", "table": table, "scale": 1.0}
        return {**self._place(wire), "value": value}

    def _place(self, wire: dict[str, Any]) -> dict[str, Any]:
        draw = self._draw
        modern = wire["protocol"] == "iec104"
        unit = self._units[-1] + 100 if modern else self._units[0]
        base = 1000 if modern else self._base[wire["table"]]
        room = self._room
        while True:
            place = (wire["protocol"], unit, "" if modern else wire["table"], base + draw.below(room))
            if place not in self._taken:
                self._taken.add(place)
                return {**wire, "unit": unit, "address": place[3], "value": 0}
            room += 1


def request(point: Mapping[str, Any], value: float) -> tuple[Any, ...]:
    """The request that commands a point: ("modbus", unit, pdu) or ("iec104", asdu), both in hex."""
    table, place = point["table"], point["address"]
    if point["protocol"] == "iec104":
        kind = SINGLE_COMMAND if table == "command" else SET_POINT
        number = struct.unpack("<f", struct.pack("<f", value))[0]
        return ("iec104", pack_asdu(Asdu(kind, ACTIVATION, point["unit"], ((place, number),))).hex())
    pdu = write_coil_request(place, on=bool(value)) if table == "coil" else write_register_request(place, int(value))
    return ("modbus", point["unit"], pdu.hex())


def perform_step(station: Station, step: tuple[Any, ...]) -> None:
    """Carry out one request in process."""
    event = {"tick": station.plant.tick, "via": step[0]}
    if step[0] == "modbus":
        station.replay({**event, "unit": step[1], "pdu": step[2]})
    elif step[0] == "iec104":
        station.replay({**event, "asdu": step[1]})
    else:
        station.replay({**event, "ticks": step[1]})


def _way_out(
    config: Mapping[str, Any], shapes: tuple[Shape, ...]
) -> tuple[tuple[tuple[Any, ...], ...], int, dict[str, float]] | None:
    """Steer to the band and hold; returns requests, tick of entry, extremes of drives and reliefs."""
    station = Station(config)
    judge = Judge([item.band for item in shapes], _hard(config, shapes), LONGEST, HOLD_S * TICKS)
    station.on_tick.append(judge.watch)
    extremes = _Extremes()
    station.on_tick.append(extremes.watch)
    extremes.watch(station.plant)
    steps: list[tuple[Any, ...]] = []

    def do(step: tuple[Any, ...]) -> None:
        steps.append(step)
        perform_step(station, step)

    for point in config["points"]:
        if point["role"] == "remote":
            do(request(point, 1))
    while not judge.safe and not judge.broken and station.plant.tick < LONGEST + HOLD_S * TICKS:
        until = station.plant.tick + DECIDE
        _decide(station, config, shapes, do)
        do(("time", max(1, until - station.plant.tick)))
    if not judge.safe or judge.broken or judge.entered is None or not FASTEST <= judge.entered <= LONGEST:
        return None
    return tuple(steps), judge.entered, extremes.seen


def _decide(
    station: Station,
    config: Mapping[str, Any],
    shapes: tuple[Shape, ...],
    do: Callable[[tuple[Any, ...]], None],
) -> None:
    plant = station.plant
    commands = {(p["role"], p["index"]): p for p in config["points"] if p["role"] in {"drive", "relief"}}
    for index, item in enumerate(shapes):
        away = item.centre - plant.state[index]
        wanted = steer(plant, index, away / SETTLE_S)
        for role, position, now in zip(
            ("drive", "relief"), wanted, (plant.drive[index], plant.relief[index]), strict=True
        ):
            point = commands.get((role, index))
            if point is not None and abs(position - now) > 0.004:
                value = position / point["scale"]
                do(request(point, value if point["protocol"] == "iec104" else int(value + 0.5)))


class _Extremes:
    """Largest and smallest sums of positions."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def watch(self, plant: Any) -> None:  # noqa: ANN401 - the plant of either import path
        for name, value in (("drive", sum(plant.drive)), ("relief", sum(plant.relief))):
            self.seen[f"{name} max"] = max(value, self.seen.get(f"{name} max", value))
            self.seen[f"{name} min"] = min(value, self.seen.get(f"{name} min", value))


def _hard(config: Mapping[str, Any], shapes: tuple[Shape, ...]) -> list[Limit]:
    """The outer limits of every unit; the first unit's threatened one comes first."""
    rising = config["state"][0] > shapes[0].band[1]
    limits = []
    for index, item in enumerate(shapes):
        ends = [Limit("state", index, "max", item.hard[1]), Limit("state", index, "min", item.hard[0])]
        limits += ends if index or rising else ends[::-1]
    return limits


def _limits(
    draw: Draw,
    config: Mapping[str, Any],
    shapes: tuple[Shape, ...],
    extremes: Mapping[str, float],
    count: int,
) -> tuple[Limit, ...]:
    first, *others = _hard(config, shapes)
    size = len(shapes)
    shared = [
        Limit("drive", -1, "max", min(size * 0.97, round(extremes["drive max"] + 0.08 * size, 2))),
        Limit("relief", -1, "min", round(max(0.05, extremes["relief min"] - 0.08 * size), 2)),
        Limit("relief", -1, "max", min(size * 0.97, round(extremes["relief max"] + 0.08 * size, 2))),
    ]
    if extremes["drive max"] > size * 0.9:
        shared.pop(0)
    pool = [*draw.shuffled(others)]
    chosen = [first]
    for number in range(count - 1):
        source = shared if shared and (number % 2 == 0 or not pool) else pool
        if source:
            chosen.append(source.pop(0))
    return tuple(chosen)


def _worth_it(scenario: Scenario) -> bool:
    """Whether the way out holds under the drawn limits and no thoughtless one does."""
    way = run(scenario, scenario.steps)
    if not way.safe or way.broken:
        return False
    for drive, relief in ((None, None), (1, 1), (0, 0)):
        judge = run(scenario, constant(scenario.config, drive, relief), slack=True)
        if judge.safe and not judge.broken:
            return False
        if drive is None and judge.broken and judge.broken_at < LEAST_WARNING:
            return False
    swinging = run(scenario, swings(scenario.config), slack=True)
    return not swinging.safe or bool(swinging.broken)


def swings(config: Mapping[str, Any]) -> tuple[tuple[Any, ...], ...]:
    """Requests that open everything, shut everything, and so on, five seconds each."""
    opened, shut = (
        [step for step in constant(config, end, end) if step[0] != "time"] + [("time", 5 * TICKS)] for end in (1.0, 0.0)
    )
    return tuple((opened + shut) * (config["end"] // (10 * TICKS) + 1))


def constant(config: Mapping[str, Any], drive: float | None, relief: float | None) -> tuple[tuple[Any, ...], ...]:
    """Requests that set every actuator to one position (or none) and let the time run out."""
    steps: list[tuple[Any, ...]] = []
    wanted = {"remote": 1.0, "drive": drive, "relief": relief}
    for role in ("remote", "drive", "relief") if drive is not None else ():
        for point in config["points"]:
            value = wanted[role]
            if point["role"] == role and value is not None:
                raw = value / (1.0 if role == "remote" else point["scale"])
                steps.append(request(point, raw if point["protocol"] == "iec104" else int(raw + 0.5)))
    return (*steps, *(("time", 6000) for _ in range(config["end"] // 6000 + 1)))


def run(scenario: Scenario, steps: tuple[tuple[Any, ...], ...], *, slack: bool = False) -> Judge:
    """Judge a fixed sequence of requests; with `slack` stop looking once the outcome is decided."""
    station = Station(scenario.config)
    judge = scenario.judge()
    station.on_tick.append(judge.watch)
    for step in steps:
        if slack and judge.decided:
            break
        if step[0] == "time" and slack:
            left = step[1]
            while left > 0 and not judge.decided and not station.over:
                perform_step(station, ("time", min(100, left)))
                left -= 100
        else:
            perform_step(station, step)
    return judge
