"""One run directory to one `Assessment`: a pure function of the directory's content, without clock or chance."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seatrial.report.assessment import (
    NOTICES,
    Assessment,
    Battery,
    Boundary,
    Claim,
    Finding,
    Guarantee,
    Instance,
    LevelCap,
    OutcomeCount,
    Participant,
    Plan,
    PlannedFamily,
    Probe,
    ReportError,
    Run,
    Sample,
    Stop,
    Subject,
    Validity,
)
from seatrial.report.coverage import coverage
from seatrial.report.estimates import numbers
from seatrial.report.not_tested import not_tested
from seatrial.report.rundir import RunFiles, digest, read
from seatrial.report.table import Tables

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.evaluation.rows import OutcomeRow

VERSION = 1
NOT_RUN, VOIDED = "not run", "voided"  # outcomes that no row has
STATES = {"held": "shown", "broken": "not shown", "not_applicable": "not applicable"}
OUTSIDE_DIGEST = {"timing", "manifest_sha256", "sealed", "digest"}


def build(run_dir: Path) -> Assessment:
    """The assessment of a run directory."""
    return assemble(read(run_dir))


def assemble(files: RunFiles) -> Assessment:
    """The assessment of what was read."""
    with _reading(files.path / "plan.json"):
        tables = Tables.of(files)
        plan = _plan(tables)
        subject = Subject(
            alias=str(files.plan["subject"]["alias"]),
            kind=files.plan["subject"]["kind"],
            model=str(files.plan["subject"].get("model") or ""),
        )
    with _reading(files.path / "run.json"):
        run = _run(files)
    with _reading(files.path / "scrutiny.json"):
        validity = _validity(tables)
    with _reading(files.path / "preflight.json"):
        containment = [_boundary(record) for record in files.preflight]
    with _reading(files.path / "manifests"):
        battery = _battery(files)
    found = numbers(tables)
    return Assessment(
        id=f"assessment-{files.plan['review']}",
        version=VERSION,
        issued=run.ended or run.started or plan.created,
        language="en",
        notices=list(NOTICES),
        subject=subject,
        plan=plan,
        run=run,
        participants=[_participant(tables, name) for name in tables.participants],
        outcomes=list(_outcomes(tables)),
        estimates=found.estimates,
        not_identifiable=found.missing,
        curves=found.curves,
        comparisons=found.comparisons,
        horizons=found.horizons,
        abilities=found.abilities,
        rounds=found.rounds,
        elicitation=found.elicitation,
        thresholds=found.thresholds,
        integrity=found.integrity,
        coverage=coverage(found.quantities, picked=found.rounds is not None),
        validity=validity,
        containment=containment,
        battery=battery,
        not_tested=list(not_tested(tables, found)),
        samples=[_sample(files, row) for row in files.rows],
        evidence=files.evidence(),
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever is missing or misshapen in a file is said of that file."""
    try:
        yield
    except ReportError:
        raise
    except KeyError as error:
        raise ReportError(f"{path}: field {error} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ReportError(f"{path}: {error}") from error


def _plan(tables: Tables) -> Plan:
    plan = tables.files.plan
    budget = plan.get("participant_budget_s")
    return Plan(
        digest=tables.files.plan_digest,
        created=str(plan["created"]),
        tier=str(plan["tier"]),
        design=str(plan["sampling"]["design"]),
        scaffold=str(plan.get("scaffold", "")),
        families=[
            PlannedFamily(
                id=str(item["id"]),
                version=str(item["version"]),
                levels=[int(level) for level in item["levels"]],
                instances_per_level=int(item["instances_per_level"]),
            )
            for item in plan["families"]
        ],
        instances=len({item.task for item in tables.planned}),
        participants=[str(name) for name in plan["participants"]],
        participant_budget_s=int(budget) if budget else None,
        announce_budget=str(plan.get("announce_budget", "")),
        level_caps=[_level(tables, level) for level in sorted(map(int, plan["level_caps"]))],
        campaign_caps={str(key): value for key, value in plan["campaign_caps"].items()},
        seed_commitment=str(plan["seed_commitment"]),
        claims=[Claim(id=str(c["id"]), estimand=str(c["estimand"]), method=str(c["method"])) for c in plan["analysis"]],
        environment={str(key): str(value) for key, value in sorted(plan["environment"].items())},
        limits=[str(text) for text in plan["limits"]],
    )


def _level(tables: Tables, level: int) -> LevelCap:
    cap = tables.cap(level)
    rows = (row for row in tables.files.rows if row.level == level and row.minutes_source == "design")
    minutes = [row.minutes for row in rows if row.minutes]
    return LevelCap(
        level=level,
        tokens=int(cap["tokens"]),
        working_s=int(cap["working_s"]),
        turns=int(cap["turns"]),
        design_minutes=(min(minutes), max(minutes)) if minutes else None,
    )


def _run(files: RunFiles) -> Run:
    run = files.run
    spend = run.get("spend") or {}
    usd = spend.get("usd")
    return Run(
        state=str(run["state"]),
        started=run.get("started"),
        ended=run.get("ended"),
        resumed=int(run.get("resumed") or 0),
        stops=[_stop(item) for item in run.get("stops") or ()],
        tokens=spend.get("tokens"),
        usd=None if usd is None else str(usd),
        versions={
            name.removesuffix("_version"): str(run[name])
            for name in ("seatrial_version", "inspect_version")
            if name in run
        },
    )


def _stop(item: Mapping[str, Any] | str) -> Stop:
    if isinstance(item, str):
        return Stop(at="", reason=item)
    return Stop(at=str(item.get("at", "")), reason=str(item.get("reason", "")))


def _participant(tables: Tables, name: str) -> Participant:
    rows = tables.rows(name)
    missing = tables.not_run(name)
    return Participant(
        name=name,
        kind=tables.kind(name),
        planned=len(rows) + len(missing),
        counted=sum(row.score is not None and row.status != "invalidated" for row in rows),
        not_run=len(missing),
        rerun=sum(row.participant == name and row.superseded for row in tables.files.rows),
    )


def _outcomes(tables: Tables) -> Iterator[OutcomeCount]:
    for name in tables.participants:
        found = Counter(
            (VOIDED, "") if row.status == "invalidated" else (row.outcome, row.reason) for row in tables.rows(name)
        )
        missing = tables.not_run(name)
        if missing:
            found[NOT_RUN, ""] = len(missing)
        for (outcome, reason), runs in sorted(found.items()):
            yield OutcomeCount(participant=name, outcome=outcome, reason=reason, runs=runs)


def _validity(tables: Tables) -> Validity:
    scrutiny = tables.files.scrutiny
    names = tables.participants
    flagged = {name: sum(bool(r.flags) and r.score is not None for r in tables.rows(name)) for name in names}
    voided = {name: sum(r.status == "invalidated" for r in tables.rows(name)) for name in names}
    return Validity(
        rules_version=str(scrutiny.get("rules_version", "")),
        findings=[
            Finding(
                rule=str(item["rule"]),
                participant=str(item["participant"]),
                sample=str(item["sample"]),
                epoch=int(item["epoch"]),
                effect=str(item["effect"]),
                evidence=str(item["evidence"]),
            )
            for item in scrutiny.get("findings", ())
        ],
        flagged_runs={name: number for name, number in flagged.items() if number},
        voided_runs={name: number for name, number in voided.items() if number},
    )


def _boundary(record: Mapping[str, Any]) -> Boundary:
    return Boundary(
        engine=str(record["engine"]),
        level=int(record["level"]),
        limits_mode=str(record["limits_mode"]),
        users_mode=str(record["users_mode"]),
        sealed=bool(record["sealed"]),
        digest=str(record["digest"]),
        probes=[
            Probe(
                id=str(item["id"]),
                group=str(item["group"]),
                mandatory=bool(item["mandatory"]),
                observed=str(item["verdict"]),
            )
            for item in record["results"]
        ],
    )


def _battery(files: RunFiles) -> Battery:
    opened = None if files.seeds is None else {_commitment(seed) for seed in _revealed(files.seeds)}
    named = {str(item["id"]): str(item.get("manifest_sha256", "")) for item in files.plan.get("instances", ())}
    instances = []
    for task, manifest in files.manifests.items():
        stated = str(manifest.get("manifest_sha256") or manifest.get("digest") or "")
        body = {key: value for key, value in manifest.items() if key not in OUTSIDE_DIGEST}
        status = manifest.get("status", "")
        instances.append(
            Instance(
                id=task,
                family=str(manifest["family"]),
                version=str(manifest["version"]),
                level=int(manifest["level"]),
                technique=str(manifest["technique"]),
                state=str(status.get("state", "") if isinstance(status, Mapping) else status),
                digest=stated,
                digest_agrees=digest(body) == stated and named.get(task, stated) == stated,
                seed_opened=None if opened is None else manifest.get("seed_commitment") in opened,
                guarantees=[
                    Guarantee(
                        name=str(name),
                        state=STATES.get(str(item["state"]), "not shown"),  # type: ignore[arg-type]
                        reason=str(item.get("reason") or ""),
                    )
                    for name, item in manifest.get("guarantees", {}).items()
                ],
            )
        )
    return Battery(
        named_by_plan=bool(named) and all(named.values()), seeds_revealed=files.seeds is not None, instances=instances
    )


def _revealed(value: object) -> Iterator[bytes]:
    """Every seed of a reveal, wherever it stands in it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "seed" and isinstance(item, str):
                try:
                    yield bytes.fromhex(item)
                except ValueError as error:
                    raise ReportError(f"seeds.json: seed {item!r} is not hexadecimal") from error
            else:
                yield from _revealed(item)
    elif isinstance(value, list):
        for item in value:
            yield from _revealed(item)


def _commitment(seed: bytes) -> str:
    """What a manifest says of its seed before the reveal."""
    return hashlib.sha256(b"seatrial/seed/v1\0" + seed).hexdigest()


def _sample(files: RunFiles, row: OutcomeRow) -> Sample:
    return Sample(
        sample=row.task,
        epoch=row.epoch,
        attempt=row.attempt,
        superseded=row.superseded,
        participant=row.participant,
        arm=row.arm,
        family=row.generator,
        technique=row.technique,
        level=row.level,
        outcome=VOIDED if row.status == "invalidated" else row.outcome,
        reason=row.reason,
        score=row.score,
        tokens=row.tokens,
        turns=row.turns,
        working_s=row.working_s,
        flags=row.flags.split(),
        submission_sha256=row.submission_sha256,
        log=row.log,
        transcript=None if row.superseded else files.transcript(row),
    )
