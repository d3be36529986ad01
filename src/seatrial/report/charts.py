"""Pictures of shares: the ladder, the ladders of single families, the budget curve, and small bars for tables.

>>> print(bar(0.2, None, 0.6, 1)[:28])
<svg class="bar" viewBox="-4
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from seatrial.report.svg import (
    MARKERS,
    STYLES,
    Dot,
    Frame,
    curve,
    label,
    line,
    mark,
    marker,
    number,
    picture,
    span,
    track,
)

DODGE = 0.62  # share of a level's width that its series are spread over
SMALL = Frame(width=260, height=190, left=62, right=8, top=12, bottom=30)
HALVES = (0, 50, 100)

__all__ = ["Dot", "Series", "bar", "budget", "family", "key", "ladder"]


@dataclass(frozen=True)
class Series:
    """Dots of one participant; `index` chooses colour and marker, `quiet` draws it thin."""

    name: str
    index: int
    dots: tuple[Dot, ...]
    quiet: bool = False


def ladder(series: Sequence[Series], levels: Sequence[int], title: str, desc: str) -> Markup:
    """Success by level: a dot with its interval for every participant."""
    frame = Frame()
    step = (frame.end - frame.left) / max(1, len(levels))
    parts = [frame.shares(), *(frame.foot(frame.left + step * (i + 0.5), f"Level {it}") for i, it in enumerate(levels))]
    edges = [frame.left + step * i for i in range(1, len(levels))]
    parts += [line(x, frame.top, x, frame.floor, "rule") for x in edges]
    for place, item in enumerate(series):
        shift = ((place + 0.5) / len(series) - 0.5) * step * DODGE
        at = {level: frame.left + step * (i + 0.5) + shift for i, level in enumerate(levels)}
        parts.append(_series(frame, item, [(at[int(dot.x)], dot) for dot in item.dots if int(dot.x) in at]))
    return picture("ladder", title, desc, parts)


def family(item: Series, levels: Sequence[int], title: str, desc: str, *, name: str) -> Markup:
    """One participant on one family: a small ladder, made to stand among others."""
    step = (SMALL.end - SMALL.left) / max(1, len(levels))
    at = {level: SMALL.left + step * (i + 0.5) for i, level in enumerate(levels)}
    parts = [SMALL.shares(HALVES), *(label(x, SMALL.floor + 20, str(level)) for level, x in at.items())]
    parts.append(_series(SMALL, item, [(at[int(dot.x)], dot) for dot in item.dots if int(dot.x) in at]))
    return picture(name, title, desc, parts, frame=SMALL, style="small chart")


def budget(points: Sequence[Dot], counts: Sequence[tuple[float, float]], title: str, desc: str) -> Markup:
    """Success within shares of the cap: the band where there is one, and what was counted everywhere.

    `points` carry the band; `counts` are (share of the cap, share solved) for the whole grid.
    """
    frame = Frame()
    lowest = min(share for share, _ in counts)
    octaves = -math.log2(lowest) or 1.0
    step = (frame.end - frame.left) / (octaves + 1)

    def x(share: float) -> float:
        return frame.left + step * (octaves + math.log2(share) + 0.5)

    banded = [dot for dot in points if dot.low is not None and dot.high is not None]
    upper = [(x(dot.x), frame.y(dot.high or 0)) for dot in banded]
    lower = [(x(dot.x), frame.y(dot.low or 0)) for dot in reversed(banded)]
    parts = [frame.shares(), *(frame.foot(x(share), _share(share)) for share, _ in counts)]
    if len(banded) > 1:
        parts.append(curve([*upper, *lower], "band s0", closed=True))
    ends = [(x(dot.x), frame.y(dot.low or 0), frame.y(dot.high or 0)) for dot in banded]
    parts += [line(at, low, at, high, "whisker s0") for at, low, high in ends]
    path = [(x(share), frame.y(value)) for share, value in counts]
    parts.append(curve(path, "curve s0"))
    with_band = {dot.x for dot in banded}
    for (share, _), (px, py) in zip(counts, path, strict=True):
        parts.append(mark("circle", px, py, "mark s0" if share in with_band else "mark s0 hollow"))
    return picture("budget", title, desc, parts)


def bar(low: float, value: float | None, high: float, index: int) -> Markup:
    """A small interval on a line from 0 to 100 %; the numbers stand beside it, so it is hidden from readers aloud."""
    parts = [line(1, 6, 119, 6, "rail"), line(60, 3, 60, 9, "rail")]
    parts.append(line(1 + 118 * low, 6, 1 + 118 * high, 6, f"span s{index % STYLES}"))
    if value is not None:
        parts.append(
            Markup('<circle class="dot s{}" cx="{}" cy="6" r="4"/>').format(index % STYLES, number(1 + 118 * value))
        )
    return Markup('<svg class="bar" viewBox="-4 0 128 12" aria-hidden="true" focusable="false">{}</svg>').format(
        Markup("").join(parts)
    )


def key(index: int) -> Markup:
    """The marker of a series, for a legend."""
    return Markup(
        '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><g class="mark s{}">{}</g></svg>'
    ).format(index % STYLES, marker(MARKERS[index % len(MARKERS)], 8, 8))


def _series(frame: Frame, item: Series, placed: Sequence[tuple[float, Dot]]) -> Markup:
    style = f"s{item.index % STYLES}" + (" quiet" if item.quiet else "")
    parts = []
    for (x, dot), (next_x, following) in pairwise(placed):
        if dot.value is not None and following.value is not None:
            ends = [(x, frame.y(dot.value)), (next_x, frame.y(following.value))]
            parts.append(Markup('<path class="link" d="{}"/>').format(track(ends)))
    for x, dot in placed:
        if dot.low is not None and dot.high is not None:
            parts.append(span(x, frame.y(dot.low), x, frame.y(dot.high), caps=(True, True)))
        if dot.value is not None:
            parts.append(mark(MARKERS[item.index % len(MARKERS)], x, frame.y(dot.value)))
    return Markup('<g class="{}">{}</g>').format(style, Markup("").join(parts))


def _share(share: float) -> str:
    return "full cap" if share == 1 else f"1/{round(1 / share)}"
