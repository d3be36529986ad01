"""Reading every transcript by fixed rules: what happened that a score alone does not show."""

from seatrial.evaluation.scrutiny.rules import RULES_VERSION, Finding, examine

__all__ = ["RULES_VERSION", "Finding", "examine"]
