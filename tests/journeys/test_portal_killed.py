"""kill -9 of the portal's processes while people agree on a review: what was acknowledged is there, and there once.

The full count, with reviews, comments and signatures in it, is `benchmarks/portal_kill.py`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from support.accounts import Found, differences
from support.journeys import SHORT, Journeys, begun
from support.portal_process import free_ports, serving, until
from support.voyage import Killer, Voyage

if TYPE_CHECKING:
    from pathlib import Path

SEED, KILLS = 3, 3
WITHIN_A_MINUTE = frozenset({"entries", "orders"})
"""Made up by the next round: nobody waits for it here."""


@pytest.mark.slow
def test_what_was_acknowledged_outlives_kills_and_nothing_is_done_twice(tmp_path: Path) -> None:
    begun(tmp_path / "home")
    options = ("--demo", "--home", str(tmp_path / "home"))
    with serving(tmp_path, *options, ports=free_ports()) as portal:
        until(portal.answers, "pages")
        random = Random(SEED)
        killer = Killer(portal, random, 0)
        journeys = Journeys(Voyage(portal, killer, random), "http://127.0.0.1:9/v1")
        journeys.walk(SHORT, 0)
        killer.left = KILLS
        journeys.walk(SHORT, 1)
        assert len(killer.killed) == KILLS, killer.killed
        found = Found(portal.home)
        assert (found.record(), found.unrecorded()) == ([], []), killer.killed
        first, second = ([*found.named(name)] for name in journeys.names)
        assert (len(first), len(second)) == (1, 1), killer.killed
        kept = {table: rows for table, rows in found.account(first[0]).items() if table not in WITHIN_A_MINUTE}
        assert list(differences(kept, found.account(second[0]))) == [], killer.killed
