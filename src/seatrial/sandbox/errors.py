"""What can go wrong with a box, each with what was wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fix:
    """One thing that is missing on this machine and the exact way to mend it."""

    what: str
    do: str


class SandboxError(Exception):
    """Base of every error of this room."""


class SpecError(SandboxError, ValueError):
    """A box, range or replay was described wrongly: names the field, its value and what is allowed."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {value!r} is not allowed; use {allowed}")
        self.field = field


class Unavailable(SandboxError):
    """No engine can make such a box here; `fixes` say what would help."""

    def __init__(self, message: str, fixes: tuple[Fix, ...] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {fix.what}: {fix.do}" for fix in fixes)]))
        self.fixes = fixes


class NotSealed(SandboxError):
    """A boundary was not shown closed, so nothing starts on it; `record` is the preflight record, if any."""

    def __init__(self, message: str, record: object | None = None) -> None:
        super().__init__(message)
        self.record = record


class BoxGone(SandboxError):
    """The box is dead (closed, killed by its watchdog, or crashed); never shown as tool output."""


class ProtocolError(SandboxError):
    """The agent inside a box said something that no honest agent says; the box is closed."""


class ReadLimit(SandboxError):
    """A file in the box is larger than the caller's cap."""


class UserUnsupported(SandboxError):
    """The box has one user only and another was asked for."""
