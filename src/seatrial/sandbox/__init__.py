"""Sealed boxes, private networks and the preflight that shows them closed: the catalogue of this room."""

from seatrial.sandbox.box import Box, Boxes, BoxRecord, ExecResult, Process
from seatrial.sandbox.errors import (
    BoxGone,
    Fix,
    NotSealed,
    ProtocolError,
    ReadLimit,
    SandboxError,
    SpecError,
    Unavailable,
    UserUnsupported,
)
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import BoxSpec, Limits, Profile, RangeHost, RangeSpec, Rootfs

__all__ = [
    "Box",
    "BoxGone",
    "BoxRecord",
    "BoxSpec",
    "Boxes",
    "ExecResult",
    "Fix",
    "Limits",
    "NotSealed",
    "Process",
    "Profile",
    "ProtocolError",
    "RangeHost",
    "RangeSpec",
    "ReadLimit",
    "Rootfs",
    "SandboxError",
    "SealedBoxes",
    "SpecError",
    "Unavailable",
    "UserUnsupported",
]
