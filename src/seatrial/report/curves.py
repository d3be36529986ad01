"""Pictures of numbers that are not shares by level: the horizon, abilities on one scale, an interval round by round.

An interval that has no limit, or whose limit lies outside the field, ends without a bar at that side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from seatrial.report.svg import (
    MARKERS,
    QUARTERS,
    STYLES,
    Axis,
    Dot,
    Frame,
    curve,
    label,
    line,
    mark,
    number,
    picture,
    span,
)

CURVE_STEPS = 80  # straight pieces of a fitted curve: finer than a screen shows
MOST_TICKS = 8
MOST_PLACES = 12  # distinct places up to which shares are drawn as dots
RUG = 9.0  # length of a tick that stands for a run
RUG_STEP = 2.5  # between ticks at the same place
ROW = 54.0  # height of one participant in a picture of abilities
NARROWEST_AXIS = 50.0  # points; a single ability still gets a scale
DURATIONS = (
    *((minutes, f"{minutes:g} min") for minutes in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)),
    (30, "30 min"), (60, "1 h"), (120, "2 h"), (240, "4 h"), (480, "8 h"), (960, "16 h"), (1920, "32 h"),
    (3840, "64 h"), (7680, "128 h"), (15360, "256 h"),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Runs at one place of the horizon's axis: log2 minutes, or a level."""

    x: float
    solved: int
    runs: int


@dataclass(frozen=True)
class Person:
    """A participant on the ability scale; `index` chooses colour and marker."""

    name: str
    index: int
    dot: Dot


@dataclass(frozen=True)
class Round:
    """What was known after so many runs; shares."""

    number: int
    runs: int
    dot: Dot


def horizon(
    fit: tuple[float, float] | None,
    places: Sequence[Place],
    marks: Sequence[tuple[float, Dot]],
    *,
    minutes: bool,
    title: str,
    desc: str,
) -> Markup:
    """Fitted success along the axis: runs as ticks, the places where the curve passes given shares with intervals.

    `fit` is intercept and slope of the log-odds, None where no one curve stands behind the marks; `marks` are (share,
    dot along x). Beyond the outermost task the curve is dashed.
    """
    frame = Frame(height=452, bottom=84)
    low, high = _field(places, [dot for _, dot in marks])
    x = Axis(low, high, frame.left, frame.end)
    parts = [frame.shares(), label((frame.left + frame.end) / 2, frame.floor + 60, _axis_name(minutes=minutes))]
    parts += [frame.foot(x(at), words) for at, words in _places(low, high, minutes=minutes)]
    between = [share for share, _ in marks if round(100 * share) not in QUARTERS]
    parts += [line(frame.left, frame.y(share), frame.end, frame.y(share), "rule") for share in between]
    first, last = min(item.x for item in places), max(item.x for item in places)
    if fit is not None:
        parts.append(curve(_fitted(fit, first, last, x, frame), "curve s0"))
        parts += [curve(_fitted(fit, *ends, x, frame), "curve s0 beyond") for ends in ((low, first), (last, high))]
    parts += _rugs(places, x, frame)
    if len(places) <= MOST_PLACES:
        parts += [mark("circle", x(item.x), frame.y(item.solved / item.runs), "mark s5 hollow") for item in places]
    for index, (share, dot) in enumerate(marks):
        parts.append(_lying(dot, x, frame.y(share), index))
    return picture("horizon", title, desc, parts, frame=frame)


def abilities(people: Sequence[Person], strongest: float | None, *, title: str, desc: str) -> Markup:
    """Everybody on one scale of points, a row each; `strongest` is the ability of the strongest calibrating model."""
    frame = Frame(height=64 + ROW * len(people), left=16, right=16, bottom=48)
    ends = [end for person in people for end in (person.dot.low, person.dot.value, person.dot.high) if end is not None]
    ends += [] if strongest is None else [strongest]
    step = _step(max(ends) - min(ends))
    low, high = step * math.floor(min(ends) / step), step * math.ceil(max(ends) / step)
    x = Axis(low, max(high, low + NARROWEST_AXIS), frame.left + 20, frame.end - 20)
    parts = [line(frame.left, frame.floor, frame.end, frame.floor, "zero")]
    for count in range(round((x.high - low) / step) + 1):
        at = low + step * count
        parts += [line(x(at), frame.top, x(at), frame.floor, "grid"), frame.foot(x(at), _signed(at))]
    if strongest is not None:
        parts.append(line(x(strongest), frame.top, x(strongest), frame.floor, "wanted"))
    for row, person in enumerate(people):
        y = frame.top + ROW * (row + 0.5)
        parts.append(label(frame.left + 4, y - 8, person.name, anchor="start", style="name"))
        parts.append(_lying(person.dot, x, y + 10, person.index))
    return picture("abilities", title, desc, parts, frame=frame)


