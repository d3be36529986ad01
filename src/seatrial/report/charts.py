"""The pictures of a report: inline SVG with title and description, coloured by the page's own variables.

They are written here and not by a plotting library because they must follow the page into dark mode and print, carry
their text as text, and come out equal to the byte on every machine. A picture never stands alone: the page prints a
table with the same numbers beside it. Series differ by marker as well as by colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

WIDTH, HEIGHT = 700, 410
LEFT, RIGHT, TOP, BOTTOM = 80, 14, 16, 52
MARKERS = ("circle", "square", "diamond", "up", "down", "cross", "plus", "bar")
STYLES = 8  # colour classes s0..s7 of the style sheet; further series start again with another marker order
DODGE = 0.62  # share of a level's width that its series are spread over


@dataclass(frozen=True)
class Dot:
    """A value with its interval at a place on the x axis; value None where only limits exist."""

    x: float
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Series:
    """Dots of one participant; `index` chooses colour and marker, `quiet` draws it thin."""

    name: str
    index: int
    dots: tuple[Dot, ...]
    quiet: bool = False


def ladder(series: Sequence[Series], levels: Sequence[int], title: str, desc: str) -> Markup:
    """Success by level: a dot with its interval for every participant."""
    step = (WIDTH - LEFT - RIGHT) / max(1, len(levels))
    parts = [_axes(), *(_level(LEFT + step * (i + 0.5), f"Level {level}") for i, level in enumerate(levels))]
    parts += [_line(LEFT + step * i, TOP, LEFT + step * i, HEIGHT - BOTTOM, "rule") for i in range(1, len(levels))]
    for place, item in enumerate(series):
        shift = ((place + 0.5) / len(series) - 0.5) * step * DODGE
        at = {level: LEFT + step * (i + 0.5) + shift for i, level in enumerate(levels)}
        parts.append(_series(item, [(at[int(dot.x)], dot) for dot in item.dots if int(dot.x) in at]))
    return _svg("ladder", title, desc, parts)


def budget(points: Sequence[Dot], counts: Sequence[tuple[float, float]], title: str, desc: str) -> Markup:
    """Success within shares of the cap: the band where there is one, and what was counted everywhere.

    `points` carry the band; `counts` are (share of the cap, share solved) for the whole grid.
    """
    lowest = min(share for share, _ in counts)
    octaves = -math.log2(lowest) or 1.0
    step = (WIDTH - LEFT - RIGHT) / (octaves + 1)

    def x(share: float) -> float:
        return LEFT + step * (octaves + math.log2(share) + 0.5)

    banded = [dot for dot in points if dot.low is not None and dot.high is not None]
    upper = [(x(dot.x), _y(dot.high or 0)) for dot in banded]
    lower = [(x(dot.x), _y(dot.low or 0)) for dot in reversed(banded)]
    parts = [_axes(), *(_level(x(share), _share(share)) for share, _ in counts)]
    if len(banded) > 1:
        parts.append(Markup('<path class="band s0" d="{}Z"/>').format(_path([*upper, *lower])))
    for dot in banded:
        ends = (_y(dot.low or 0), _y(dot.high or 0))
        parts.append(_line(x(dot.x), ends[0], x(dot.x), ends[1], "whisker s0"))
    track = [(x(share), _y(value)) for share, value in counts]
    parts.append(Markup('<path class="curve s0" d="{}"/>').format(_path(track)))
    with_band = {dot.x for dot in banded}
    for (share, _), (px, py) in zip(counts, track, strict=True):
        hollow = "" if share in with_band else " hollow"
        parts.append(Markup('<g class="mark s0{}">{}</g>').format(hollow, _marker("circle", px, py)))
    return _svg("budget", title, desc, parts)


def bar(low: float, value: float | None, high: float, index: int) -> Markup:
    """A small interval on a line from 0 to 100 %; the numbers stand beside it, so it is hidden from readers aloud."""
    parts = [_line(1, 6, 119, 6, "rail"), _line(60, 3, 60, 9, "rail")]
    parts.append(_line(1 + 118 * low, 6, 1 + 118 * high, 6, f"span s{index % STYLES}"))
    if value is not None:
        parts.append(
            Markup('<circle class="dot s{}" cx="{}" cy="6" r="4"/>').format(index % STYLES, _n(1 + 118 * value))
        )
    return Markup('<svg class="bar" viewBox="-4 0 128 12" aria-hidden="true" focusable="false">{}</svg>').format(
        Markup("").join(parts)
    )


def key(index: int) -> Markup:
    """The marker of a series, for a legend."""
    return Markup(
        '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><g class="mark s{}">{}</g></svg>'
    ).format(index % STYLES, _marker(MARKERS[index % len(MARKERS)], 8, 8))


def _svg(name: str, title: str, desc: str, parts: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{n}-title {n}-desc">'
        '<title id="{n}-title">{title}</title><desc id="{n}-desc">{desc}</desc>{parts}</svg>'
    ).format(w=WIDTH, h=HEIGHT, n=name, title=title, desc=desc, parts=Markup("").join(parts))


def _axes() -> Markup:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "zero" if percent == 0 else "grid"))
        label = f"{percent}\u202f%"
        parts.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 9, _n(y + 4.5), label)
        )
    return Markup("").join(parts)


def _level(x: float, text: str) -> Markup:
    return Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        _n(x), HEIGHT - BOTTOM + 26, text
    )


def _series(item: Series, placed: Sequence[tuple[float, Dot]]) -> Markup:
    style = f"s{item.index % STYLES}" + (" quiet" if item.quiet else "")
    parts = []
    for (x, dot), (next_x, following) in pairwise(placed):
        if dot.value is not None and following.value is not None:
            ends = [(x, _y(dot.value)), (next_x, _y(following.value))]
            parts.append(Markup('<path class="link" d="{}"/>').format(_path(ends)))
    for x, dot in placed:
        if dot.low is not None and dot.high is not None:
            low, high = _y(dot.low), _y(dot.high)
            parts.append(_line(x, low, x, high, "whisker"))
            parts += [_line(x - 4, end, x + 4, end, "whisker") for end in (low, high)]
        if dot.value is not None:
            shape = _marker(MARKERS[item.index % len(MARKERS)], x, _y(dot.value))
            parts.append(Markup('<g class="mark">{}</g>').format(shape))
    return Markup('<g class="{}">{}</g>').format(style, Markup("").join(parts))


def _marker(shape: str, x: float, y: float) -> Markup:
    if shape == "circle":
        return Markup('<circle cx="{}" cy="{}" r="5.5"/>').format(_n(x), _n(y))
    outlines = {
        "square": ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        "diamond": ((0, -6.5), (6.5, 0), (0, 6.5), (-6.5, 0)),
        "up": ((0, -6.5), (6, 4.5), (-6, 4.5)),
        "down": ((0, 6.5), (6, -4.5), (-6, -4.5)),
        "cross": ((-5.5, -3.5), (-3.5, -5.5), (0, -2), (3.5, -5.5), (5.5, -3.5), (2, 0), (5.5, 3.5), (3.5, 5.5), (0, 2),
                  (-3.5, 5.5), (-5.5, 3.5), (-2, 0)),
        "plus": ((-1.5, -6), (1.5, -6), (1.5, -1.5), (6, -1.5), (6, 1.5), (1.5, 1.5), (1.5, 6), (-1.5, 6), (-1.5, 1.5),
                 (-6, 1.5), (-6, -1.5), (-1.5, -1.5)),
        "bar": ((-6, -2.5), (6, -2.5), (6, 2.5), (-6, 2.5)),
    }  # fmt: skip
    points = " ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in outlines[shape])
    return Markup('<polygon points="{}"/>').format(points)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(style, _n(x1), _n(y1), _n(x2), _n(y2))


def _path(points: Iterable[tuple[float, float]]) -> Markup:
    return escape("".join(f"{'L' if i else 'M'}{_n(x)} {_n(y)}" for i, (x, y) in enumerate(points)))


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _n(number: float) -> str:
    """One decimal, no trailing zero: coordinates of equal input are equal text."""
    return f"{number:.1f}".removesuffix(".0")


def _share(share: float) -> str:
    return "full cap" if share == 1 else f"1/{round(1 / share)}"
