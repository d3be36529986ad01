"""kill -9 of the portal's processes in the middle of a journey: nothing acknowledged is lost, nothing is done twice.

    PYTHONPATH=tests python benchmarks/portal_kill.py [--kills 50] [--seed 1] [--keep FOLDER]

A real `seatrial portal` over its own home; four people and a program walk submissions over HTTP: offers, agreements
with two keys, sealed endpoints, real reviews, comments, signatures, withdrawals. At drawn moments, most of them inside
a request or a run, the process of the pages, the worker, custody's or the watcher with all of them is killed. Whoever
gets no answer presses the button again, or looks whether it was done and does it anew if it was not.

First each kind of journey is walked once with nobody killed. Afterwards everything that a submission left (acts,
entries of the record, consents, papers, notices, orders, keys, jobs), told apart by natural keys and read with plain
SQL, has to be the same as of the undisturbed one. Exit code 1 on a loss or a double.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from seatrial.ledger.receipt import verify_receipt
from seatrial.portal.demo_findings import FINDINGS
from seatrial.portal.demo_model import made_up_model
from seatrial.portal.demo_scenes import SCENES
from support.accounts import Found, differences
from support.portal_process import free_ports, serving, until
from support.voyage import Killer, Voyage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.portal_process import Portal

MARK, LAST_PARTS = "demonstration.jsonl", ("a proposed text", "review")
"""Where a demonstration writes down what is filled, and the parts that are in no list; others only cost time."""
SHORT, LONG = "withdrawn", "signed"
EVERY = 3
"""Of the disturbed journeys, each so many-eth goes to the signature and has a real review in it."""
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


def sailed(folder: Path, kills: int, seed: int) -> list[str]:
    """All of it; what is wrong, after the figures are printed."""
    begun(folder / "home")
    began = time.monotonic()
    with (
        made_up_model() as endpoint,
        serving(folder, "--demo", "--home", str(folder / "home"), ports=free_ports()) as portal,
    ):
        until(portal.answers, "pages")
        random = Random(seed)
        killer = Killer(portal, random, 0)
        journeys = Journeys(Voyage(portal, killer, random), endpoint)
        journeys.walk(SHORT, 0)
        journeys.walk(LONG, 0)
        killer.left, number = kills, 1
        while killer.left:
            journeys.walk(SHORT if number % EVERY else LONG, number)
            number += 1
        settled(portal)
        wrong = list(checked(portal, journeys))
    told(journeys, killer, time.monotonic() - began, seed)
    return wrong


def told(journeys: Journeys, killer: Killer, took: float, seed: int) -> None:
    """Print the figures."""
    done = journeys.voyage.done
    parts = Counter(part for part, _, _ in killer.killed)
    print(f"seed {seed}: {len(killer.killed)} kills ({', '.join(f'{n} of {p}' for p, n in parts.most_common())})")
    print(f"in {', '.join(f'{step} {count}' for step, count in Counter(s for _, s, _ in killer.killed).most_common())}")
    print(
        f"{len(journeys.names)} submissions, {len(journeys.made[LONG])} of them with a review; {len(done)} steps,"
        f" {sum(one.answered for one in done)} acknowledged, {sum(not one.answered for one in done)} found done,"
        f" {sum(one.tries > 1 for one in done)} tried more than once; {dict(journeys.voyage.pressed)}; {took:.0f} s"
    )


def main() -> int:
    """Sail, and say what is lost or double."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--kills", type=int, default=50)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", type=Path, help="A folder for the home and the logs; else they are thrown away.")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        wrong = sailed(folder, given.kills, given.seed)
    print("\n".join(wrong))
    lost = sum("lost" in one for one in wrong)
    double = sum("double" in one for one in wrong)
    print(f"{lost} lost, {double} double, {len(wrong) - lost - double} wrong otherwise")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
