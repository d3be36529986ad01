"""Every page that can be read, with many rows behind it: server time, and whether it asks the database more for more.

    PYTHONPATH=tests python benchmarks/portal_pages.py [--database sqlite|postgresql] [--rounds 20]

First a quarter of the rows, then all: 50 submissions, 500 runs of one of them, 25,000 findings, 200 people. Of each
route of the table somebody who may read it asks by Django's own client, in this process: no network, no server. Rows
are copies of a submission and a finding that were led there by their own steps; only the originals are opened.
"""

# ruff: noqa: PLC0415 - Django is set up first, for the database that was asked for
from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

    from support.portal_world import World

FULL = {"submissions": 50, "runs": 500, "findings": 25_000, "people": 200}
PARTS = 4
WANTED_MS = 300
STATUS_OK = 200
ACCOUNTS = tuple(f"account/{one}/" for one in ("factors", "passkeys", "recovery", "password", "again", "logout"))
"""Where pages of one's own account are: read by anybody who is signed in, and by nobody who is not."""
COORDINATED = {"finding-step", "finding-paper"}
"""Pages that are a coordinator's where the finding of this world stands."""
ENGINES = ("sqlite", "postgresql")


def counted(client: Client, address: str) -> tuple[int, int]:
    """The status of a page, and how many statements it made on whatever connection."""
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    with ExitStack() as stack:
        asked = [stack.enter_context(CaptureQueriesContext(one)) for one in connections.all()]
        status = client.get(address).status_code
    return status, sum(len(one) for one in asked)


def timed(client: Client, address: str, rounds: int) -> tuple[float, float]:
    """The median and the 95th percentile of so many answers, in ms."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        answer = client.get(address)
        if answer.streaming:
            answer.getvalue()
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    return statistics.median(taken), taken[max(0, round(0.95 * len(taken)) - 1)]


def signed_in(world: World) -> Client:
    """A browser of a lead, who has a feed of their own; the world's pages of feeds are at its secret address."""
    from seatrial.framework.participant import Role

    client = world.client(Role.EVALUATOR_LEAD)
    page = client.post("/notices/feeds/", {"name": "phone"}, follow=True).content
    if found := re.search(rb"/feeds/(sea_feed_[\w-]+)/", page):
        world.values["feeds"] = {"secret": found[1].decode()}
    return client


def measured(home: Path, environment: dict[str, str], rounds: int) -> None:
    """Print a line for each page, the slowest first, and name what misses."""
    os.environ |= {**environment, "SEATRIAL_HOME": str(home)}
    from seatrial.portal.opening import serve, set_up
    from seatrial.portal.settings import PortalSettings

    set_up(place := PortalSettings.of(home))
    from portal.conftest import Served
    from seatrial.framework.participant import Role
    from seatrial.installation import Installation
    from seatrial.portal.routes import ROUTES
    from seatrial.portal.serving import set_aside

    os.environ["SEATRIAL_HOME"] = str(home)
    set_up(place)
    serve(installation := Installation.open())
    from support.portal_world import World

    world = World(Served(installation, home), home / "made")
    lead = signed_in(world)
    pages = []
    for route in ROUTES:
        if route.read:
            client = lead if route.path.startswith(ACCOUNTS) or route.path == "account/" else world.reader(route)
            client = world.client(Role.COORDINATOR) if route.name in COORDINATED else client
            pages.append((route.name, client, world.address(route)))
    asked: dict[str, list[tuple[int, int]]] = {name: [] for name, _, _ in pages}
    for part in (1, PARTS - 1):
        world.multiply(**{name: many * part // PARTS for name, many in FULL.items()})
        for name, client, address in pages:
            client.get(address)
            asked[name].append(counted(client, address))
    set_aside()  # as a server does when it has started
    rows = sorted(((*timed(client, address, rounds), name) for name, client, address in pages), key=lambda row: -row[1])
    where = {name: address for name, _, address in pages}
    print(f"{'page':28} status    p50    p95 ms  statements at 1/{PARTS} and at all")
    for p50, p95, name in rows:
        (_, few), (status, many) = asked[name]
        marks = [*(["SLOW"] if p95 > WANTED_MS else []), *(["GROWS"] if many > few else [])]
        marks += [] if status == STATUS_OK else [f"NO PAGE {where[name]}"]
        print(f"{name:28} {status} {p50:8.1f} {p95:8.1f} {few:5} {many:5}  {' '.join(marks)}")
    print(f"{len(rows)} pages, {sum(row[1] > WANTED_MS for row in rows)} above {WANTED_MS} ms, load {os.getloadavg()}")


def main() -> None:
    """Measure over one kind of database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=ENGINES, default=ENGINES[0])
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home, environment = Path(folder) / "home", {}
        home.mkdir(mode=0o700)
        if given.database == "postgresql":
            from support import postgres

            name = stack.enter_context(postgres.server().database())
            environment = {"SEATRIAL_DATABASE": postgres.server().setting(name)}
        measured(home, environment, given.rounds)


if __name__ == "__main__":
    main()
