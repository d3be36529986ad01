"""Orders that acts gave to other rooms, until they are done: what a killed process left is found at the next start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.framework.standing import Effect
from seatrial.storage.stores.submissions import beside_seen
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one act."""

    number: int
    submission: str
    seq: int
    effect: Effect
    given_at: datetime


class OrderTables:
    """The orders that are not done yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(
        self, viewer: Viewer, submission: str, seq: int, effects: tuple[Effect, ...], now: datetime
    ) -> tuple[Order, ...]:
        """Write down the orders of an act, in the transaction of the act."""
        with self._database.session(viewer, writing=True):
            act = rows.Act.objects.get(submission_id=submission, seq=seq)
            given = rows.Order.objects.bulk_create(
                rows.Order(act=act, effect=effect, given_at=now) for effect in effects
            )
            return tuple(Order(row.pk, submission, seq, Effect(row.effect), now) for row in given)

    def open(self, viewer: Viewer) -> tuple[Order, ...]:
        """The orders that are not done, oldest first."""
        with self._database.session(viewer):
            found = rows.Order.objects.filter(beside_seen(viewer, "act__submission_id"), done_at__isnull=True)
            return tuple(
                Order(row.pk, row.act.submission_id, row.act.seq, Effect(row.effect), row.given_at)
                for row in found.select_related("act").order_by("pk")
            )

    def done(self, viewer: Viewer, orders: tuple[Order, ...], now: datetime) -> None:
        """These orders are done."""
        with self._database.session(viewer, writing=True):
            numbers = [order.number for order in orders]
            rows.Order.objects.filter(pk__in=numbers, done_at__isnull=True).update(done_at=now)
