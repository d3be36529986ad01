"""A process that acts on a house until it is killed; prints each act once it is acknowledged.

Run as `python acting.py HOME SEED`.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

from seatrial.framework.consent import Activity
from seatrial.framework.standing import Act
from support.framework import HOUR, T0, actor, consent, digest, fresh, full_act
from support.house import open_house


def main(home: Path, seed: int) -> None:
    """Open submissions, share some, withdraw some, and record dates on all."""
    chance = random.Random(seed)
    house = open_house(home)
    owner = actor("developer_owner")
    for number in range(10_000):
        name, at = house.new_id(), T0 + number * HOUR
        said = digest(f"{seed} {number}")
        outcome = house.begin(fresh(about=name), full_act("open_draft", owner, at, about=name, request_digest=said), at)
        print(name, outcome.standing.state, outcome.receipts[0].index, flush=True)  # noqa: T201 - what the test reads
        for step in range(chance.randrange(4)):
            act = Act("record_release_date", owner, at, date=at, request_digest=digest(f"{seed} {number} {step}"))
            if step == 1 and chance.random() < 0.5:
                act = replace(
                    full_act("submit", owner, at, about=name, consent=consent(Activity.SHARE_DOSSIER, given=at)),
                    request_digest=act.request_digest,
                )
            if step == 2:
                act = replace(act, event="withdraw", date=None)
            outcome = house.act(name, act, at)
            print(name, outcome.standing.state, outcome.receipts[0].index, flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
