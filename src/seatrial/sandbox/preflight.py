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
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from seatrial.sandbox.box import BoxRecord
from seatrial.sandbox.embedded.inside import probe as inside
from seatrial.sandbox.errors import SandboxError
from seatrial.sandbox.probes import DOOR_PROBES, PROBES, probe_list_digest
from seatrial.sandbox.probes.canaries import FALSE_KEY, Canaries, global_addresses
from seatrial.sandbox.probes.probe import (
    Control,
    Finding,
    HostFacts,
    Observations,
    Probe,
    Reach,
    Scene,
    SiblingFacts,
    Unseen,
    Verdict,
    printable,
)
from seatrial.sandbox.spec import BoxSpec, RangeHost, RangeSpec

SCHEMA = "seatrial.preflight/1"
PREFLIGHT_MAX_AGE_S = 900  # a policy may shorten this, never lengthen it
PROBE_TIMEOUT_S = 4.0  # a whole set of probes in one box; an idle two-core machine needs about 0.1 s
SIBLING_WAIT_S = 2.0
SIBLING_PORT = 7077
HOLD_S = 20.0
PASSING: frozenset[Verdict] = frozenset({"closed", "not_applicable"})


class ProbedBox(Protocol):
    """What the preflight needs of a box."""

    spec: BoxSpec

    def probe(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Run `inside/probe.py` in an exec child with the payload's identity, limits and filter."""
        ...

    def record(self) -> BoxRecord:
        """Facts of the box."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class ProbedEngine(Protocol):
    """What the preflight needs of an engine."""

    @property
    def name(self) -> str:
        """Its name in records."""
        ...

    @property
    def version(self) -> str:
        """Its version: another version is another boundary."""
        ...

    @property
    def level(self) -> int:
        """Its level of isolation."""
        ...

    def open(self, spec: BoxSpec) -> ProbedBox:
        """A box on a boundary that nothing has shown closed yet."""
        ...

    def open_range(self, spec: RangeSpec) -> Mapping[str, ProbedBox]:
        """The boxes of a range, by host name."""
        ...


@dataclass(frozen=True)
class ProbeResult:
    """One line of the record."""

    id: str
    group: str
    mandatory: bool
    expected: str
    control: Control
    observed: str
    verdict: Verdict
    duration_us: int
    box: str = ""  # host name in a range


@dataclass(frozen=True)
class PreflightRecord:
    """What was looked at, when, and whether every mandatory door was shown closed."""

    nonce: str
    started_ns: int
    ended_ns: int
    engine: str
    engine_version: str
    level: int
    level_basis: str
    kernel_release: str
    arch: str
    boot_id: str
    limits_mode: str
    users_mode: str
    spec_digest: str
    rootfs_digest: str
    boundary_digest: str
    probe_list_digest: str
    results: tuple[ProbeResult, ...] = field(default=())
    schema: str = SCHEMA

    @property
    def sealed(self) -> bool:
        """Every mandatory probe was made, could see, and found its door closed."""
        looked = {result.id for result in self.results}
        complete = all(probe.id in looked for probe in PROBES if probe.mandatory)
        return complete and not self.failures

    @property
    def failures(self) -> tuple[ProbeResult, ...]:
        """The mandatory results that forbid a run."""
        return tuple(result for result in self.results if result.mandatory and result.verdict not in PASSING)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this record without the digest itself."""
        return hashlib.sha256(_canonical(self._plain())).hexdigest()

    def why(self) -> str:
        """One sentence: sealed, or which doors are open or unseen."""
        if self.sealed:
            return f"sealed: {len(self.results)} probes"
        return "not sealed: " + "; ".join(
            f"{result.box + ' ' if result.box else ''}{result.id} is {result.verdict} ({result.observed})"
            for result in self.failures[:8]
        )

    def to_json(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, integers and strings only."""
        return _canonical({**self._plain(), "digest": self.digest})

    def _plain(self) -> dict[str, Any]:
        return {**asdict(self), "sealed": self.sealed}


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def boundary_digest(engine: ProbedEngine, spec: BoxSpec | RangeSpec) -> str:
    """SHA-256 over engine, versions, boot, spec and probe list: what a record is good for."""
    parts = {
        "arch": platform.machine(),
        "boot_id": _boot_id(),
        "engine": [engine.name, engine.version, engine.level],
        "kernel": platform.release(),
        "probes": probe_list_digest(),
        "spec": [type(spec).__name__, spec.digest()],
    }
    return hashlib.sha256(_canonical(parts)).hexdigest()


def preflight(
    engine: ProbedEngine,
    spec: BoxSpec | RangeSpec,
    *,
    nonce: str | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> PreflightRecord:
    """Look at the boundary that `engine` makes of `spec` and say what is open.

    Raises what the engine raises when it cannot make such a box at all (`Unavailable`); a box that dies under the
    probes is a record that is not sealed.
    """
    started_ns = clock()
    nonce = nonce or secrets.token_hex(16)
    with ExitStack() as stack:
        canaries = stack.enter_context(Canaries(nonce))
        scene = Scene(host=host_facts(), canaries=canaries.facts)
        first = spec if isinstance(spec, BoxSpec) else spec.hosts[0].box
        control = _Later(lambda: _control(scene, first))
        sibling = stack.enter_context(_Sibling(engine, first, scene))
        boxes = _open(engine, spec, stack)
        outside = Observations(control.result())
        canaries.forget_touches()
        looked = _look(spec, boxes, sibling.facts, replace(scene, sibling=sibling.facts))
        touched = canaries.touches()
        results: list[ProbeResult] = []
        for name, (seat, answers, durations) in looked.items():
            seen = Eyes(outside, sibling.seen, Observations(answers), durations)
            results += judge_all(PROBES, replace(seat, touched=touched), seen, name)
        records = [box.record() for box in boxes.values()]
    return PreflightRecord(
        nonce=nonce,
        started_ns=started_ns,
        ended_ns=clock(),
        engine=engine.name,
        engine_version=engine.version,
        level=engine.level,
        level_basis="namespaces, filter and control groups on the host's kernel",
        kernel_release=platform.release(),
        arch=platform.machine(),
        boot_id=_boot_id(),
        limits_mode=records[0].limits_mode,
        users_mode=records[0].users_mode,
        spec_digest=spec.digest(),
        rootfs_digest=first.rootfs.digest,
        boundary_digest=boundary_digest(engine, spec),
        probe_list_digest=probe_list_digest(),
        results=tuple(results),
    )


def door_check(box: ProbedBox, *, seats: int = 0) -> tuple[str, ...]:
    """The short check of a box before its first command: what is open, or nothing (about 5 ms).

    `seats` is the number of links a range gives it.
    """
    facts = box.record()
    reach = Reach() if seats else None
    host = HostFacts(namespaces=inside.namespaces({}), devices=_devices())
    scene = Scene(box.spec, host, seats=seats, reach=reach, limits_mode=facts.limits_mode, users_mode=facts.users_mode)
    answers, _ = _ask(box, DOOR_PROBES, scene)
    seen = Observations(answers)
    findings = [(probe, _verdict(probe, scene, seen)) for probe in DOOR_PROBES]
    return tuple(f"{probe.id}: {found.observed}" for probe, found in findings if found.verdict not in PASSING)


# Judging


@dataclass(frozen=True)
class Eyes:
    """The observations of one box: made on the host, in the sibling, and inside."""

    outside: Observations
    sibling: Observations
    inside: Observations
    durations: Mapping[str, int] = field(default_factory=dict)


def judge_all(probes: Sequence[Probe], scene: Scene, eyes: Eyes, box: str = "") -> list[ProbeResult]:
    """Verdicts of all probes; a control that does not see its canary makes a closed door `blind`."""
    results = []
    for probe in probes:
        control = _control_of(probe, scene, eyes)
        finding = _verdict(probe, scene, eyes.inside)
        verdict: Verdict = "blind" if control == "blind" and finding.verdict in PASSING else finding.verdict
        results.append(
            ProbeResult(
                id=probe.id,
                group=probe.group,
                mandatory=probe.mandatory,
                expected=probe.expected,
                control=control,
                observed=finding.observed if verdict != "blind" or finding.verdict == "blind" else "its control is blind",
                verdict=verdict,
                duration_us=sum(int(eyes.durations.get(key, 0)) for key in probe.asks(scene)),
                box=box,
            )
        )
    return results


def _control_of(probe: Probe, scene: Scene, eyes: Eyes) -> Control:
    if probe.sees is None:
        return "none_needed"
    try:
        sees = probe.sees(scene, eyes.sibling if probe.sibling_control else eyes.outside)
    except (Unseen, KeyError, TypeError, ValueError, IndexError):
        return "blind"
    return "none_needed" if sees is None else "seen" if sees else "blind"


def _verdict(probe: Probe, scene: Scene, seen: Observations) -> Finding:
    try:
        return probe.judge(scene, seen)
    except Unseen as missing:
        return Finding("blind", printable(str(missing)))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as strange:
        return Finding("blind", printable(f"an answer of another shape: {type(strange).__name__} {strange}"))


# Looking


def _asks(probes: Sequence[Probe], scene: Scene) -> dict[str, Any]:
    observe: dict[str, Any] = {}
    for probe in probes:
        observe.update(probe.asks(scene))
    return observe


def _ask(box: ProbedBox, probes: Sequence[Probe], scene: Scene) -> tuple[dict[str, Any], dict[str, int]]:
    request = {"nonce": scene.canaries.nonce, "observe": _asks(probes, scene)}
    try:
        return _answers(box.probe(request, PROBE_TIMEOUT_S), scene.canaries.nonce)
    except (SandboxError, TimeoutError, OSError) as gone:
        return {key: {"error": f"{type(gone).__name__}: {gone}"} for key in request["observe"]}, {}  # type: ignore[attr-defined]


def _answers(reply: object, nonce: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The observations of a reply, whatever its shape: anything odd is an answer to nothing."""
    if not isinstance(reply, dict) or reply.get("nonce") != nonce or not isinstance(reply.get("observations"), dict):
        return {}, {}
    spent = reply.get("duration_us")
    durations = {key: value for key, value in spent.items() if type(value) is int} if isinstance(spent, dict) else {}
    return reply["observations"], durations


def _open(engine: ProbedEngine, spec: BoxSpec | RangeSpec, stack: ExitStack) -> dict[str, ProbedBox]:
    if isinstance(spec, BoxSpec):
        boxes: dict[str, ProbedBox] = {"": engine.open(spec)}
    else:
        boxes = dict(engine.open_range(spec))
    for box in boxes.values():
        stack.callback(box.close)
    return boxes


def _look(
    spec: BoxSpec | RangeSpec, boxes: Mapping[str, ProbedBox], sibling: SiblingFacts, scene: Scene
) -> dict[str, tuple[Scene, dict[str, Any], dict[str, int]]]:
    """Observations of every box, with the scene that each is judged by."""
    seats = {name: _seat(scene, box, spec, name) for name, box in boxes.items()}
    if isinstance(spec, BoxSpec):
        return {name: (seat, *_ask(boxes[name], PROBES, seat)) for name, seat in seats.items()}
    with _Holders(boxes, scene.canaries.nonce) as holders, ThreadPoolExecutor(max_workers=4) as pool:
        seats = {name: replace(seat, reach=holders.reach(name, spec)) for name, seat in seats.items()}
        asked = {name: pool.submit(_ask, boxes[name], PROBES, seat) for name, seat in seats.items()}
        return {name: (seats[name], *future.result()) for name, future in asked.items()}


def _seat(scene: Scene, box: ProbedBox, spec: BoxSpec | RangeSpec, name: str) -> Scene:
    facts = box.record()
    own, seats = (spec, 0) if isinstance(spec, BoxSpec) else _host_of(spec, name)
    return replace(scene, spec=own, seats=seats, limits_mode=facts.limits_mode, users_mode=facts.users_mode)


def _host_of(spec: RangeSpec, name: str) -> tuple[BoxSpec, int]:
    host = _host(spec, name)
    return host.box, len(host.segments)


def _host(spec: RangeSpec, name: str) -> RangeHost:
    return next(host for host in spec.hosts if host.name == name)


class _Later:
    """A function on a thread of its own, its result awaited where it is needed."""

    def __init__(self, work: Callable[[], dict[str, Any]]) -> None:
        self._value: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], dict[str, Any]]) -> None:
        self._value = work()

    def result(self) -> dict[str, Any]:
        self._thread.join(PROBE_TIMEOUT_S)
        return self._value


