"""Repair of C programs: a report of a memory error in, a unified diff out."""

from seatrial.battery.families.patch.family import PatchFamily

FAMILY = PatchFamily()

__all__ = ["FAMILY", "PatchFamily"]
