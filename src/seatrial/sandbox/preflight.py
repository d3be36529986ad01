"""The preflight: no run starts on a boundary that a probe has not just shown closed.

Probes run in a fresh box of the same spec, engine and network as the run. Each is first made *outside*, where it must
find a canary of ours, then inside, where it must not: a probe that cannot see is `blind`, and a blind mandatory probe
means *not sealed*, exactly like an open door.

- `preflight` makes the record; it raises nothing for an open door, it says so (`sealed`).
- `door_check` is the short form for every later box, before its first command.
- `boundary_digest` names what a record speaks of: engine, versions, boot, spec, probes. Another boundary needs
  another record.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.sandbox.embedded.inside import probe as inside
from seatrial.sandbox.level import basis
from seatrial.sandbox.probes import DOOR_PROBES, PROBES, probe_list_digest
from seatrial.sandbox.probes.canaries import FALSE_KEY, Canaries, global_addresses
from seatrial.sandbox.probes.companions import Holders, Sibling
from seatrial.sandbox.probes.inquiry import PROBE_TIMEOUT_S, ProbedBox, ProbedEngine, answers, ask
from seatrial.sandbox.probes.judge import Eyes, judge_all, verdict_of
from seatrial.sandbox.probes.probe import PASSING, HostFacts, Observations, Reach, Scene
from seatrial.sandbox.probes.record import PreflightRecord, ProbeResult, canonical
from seatrial.sandbox.spec import BoxSpec, RangeSpec

__all__ = ["PREFLIGHT_MAX_AGE_S", "PreflightRecord", "ProbeResult", "boundary_digest", "door_check", "preflight"]

PREFLIGHT_MAX_AGE_S = 900  # a policy may shorten this, never lengthen it
PARALLEL_SEATS = 4  # boxes of a range that are asked at once

Looked = dict[str, tuple[Scene, dict[str, Any], dict[str, int]]]  # by host name: scene, answers, microseconds


def boundary_digest(engine: ProbedEngine, spec: BoxSpec | RangeSpec) -> str:
    """SHA-256 over engine, versions, boot, spec and probe list: what a record is good for."""
    parts = {
        "arch": platform.machine(),
        "boot_id": _boot_id(),
        "engine": [engine.name, engine.version, int(engine.level)],
        "kernel": platform.release(),
        "probes": probe_list_digest(),
        "spec": [type(spec).__name__, spec.digest()],
    }
    return hashlib.sha256(canonical(parts)).hexdigest()


def preflight(
    engine: ProbedEngine,
    spec: BoxSpec | RangeSpec,
    *,
    nonce: str | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> PreflightRecord:
    """Look at the boundary that `engine` makes of `spec` and say what is open (some 60 ms a box).

    Raises what the engine raises when it cannot make such a box at all (`Unavailable`); a box that dies under the
    probes gives a record that is not sealed.
    """
    started_ns = clock()
    nonce = nonce or secrets.token_hex(16)
    first = spec if isinstance(spec, BoxSpec) else spec.hosts[0].box
    with ExitStack() as stack:
        canaries = stack.enter_context(Canaries(nonce))
        scene = Scene(spec=first, host=host_facts(), canaries=canaries.facts)
        control = _Control(scene)
        sibling = stack.enter_context(Sibling(engine, first, scene, PROBES))
        boxes = _open(engine, spec, stack)
        outside = Observations(control.result())
        canaries.forget_touches()  # the control has touched them all on purpose
        looked = _look(spec, boxes, replace(scene, sibling=sibling.facts))
        touched = canaries.touches()
        results: list[ProbeResult] = []
        for name, (seat, found, durations) in looked.items():
            eyes = Eyes(outside, sibling.seen, Observations(found), durations)
            results += judge_all(PROBES, replace(seat, touched=touched), eyes, name)
        facts = next(iter(boxes.values())).record()
    return PreflightRecord(
        nonce=nonce,
        started_ns=started_ns,
        ended_ns=clock(),
        engine=engine.name,
        engine_version=engine.version,
        level=int(engine.level),
        level_basis=basis(engine.level),
        kernel_release=platform.release(),
        arch=platform.machine(),
        boot_id=_boot_id(),
        limits_mode=facts.limits_mode,
        users_mode=facts.users_mode,
        spec_digest=spec.digest(),
        rootfs_digest=first.rootfs.digest,
        boundary_digest=boundary_digest(engine, spec),
        probe_list_digest=probe_list_digest(),
        mandatory=tuple(probe.id for probe in PROBES if probe.mandatory),
        results=tuple(results),
    )


def door_check(box: ProbedBox, *, seats: int = 0) -> tuple[str, ...]:
    """The short check of a box before its first command: what is open, or nothing (about 5 ms).

    `seats` is the number of links that a range gives it.
    """
    facts = box.record()
    scene = Scene(
        box.spec,
        HostFacts(inside.namespaces({}), _devices()),
        seats=seats,
        reach=Reach() if seats else None,
        limits_mode=facts.limits_mode,
        users_mode=facts.users_mode,
    )
    seen = Observations(ask(box, DOOR_PROBES, scene)[0])
    findings = [(probe, verdict_of(probe, scene, seen)) for probe in DOOR_PROBES]
    return tuple(f"{probe.id}: {found.observed}" for probe, found in findings if found.verdict not in PASSING)


def host_facts() -> HostFacts:
    """What the host knows of itself."""
    return HostFacts(inside.namespaces({}), _devices(), global_addresses())


def _devices() -> frozenset[str]:
    """Every device number that a mount of the host has."""
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    return frozenset(line.split()[2] for line in table.splitlines())


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _open(engine: ProbedEngine, spec: BoxSpec | RangeSpec, stack: ExitStack) -> Mapping[str, ProbedBox]:
    boxes: Mapping[str, ProbedBox] = {"": engine.open(spec)} if isinstance(spec, BoxSpec) else engine.open_range(spec)
    for box in boxes.values():
        stack.callback(box.close)
    return boxes


def _look(spec: BoxSpec | RangeSpec, boxes: Mapping[str, ProbedBox], scene: Scene) -> Looked:
    """Observations of every box, with the scene that each is judged by."""
    scenes = {name: _scene_of(name, box, spec, scene) for name, box in boxes.items()}
    if isinstance(spec, RangeSpec):
        holders = Holders(boxes, spec, scene.canaries.nonce)
        scenes = {name: replace(seat, reach=holders.reach(name)) for name, seat in scenes.items()}
    with ThreadPoolExecutor(PARALLEL_SEATS) as pool:
        asked = {name: pool.submit(ask, boxes[name], PROBES, seat) for name, seat in scenes.items()}
        return {name: (scenes[name], *future.result()) for name, future in asked.items()}


def _scene_of(name: str, box: ProbedBox, spec: BoxSpec | RangeSpec, scene: Scene) -> Scene:
    facts = box.record()
    scene = replace(scene, spec=box.spec, limits_mode=facts.limits_mode, users_mode=facts.users_mode)
    if isinstance(spec, BoxSpec):
        return scene
    return replace(scene, seats=next(len(host.segments) for host in spec.hosts if host.name == name))


class _Control:
    """The control, on a thread: a fresh process outside, with a proxy, a false key and a descriptor to be seen."""

    def __init__(self, scene: Scene) -> None:
        self._answers: dict[str, Any] = {}
        self._scene = scene
        self._thread = threading.Thread(target=self._run, name="seatrial-control", daemon=True)
        self._thread.start()

    def result(self) -> dict[str, Any]:
        """Its observations; without them every probe that needs a control is blind."""
        self._thread.join(PROBE_TIMEOUT_S + 1)
        return self._answers

    def _run(self) -> None:
        observe: dict[str, Any] = {}
        for probe in PROBES:
            if probe.control is not None and not probe.sibling_control:
                observe.update(probe.control(self._scene))
        nonce = self._scene.canaries.nonce
        request = json.dumps({"nonce": nonce, "observe": observe}).encode()
        with Path("/dev/null").open("rb") as extra:
            try:
                finished = subprocess.run(
                    [sys.executable, "-I", "-S", str(inside.__file__)],
                    input=request,
                    capture_output=True,
                    env={"https_proxy": "http://canary.invalid:9", FALSE_KEY: nonce},
                    cwd="/",
                    pass_fds=(extra.fileno(),),
                    timeout=PROBE_TIMEOUT_S,
                    check=False,
                )
                self._answers = answers(json.loads(finished.stdout), nonce)[0]
            except (OSError, ValueError, subprocess.TimeoutExpired):
                return
