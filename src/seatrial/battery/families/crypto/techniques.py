"""All techniques of the family by their id."""

from __future__ import annotations

from types import MappingProxyType

from seatrial.battery.families.crypto import generators, nonces, rsa, served, structure

TECHNIQUES = MappingProxyType(
    {
        technique.id: technique
        for module in (rsa, nonces, served, generators, structure)
        for technique in module.TECHNIQUES
    }
)
