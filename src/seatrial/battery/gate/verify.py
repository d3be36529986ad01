"""The one road from a key to a manifest, for every family: built-in, private, or made for a test."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import seatrial
from seatrial.battery.fingerprint import digests
from seatrial.battery.gate import free, hostile, leak, monotone, rebuild, secrets, solvable, twin
from seatrial.battery.gate.meter import Meter
from seatrial.battery.gate.trial import SHARED, Bench, Depth, Trial
from seatrial.battery.manifest import GUARANTEES, Guarantee, Manifest, ParticipantLine, json_ready
from seatrial.battery.stage import StageError, needed
from seatrial.sandbox import BoxGone, BoxRecord, SandboxError

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.battery.instance import Instance, InstanceKey
    from seatrial.sandbox import Boxes

_SPOILED = (StageError, BoxGone)  # the instance's own doing; any other error of the sandbox is the machine's


def verify(
    family: Family,
    key: InstanceKey,
    boxes: Boxes,
    *,
    depth: Depth = "standard",
    clock: Callable[[], float] = time.time,
) -> Manifest:
    """Generate an instance, try all ten guarantees on it, and say what was found.

    Raises what `generate` and the first `arm` raise, for then there is no instance, and `SandboxError` when there is
    no box to try it in. Everything else that goes wrong is a broken guarantee in the manifest.
    """
    meter = Meter()
    with meter("generate"):
        instance = family.generate(key)
        trial = Trial(family, instance, boxes, depth)
        trial.armed(SHARED)
    with meter("G5"):
        pending = rebuild.start(trial)
    try:
        found, lines, record = _tried(trial, pending, meter)
    except BaseException:
        pending.abandon()
        raise
    found["G10"] = monotone.counts(trial, lines)
    ordered = {name: found[name] for name in GUARANTEES}
    timing = {"built_at": int(clock()), "cpu_ms": meter.spent | {"total": meter.total()}}
    return _manifest(trial, ordered, lines, record, timing)


def _tried(
    trial: Trial, pending: rebuild.Pending, meter: Meter
) -> tuple[dict[str, Guarantee], dict[str, ParticipantLine], BoxRecord | None]:
    """All guarantees but the last, the participants' lines, and the record of a box."""
    found: dict[str, Guarantee] = {}
    checks: dict[str, Callable[[], Guarantee]] = {
        "G1": lambda: solvable.check(trial),
        "G3": lambda: twin.check(trial),
        "G5": pending.check,
        "G6": lambda: monotone.check(trial),
        "G7": lambda: secrets.check(trial),
    }
    for name, check in checks.items():
        with meter(name):
            found[name] = _guarded(check)
    lines: dict[str, ParticipantLine] = {}
    record: BoxRecord | None = None
    try:
        record, lines = _shared_stage(trial, found, meter)
    except _SPOILED as error:
        found |= dict.fromkeys(("G2", "G4", "G8", "G9"), Guarantee.broken(str(error)))
    return found, lines, record


def _shared_stage(
    trial: Trial, found: dict[str, Guarantee], meter: Meter
) -> tuple[BoxRecord, dict[str, ParticipantLine]]:
    """What can share boxes, since none of it changes anything for the next: free participants, leaks, hostile."""
    with trial.stage(SHARED) as stage:
        record = stage.agent.record()
        with meter("G8"):
            found["G8"] = _guarded(lambda: leak.check(trial, stage.agent))
        with meter("G2"):
            results = free.act(trial, stage)
        with meter("G9"):
            handed = hostile.hand_in(trial, stage)
        bench = Bench(trial, SHARED, stage.evidence())
    lines: dict[str, ParticipantLine] = {}
    with meter("G2"):
        found["G2"], lines = free.check(trial, results, bench)
    with meter("G9"):
        faced = hostile.face(handed, bench)
        found["G9"] = hostile.check(faced)
    with meter("G4"):
        found["G4"] = _guarded(lambda: twin.check_witness(trial, faced))
    return record, lines


def _guarded(check: Callable[[], Guarantee]) -> Guarantee:
    """A check that a family's own code breaks is a broken guarantee; a machine without boxes is not."""
    try:
        return check()
    except _SPOILED as error:
        return Guarantee.broken(str(error)[:400])
    except SandboxError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a family raises
        return Guarantee.broken(f"{type(error).__name__}: {error}"[:400])


def _manifest(
    trial: Trial,
    found: Mapping[str, Guarantee],
    lines: Mapping[str, ParticipantLine],
    record: BoxRecord | None,
    timing: Mapping[str, Any],
) -> Manifest:
    instance, family = trial.instance, trial.family
    witness = instance.hidden.witness
    return Manifest(
        instance_id=instance.key.id,
        identity=_identity(family, instance),
        digests=digests(instance),
        witness={"cwe": witness.cwe, "fault_classes": list(witness.fault_classes)},
        guarantees=found,
        participants=lines,
        toolchain=toolchain(),
        view_digest=needed(instance, min_level=family.min_isolation).digest(),
        isolation_level=record.level if record else 0,
        engine=record.engine if record else "",
        depth=trial.depth,
        timing=timing,
    )


def _identity(family: Family, instance: Instance) -> dict[str, Any]:
    key = instance.key
    return {
        "family": key.family,
        "version": key.version,
        "level": key.level,
        "form": key.form,
        "hint": key.hint,
        "technique": instance.technique,
        "pair": instance.pair,
        "autonomy_steps": instance.autonomy_steps,
        "visibility": family.visibility,
        "tags": json_ready(asdict(family.tags)),
        "knobs": json_ready(dict(instance.knobs)),
        "seed_commitment": key.seed_commitment,
    }


@cache
def toolchain() -> dict[str, str]:
    """Versions that the bytes of a build depend on: identity holds for one toolchain only."""
    found = {"python": platform.python_version(), "battery": seatrial.__version__}
    for name in ("gcc", "clang"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
            found[name] = said.splitlines()[0] if said else "unknown"
        else:
            found[name] = "absent"
    return found
