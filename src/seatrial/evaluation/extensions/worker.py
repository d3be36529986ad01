"""The process that runs a registered review: `python -m seatrial.evaluation.extensions.worker RUN_DIR`.

It dies with the process that started it, and its boxes die with it, so that no run goes on unseen. Finished samples
are in Inspect's logs; running it again carries on with the others.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_ai import Epochs, eval_set
from inspect_ai.model import GenerateConfig, Model, get_model

from seatrial.battery import family_by_id
from seatrial.battery.ladder import design_minutes
from seatrial.battery.seeds import SeedEntry
from seatrial.battery.stage import needed
from seatrial.evaluation.extensions import _hooks
from seatrial.evaluation.extensions._agent import baseline
from seatrial.evaluation.extensions._book import Book, Page, open_book
from seatrial.evaluation.extensions._participants import participant
from seatrial.evaluation.extensions._reading import finished
from seatrial.evaluation.extensions._rounds import Course, Following, Leading
from seatrial.evaluation.extensions._sandbox import boxes
from seatrial.evaluation.extensions._task import build, public_facts, sample_of
from seatrial.evaluation.participants import kind
from seatrial.evaluation.rounds import RoundLog
from seatrial.evaluation.rundir import RunDirectory
from seatrial.sandbox import RangeSpec

if TYPE_CHECKING:
    from inspect_ai import SampleSource, Task

    from seatrial.evaluation.plan import ReviewPlan

PR_SET_PDEATHSIG = 1
RETRIES_PER_CALL = 12  # with Inspect's exponential back-off; the outage grace ends them earlier
ENDPOINT_SAMPLES = 8  # samples at once that mostly wait for an endpoint
ENDPOINT_CALL_S = 600  # one call, before it is tried again


def main(path: str) -> int:
    """Run everything that the plan has and no log has yet; returns the exit code."""
    _die_with_parent()
    run = RunDirectory.open(Path(path))
    os.environ[_hooks.ENVIRONMENT] = str(run.path)
    plan = run.plan()
    lease = json.loads(sys.stdin.readline()) if plan.submission else {}
    now = _hooks.campaign()
    now.course = Course(RoundLog.open(run)) if plan.rounds else None
    now.before.update({name: len(ids) for name, ids in finished(run).items()})
    ended = threading.Event()
    earlier = run.read("preflight.json") or []  # of the gate, and of workers before this one
    beat = threading.Thread(target=_heartbeat, args=(now, run, earlier, ended), daemon=True)
    beat.start()
    try:
        success, _ = eval_set(
            tasks=[_task(run, plan, name, now.course, lease) for name in plan.everybody],
            log_dir=str(run.logs),
            log_dir_allow_dirty=True,
            epochs=Epochs(1),
            display="none",
            score_display=False,
            log_level="error",
            ctl_server=False,
            fail_on_error=False,
            retry_on_error=plan.reruns_max,
            retry_attempts=0,
            retry_immediate=False,
            retry_cleanup=False,
            max_tasks=len(plan.everybody),
            max_samples=_parallel(plan),
            max_sandboxes=_parallel(plan) * len(plan.everybody),
            log_buffer=1,
            eval_set_id=plan.review,
        )
    except KeyboardInterrupt:
        return 4
    finally:
        ended.set()
        beat.join()
        _publish(now, run, earlier)
        boxes().close()
    return 0 if success else 1


def _task(run: RunDirectory, plan: ReviewPlan, name: str, course: Course | None, lease: dict[str, Any]) -> Task:
    sealed = run.read("seeds.sealed")
    entries = {entry.key.id: entry for entry in map(SeedEntry.read, sealed["seeds"])}
    pages = {}
    for planned in plan.instances:
        family = family_by_id(planned.family)
        instance = family.generate(entries[planned.id].key)
        hosts = needed(instance)
        facts = public_facts(
            family,
            instance,
            participant=name,
            kind="model" if _is_model(plan, name) else kind(name),
            instance_id=planned.id,
            caps=plan.caps(planned.level).model_dump(),
            hosts=[host.name for host in hosts.hosts] if isinstance(hosts, RangeSpec) else [],
            minutes=design_minutes(planned.level),
            manifest_sha256=planned.manifest_sha256,
        )
        for epoch in range(planned.epochs):
            sample_id = planned.id if epoch == 0 else f"{planned.id}#{epoch + 1}"
            pages[sample_id] = Page(family, instance, {**facts, "epoch": epoch})
    book = open_book(
        f"{plan.review}:{name}",
        Book(bytes.fromhex(sealed["run_secret"]), pages, journal=lambda line: run.append("started.jsonl", line)),
    )
    source = _source(plan, name, course, pages) if course else None
    tags = ["seatrial", plan.tier]
    if _is_model(plan, name):
        return build(book, name=name, solving=baseline(), model=_model(plan, lease), tags=tags, source=source)
    acting = participant(name=name, book=book, budget_s=plan.participant_budget_s)
    return build(book, name=name, solving=acting, model=get_model("none"), tags=tags, source=source)


def _source(plan: ReviewPlan, name: str, course: Course, pages: dict[str, Page]) -> SampleSource:
    samples = {key: sample_of(key, page) for key, page in pages.items()}
    return Leading(course, samples) if name == plan.subject.alias else Following(course, samples)


def _model(plan: ReviewPlan, lease: dict[str, Any]) -> Model:
    return get_model(
        plan.subject.model,
        base_url=lease.get("base_url") or os.environ.get("SEATRIAL_MODEL_BASE_URL") or None,
        api_key=lease.get("api_key"),
        config=GenerateConfig(
            max_tokens=lease.get("max_tokens"),
            max_retries=RETRIES_PER_CALL,
            timeout=plan.outage_grace_s,
            attempt_timeout=min(ENDPOINT_CALL_S, plan.outage_grace_s),
        ),
        **lease.get("arguments", {}),
    )


def _is_model(plan: ReviewPlan, name: str) -> bool:
    return name == plan.subject.alias and plan.subject.kind == "model"


def _parallel(plan: ReviewPlan) -> int:
    cores = max(1, len(os.sched_getaffinity(0)))
    return max(cores, ENDPOINT_SAMPLES) if plan.subject.kind == "model" else cores


def _heartbeat(now: _hooks.Campaign, run: RunDirectory, earlier: list[Any], ended: threading.Event) -> None:
    while not ended.wait(_hooks.HEARTBEAT_S):
        _publish(now, run, earlier)


def _publish(now: _hooks.Campaign, run: RunDirectory, earlier: list[Any]) -> None:
    with contextlib.suppress(OSError):
        now.publish()
        run.write("preflight.json", [*earlier, *(json.loads(record.to_json()) for record in boxes().records)])


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however the parent ends."""
    parent = int(os.environ.get("SEATRIAL_PARENT", "0"))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        sys.exit(4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
