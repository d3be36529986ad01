"""The `seatrial` command. It holds no rule of its own: each verb calls one room and prints what it says."""

from seatrial.cli.main import main

__all__ = ["main"]
