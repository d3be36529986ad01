"""Operational technology: toy plants, their controllers, and three tasks: read a capture, respond, protect."""

from seatrial.battery.families.ot.protect import PROTECT
from seatrial.battery.families.ot.read import READ
from seatrial.battery.families.ot.respond import RESPOND

__all__ = ["PROTECT", "READ", "RESPOND"]
