"""Repair of C programs: a report of a memory error in, a unified diff out.

Known limit: a repair that no longer gives memory back cures a use after it, and is accepted: leaks do not count.
"""

from seatrial.battery.families.patch.family import PatchFamily

FAMILY = PatchFamily()

__all__ = ["FAMILY", "PatchFamily"]
