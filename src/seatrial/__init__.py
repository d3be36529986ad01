"""Seatrial: voluntary, sealed and checkable evaluation of the cyber capabilities of frontier AI models."""

from importlib.metadata import version

__version__ = version("seatrial")
