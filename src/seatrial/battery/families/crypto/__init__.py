"""Cryptography as it is misused: 14 techniques, from level 4 on in chains."""

from seatrial.battery.families.crypto.family import CryptoFamily

FAMILY = CryptoFamily()

__all__ = ["FAMILY", "CryptoFamily"]
