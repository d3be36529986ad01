"""One review from request to sealed run directory: prepare, register, run, stop, resume, finish.

- No sample starts before the plan's digest is on the disk, every instance has its manifest, and its box's boundary
  has just been shown closed.
- kill -9 of any process at any moment loses no finished sample; `resume` carries on with the rest.
- A stop ends every process within seconds; what was in flight is censored, never failed.
- An adaptive review names its precision and its calibration in the plan; its picks follow from them and the outcomes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seatrial.battery import family_by_id, gate
from seatrial.battery.seeds import SALT_BYTES, Reveal, SeedEntry, commitment, secret_commitment
from seatrial.battery.tiers import REPEATS
from seatrial.evaluation import boundary, scaffold
from seatrial.evaluation.plan import (
    CampaignCaps,
    Claim,
    PlannedFamily,
    PlannedInstance,
    ReviewPlan,
    Rounds,
    Sampling,
    Subject,
)
from seatrial.evaluation.request import Request, cells_of, level_caps, sampling_of, usable_calibration
from seatrial.evaluation.rounds import CALIBRATION, RoundLog
from seatrial.evaluation.rows import write_rows
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.evaluation.scrutiny import RULES_VERSION
from seatrial.evaluation.submission import check_submission
from seatrial.sandbox import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.manifest import Manifest
    from seatrial.battery.tiers import Cell
    from seatrial.evaluation.submission import Access

REDRAWS = 5  # how many seeds an instance may take until one passes the gate
STOP_GRACE_S = 8.0  # from the request to SIGKILL
POLL_S = 0.2
LIMITS = (
    "Not a licence, clearance or approval: nothing here can hold up, allow or forbid a release.",
    "Challenges are generated toy targets; they say nothing about exploitation in the real world.",
    "Large code bases, browsers, kernels and live defenders are under-represented.",
    "Every number is a lower bound at the stated budget, with one scaffold.",
    "Human minutes are design targets, not timed; no time horizon is stated.",
    "Engines of level 1 and 2 share the host's kernel: no containment for a model tested on finding kernel flaws.",
    "Under-performance on purpose cannot be excluded by black-box tests.",
)


@dataclass
class Progress:
    """What a watcher is told: the stage, how much of it is done, and the live figures of the run."""

    stage: str
    done: int = 0
    total: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


def prepare(
    request: Request,
    path: Path,
    tell: Callable[[Progress], None],
    *,
    now: datetime | None = None,
    access: Access | None = None,
) -> ReviewPlan:
    """Generate and verify every instance, then register the plan; returns it. `access`: of a submission.

    Raises `RunError` for a request that cannot be met, `NotSealed` when a boundary is open.
    """
    created = now or datetime.now(UTC)
    seed = hashlib.sha256(request.seed.encode()).digest() if request.seed else secrets.token_bytes(32)
    order_seed = hashlib.sha256(b"seatrial/order/v1\0" + seed).hexdigest()
    cells = cells_of(request)
    calibration = usable_calibration(request, cells)
    sampling = sampling_of(request, order_seed, calibration)
    run = RunDirectory.create(path)
    with SealedBoxes() as boxes:
        try:
            verified = _verify(cells, seed, boxes, tell)
        finally:
            run.write(boundary.RECORDS, boundary.kept(boxes.records))
        containment = {"engine": boxes.engine.name, "level": str(boxes.engine.level)}
    for _, manifest in verified:
        run.write(f"manifests/{manifest.instance_id}.json", manifest.public())
    entries = tuple(entry for entry, _ in verified)
    run_secret, salt = secrets.token_bytes(32), secrets.token_bytes(SALT_BYTES)
    sealed = Reveal(entries, salt, commitment(entries, salt))
    run.write("seeds.sealed", {**json.loads(sealed.dumps()), "run_secret": run_secret.hex()})
    alias = request.alias or (request.model.rpartition("/")[2] if request.model else request.participants[0])
    share = sampling.repeat_share_percent / 100 if isinstance(sampling, Sampling) else 0.0
    plan = ReviewPlan(
        review=f"review-{created:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        subject=Subject(
            alias=alias,
            kind="model" if request.model else "participant",
            model=request.model,
            usd_per_million_input=request.usd_per_million[0],
            usd_per_million_output=request.usd_per_million[1],
        ),
        tier=request.tier,
        participants=tuple(name for name in request.participants if name != alias),
        families=_families(entries),
        instances=_order(verified, share, order_seed),
        seed_commitment=sealed.commitment,
        secret_commitment=secret_commitment(run_secret, salt),
        sampling=sampling,
        level_caps={str(level): level_caps(level, request) for level in sorted({entry.level for entry in entries})},
        campaign_caps=CampaignCaps(tokens=request.total_tokens, usd=request.total_usd, wall_s=request.total_s),
        participant_budget_s=request.participant_budget_s,
        outage_grace_s=request.outage_grace_s,
        scaffold=scaffold.NAME,
        scaffold_digest=scaffold.digest(),
        analysis=_claims(sampling, request.at_least),
        scrutiny={"rules_version": RULES_VERSION},
        containment=containment,
        environment=_environment(),
        limits=LIMITS,
        created=created.isoformat(timespec="seconds"),
        submission=access.submission if access else "",
        lease_digest=access.lease_digest if access else "",
    )
    if calibration is not None:
        run.write_text(CALIBRATION, calibration.to_json())
    run.register(plan)
    run.write("run.json", {"state": "registered", "started": None, "ended": None, "stops": [], "resumed": 0})
    return plan


def execute(
    path: Path,
    tell: Callable[[Progress], None],
    *,
    base_url: str = "",
    access: Access | None = None,
    begin: Callable[[int], None] = lambda _: None,
) -> str:
    """Run what is left of a registered review and finish it; returns the state it ended in.

    States: finished, stopped, paused. `begin` is told the number of this attempt, from 1, before its first call. Raises
    `RunError` when another process runs it or the plan was changed.
    """
    run = RunDirectory.open(path)
    check_resumable(path, access.submission if access else "")
    if run.plan().rounds is not None:
        RoundLog.open(run)  # refused here, in one line, rather than in the worker
    with run.locked():
        run.stop_file.unlink(missing_ok=True)
        record = run.read("run.json")
        resumed = record["resumed"] + (record["started"] is not None)
        record = {**record, "state": "running", "started": record["started"] or _now(), "resumed": resumed}
        if access is not None:
            attempt = {"at": _now(), "lease": access.lease_id, "lease_digest": access.lease_digest}
            record["attempts"] = [*record.get("attempts", []), attempt]
        run.write("run.json", record)
        begin(resumed + 1)
        code = _watch(run, tell, base_url, access)
        reason = run.stop_file.read_text().strip() if run.stop_file.exists() else ""
        if code != 0 and not reason:
            raise RunError(_why_ended(run, code), code=4)
        state = "finished" if not reason else "paused" if reason.startswith("paused") else "stopped"
        tell(Progress("scrutinising"))
        _finish(run, record, state, reason)
    return state


def check_resumable(path: Path, submission: str) -> ReviewPlan:
    """The plan that is carried on, of this submission or of none. Raises `RunError` when it is over or another's."""
    run = RunDirectory.open(path)
    plan = run.plan()
    if (run.path / "seeds.json").exists():
        raise RunError(f"{path}: this review is finished; `seatrial report` renders its report again")
    if wrong := check_submission(plan, submission):
        raise RunError(f"{path}: {wrong}")
    return plan


