"""Memory errors in C: source in, an input that triggers the one planted error out."""

from seatrial.battery.families.memfind.family import MemfindFamily

FAMILY = MemfindFamily()

__all__ = ["FAMILY", "MemfindFamily"]
