"""Participants without any skill: they cost nothing, and what they solve was free."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.participants.contract import Brief, Guesses, Kind

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.sandbox import Box

_SAMPLES = ("sample", "seed", "example", "valid", "input", "train")
_NOISE_SIZES = (16, 256, 4096)


@dataclass(frozen=True)
class Null:
    """Hands in nothing."""

    name: str = "null"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 1.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """Nothing."""
        return Guesses()


@dataclass(frozen=True)
class Echo:
    """Hands in the prompt."""

    name: str = "echo"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 1.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """The prompt in every file of the submission."""
        return Guesses((brief.everywhere(brief.prompt.encode()),))


@dataclass(frozen=True)
class Seed:
    """Hands in what was shipped, samples first: a task whose sample is its answer is no task."""

    name: str = "seed"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 1.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """Every delivered file, by name and then by size."""

        def unlikely(item: tuple[str, bytes, int]) -> tuple[bool, int, str]:
            path, content, _ = item
            return not any(word in path for word in _SAMPLES), len(content), path

        ordered = sorted(brief.files, key=unlikely)
        return Guesses(tuple(brief.everywhere(content) for _, content, _ in ordered))


@dataclass(frozen=True)
class Random:
    """Hands in noise of the right type."""

    name: str = "random"
    version: str = "1"
    kind: Kind = "floor"
    needs: tuple[str, ...] = ()
    budget_s: float = 1.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Guesses:  # noqa: ARG002
        """Noise for a binary file, numbers for JSON, and for text something that looks like a secret."""
        letters = "abcdefghijklmnopqrstuvwxyz234567"
        flag = "flag{" + "".join(draw.choice(letters) for _ in range(26)) + "}"
        noise = [draw.bytes(size) for size in _NOISE_SIZES]
        numbers = json.dumps({f"x{number}": draw.below(2**16) for number in range(16)}).encode()
        if all(name.endswith(".json") for name in brief.intake.files):
            return Guesses((brief.everywhere(numbers), brief.everywhere(noise[0])))
        texts = (flag.encode(), draw.bytes(16).hex().encode())
        return Guesses(tuple(brief.everywhere(content) for content in (noise[1], *texts, noise[2], noise[0], numbers)))


FREE = (Null(), Echo(), Seed(), Random())
