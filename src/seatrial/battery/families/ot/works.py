"""A plant with people at work: its points, its hosts, the workflows that write to it, and ways to write badly.

| workflow | by | function | in order |
|---|---|---|---|
| trim | panel | 6, drive | within its range (critical: it keeps the plant safe) |
| relief | panel | 6, relief | up to its mark always, above it while the state is at or above its own mark (critical) |
| pump | panel | 5 | a few times a minute at most |
| recipe | engineering | 16, three registers | within their range |
| line-up | desk | 15, four coils | any pattern |
| calibrate | laptop | 6 | while the maintenance key is turned (rare) |

Bad writes come in classes, each wrong in exactly one respect, and each on a workflow that the plant has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.families.ot.build import DRIVE, RELIEF, STATE, Shape, network, numbers, shape, site
from seatrial.battery.families.ot.plants import KINDS

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import Knobs

# The order in which workflows and classes come with rising levels; more of both repeat on further units.
ORDER = ("trim", "pump", "recipe", "relief", "trim", "calibrate", "line-up", "relief", "pump", "recipe")
FURTHER = ("trim", "relief", "recipe", "pump")
CLASSES = (
    *("stranger", "range", "address", "state", "function", "calibration", "rate", "unit"),
    *("span", "edge", "zero", "state-edge", "colleague", "low", "middle"),
)
ROLES = ("panel", "desk", "engineering", "laptop", "historian", "office")
FUNCTION = {"trim": 6, "relief": 6, "pump": 5, "recipe": 16, "line-up": 15, "calibrate": 6}
BY = {
    "trim": "panel",
    "relief": "panel",
    "pump": "panel",
    "recipe": "engineering",
    "line-up": "desk",
    "calibrate": "laptop",
}
PER_MINUTE = {"trim": 8, "relief": 8, "pump": 4, "recipe": 4, "line-up": 4, "calibrate": 4}
CRITICAL = ("trim", "relief")
FULL_SCALES = (1000, 4000, 10_000, 27_648)


@dataclass(frozen=True)
class WorkPoint:
    """A row of the point list; `low`, `high` and `mark` (None: it has none) are in its unit of measure."""

    tag: str
    text: str
    measure: str
    unit: int
    table: str
    address: int
    scale: float
    low: float
    high: float
    mark: float | None = None
    per_minute: int | None = None
    count: int = 1
    signal: tuple[str, int] = ("", 0)  # what it shows or moves: state, drive, relief, key; and the plant's unit


@dataclass(frozen=True)
class Workflow:
    """Writes of one kind to one point; `watch` is the point that decides whether they are in order."""

    kind: str
    source: str
    point: WorkPoint
    watch: WorkPoint | None = None

    @property
    def function(self) -> int:
        """Its function code."""
        return FUNCTION[self.kind]

    @property
    def critical(self) -> bool:
        """Whether the plant's safety hangs on it."""
        return self.kind in CRITICAL


@dataclass(frozen=True)
class Works:
    """The whole place."""

    kind: str
    place: str
    shapes: tuple[Shape, ...]
    hosts: tuple[tuple[str, str], ...]  # role, address
    plc: str
    points: tuple[WorkPoint, ...]
    workflows: tuple[Workflow, ...]
    classes: tuple[str, ...]

    def host(self, role: str) -> str:
        """The address of a role."""
        return dict(self.hosts)[role]


def draw_works(draw: Draw, knobs: Knobs) -> Works:
    """A place with the workflows and classes of a level."""
    kind, place, prefix = draw.choice(KINDS), site(draw), network(draw)
    count = int(knobs["workflows"])
    kinds = [*ORDER[:count], *(FURTHER[index % len(FURTHER)] for index in range(count - len(ORDER)))]
    size = max(kinds.count(name) for name in ORDER)
    shapes = tuple(shape(draw, kind, last=index == size - 1) for index in range(size))
    last = draw.sample(range(10, 250), len(ROLES) + 1)
    hosts = tuple((role, f"{prefix}.{number}") for role, number in zip(ROLES, last, strict=False))
    makers = _Points(draw, kind, shapes, spread=int(knobs["classes"]) >= CLASSES.index("unit") + 1)
    points: list[WorkPoint] = [makers.state(index) for index in range(size)]
    states = list(points)
    workflows: list[Workflow] = []
    by_role = dict(hosts)
    for number, name in enumerate(kinds):
        index = kinds[:number].count(name)
        watch: WorkPoint | None = states[index] if name == "relief" else None
        if name == "calibrate":
            watch = makers.key(index)
            points.append(watch)
        point = makers.command(name, index)
        points.append(point)
        workflows.append(Workflow(name, by_role[BY[name]], point, watch))
    points += [makers.spare(index) for index in range(size)]
    return Works(
        kind,
        place,
        shapes,
        hosts,
        f"{prefix}.{last[-1]}",
        tuple(points),
        tuple(workflows),
        CLASSES[: int(knobs["classes"])],
    )