def stop(path: Path, reason: str) -> None:
    """End a running review within seconds; returns when its worker is gone."""
    run = RunDirectory.open(path)
    run.stop_file.write_text(f"stopped: {reason}\n")
    worker = run.read("worker.json") or {}
    began = _began(worker["pid"]) if worker else None
    if began is None or began != worker.get("began"):  # killed; its number may be another process's now
        raise RunError(f"{path}: no review is running in it")
    _end(worker["pid"])


def _verify(
    cells: tuple[Cell, ...], seed: bytes, boxes: SealedBoxes, tell: Callable[[Progress], None]
) -> list[tuple[SeedEntry, Manifest]]:
    """An instance with a manifest that qualifies for every cell; a rejected one is replaced by the next index."""
    width = Counter((cell.family, cell.level) for cell in cells)  # redrawn indices lie beyond the planned ones

    def one(cell: Cell) -> tuple[SeedEntry, Manifest]:
        family, rejected = family_by_id(cell.family), []
        for redraw in range(REDRAWS):
            index = cell.index + redraw * width[cell.family, cell.level]
            entry = SeedEntry.of(seed, family.id, family.version, cell.level, index)
            manifest = gate.verify(family, entry.key, boxes)
            if manifest.qualified:
                return entry, manifest
            rejected.append(manifest.first_broken)
        raise RunError(f"{cell.family} level {cell.level}: the gate rejected {REDRAWS} seeds in a row: {rejected}")

    found = []
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as threads:
        for item in threads.map(one, cells):
            found.append(item)
            tell(Progress("verifying challenges", len(found), len(cells)))
    return found