def narrowing(rounds: Sequence[Round], wanted: float, *, title: str, desc: str) -> Markup:
    """The estimate after each round with its interval, and how wide the interval was wanted around the last one."""
    frame = Frame(height=430, bottom=72)
    step = (frame.end - frame.left) / max(1, len(rounds))
    at = [frame.left + step * (i + 0.5) for i in range(len(rounds))]
    parts = [frame.shares()]
    last = rounds[-1].dot.value
    if last is not None:
        low, high = (frame.y(min(1.0, max(0.0, last + half))) for half in (-wanted, wanted))
        box = [(frame.left, low), (frame.end, low), (frame.end, high), (frame.left, high)]
        parts += [curve(box, "band s5", closed=True)]
        parts += [line(frame.left, y, frame.end, y, "wanted") for y in (low, high)]
    drawn = [(x, frame.y(item.dot.value)) for x, item in zip(at, rounds, strict=True) if item.dot.value is not None]
    parts.append(Markup('<g class="s0">{}</g>').format(curve(drawn, "link")))
    for x, item in zip(at, rounds, strict=True):
        parts += [frame.foot(x, str(item.number)), label(x, frame.floor + 50, f"{item.runs} runs")]
        parts.append(_upright(item.dot, x, frame))
    return picture("narrowing", title, desc, parts, frame=frame)


def _field(places: Sequence[Place], dots: Sequence[Dot]) -> tuple[float, float]:
    """From half a unit before the first task to half a unit behind the last; a mark may widen it by one unit."""
    low, high = min(item.x for item in places) - 0.5, max(item.x for item in places) + 0.5
    values = [dot.value for dot in dots if dot.value is not None]
    return max(low - 1, min([low, *values])), min(high + 1, max([high, *values]))


def _axis_name(*, minutes: bool) -> str:
    return "time that a person needs, doubling in equal steps" if minutes else "level of the challenge"


def _places(low: float, high: float, *, minutes: bool) -> list[tuple[float, str]]:
    if not minutes:
        return [(level, f"Level {level}") for level in range(math.ceil(low), math.floor(high) + 1)]
    inside = [(math.log2(length), words) for length, words in DURATIONS if low <= math.log2(length) <= high]
    thin = math.ceil(len(inside) / MOST_TICKS)
    return inside[:: thin or 1]


def _fitted(fit: tuple[float, float], start: float, end: float, x: Axis, frame: Frame) -> list[tuple[float, float]]:
    points = []
    for count in range(CURVE_STEPS + 1):
        at = start + (end - start) * count / CURVE_STEPS
        odds = max(-30.0, min(30.0, fit[0] + fit[1] * at))
        points.append((x(at), frame.y(1 / (1 + math.exp(-odds)))))
    return points


def _rugs(places: Sequence[Place], x: Axis, frame: Frame) -> list[Markup]:
    """Solved runs as ticks from the upper edge, missed ones from the lower; runs at one place stand side by side."""
    parts = []
    gap = min((after.x - before.x for before, after in pairwise(places)), default=1.0)
    room = 0.8 * (x(x.low + gap) - x(x.low))
    for item in places:
        for total, edge, way in ((item.solved, frame.top, 1), (item.runs - item.solved, frame.floor, -1)):
            apart = min(RUG_STEP, room / max(1, total))
            for count in range(total):
                at = x(item.x) + apart * (count - (total - 1) / 2)
                parts.append(line(at, edge, at, edge + way * RUG, "rug"))
    return parts


def _lying(dot: Dot, x: Axis, y: float, index: int) -> Markup:
    """A mark with its interval along x; an end outside the field, or that does not exist, has no bar."""
    low = x.low if dot.low is None else dot.low
    high = x.high if dot.high is None else dot.high
    capped = (dot.low is not None and x.holds(low), dot.high is not None and x.holds(high))
    parts = [span(x(low), y, x(high), y, caps=capped)]
    if dot.value is not None:
        parts.append(mark(MARKERS[index % len(MARKERS)], x(dot.value), y))
    return Markup('<g class="s{}">{}</g>').format(number(index % STYLES), Markup("").join(parts))


def _upright(dot: Dot, x: float, frame: Frame) -> Markup:
    low, high = (end if dot_end is None else dot_end for end, dot_end in ((0.0, dot.low), (1.0, dot.high)))
    parts = [span(x, frame.y(low), x, frame.y(high), caps=(dot.low is not None, dot.high is not None))]
    if dot.value is not None:
        parts.append(mark("circle", x, frame.y(dot.value)))
    return Markup('<g class="s0">{}</g>').format(Markup("").join(parts))


def _step(width: float) -> float:
    """A round step that gives at most `MOST_TICKS` labels."""
    least = max(width, NARROWEST_AXIS) / (MOST_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _signed(value: float) -> str:
    return f"{value:,.0f}".replace("-", "\u2212")
