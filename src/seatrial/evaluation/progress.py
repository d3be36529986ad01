"""Live figures of a running review in words. How many were solved is not shown while it runs, on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.evaluation.campaign import Progress


def describe(now: Progress) -> str:
    """One line: the stage and, while samples run, who is at it, what is spent, and when it will be over."""
    figures = now.figures
    if not figures:
        return now.stage
    parts = [now.stage]
    for name, row in figures["participants"].items():
        if row["running"]:
            parts.append(f"{name} {row['done']}/{row['planned']}")
    spend = figures["spend"]
    if spend["tokens"]:
        parts.append(f"{spend['tokens']:,} tokens" + (f", {spend['usd']} USD" if spend["usd"] else ""))
    remaining = eta_s(figures)
    if remaining is not None:
        parts.append(f"about {_duration(remaining)} left")
    return " · ".join(parts)


def eta_s(figures: dict[str, Any]) -> float | None:
    """Seconds left by the slowest participant's own pace so far; None before the first sample is done."""
    elapsed = figures["elapsed_s"]
    paces = [
        (row["planned"] - row["done"]) * elapsed / row["done"]
        for row in figures["participants"].values()
        if row["done"]
    ]
    unknown = any(not row["done"] for row in figures["participants"].values())
    return None if unknown or not paces else max(paces)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
