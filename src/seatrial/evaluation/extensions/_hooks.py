"""Campaign hooks: caps over all samples, the stop, and live figures. Inert unless the environment names a run.

`SEATRIAL_CAMPAIGN` is the path of the run directory; only the worker of a review sets it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inspect_ai.hooks import Hooks, hooks
from inspect_ai.util import LimitExceededError

from seatrial.evaluation.progress import so_far
from seatrial.evaluation.rundir import RunDirectory
from seatrial.evaluation.submission import access_ended

if TYPE_CHECKING:
    from inspect_ai.hooks import (
        BeforeModelGenerate,
        ModelUsageData,
        SampleAttemptEnd,
        SampleAttemptStart,
        SampleEnd,
        TaskEnd,
    )

    from seatrial.evaluation.extensions._rounds import Course
    from seatrial.evaluation.plan import ReviewPlan

ENVIRONMENT = "SEATRIAL_CAMPAIGN"
OUTAGES_TO_PAUSE = 3  # attempts that end with the endpoint out of reach, without one finishing in between
HEARTBEAT_S = 1.0


@dataclass
class Campaign:
    """The figures of one running review, shared by all its samples."""

    run: RunDirectory
    plan: ReviewPlan
    started: float = field(default_factory=time.monotonic)
    tokens_before: int = 0
    tokens: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    running: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)  # of the done ones: by earlier workers
    faults: Counter[str] = field(default_factory=Counter)
    working_s: dict[str, float] = field(default_factory=dict)
    outages: int = 0
    course: Course | None = None  # of an adaptive review
    lock: threading.Lock = field(default_factory=threading.Lock)

    def usd(self) -> float | None:
        """Money spent on the subject so far, where the plan has prices."""
        subject = self.plan.subject
        if not subject.usd_per_million_input:
            return None
        price_in, price_out = float(subject.usd_per_million_input), float(subject.usd_per_million_output or 0)
        return (self.tokens_in * price_in + self.tokens_out * price_out) / 1e6

    def exceeded(self) -> str:
        """Which cap of the whole review is reached, if any."""
        caps = self.plan.campaign_caps
        spent = self.usd()
        if caps.tokens is not None and self.tokens >= caps.tokens:
            return f"{self.tokens} of {caps.tokens} tokens of the review are used"
        if caps.usd is not None and spent is not None and spent >= float(caps.usd):
            return f"{spent:.2f} of {caps.usd} USD of the review are used"
        if caps.wall_s is not None and time.monotonic() - self.started >= caps.wall_s:
            return f"{caps.wall_s} s of the review are over"
        return ""

    def publish(self) -> None:
        """Write the live figures for whoever watches."""
        planned = self.plan.planned_runs() if self.course is None else len(self.course.log.picked())
        with self.lock:
            spent = self.usd()
            rows = {
                name: {
                    "planned": planned,
                    "running": self.running[name],
                    "done": self.done[name] + self.before[name],
                    "before": self.before[name],
                    "invalid": self.faults[name],
                    "working_s": round(self.working_s.get(name, 0.0), 1),
                }
                for name in self.plan.everybody
            }
            spend = {
                "tokens": self.tokens,
                "tokens_in": self.tokens_in,
                "tokens_out": self.tokens_out,
                "usd": None if spent is None else f"{spent:.4f}",
            }
            elapsed = time.monotonic() - self.started
        figures = {"participants": rows, "spend": spend, "elapsed_s": round(elapsed, 1)}
        if self.course is not None:
            figures["rounds"] = so_far(self.course.log)
        self.run.write("progress.json", figures)


@cache
def campaign() -> Campaign:
    """The campaign of this process, from the environment."""
    run = RunDirectory.open(Path(os.environ[ENVIRONMENT]))
    made = Campaign(run, run.plan())
    spend = (run.read("run.json") or {}).get("spend") or {}
    made.tokens, made.tokens_in, made.tokens_out = (
        int(spend.get(key) or 0) for key in ("tokens", "tokens_in", "tokens_out")
    )
    return made


@hooks(name="seatrial_campaign", description="Caps, stop and live figures of a Seatrial review")
class CampaignHooks(Hooks):
    """What a review adds to Inspect's own life cycle."""

    def enabled(self) -> bool:
        """Only inside the worker of a review."""
        return ENVIRONMENT in os.environ

    async def on_before_model_generate(self, data: BeforeModelGenerate) -> None:
        """Refuse the call once the budget of the review is used; the sample ends as censored, not as failed."""
        now = campaign()
        reason = now.exceeded()
        if reason:
            raise LimitExceededError("custom", value=now.tokens, limit=now.tokens, message=reason)

    async def on_model_usage(self, data: ModelUsageData) -> None:
        """Count what the endpoint reports."""
        now = campaign()
        with now.lock:
            now.tokens += data.usage.total_tokens
            now.tokens_in += data.usage.total_tokens - data.usage.output_tokens
            now.tokens_out += data.usage.output_tokens

    async def on_task_end(self, data: TaskEnd) -> None:
        """Whoever follows the subject's rounds must hear that no more will come."""
        now = campaign()
        if now.course is not None and data.log.eval.task == now.plan.subject.alias:
            await now.course.leader_is_gone()

    async def on_sample_attempt_start(self, data: SampleAttemptStart) -> None:
        """One more attempt is running."""
        with campaign().lock:
            campaign().running[_who(data.summary.metadata)] += 1

    async def on_sample_attempt_end(self, data: SampleAttemptEnd) -> None:
        """One attempt fewer; several outages in a row pause the review, and access that ended ends it."""
        now = campaign()
        why = access_ended(data.error.message) if data.error and now.plan.submission else ""
        with now.lock:
            now.running[_who(data.summary.metadata)] -= 1
            if data.error is None:
                now.outages = 0
            elif is_outage(data.error.message):
                now.outages += 1
        if now.outages >= OUTAGES_TO_PAUSE:
            why = why or "paused (owner: developer): the endpoint is out of reach"
        if why and not now.run.stop_file.exists():
            now.run.stop_file.write_text(f"{why}\n")
            os.kill(os.getpid(), signal.SIGINT)

    async def on_sample_end(self, data: SampleEnd) -> None:
        """A sample is final."""
        now, sample = campaign(), data.sample
        who = _who(sample.metadata)
        with now.lock:
            now.done[who] += 1
            now.faults[who] += sample.error is not None
            now.working_s[who] = now.working_s.get(who, 0.0) + (sample.working_time or 0.0)


_OUTAGE = ("RetryError", "APIConnectionError", "APITimeoutError", "InternalServerError", "RateLimitError", "Timeout")


def is_outage(message: str) -> bool:
    """Whether an attempt's error says that the endpoint was out of reach, overloaded or broken."""
    return any(word in message for word in _OUTAGE)


def _who(metadata: dict[str, object] | None) -> str:
    return str((metadata or {}).get("participant", ""))
