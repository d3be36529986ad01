"""Conservation: everything that was handed in is somewhere, and each of it once.

    sum over dispositions = items handed in - exact resubmissions

An item that cannot be read counts by its receipt. The left side is the fold of the events, the right side is counted as
items come in; nothing derives one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.clearinghouse.disposition import Disposition


class NotConserved(ValueError):
    """Something was lost, or is in two places."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts.

    Attributes:
        handed_in: Items that came in, as they came.
        again: Of these, exact resubmissions of what was held.
        by_disposition: Items by where they are; every disposition is there.
        in_clusters: Findings that are in a cluster.
        clusters: Clusters by stage.
    """

    handed_in: int
    again: int
    by_disposition: Mapping[Disposition, int]
    in_clusters: int = 0
    clusters: Mapping[str, int] | None = None

    @property
    def held(self) -> int:
        """Items over all dispositions."""
        return sum(self.by_disposition.values())

    @property
    def conserved(self) -> bool:
        """Whether nothing was lost and nothing is twice."""
        return self.held == self.handed_in - self.again

    def check(self) -> None:
        """Refuse a funnel that leaks.

        Raises:
            NotConserved: It says by how much.
        """
        if not self.conserved:
            due = self.handed_in - self.again
            raise NotConserved(
                f"{self.handed_in} handed in, {self.again} of them again: {due} are due, {self.held} are there."
                " Run: seatrial findings doctor"
            )