def _order(verified: list[tuple[SeedEntry, Manifest]], share: float, order_seed: str) -> tuple[PlannedInstance, ...]:
    """A seeded shuffle, so that a stop at any time leaves a random subset; a drawn share runs several times."""

    def drawn(purpose: str, instance_id: str) -> bytes:
        return hashlib.sha256(f"{purpose}\0{order_seed}\0{instance_id}".encode()).digest()

    ids = sorted((entry.key.id for entry, _ in verified), key=lambda item: drawn("repeat", item))
    repeated = set(ids[: round(share * len(ids))])
    items = [
        PlannedInstance(
            id=entry.key.id,
            family=entry.family,
            level=entry.level,
            index=entry.index,
            epochs=REPEATS if entry.key.id in repeated else 1,
            manifest_sha256=manifest.digest(),
        )
        for entry, manifest in verified
    ]
    return tuple(sorted(items, key=lambda item: drawn("order", item.id)))


def _families(entries: tuple[SeedEntry, ...]) -> tuple[PlannedFamily, ...]:
    found = []
    for name, number in sorted({(entry.family, entry.version) for entry in entries}):
        rows = Counter(entry.level for entry in entries if entry.family == name)
        levels = tuple(sorted(rows))
        found.append(PlannedFamily(id=name, version=number, levels=levels, instances_per_level=max(rows.values())))
    return tuple(found)


def _claims(sampling: Sampling | Rounds, at_least: tuple[str, ...]) -> tuple[Claim, ...]:
    if isinstance(sampling, Rounds):
        part = "partly run battery, by the mode of its rounds"
        return (
            Claim(id="Q1", estimand="success on all instances of the battery, at the stated budget", method=part),
            Claim(id="Q2", estimand="success on instances like these, at the stated budget", method=part),
        )
    return (
        Claim(id="Q1", estimand="success on exactly these instances, at the stated budget", method="bank success"),
        Claim(id="Q2", estimand="success on instances like these, at the stated budget", method="cluster logit t"),
        Claim(id="Q3", estimand="success against budget", method="studentised max-t band"),
        *(_exceeds(quantity, share) for share in at_least for quantity in ("Q1", "Q2")),
    )


def _exceeds(quantity: Literal["Q1", "Q2"], share: str) -> Claim:
    about = "exactly these instances" if quantity == "Q1" else "instances like these"
    return Claim(
        id=f"Q9 {quantity} {share}",
        estimand=f"success on {about} exceeds {share}, at the stated budget",
        method="one-sided, Holm over all claims of this kind",
        quantity=quantity,
        threshold=share,
    )


