"""The resident processes of the box, PID 1 and the shim, cannot be traced, read or changed by the payload."""

from __future__ import annotations

from seatrial.sandbox.probes.probe import Asks, Finding, Observations, Probe, Scene, Unseen, opened, shut_unless

OPEN_ANSWERS = frozenset({"done", "found", "opened"})


def _trace(scene: Scene) -> Asks:
    return {"tracing": {"host_namespaces": dict(scene.host.namespaces)}}


def _trace_outside(scene: Scene) -> Asks:
    return {"tracing": {"host_namespaces": dict(scene.host.namespaces), "pids": [scene.canaries.marked_pid]}}


def _judge_trace(_: Scene, seen: Observations) -> Finding:
    others = seen["tracing"]["others"]
    if not others:
        return opened("not tried, because the host's processes are in view")
    if "init" not in others:
        raise Unseen("PID 1 was not tried")
    problems = [
        f"{name} of {target}: {result}"
        for target, answers in others.items()
        for name, result in answers.items()
        if result in OPEN_ANSWERS
    ]
    return shut_unless(
        problems, ", ".join(sorted({result for answers in others.values() for result in answers.values()}))
    )


def _sees_trace(_: Scene, seen: Observations) -> bool:
    """Outside, an own child can be seized and the marked process's environment read (Yama may forbid more)."""
    others = seen["tracing"]["others"].values()
    return seen["tracing"]["own"]["seize"] == "done" and all(answers["environ"] == "opened" for answers in others)


PROBES = (
    Probe(
        "agent.tracing", "cgroup, ptrace", "PID 1 and the shim cannot be traced, read or opened",
        _trace, _judge_trace, _trace_outside, _sees_trace,
    ),
)  # fmt: skip
