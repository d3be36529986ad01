"""Crash logs of every tool, read into one shape: the catalogue of this part."""

from seatrial.clearinghouse.crash.parsing import parse
from seatrial.clearinghouse.crash.report import Access, CrashReport, Frame, Role, Stack

__all__ = ["Access", "CrashReport", "Frame", "Role", "Stack", "parse"]
