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
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from seatrial.portal.demo_model import made_up_model
from support.journeys import LONG, SHORT, Journeys, begun, checked, settled
from support.portal_process import free_ports, serving, until
from support.voyage import Killer, Voyage

EVERY = 3
"""Of the disturbed journeys, each so many-eth goes to the signature and has a real review in it."""


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
