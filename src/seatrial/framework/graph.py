"""Pictures of the lifecycles, drawn from their tables and from nothing else: SVG for a page, Mermaid text for a reader.

- Lines are the rows that lead from few states. Rows that lead from many are written in the box of each, and rows that
  lead from every state stand once, under the title.
- A dashed line protects somebody or closes something: it needs no consent.
- Rows that stay in their state are not drawn; the Markdown tables have every row.

`python -m seatrial.framework.graph FOLDER` writes one picture for each lifecycle.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.standing import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.lifecycle import Lifecycle, Transition

MANY = 4  # sources from which an event is written in boxes: more lines than that hide each other
BOX, PITCH_X, PITCH_Y, MARGIN, HEAD = 208, 312, 138, 16, 56
LINE, NAME = 13, 24
EVERYWHERE = {"withdraw"}  # written under the title

_ROWS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.SUBMISSION: (
            "inquiry draft submitted terms agreed",
            "review running preflight access_open .",
            "draft_report paused incident_hold . .",
            "developer_comment report_issued handoff closed .",
            "withdrawn declined expired . purged",
        ),
        Kind.FINDING: (
            "not_reproduced candidate known . .",
            "duplicate reproduced . out_of_scope retracted",
            "signed_off rated clustered . .",
            "queued reported escalated wont_fix .",
            ". acknowledged fix_in_progress fix_available fix_verified",
            ". disputed . advisory_published details_published",
        ),
        Kind.FRAMEWORK_TEXT: ("proposed revised adopted superseded", ". withdrawn . ."),
    }
)


def places(kind: Kind) -> dict[str, tuple[int, int]]:
    """Where each state stands: column and row."""
    return {
        state: (column, row)
        for row, names in enumerate(_ROWS[kind])
        for column, state in enumerate(names.split())
        if state != "."
    }


def mermaid(lifecycle: Lifecycle) -> str:
    """The table as a Mermaid state diagram, with every row that changes the state."""
    lines = ["stateDiagram-v2"]
    moving = (row for row in lifecycle.transitions if row.source != row.target)
    lines += [f"    {row.source or '[*]'} --> {row.target}: {row.event}" for row in moving]
    lines += [f"    {state} --> [*]" for state in lifecycle.states if state in lifecycle.final]
    return "\n".join(lines) + "\n"


def markdown(lifecycle: Lifecycle) -> str:
    """The states in one sentence each, and the rows, alike ones together, as two Markdown tables."""
    lines = ["| state | meaning |", "|---|---|"]
    final = {state: " (final)" if state in lifecycle.final else "" for state in lifecycle.states}
    lines += [f"| `{state}`{final[state]} | {meaning} |" for state, meaning in lifecycle.meaning.items()]
    lines += ["", "| event | from | by | rests on | to |", "|---|---|---|---|---|"]
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in lifecycle.transitions:
        needs = "; ".join(need.name for need in row.requires) or "nothing"
        target = "same" if row.source == row.target else f"`{row.target}`"
        event = f"`{row.event}`" + (" ‡" if row.protective else "")
        alike[event, ", ".join(sorted(row.actors)), needs, target].append(row.source)
    for (event, by, needs, target), sources in alike.items():
        lines.append(f"| {event} | {_sources(lifecycle, sources)} | {by} | {needs} | {target} |")
    return "\n".join(lines) + "\n"


def _sources(lifecycle: Lifecycle, sources: list[str]) -> str:
    missing = [state for state in lifecycle.states if state not in sources]
    if not missing:
        return "every state"
    if len(missing) < len(sources):
        return "every state but " + ", ".join(missing)
    return ", ".join(source or "nothing" for source in sources)


def svg(lifecycle: Lifecycle) -> str:
    """The table as a picture with a title, a description and text that stays text."""
    where = places(lifecycle.kind)
    width = MARGIN * 2 + PITCH_X * max(column for column, _ in where.values()) + BOX
    height = HEAD + MARGIN + PITCH_Y * (len(_ROWS[lifecycle.kind]) - 1) + _box_height(lifecycle, _tallest(lifecycle))
    title = f"Lifecycle of a {lifecycle.kind.replace('_', ' ')}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" aria-labelledby="title description" font-family="sans-serif" font-size="11">'
        ),
        f'<title id="title">{title}</title>',
        (f'<desc id="description">{len(lifecycle.states)} states; every change is listed beside the picture.</desc>'),
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="#444"/></marker></defs>'
        ),
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" font-size="16" font-weight="bold">{title}</text>',
        f'<text x="{MARGIN}" y="40">{escape(_everywhere(lifecycle))}</text>',
        *_lines(lifecycle, where),
        *(_box(lifecycle, state, where[state]) for state in lifecycle.states),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _everywhere(lifecycle: Lifecycle) -> str:
    found = [row for row in lifecycle.transitions if row.event in EVERYWHERE]
    if not found:
        return "Dashed: protects somebody or closes something."
    without = [state for state in lifecycle.states if state not in {row.source for row in found}]
    who = " or ".join(sorted(found[0].actors)) if lifecycle.kind is Kind.SUBMISSION else "its proposer"
    return f"withdraw, by {who} alone, leads to withdrawn from every state but {', '.join(without)}."


def _moving(lifecycle: Lifecycle) -> list[Transition]:
    return [
        row for row in lifecycle.transitions if row.source and row.source != row.target and row.event not in EVERYWHERE
    ]


def _wide(lifecycle: Lifecycle) -> set[str]:
    """The events that lead from many states."""
    sources: dict[str, set[str]] = defaultdict(set)
    for row in _moving(lifecycle):
        sources[row.event].add(row.source)
    return {event for event, found in sources.items() if len(found) >= MANY}


def _written(lifecycle: Lifecycle, state: str) -> list[str]:
    wide = _wide(lifecycle)
    return [f"{row.event} → {row.target}" for row in _moving(lifecycle) if row.source == state and row.event in wide]


def _tallest(lifecycle: Lifecycle) -> str:
    return max(lifecycle.states, key=lambda state: len(_written(lifecycle, state)))


def _box_height(lifecycle: Lifecycle, state: str) -> int:
    return NAME + 6 + LINE * len(_written(lifecycle, state))


def _box(lifecycle: Lifecycle, state: str, place: tuple[int, int]) -> str:
    x, y = MARGIN + place[0] * PITCH_X, HEAD + place[1] * PITCH_Y
    stroke = ' stroke-width="3"' if state in lifecycle.final else ""
    text = "".join(
        f'<text x="{x + BOX / 2:g}" y="{y + NAME + 8 + LINE * number}" text-anchor="middle" font-size="10" fill="#555">'
        f"{escape(line)}</text>"
        for number, line in enumerate(_written(lifecycle, state))
    )
    return (
        f'<g><title>{escape(lifecycle.meaning[state])}</title><rect x="{x}" y="{y}" width="{BOX}" '
        f'height="{_box_height(lifecycle, state)}" rx="6" fill="#eef3f8" stroke="#345"{stroke}/>'
        f'<text x="{x + BOX / 2:g}" y="{y + 17}" text-anchor="middle" font-weight="bold" font-size="13">{state}</text>'
        f"{text}</g>"
    )


def _lines(lifecycle: Lifecycle, where: dict[str, tuple[int, int]]) -> list[str]:
    wide = _wide(lifecycle)
    together: dict[tuple[str, str], list[Transition]] = defaultdict(list)
    for row in _moving(lifecycle):
        if row.event not in wide:
            together[row.source, row.target].append(row)
    lines, labels = [], []
    for (source, target), rows in together.items():
        both = (target, source) in together
        x1, y1, x2, y2 = _ends(lifecycle, source, target, where, apart=9 if both else 0)
        dash = ' stroke-dasharray="5 3"' if all(row.protective for row in rows) else ""
        lines.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#444"{dash} marker-end="url(#tip)"/>'
        )
        share = 0.42  # before the middle, where lines cross less often
        x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
        for number, row in enumerate(rows):
            labels.append(
                f'<text x="{x:.1f}" y="{y - 4 + 11 * number:.1f}" text-anchor="middle" font-size="10" fill="#124" '
                f'stroke="#fff" stroke-width="3" paint-order="stroke">{row.event}</text>'
            )
    return [*lines, *labels]


def _ends(
    lifecycle: Lifecycle, source: str, target: str, where: dict[str, tuple[int, int]], *, apart: float
) -> tuple[float, float, float, float]:
    """Where a line leaves one box and enters the other; two lines between the same boxes lie side by side."""
    (x1, y1), (x2, y2) = _middle(lifecycle, source, where), _middle(lifecycle, target, where)
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    along, across = (x2 - x1) / length, (y2 - y1) / length
    x1, x2, y1, y2 = x1 - across * apart, x2 - across * apart, y1 + along * apart, y2 + along * apart
    leave = _to_border(lifecycle, source, along, across)
    enter = _to_border(lifecycle, target, along, across)
    return (
        round(x1 + along * leave, 1),
        round(y1 + across * leave, 1),
        round(x2 - along * enter, 1),
        round(y2 - across * enter, 1),
    )


def _middle(lifecycle: Lifecycle, state: str, where: dict[str, tuple[int, int]]) -> tuple[float, float]:
    column, row = where[state]
    return MARGIN + column * PITCH_X + BOX / 2, HEAD + row * PITCH_Y + _box_height(lifecycle, state) / 2


def _to_border(lifecycle: Lifecycle, state: str, along: float, across: float) -> float:
    """How far the border of a box lies from its middle in a direction."""
    reaches = [
        half / abs(part)
        for half, part in ((BOX / 2, along), (_box_height(lifecycle, state) / 2, across))
        if abs(part) > 1e-9  # a line along an axis meets one pair of sides only
    ]
    return min(reaches)


def write(folder: Path) -> tuple[Path, ...]:
    """Write one picture for each lifecycle; the paths."""
    written = []
    for lifecycle in LIFECYCLES.values():
        path = folder / f"lifecycle-{lifecycle.kind.replace('_', '-')}.svg"
        path.write_text(svg(lifecycle), encoding="utf-8")
        written.append(path)
    return tuple(written)


if __name__ == "__main__":
    for drawn in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        sys.stdout.write(f"{drawn}\n")
