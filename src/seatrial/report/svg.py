"""The strokes that every picture of a report is made of, and the frame that names it.

- A picture has a title and a description, and its text stays text; the page prints a table with the same numbers.
- Colour comes from the page's own variables by class (`s0` to `s7`), so pictures follow dark mode and print; series
  differ by marker as well as by colour.
- Coordinates have one decimal: equal input gives equal text on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 700, 410
LEFT, RIGHT, TOP, BOTTOM = 80, 14, 16, 52
MARKERS = ("circle", "square", "diamond", "up", "down", "cross", "plus", "bar")
STYLES = 8  # colour classes s0..s7 of the style sheet; further series start again with another marker order
QUARTERS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Dot:
    """A value with its interval at a place on the x axis; None for what does not exist."""

    x: float
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Frame:
    """The field that data are drawn in, in the units of the picture, and its height in shares from 0 to 1."""

    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    @property
    def end(self) -> float:
        """The x of the right edge."""
        return self.width - self.right

    @property
    def floor(self) -> float:
        """The y of the lower edge."""
        return self.height - self.bottom

    def y(self, share: float) -> float:
        """Where a share lies."""
        return self.top + (self.floor - self.top) * (1 - share)

    def shares(self, percents: Iterable[int] = QUARTERS) -> Markup:
        """Grid lines with percentages at the left."""
        parts = []
        for percent in percents:
            y = self.y(percent / 100)
            parts.append(line(self.left, y, self.end, y, "zero" if percent == 0 else "grid"))
            parts.append(label(self.left - 9, y + 4.5, f"{percent}\u202f%", anchor="end"))
        return Markup("").join(parts)

    def foot(self, x: float, words: str) -> Markup:
        """A label below the field."""
        return label(x, self.floor + 26, words)


@dataclass(frozen=True)
class Axis:
    """A straight scale along x from `low` to `high`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies, held inside the field."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))

    def holds(self, value: float) -> bool:
        """Whether a value lies inside the field."""
        return self.low <= value <= self.high


def picture(
    name: str, title: str, desc: str, parts: Iterable[Markup], *, frame: Frame | None = None, style: str = "chart"
) -> Markup:
    """A picture with its title and description; `name` makes their ids unique on the page."""
    size = frame or Frame()
    return Markup(
        '<svg class="{style}" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{n}-title {n}-desc">'
        '<title id="{n}-title">{title}</title><desc id="{n}-desc">{desc}</desc>{parts}</svg>'
    ).format(
        style=style,
        w=number(size.width),
        h=number(size.height),
        n=name,
        title=title,
        desc=desc,
        parts=Markup("").join(parts),
    )


def label(x: float, y: float, words: str, *, anchor: str = "middle", style: str = "tick") -> Markup:
    """Text at a place."""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        style, number(x), number(y), anchor, words
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        style, number(x1), number(y1), number(x2), number(y2)
    )


def curve(points: Iterable[tuple[float, float]], style: str, *, closed: bool = False) -> Markup:
    """A line through points, or the area inside them."""
    return Markup('<path class="{}" d="{}{}"/>').format(style, track(points), "Z" if closed else "")


def track(points: Iterable[tuple[float, float]]) -> Markup:
    """Points as the text of a path."""
    return escape("".join(f"{'L' if i else 'M'}{number(x)} {number(y)}" for i, (x, y) in enumerate(points)))


def span(x1: float, y1: float, x2: float, y2: float, style: str = "whisker", *, caps: tuple[bool, bool]) -> Markup:
    """An interval, upright or lying, with a bar at each end that is a limit and not the edge of the picture."""
    parts = [line(x1, y1, x2, y2, style)]
    upright = x1 == x2
    for (x, y), capped in zip(((x1, y1), (x2, y2)), caps, strict=True):
        if capped:
            parts.append(line(x - 4, y, x + 4, y, style) if upright else line(x, y - 4, x, y + 4, style))
    return Markup("").join(parts)


def mark(shape: str, x: float, y: float, style: str = "mark") -> Markup:
    """A marker as a group of a style."""
    return Markup('<g class="{}">{}</g>').format(style, marker(shape, x, y))


def marker(shape: str, x: float, y: float) -> Markup:
    """The outline of a marker."""
    if shape == "circle":
        return Markup('<circle cx="{}" cy="{}" r="5.5"/>').format(number(x), number(y))
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
    points = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in outlines[shape])
    return Markup('<polygon points="{}"/>').format(points)


def number(value: float) -> str:
    """One decimal, no trailing zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