def _control(scene: Scene, spec: BoxSpec) -> dict[str, Any]:
    """The observations of the control: a fresh process outside, with a proxy, a false key and a descriptor to see."""
    observe: dict[str, Any] = {}
    for probe in PROBES:
        if probe.control is not None and not probe.sibling_control:
            observe.update(probe.control(replace(scene, spec=spec)))
    request = json.dumps({"nonce": scene.canaries.nonce, "observe": observe})
    with open("/dev/null", "rb") as extra:  # noqa: PTH123 - a descriptor to be inherited, not a file to be read
        finished = subprocess.run(
            [sys.executable, "-I", "-S", str(inside.__file__)],
            input=request.encode(),
            capture_output=True,
            env={"https_proxy": "http://canary.invalid:9", FALSE_KEY: scene.canaries.nonce},
            cwd="/",
            pass_fds=(extra.fileno(),),
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    try:
        return _answers(json.loads(finished.stdout), scene.canaries.nonce)[0]
    except ValueError:
        return {}


class _Sibling:
    """A second box of the same spec that holds canaries of its own, and the control that sees them from inside it."""

    def __init__(self, engine: ProbedEngine, spec: BoxSpec, scene: Scene) -> None:
        self.facts = SiblingFacts()
        self.seen = Observations({})
        self._scene = scene
        self._marker = f"sib{scene.canaries.nonce[:12]}"
        self._box = engine.open(spec)
        self._thread = threading.Thread(target=self._hold, daemon=True)

    def __enter__(self) -> _Sibling:
        self.facts = SiblingFacts(self._marker, SIBLING_PORT, f"/tmp/{self._marker}")
        self._thread.start()
        until = time.monotonic() + SIBLING_WAIT_S
        scene = replace(self._scene, sibling=self.facts)
        probes = [probe for probe in PROBES if probe.sibling_control]
        while time.monotonic() < until:
            answers, _ = _ask(self._box, probes, scene)
            self.seen = Observations(answers)
            eyes = Eyes(Observations({}), self.seen, Observations({}))
            if all(_control_of(probe, scene, eyes) == "seen" for probe in probes):
                self.facts = replace(self.facts, namespaces=dict(self.seen["namespaces"]))
                break
        return self

    def __exit__(self, *_: object) -> None:
        self._box.close()
        self._thread.join(2)

    def _hold(self) -> None:
        params = {"marker": self._marker, "port": SIBLING_PORT, "file": self.facts.file, "seconds": HOLD_S}
        _hold(self._box, params)


class _Holders:
    """A listener on every seat of a range, so that reaching a neighbour and not reaching a stranger both show."""

    def __init__(self, boxes: Mapping[str, ProbedBox], nonce: str) -> None:
        self._boxes = boxes
        self._nonce = nonce
        self._addresses: dict[str, list[str]] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> _Holders:
        for name, box in self._boxes.items():
            answers, _ = _answers(box.probe({"nonce": self._nonce, "observe": {"links": {}}}, PROBE_TIMEOUT_S), self._nonce)
            links = answers.get("links", {}).get("links", {})
            found = [text.partition("/")[0] for link, items in links.items() if link != "lo" for text in items]
            self._addresses[name] = [text for text in found if re.fullmatch(r"[0-9.]{7,15}", text)]
            params = {"marker": f"seat{self._nonce[:10]}", "port": SIBLING_PORT, "addresses": self._addresses[name], "seconds": HOLD_S}
            thread = threading.Thread(target=_hold, args=(box, params), daemon=True)
            thread.start()
            self._threads.append(thread)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        """The listeners end with their boxes."""

    def _wait(self) -> None:
        until = time.monotonic() + SIBLING_WAIT_S
        for name, box in self._boxes.items():
            targets = [["tcp", address, SIBLING_PORT] for address in self._addresses[name]]
            request = {"nonce": self._nonce, "observe": {"connect": {"targets": targets}}}
            while time.monotonic() < until:
                answers, _ = _answers(box.probe(request, PROBE_TIMEOUT_S), self._nonce)
                results = answers.get("connect", {}).get("results", [])
                if results and all(result == "connected" for *_, result in results):
                    break

    def reach(self, name: str, spec: RangeSpec) -> Reach:
        """Which addresses must answer this host and which must not: those of segments it does and does not sit in."""
        mine = {_segment(address) for address in self._addresses[name]}
        elsewhere = [address for other, items in self._addresses.items() if other != name for address in items]
        expected = sum(len(set(host.segments) & set(_host(spec, name).segments)) for host in spec.hosts if host.name != name)
        own = tuple((address, SIBLING_PORT) for address in elsewhere if _segment(address) in mine)
        others = tuple((address, SIBLING_PORT) for address in elsewhere if _segment(address) not in mine)
        # More shared segments than the spec states: show them all as doors that must be closed.
        return Reach(own, others) if len(own) <= expected else Reach((), own + others)


def _segment(address: str) -> str:
    return address.rpartition(".")[0]


def _hold(box: ProbedBox, params: dict[str, Any]) -> None:
    try:
        box.probe({"nonce": "hold", "observe": {"hold": params}}, HOLD_S + 1)
    except (SandboxError, TimeoutError, OSError):
        return  # the box was closed under it, which is how it is meant to end


def host_facts() -> HostFacts:
    """What the host knows of itself."""
    return HostFacts(namespaces=inside.namespaces({}), devices=_devices(), networks=global_addresses())


def _devices() -> frozenset[str]:
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    return frozenset(line.split()[2] for line in table.splitlines())


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
