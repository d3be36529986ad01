"""Messages for a program: valid ones of every kind, ones at a limit, malformed ones, and the trigger.

The composer keeps what a writer must know while it writes: the running sum, the phase, and what each part
remembers. A record that meets a shut gate is only folded by the program, so it may hold anything.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.c.message import Encoder

if TYPE_CHECKING:
    from seatrial.battery.c.parts import Amount, Memory, Use
    from seatrial.battery.c.program import Handler, Program
    from seatrial.battery.draw import Draw


@dataclass(frozen=True)
class Leaf:
    """One record as a plan: what a solver or a mutator needs to write it again."""

    handler: Handler
    body: bytes  # without the relation field


class Writing:
    """One message in the making."""

    def __init__(self, program: Program, draw: Draw, *, options: int = 0) -> None:
        self.program, self.draw = program, draw
        self.encoder = Encoder(program.grammar, options=options)
        self.phase = program.phases[0]
        self.plan: list[Leaf] = []
        self._memories: dict[int, Memory] = {}

    def memory(self, unit: int) -> Memory:
        """What the part of a unit remembers in this message."""
        return self._memories.setdefault(unit, {"order": self.program.grammar.order})

    def open(self, handler: Handler) -> bool:
        """Whether a handler works in the present phase."""
        return handler.gate is None or handler.gate == self.phase

    def leaf(self, handler: Handler, body: bytes, *, spoil: int = 0, related: bool = True) -> None:
        """Write one record; `spoil` wrongs its checksum, `related=False` its relation field."""
        self.plan.append(Leaf(handler, body))
        relation = handler.relation
        if relation and not related:
            wrong = (relation.value(self.encoder.running) ^ 0x0101).to_bytes(2, self.program.grammar.order)
            self.encoder.leaf(handler.tag, wrong + body, depth=handler.depth, spoil=spoil)
        else:
            self.encoder.leaf(handler.tag, body, depth=handler.depth, relation=relation, spoil=spoil)
        if handler.token:
            self._step(handler, body)

    def _step(self, handler: Handler, body: bytes) -> None:
        token = handler.token
        if token is None:
            return
        right = body[: token.width] == self.program.grammar.number(token.value, token.width)
        if right and self.phase == token.before:
            self.phase = token.after
        elif self.program.resets:
            self.phase = self.program.phases[0]

    def use(self, unit: int, use: Use, token: bytes = b"") -> None:
        """Write the record of one operation."""
        op, body = use
        handler = self.program.handler_for(unit, op)
        code = bytes([handler.codes[op]]) if handler.codes else b""
        self.leaf(handler, token + code + body)

    def valid(self, unit: int) -> None:
        """Valid work for one unit; a shut gate leaves its memory alone, a step gets a wrong token."""
        part = self.program.units[unit].part
        handlers = self.program.handlers_of(unit)
        shut = not self.open(handlers[0])
        memory = deepcopy(self.memory(unit)) if shut else self.memory(unit)
        for use in part.valid(self.draw, memory):
            self.use(unit, use, self.wrong_token(self.program.handler_for(unit, use[0])))

    def wrong_token(self, handler: Handler) -> bytes:
        """A token field that does not advance, empty for a handler without one."""
        if not handler.token:
            return b""
        value = (handler.token.value + self.draw.between(1, 200)) % (1 << (8 * handler.token.width))
        return self.program.grammar.number(value, handler.token.width)

    def unlock(self, upto: int | None = None) -> None:
        """Write the steps in their order, each with valid work behind its token."""
        names = {handler.name: handler for handler in self.program.handlers}
        for name in self.program.chain[:upto]:
            handler = names[name]
            token = handler.token
            if token is None:
                raise ValueError(f"step {name} has no token")
            part = self.program.units[handler.unit].part
            for use in part.valid(self.draw, self.memory(handler.unit)):
                self.use(handler.unit, use, self.program.grammar.number(token.value, token.width))

    def message(self) -> bytes:
        """The bytes so far."""
        return self.encoder.message()


class Composer:
    """Writes messages of every kind for one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        steps = set(program.chain)
        self._steps = {handler.unit for handler in program.handlers if handler.name in steps}
        self._quiet = tuple(
            number for number in range(len(program.units)) if number != program.flawed and number not in self._steps
        )

    def writing(self, draw: Draw) -> Writing:
        """An empty message with drawn options."""
        return Writing(self.program, draw, options=draw.below(1 << 16))

    def sample(self, draw: Draw, records: int) -> bytes:
        """The delivered sample: valid work that unlocks nothing; with nothing to unlock, the flawed unit's too."""
        writing = self.writing(draw)
        units = self._quiet if self.program.chain else (*self._quiet, self.program.flawed)
        for unit in draw.sample(units, min(records, len(units))):
            writing.valid(unit)
        if not self.program.chain and not any(leaf.handler.unit == self.program.flawed for leaf in writing.plan):
            writing.valid(self.program.flawed)
        return writing.message()

    def mixed(self, draw: Draw, records: int = 8) -> bytes:
        """Valid work of drawn units, sometimes after some of the steps."""
        writing = self.writing(draw)
        if self.program.chain and draw.chance(1, 2):
            writing.unlock(draw.between(0, len(self.program.chain)))
        for _ in range(records):
            writing.valid(draw.below(len(self.program.units)))
        return writing.message()

    def feature(self, draw: Draw, times: int = 3) -> bytes:
        """The flawed unit unlocked and used as intended."""
        writing = self.writing(draw)
        self._around(writing)
        writing.unlock()
        for _ in range(times):
            writing.valid(self.program.flawed)
        return writing.message()

    def of_unit(self, draw: Draw, unit: int, times: int = 2) -> bytes:
        """Valid work of one unit, with its gate open."""
        writing = self.writing(draw)
        gate = self.program.handlers_of(unit)[0].gate
        if gate is not None:
            writing.unlock(self.program.phases.index(gate))
        for _ in range(times):
            writing.valid(unit)
        return writing.message()

    def at_limit(self, draw: Draw, unit: int | None = None) -> bytes:
        """One unit used exactly at what it accepts."""
        return self._fixed_work(draw, self.program.flawed if unit is None else unit, limit=True)

    def minimal(self, draw: Draw, unit: int | None = None) -> bytes:
        """One unit used with the least it accepts."""
        return self._fixed_work(draw, self.program.flawed if unit is None else unit, limit=False)

    def empty(self) -> bytes:
        """A header and no record."""
        return self.program.grammar.header()

    def unknown(self) -> bytes:
        """A record that no handler takes: the program stops there."""
        grammar = self.program.grammar
        known = {handler.tag for handler in self.program.handlers} | {grammar.container}
        top = 1 << (8 * grammar.tag_width)
        return grammar.record(next(number for number in range(1, top) if number not in known), b"")

    def malformed(self, draw: Draw) -> bytes:
        """A message that must be refused: cut, wrong magic, unknown tag, wrong checksum or relation, too deep."""
        writing = self.writing(draw)
        for _ in range(draw.between(1, 4)):
            writing.valid(draw.choice(self._quiet))
        grammar, whole = self.program.grammar, writing.message()
        kinds = ["magic", "cut", "tag"] + (["checksum"] if grammar.checksum else [])
        related = [handler for handler in self.program.handlers if handler.relation]
        kind = draw.choice([*kinds, "relation"] if related else kinds)
        if kind == "magic":
            return bytes([whole[0] ^ (1 + draw.below(255))]) + whole[1:]
        if kind == "tag":
            return whole + self.unknown()
        if kind == "cut":
            return whole + grammar.record(1, b"abc")[:-1]
        if kind == "checksum":
            writing.leaf(self.program.handlers_of(draw.choice(self._quiet))[0], b"", spoil=1 + draw.below(200))
            return writing.message()
        handler = draw.choice(related)
        writing.leaf(handler, b"", related=False)
        return writing.message()

    def trigger(
        self,
        draw: Draw,
        amount: Amount = "middle",
        *,
        unit: int | None = None,
        used_before: bool = False,
        detour: bool = False,
        noise: bool = False,
    ) -> Writing:
        """The flawed unit unlocked and used beyond its limit (or a look-alike, which then refuses).

        `used_before`: valid work comes first; `detour`: a first, failed run at the steps; `noise`: other records
        before. Together with the amount these make variants of one proof.
        """
        writing = self.writing(draw)
        target = self.program.flawed if unit is None else unit
        gate = self.program.handlers_of(target)[0].gate
        if noise:
            self._around(writing)
        if detour and self.program.chain:
            writing.unlock(len(self.program.chain) - 1)
            first = next(handler for handler in self.program.handlers if handler.name == self.program.chain[0])
            for use in self.program.units[first.unit].part.valid(draw, writing.memory(first.unit)):
                writing.use(first.unit, use, writing.wrong_token(first))
        start = 0 if writing.phase == self.program.phases[0] else None
        if gate is not None and start is not None:
            writing.unlock(self.program.phases.index(gate))
        elif gate is not None:
            self._finish(writing, gate)
        if used_before:
            writing.valid(target)
        part = self.program.units[target].part
        for use in part.trigger(draw, writing.memory(target), amount):  # type: ignore[attr-defined]  # callers pass hazards
            writing.use(target, use)
        return writing

    def lookalikes(self) -> tuple[int, ...]:
        """Units that look like the flawed one and are sound."""
        units = self.program.units
        return tuple(at for at, unit in enumerate(units) if unit.hazard and at != self.program.flawed)

    def _finish(self, writing: Writing, gate: int) -> None:
        """Go on with the steps from the phase that a detour left."""
        done = self.program.phases.index(writing.phase)
        names = {handler.name: handler for handler in self.program.handlers}
        for name in self.program.chain[done : self.program.phases.index(gate)]:
            handler = names[name]
            if handler.token:
                part = self.program.units[handler.unit].part
                token = self.program.grammar.number(handler.token.value, handler.token.width)
                for use in part.valid(writing.draw, writing.memory(handler.unit)):
                    writing.use(handler.unit, use, token)

    def _around(self, writing: Writing) -> None:
        for _ in range(writing.draw.between(0, 3)):
            writing.valid(writing.draw.choice(self._quiet))

    def _fixed_work(self, draw: Draw, unit: int, *, limit: bool) -> bytes:
        writing = self.writing(draw)
        gate = self.program.handlers_of(unit)[0].gate
        if gate is not None:
            writing.unlock(self.program.phases.index(gate))
        part = self.program.units[unit].part
        memory = writing.memory(unit)
        for use in part.limit(memory) if limit else part.minimal(memory):
            writing.use(unit, use, writing.wrong_token(self.program.handler_for(unit, use[0])))
        return writing.message()