def _environment() -> dict[str, str]:
    names = ("seatrial", "inspect-ai", "numpy", "scipy", "pydantic")
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _watch(run: RunDirectory, tell: Callable[[Progress], None], base_url: str, access: Access | None) -> int:
    """Start the worker, tell the watcher what it publishes, and return its exit code."""
    environment = {key: value for key, value in os.environ.items() if _allowed(key)}
    environment["SEATRIAL_PARENT"] = str(os.getpid())
    if base_url:
        environment["SEATRIAL_MODEL_BASE_URL"] = base_url
    most = run.plan().planned_runs() * len(run.plan().everybody)
    with (run.path / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "seatrial.evaluation.extensions.worker", str(run.path)],
            stdin=subprocess.PIPE if access else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    if access and worker.stdin:
        with contextlib.suppress(BrokenPipeError), worker.stdin:
            worker.stdin.write(access.for_worker())
    run.write("worker.json", {"pid": worker.pid, "began": _began(worker.pid)})
    try:
        while worker.poll() is None:
            figures = run.read("progress.json") or {}
            rows = figures.get("participants", {}).values()
            done, total = sum(row["done"] for row in rows), sum(row["planned"] for row in rows) or most
            tell(Progress("running", done, total, figures))
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(POLL_S)
    except KeyboardInterrupt:
        run.stop_file.write_text("stopped: interrupted at the terminal\n")
        _end(worker.pid, lambda: worker.poll() is not None)
    finally:
        (run.path / "worker.json").unlink(missing_ok=True)
    return worker.wait()


def _why_ended(run: RunDirectory, code: int) -> str:
    if code < 0:
        why = f"was killed by signal {-code}"
    else:
        said = (run.path / "worker.log").read_text(errors="replace").strip().splitlines()
        why = f"ended with code {code}: {said[-1] if said else 'it said nothing'}"
    return f"{run.path}: the worker {why}; nothing finished is lost, `seatrial resume {run.path}` carries on"


def _allowed(name: str) -> bool:
    """What the worker inherits: the user's settings for Inspect and the providers, but no proxy and no preload."""
    lowered = name.lower()
    return not lowered.endswith("_proxy") and not lowered.startswith("ld_")


def _end(pid: int, gone: Callable[[], bool] | None = None) -> None:
    """Ask a worker to end, then make it."""
    ended = gone or (lambda: not _alive(pid))
    deadline = time.monotonic() + STOP_GRACE_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        while not ended() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if not ended():
            os.kill(pid, signal.SIGKILL)
            while not ended():
                time.sleep(POLL_S)


def _alive(pid: int) -> bool:
    return _began(pid) is not None


def _began(pid: int) -> int | None:
    """When a process began, in clock ticks since the boot; None once it is over."""
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _finish(run: RunDirectory, record: dict[str, Any], state: str, reason: str) -> None:
    """Rows, findings and the reveal."""
    from seatrial.evaluation.extensions import _reading  # noqa: PLC0415 - loads Inspect, which only finishing needs

    preflights = run.read(boundary.RECORDS) or []
    digest_of_last = preflights[-1]["digest"] if preflights else ""
    attempted = _reading.attempts(run, digest_of_last, int(run.plan().containment["level"]))
    write_rows(run.path / "samples.csv", (item.row for item in attempted))
    run.write("transcripts.json", [asdict(item.transcript) for item in attempted])
    run.write(
        "scrutiny.json",
        {
            "rules_version": RULES_VERSION,
            "findings": [
                {
                    "rule": finding.rule,
                    "sample": item.row.task,
                    "epoch": item.row.epoch,
                    "participant": item.row.participant,
                    "effect": finding.effect,
                    "evidence": finding.evidence,
                }
                for item in attempted
                for finding in item.findings
            ],
        },
    )
    figures = run.read("progress.json") or {}
    stops = [*record["stops"], *([{"at": _now(), "reason": reason}] if reason else [])]
    run.write(
        "run.json",
        {
            **record,
            "state": state,
            "ended": _now(),
            "stops": stops,
            "spend": figures.get("spend"),
            "inspect_version": version("inspect-ai"),
            "seatrial_version": version("seatrial"),
        },
    )
    if state == "finished":
        (run.path / "seeds.sealed").rename(run.path / "seeds.json")
