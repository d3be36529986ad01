"""Live figures of a running review in words.

How many were solved is not shown while every instance runs, on purpose. An adaptive review shows the estimate that its
next picks rest on.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.evaluation.campaign import Progress
    from seatrial.evaluation.rounds import RoundLog

ROUNDS_AT_FIRST = 3  # said before there is an estimate: as good as one run after the other, in replays


def describe(now: Progress) -> str:
    """One line: the stage and, while samples run, who is at it, what is spent, and when it will be over."""
    figures = now.figures
    if not figures:
        return now.stage
    parts = [now.stage]
    if "rounds" in figures:
        parts.append(_rounds(figures["rounds"]))
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


def so_far(log: RoundLog) -> dict[str, Any]:
    """Where an adaptive review stands: round, a guess of how many there will be, the estimate as of the last pick."""
    last = log.decisions[-1] if log.decisions else None
    rounds = sum(not decision.stop for decision in log.decisions)
    picked, expected = len(log.picked()), _expected_runs(log)
    return {
        "round": rounds,
        "about": rounds + ceil((expected - picked) / log.design.block),
        "runs": picked,
        "expected_runs": expected,
        "mode": last.mode if last else "",
        "value": last.value if last else None,
        "half_width": last.half_width if last else None,
        "wanted": log.design.half_width,
        "over": log.over,
    }


def _expected_runs(log: RoundLog) -> int:
    """Runs that there will be, if the half-width goes on to shrink with the root of the runs; only a guess."""
    picked, most = len(log.picked()), min(log.design.cap, len(log.bank))
    last = log.decisions[-1] if log.decisions else None
    if last is not None and (log.over or last.mode == "probability"):
        return picked  # that mode's size is fixed at once
    if last is None or last.half_width is None:
        return max(picked, min(ROUNDS_AT_FIRST * log.design.first, most))
    known = picked - len(last.tasks)  # the runs that the half-width rests on
    return max(picked, min(ceil(known * (last.half_width / log.design.half_width) ** 2), most))


def _rounds(now: dict[str, Any]) -> str:
    text = f"round {now['round']} of about {now['about']}"
    if now["value"] is None or now["half_width"] is None:
        return text
    found = f"{100 * now['value']:.0f} % ±{100 * now['half_width']:.2g} points"
    return f"{text}, {found}, wanted ±{100 * now['wanted']:.2g}"


def eta_s(figures: dict[str, Any]) -> float | None:
    """Seconds left by the slowest participant's own pace in this worker; None before its first sample is done."""
    elapsed, expected = figures["elapsed_s"], figures.get("rounds", {}).get("expected_runs", 0)
    left = {name: max(row["planned"], expected) - row["done"] for name, row in figures["participants"].items()}
    here = {name: row["done"] - row.get("before", 0) for name, row in figures["participants"].items()}
    if any(left[name] > 0 and not here[name] for name in left):
        return None
    return max((left[name] * elapsed / here[name] for name in left if here[name]), default=None)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
