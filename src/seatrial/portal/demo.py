"""Filling the demonstration: made-up parties, submissions in every state, findings, a text, and one real review.

Each part is written down once it is there, in a file of the demonstration's home: a start that was killed goes on with
the next part, and a second start finds nothing to do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from seatrial.portal import demo_parties
from seatrial.portal.demo_findings import FINDINGS, find, propose
from seatrial.portal.demo_review import RealReview
from seatrial.portal.demo_scenes import SCENES
from seatrial.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from seatrial.evaluation.jobs import Kind
    from seatrial.installation import Installation

MARK = "demonstration.jsonl"
REVIEW = "review"


@dataclass
class Filling:
    """The parts that there are, of one home."""

    home: Path
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self._mark.exists():
            self.done = {json.loads(line)["part"] for line in self._mark.read_text().splitlines()}

    @property
    def _mark(self) -> Path:
        return self.home / MARK

    def once(self, part: str, make: Callable[[], object]) -> None:
        """Make a part that is not there."""
        if part in self.done:
            return
        made = make()
        with self._mark.open("a") as file:
            file.write(json.dumps({"part": part, "made": str(made)}) + "\n")
        self.done.add(part)


def fill(installation: Installation, kinds: Iterable[Kind], now: datetime, say: Callable[[str], None]) -> None:
    """Make what is missing of the demonstration, saying how far it is.

    Raises:
        RuntimeError: The review did not finish; everything else is there, and the next start tries it again.
    """
    demo_parties.enter(Registry(installation.house), now)
    for player in demo_parties.PLAYERS:
        User.objects.get_or_create(username=player.person)
    filling = Filling(installation.house.home)
    parts = dict(_parts(installation, now))
    for number, (part, make) in enumerate(parts.items(), 1):
        if part not in filling.done:
            say(f"demonstration {number}/{len(parts)}: {part}")
        filling.once(part, make)
    if REVIEW not in filling.done:
        review = RealReview(installation, kinds, lambda line: say(f"demonstration, a real review: {line}"))
        filling.once(REVIEW, partial(review.run, now))


def _parts(installation: Installation, now: datetime) -> Iterator[tuple[str, Callable[[], object]]]:
    house = installation.house
    for scene in SCENES:
        yield scene.code_name, partial(_played, scene.play, installation, now)
    for about, ago, steps in FINDINGS:
        yield about, partial(find, house, about, ago, steps, now)
    yield "a proposed text", partial(propose, house, now)


def _played(play: Callable[..., object], installation: Installation, now: datetime) -> str:
    return str(getattr(play(installation, now), "name", ""))
