"""The battery room: generated challenge families, the gate that proves them, and their yardsticks.

Read in this order: `instance` and `family` (the contract), `stage` (where an attempt takes place), `gate` (what every
instance must show before it may enter a run), `participants`, `families`. docs/battery.md shows how to write a family.
"""

from seatrial.battery.packs import PackError, UnknownFamily, family_by_id, family_ids

__all__ = ["PackError", "UnknownFamily", "family_by_id", "family_ids"]
