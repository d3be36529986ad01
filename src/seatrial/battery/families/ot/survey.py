"""A capture of a plant's polling and its operator's log: how signals are encoded, where they lie, what was written.

* One supervisor polls every block of every unit every four seconds; from L4 a station sends its share by IEC 104.
* Log entries of a signal show the last value polled, so decoded registers and log agree to the display step.
* The twin keeps log, tags and shape of the traffic, but the asked places carry other signals and no setpoint is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.draw import Draw
from seatrial.battery.families.ot.build import network, site
from seatrial.battery.families.ot.layout import MAX_SETPOINTS, Layout, Memory, Truth, Write, display_step
from seatrial.battery.families.ot.plants import KINDS
from seatrial.battery.families.ot.polling import ENTRY, Clock, Polling
from seatrial.battery.families.ot.signals import CYCLES, Signal, signals, switching, words_of_noise

if TYPE_CHECKING:
    from seatrial.battery.instance import InstanceKey, Knobs

READINGS = 12  # log entries of an analogue tag


@dataclass(frozen=True)
class Survey:
    """What is delivered and what is true."""

    kind: str
    place: str
    signals: tuple[Signal, ...]
    truths: dict[str, Truth]
    steps: dict[str, float]  # display step of every analogue tag
    capture: bytes
    log: str


def draw_surveys(key: InstanceKey, knobs: Knobs) -> tuple[Survey, Survey]:
    """The survey of a key, and its twin, in which the asked signals are not to be found."""

    def stream(name: str) -> Draw:
        return Draw(key.seed, family=key.family, version=key.version, level=key.level, form=key.form, stream=name)

    theme = stream("theme")
    kind, place, prefix = theme.choice(KINDS), site(theme), network(theme)
    points = int(knobs["points"])
    entries = _setpoint_cycles(stream("entries"), points)
    asked = signals(stream("plant"), kind, points, entries)
    layout = Layout(stream("layout"), stream("noise"), knobs, entries)
    truths = {signal.tag: layout.place(signal) for signal in stream("order").shuffled(asked)}
    clock = Clock(stream("clock"), skewed=bool(knobs["skew"]))
    station = layout.station if int(knobs["iec104"]) else None
    steps = {signal.tag: display_step(signal, knobs) for signal in asked if not signal.two_state}
    log = _log(stream("log"), asked, layout.shown, steps, clock)

    def captured(writes: list[Write]) -> Survey:
        polling = Polling(stream("traffic"), prefix, clock, station)
        polling.run(layout.memory, writes)
        return Survey(kind, place, asked, truths, steps, polling.capture.render(), log)

    survey = captured(layout.writes)
    _blind(stream("blind"), layout.memory, truths)
    return survey, captured([write for write in layout.writes if not write.tag])


def _setpoint_cycles(draw: Draw, points: int) -> tuple[int, ...]:
    """Cycles at which a setpoint is entered: two a unit where there is room, never two in one cycle."""
    count = min(MAX_SETPOINTS, max(2, points // 2))
    return tuple(sorted(draw.sample(range(4, CYCLES - 4), count)))


def _blind(draw: Draw, memory: Memory, truths: dict[str, Truth]) -> None:
    """Put unrelated signals where the asked ones were."""
    for truth in truths.values():
        if truth.table == "single":
            memory.singles[truth.address] = [int(bit) for bit in switching(draw, 12)]
        elif truth.type == "bool":
            memory.words[(truth.unit, truth.table)][truth.address] = [int(bit) for bit in switching(draw, 12)]
        elif truth.table == "float":
            memory.floats[truth.address] = [word / 100 for word in words_of_noise(draw, 1)[0]]
        else:
            size = 2 if truth.type.endswith("32") else 1
            for offset, series in enumerate(words_of_noise(draw, size)):
                memory.words[(truth.unit, truth.table)][truth.address + offset] = series


def _log(
    draw: Draw,
    asked: tuple[Signal, ...],
    shown: dict[str, list[float]],
    steps: dict[str, float],
    clock: Clock,
) -> str:
    """The operator's log: readings of analogue tags, every change of a switch, setpoints without their value."""
    rows: list[tuple[int, str, str]] = []
    for signal in asked:
        series = shown[signal.tag]
        if signal.two_state:
            cycles = [0] + [cycle for cycle in range(1, CYCLES) if series[cycle] != series[cycle - 1]]
            rows += [(_late(draw, clock, cycle), signal.tag, "on" if series[cycle] else "off") for cycle in cycles]
            continue
        step = steps[signal.tag]
        for cycle in _telling(draw, series):
            value = display(series[cycle], step)
            rows.append((_late(draw, clock, cycle), signal.tag, f"{value} {signal.measure}"))
        for cycle, _ in signal.setpoints:
            rows.append((clock.cycle(cycle) + ENTRY, signal.tag, "setpoint entered"))
    return "".join(f"{clock.stamp(at)} {tag} {text}\n" for at, tag, text in sorted(rows))


def _late(draw: Draw, clock: Clock, cycle: int) -> int:
    """Some time after the polls of a cycle, and well before the next."""
    return clock.cycle(cycle) + 1_700_000 + draw.below(1_300_000)


def _telling(draw: Draw, series: list[float]) -> list[int]:
    """Cycles to log: the extremes (a good operator notes them) and others at random."""
    inner = range(CYCLES)
    least, most = min(inner, key=lambda cycle: series[cycle]), max(inner, key=lambda cycle: series[cycle])
    others = [cycle for cycle in draw.sample(inner, READINGS) if cycle not in {least, most}]
    return sorted([least, most, *others[: READINGS - 2]])


def display(value: float, step: float) -> str:
    """A value as the screen shows it: the nearest multiple of the display step."""
    count = int(value / step + 0.5) if value >= 0 else -int(0.5 - value / step)
    digits = 0
    while digits < 9 and abs(step * 10**digits - round(step * 10**digits)) > 1e-9:
        digits += 1
    return f"{count * step:.{digits}f}"
