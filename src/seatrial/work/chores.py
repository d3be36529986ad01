"""What an installation does by itself: rounds, witnesses, roots. Each is a kind of work with its own period.

Other rooms bring theirs as `Kind`s of their own; a worker is given them all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.evaluation.jobs import Hold, Kind, PlanUnit
from seatrial.ledger.cosign import COSIGN_EVERY, cosign
from seatrial.ledger.errors import SplitView
from seatrial.rounds import ROUND_EVERY_S, go_round
from seatrial.storage.reads import close_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seatrial.custody.log_roots import LogRoots
    from seatrial.ledger.cosign import Post, WitnessAddress
    from seatrial.rounds import Installed

ROOT_EVERY_S = 3600
"""Between two looks whether an hour of calls or a day of reads is to be closed."""


class NotDone(Exception):
    """Parts of a chore failed; the text names them. The next time tries again."""


def chores(installed: Installed, witnesses: Iterable[WitnessAddress], post: Post, roots: LogRoots) -> tuple[Kind, ...]:
    """The kinds of work that are due by themselves; `roots` are the gateway's."""
    asked = tuple(witnesses)
    due = "clocks, orders, leases, shredding and purges that are due"
    kinds = (
        Kind("round", _rounds(installed), due, int(ROUND_EVERY_S)),
        Kind("gateway_root", _at(lambda _: roots.round()), "the root over the gateway's calls", ROOT_EVERY_S),
        Kind(
            "reads_root", _at(lambda now: close_days(installed.house, now)), "the root over a day's reads", ROOT_EVERY_S
        ),
    )
    if not asked:
        return kinds
    cosigning = _cosigns(installed, asked, post)
    return (*kinds, Kind("cosign", cosigning, "witnesses see the record grow", int(COSIGN_EVERY)))


def _at(act: Callable[[datetime], object]) -> Callable[[PlanUnit, Hold], None]:
    def work(_unit: PlanUnit, _hold: Hold) -> None:
        act(datetime.now(UTC))

    return work


def _rounds(installed: Installed) -> Callable[[PlanUnit, Hold], None]:
    def work(_unit: PlanUnit, _hold: Hold) -> None:
        went = go_round(installed, datetime.now(UTC))
        if went.faults:
            raise NotDone("; ".join(went.faults))

    return work


def _cosigns(installed: Installed, witnesses: Sequence[WitnessAddress], post: Post) -> Callable[[PlanUnit, Hold], None]:
    def work(_unit: PlanUnit, _hold: Hold) -> None:
        went = cosign(installed.house.log, witnesses, post)
        if went.split:
            raise SplitView("; ".join(f"{name}: {why}" for name, why in went.split.items()))
        if went.missing:
            raise NotDone("; ".join(f"{name}: {why}" for name, why in went.missing.items()))

    return work