class _Points:
    """Makes points with drawn places and tags."""

    def __init__(self, draw: Draw, kind: str, shapes: tuple[Shape, ...], *, spread: bool) -> None:
        self._draw, self._kind, self._shapes = draw, kind, shapes
        self._names = iter(numbers(draw, 12 * len(shapes) + 12))
        one = draw.between(1, 60)
        self._units = [one + (2 * index if spread else 0) for index in range(len(shapes))]
        self._base = {table: draw.between(0, 60) * 100 for table in ("coil", "discrete", "holding", "input")}
        self._taken: dict[tuple[int, str], set[int]] = {}

    def _place(self, index: int, table: str, size: int = 1) -> tuple[int, str, int]:
        unit = self._units[index]
        taken = self._taken.setdefault((unit, table), set())
        room = 24
        while True:
            address = self._base[table] + self._draw.below(room)
            wanted = set(range(address - 1, address + size + 1))  # a free neighbour on either side
            if not wanted & taken:
                taken |= set(range(address, address + size))
                return unit, table, address
            room += 2

    def state(self, index: int) -> WorkPoint:
        """The measured state of a unit, with the mark in the middle of its safe band."""
        letters, text, measure = STATE[self._kind]
        item = self._shapes[index]
        scale = item.span[1] / self._draw.choice(FULL_SCALES[1:])
        tag, low, high = f"{letters}-{next(self._names)}", *item.hard
        unit, table, address = self._place(index, "input")
        mark = round(item.centre, 1)
        name = f"{text} ({self._kind} {index + 1})"
        return WorkPoint(tag, name, measure, unit, table, address, scale, low, high, mark, signal=("state", index))

    def key(self, index: int) -> WorkPoint:
        """The maintenance key."""
        unit, table, address = self._place(index, "discrete")
        tag, text = f"KS-{next(self._names)}", f"maintenance key ({self._kind} {index + 1})"
        return WorkPoint(tag, text, "0/1", unit, table, address, 1.0, 0, 1, signal=("key", index))

    def command(self, kind: str, index: int) -> WorkPoint:
        """The point that a workflow writes."""
        draw, rate = self._draw, PER_MINUTE[kind]
        scale = 100.0 / draw.choice(FULL_SCALES)
        where = f"({self._kind} {index + 1})"
        name = next(self._names)
        if kind in {"trim", "relief"}:
            letters, text = (DRIVE if kind == "trim" else RELIEF)[self._kind]
            low, high = (float(draw.between(6, 9)), float(draw.between(84, 90)))
            mark = 50.0 if kind == "relief" else None
            moved = ("drive" if kind == "trim" else "relief", index)
            place = self._place(index, "holding")
            return WorkPoint(
                f"{letters}-{name}", f"{text} {where}", "%", *place, scale, low, high, mark, rate, 1, moved
            )
        if kind == "recipe":
            low, high = float(draw.between(10, 20)), float(draw.between(70, 85))
            place = self._place(index, "holding", 3)
            return WorkPoint(
                f"RC-{name}", f"recipe of three values {where}", "%", *place, scale, low, high, None, rate, 3
            )
        if kind == "calibrate":
            place = self._place(index, "holding")
            return WorkPoint(f"CA-{name}", f"calibration {where}", "%", *place, scale, 40.0, 60.0, None, rate)
        size, text = (1, "circulation pump") if kind == "pump" else (4, "line-up of four valves")
        place = self._place(index, "coil", size)
        return WorkPoint(f"HS-{name}", f"{text} {where}", "0/1", *place, 1.0, 0, 1, None, rate, size)

    def spare(self, index: int) -> WorkPoint:
        """A trip limit that no workflow ever writes."""
        place = self._place(index, "holding")
        name = f"trip limit ({self._kind} {index + 1})"
        return WorkPoint(f"TL-{next(self._names)}", name, "%", *place, 0.1, 0.0, 100.0)
