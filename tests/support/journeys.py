"""Journeys of two kinds over one portal's home, undisturbed and disturbed, and what is wrong with them at the end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.ledger.receipt import verify_receipt
from seatrial.portal.demo_findings import FINDINGS
from seatrial.portal.demo_scenes import SCENES
from support.accounts import Found, differences
from support.portal_process import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.portal_process import Portal
    from support.voyage import Voyage

MARK, LAST_PARTS = "demonstration.jsonl", ("a proposed text", "review")
"""Where a demonstration writes down what is filled, and the parts that are in no list; others only cost time."""
SHORT, LONG = "withdrawn", "signed"
SETTLED_S = 90
"""For the minute's round to make up what is owed when the last process has been killed."""


@dataclass
class Journeys:
    """Journeys of both kinds, and what came of them."""

    voyage: Voyage
    endpoint: str
    made: dict[str, list[str]] = field(default_factory=lambda: {SHORT: [], LONG: []})
    names: list[str] = field(default_factory=list)

    def walk(self, kind: str, number: int) -> None:
        """One submission from its offer to the withdrawal, before access or after the signature."""
        sea, code_name = self.voyage, f"{kind}-{number}"
        self.names.append(code_name)
        by_program = bool(number % 2)
        name = sea.shared_by_program(code_name) if by_program else sea.offered(code_name)
        self.made[kind].append(name)
        sea.agreed(name, shared=by_program)
        sea.planned(name)
        sea.deposited(name, self.endpoint)
        sea.opened(name)
        sea.kept_receipt(name)
        if kind == LONG:
            sea.ran(name)
            sea.reported(name)
            sea.kept_receipt(name)
        sea.withdrawn(name)


def begun(home: Path) -> None:
    """A home whose demonstration is filled already, but for its people: nothing but what is walked is in it."""
    home.mkdir(mode=0o700)
    parts = [scene.code_name for scene in SCENES] + [about for about, *_ in FINDINGS] + [*LAST_PARTS]
    (home / MARK).write_text("".join(json.dumps({"part": part, "made": ""}) + "\n" for part in parts))


def checked(portal: Portal, journeys: Journeys) -> Iterator[str]:
    """Everything that is lost, double or wrong."""
    found = Found(portal.home)
    yield from found.record()
    yield from found.unrecorded()
    for code_name in journeys.names:
        if (many := len(found.named(code_name))) != 1:
            yield f"{'double' if many else 'lost'}: {code_name} stands for {many} submissions"
    for names in journeys.made.values():
        for name in names:
            yield from found.attempts(name)
        for name in names[1:]:
            yield from (f"{name}: {one}" for one in differences(found.account(names[0]), found.account(name)))
    key = next((portal.home / "ledger").glob("*.vkey")).read_text().strip()
    for receipt in journeys.voyage.receipts:
        verify_receipt(receipt, key)


def settled(portal: Portal) -> None:
    """Wait until the worker has made up what killed processes left."""
    until(portal.ready, "all of it is there again")
    found = Found(portal.home)
    until(lambda: not found.owing(), "what custody owes is recorded", SETTLED_S)
    until(lambda: not found.ordered(), "what acts ordered is done", SETTLED_S)
