"""Participants that are given more than a model gets: the reference solver, and a family's own yardsticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.participants.contract import Brief, Guesses, Kind
from seatrial.battery.submission import collect

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import Instance, Script
    from seatrial.sandbox import Box


@dataclass(frozen=True)
class Reference:
    """Runs the instance's own solver, cold, and hands in what it left in /submission."""

    solver: Script
    name: str = "reference"
    version: str = "1"
    kind: Kind = "reference"
    needs: tuple[str, ...] = ("python3",)
    budget_s: float = 300.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """One guess, or none when the solver gave up; its last words stand in the note."""
        folder = "/tmp/reference"
        tree = {"main.py": (self.solver.source.encode(), 0o644)} | dict(self.solver.files.files)
        box.place(folder, tree, read_only=False)
        done = box.exec(["python3", "-B", f"{folder}/main.py"], cwd=folder, env=brief.env, timeout_s=budget_s)
        box.exec(["rm", "-rf", "--", folder])
        files = collect(box, brief.intake).files
        return Guesses((files,) if files else (), done.stderr[-500:].decode(errors="replace"))


@dataclass(frozen=True)
class Naive:
    """A family's own naive solver: acts in the box and leaves files in /submission."""

    name: str
    act: Callable[[Box, Instance], None]
    instance: Instance
    version: str = "1"
    kind: Kind = "tool"
    needs: tuple[str, ...] = ()
    budget_s: float = 60.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """What it left, as one guess."""
        self.act(box, self.instance)
        files = collect(box, brief.intake).files
        return Guesses((files,) if files else ())
