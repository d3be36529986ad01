"""Who the payload is and what bounds it: ids, maps, capabilities, filter, limits, control groups."""

from __future__ import annotations

from seatrial.sandbox.probes.probe import Asks, Finding, Observations, Probe, Scene, not_applicable, shut_unless

# linux/capability.h
CAPABILITIES: dict[str, frozenset[int]] = {
    # chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot sys_ptrace mknod
    # audit_write setfcap
    "task": frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 19, 27, 29, 31}),
    "range": frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 19, 27, 29, 31}),  # and net_raw
    "bare": frozenset(),
}
SECCOMP_FILTER = 2


def _identity(_: Scene) -> Asks:
    return {"identity": {}}


def _judge_ids(scene: Scene, seen: Observations) -> Finding:
    answer = seen["identity"]
    problems = []
    for name in ("uid_map", "gid_map"):
        spans = answer[name]
        if not spans:
            problems.append(f"{name} is empty")
        problems += [f"{name} maps host id 0" for _, outer, length in spans if outer <= 0 < outer + length]
        width = sum(length for _, _, length in spans)
        if scene.users_mode == "one" and width != 1:
            problems.append(f"{name} maps {width} ids in a box of one user")
    if answer["groups"] not in ([], [0]) and scene.users_mode == "many":
        problems.append(f"supplementary groups {answer['groups']}")
    return shut_unless(problems, f"uid map {answer['uid_map']}, gid map {answer['gid_map']}")


def _judge_capabilities(scene: Scene, seen: Observations) -> Finding:
    answer = seen["identity"]
    allowed = CAPABILITIES[scene.spec.profile.capabilities]
    problems = []
    extra = sorted(set(answer["bounding"]) - allowed)
    if extra:
        problems.append(f"bounding set holds {extra}")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        bits = int(answer["caps"][name], 16)
        more = [cap for cap in range(64) if bits >> cap & 1 and cap not in allowed]
        if more:
            problems.append(f"{name} holds {more}")
    return shut_unless(problems, f"{len(answer['bounding'])} of the profile {scene.spec.profile.capabilities}")


def _judge_filter(_: Scene, seen: Observations) -> Finding:
    answer = seen["identity"]
    problems = []
    if answer["seccomp"] != SECCOMP_FILTER:
        problems.append(f"Seccomp is {answer['seccomp']}")
    if answer["no_new_privs"] != 1:
        problems.append(f"no_new_privs is {answer['no_new_privs']}")
    return shut_unless(problems, "filter loaded, no new privileges")


def _judge_limits(scene: Scene, seen: Observations) -> Finding:
    limits = seen["identity"]["limits"]
    wanted = scene.spec.limits
    ceilings = {"core": 1, "nofile": wanted.open_files, "fsize": wanted.disk_bytes}
    if scene.limits_mode == "rlimit":
        ceilings["nproc"] = wanted.pids
    problems = [
        f"{name} is {hard} instead of {ceiling}"
        for name, ceiling in ceilings.items()
        for hard in limits[name][1:]
        if not 0 <= hard <= ceiling
    ]
    if scene.spec.profile.needs_cgroup and scene.limits_mode == "rlimit":
        problems.append("the spec needs a control group and there is none")
    return shut_unless(problems, f"limits: {scene.limits_mode}")


def _judge_cgroup(scene: Scene, seen: Observations) -> Finding:
    """The payload is at the root of its own control group namespace; anything else shows a path beside or above it."""
    if scene.limits_mode == "rlimit":
        return not_applicable("limits: rlimit")
    controllers = ("",) if scene.limits_mode == "cgroup2" else ("memory", "pids")
    rows = [line.split(":", 2) for line in seen["identity"]["cgroup"].splitlines()]
    paths = {name: row[2] for row in rows if len(row) == 3 for name in row[1].split(",")}
    astray = [f"{name or 'unified'} {paths.get(name)}" for name in controllers if paths.get(name) != "/"]
    return shut_unless([f"the payload is not in its group: {item}" for item in astray], f"limits: {scene.limits_mode}")


PROBES = (
    Probe("resources.ids", "identity", "host id 0 is not mapped", _identity, _judge_ids, door=True),
    Probe(
        "resources.capabilities",
        "identity",
        "no capability beyond the profile",
        _identity,
        _judge_capabilities,
        door=True,
    ),
    Probe("resources.filter", "identity", "Seccomp 2, no_new_privs 1", _identity, _judge_filter, door=True),
    Probe("resources.limits", "limits", "limits of the spec", _identity, _judge_limits, door=True),
    Probe("resources.cgroup", "limits", "the payload's own control group", _identity, _judge_cgroup),
)
