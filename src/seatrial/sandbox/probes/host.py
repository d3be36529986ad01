"""Nothing of the host or of a sibling box in view: processes, files, mounts, environment, descriptors, IPC."""

from __future__ import annotations

from typing import Any

from seatrial.sandbox.probes.probe import (
    Asks,
    Finding,
    Observations,
    Probe,
    Scene,
    closed,
    complete,
    not_applicable,
    opened,
    shut_unless,
)

PRIVATE_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
DEVICE_NODES = frozenset({"/null", "/zero", "/full", "/random", "/urandom", "/tty"})
HOST_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives")
HOST_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf")
FORBIDDEN_KINDS = frozenset(
    {
        "cgroup", "cgroup2", "sysfs", "debugfs", "tracefs", "securityfs", "bpf", "configfs", "efivarfs", "pstore",
        "fusectl", "nsfs", "rpc_pipefs", "binfmt_misc", "devtmpfs",
    }
)  # fmt: skip
PAYLOAD_VARIABLES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_ALL", "PWD", "HOSTNAME", "TMPDIR"}
)
MAX_VISIBLE = 8  # init, agent helpers, shim and the probe itself


def _namespaces(_: Scene) -> Asks:
    return {"namespaces": {}}


def _judge_namespaces(scene: Scene, seen: Observations) -> Finding:
    inside = seen["namespaces"]
    shared = [name for name in PRIVATE_NAMESPACES if inside[name] == scene.host.namespaces[name]]
    return shut_unless([f"shares the host's {name} namespace" for name in shared], "seven namespaces of its own")


def _sees_namespaces(scene: Scene, seen: Observations) -> bool:
    return dict(scene.host.namespaces) == {name: seen["namespaces"][name] for name in scene.host.namespaces}


def _processes(scene: Scene) -> Asks:
    markers = [marker for marker in (scene.canaries.marker, scene.sibling.marker) if marker]
    return {"processes": {"markers": markers, "host_namespaces": dict(scene.host.namespaces)}}


def _processes_outside(scene: Scene) -> Asks:
    canary = {"markers": [scene.canaries.marker], "pids": [scene.canaries.marked_pid]}
    return {"processes": {**canary, "host_namespaces": dict(scene.host.namespaces)}}


def _judge_processes(scene: Scene, seen: Observations) -> Finding:
    answer = seen["processes"]
    problems = [] if answer["count"] > 0 else ["no process visible, not even its own"]
    if answer["shared"]:
        problems.append("the host's processes are in view, or proc is not the box's own")
    if scene.canaries.marker in answer["marked"]:
        problems.append("the host's marked process is visible")
    if answer["count"] > MAX_VISIBLE:
        problems.append(f"{answer['count']} processes visible in a fresh box")
    return shut_unless(problems, f"{answer['count']} processes, all its own")


def _sees_marker(scene: Scene, seen: Observations) -> bool:
    return scene.canaries.marker in seen["processes"]["marked"]


def _judge_secrets(_: Scene, seen: Observations) -> Finding:
    secrets = seen["processes"]["secrets"]
    return shut_unless(
        [f"in the environment of {item}" for item in secrets], "no proxy or key in any readable environment"
    )


def _sees_secrets(_: Scene, seen: Observations) -> bool:
    return bool(seen["processes"]["secrets"])


def _files(scene: Scene) -> Asks:
    path = scene.canaries.marker_path
    return {"files#marker": {"paths": [path, f"/proc/1/root{path}", f"/proc/1/cwd{path}", f"/proc/self/root{path}"]}}


def _judge_files(scene: Scene, seen: Observations) -> Finding:
    complete(seen["files#marker"], _files(scene)["files#marker"]["paths"])
    word = scene.canaries.marker.encode()[:16].hex()
    found = [
        path for path, answer in seen["files#marker"].items() if "absent" not in answer or answer.get("bytes") == word
    ]
    return shut_unless([f"the host's marker file is at {path}" for path in found], "absent")


def _sees_file(scene: Scene, seen: Observations) -> bool:
    answer = seen["files#marker"][scene.canaries.marker_path]
    return bool(answer.get("bytes") == scene.canaries.marker.encode()[:16].hex())


def _judge_mounts(scene: Scene, seen: Observations) -> Finding:
    answer = seen["mounts"]
    complete({row[2]: row for row in answer["table"]}, ("/", "/proc", "/dev"))
    problems = [] if answer["count"] == len(answer["table"]) else [f"{answer['count']} mounts"]
    for row in answer["table"]:
        problem = _strange_mount(scene, *row)
        if problem:
            problems.append(problem)
    return shut_unless(problems, f"{answer['count']} mounts, none of the host but read-only parts of its rootfs")


def _strange_mount(scene: Scene, device: str, root: str, point: str, options: str, kind: str, *_: str) -> str:
    """What is wrong with one line of the mount table, or nothing."""
    if kind in FORBIDDEN_KINDS and not (kind == "devtmpfs" and root in DEVICE_NODES):
        return f"{kind} at {point}"
    if device not in scene.host.devices:
        return ""
    if root in DEVICE_NODES and point == f"/dev{root}":
        return ""
    words = options.split(",")
    if "ro" not in words:
        return f"{kind} of the host read-write at {point}"
    if not _of_rootfs(scene, root, point):
        return f"{root} of the host at {point}"
    return "" if "nodev" in words else f"{point} of the host allows device nodes"


def _of_rootfs(scene: Scene, root: str, point: str) -> bool:
    if scene.spec.rootfs.kind == "tree":
        return False  # its lower tree is under the overlay and never a mount of its own
    return any(point == folder or point.startswith(f"{folder}/") for folder in HOST_FOLDERS) or (
        point in HOST_FILES and root.endswith(point)
    )


def _sees_mounts(scene: Scene, seen: Observations) -> bool:
    return any(row[0] in scene.host.devices for row in seen["mounts"]["table"])


def _judge_environment(scene: Scene, seen: Observations) -> Finding:
    answer = seen["environment"]
    given = {name for name, _ in scene.spec.env}
    problems = [f"proxy variable {name}" for name in answer["proxies"] if name not in given]
    problems += [f"secret {name}" for name in answer["secrets"] if name not in given]
    extra = sorted(set(answer["names"]) - given - PAYLOAD_VARIABLES)
    problems += [f"variable {name}" for name in extra if name not in answer["proxies"] + answer["secrets"]]
    return shut_unless(problems, f"{len(answer['names'])} variables, all of the spec")


def _sees_environment(_: Scene, seen: Observations) -> bool:
    return bool(seen["environment"]["proxies"]) and bool(seen["environment"]["secrets"])


def _judge_descriptors(_: Scene, seen: Observations) -> Finding:
    found = [f"{number} is {target}" for number, target in seen["descriptors"]["inherited"]]
    return shut_unless([f"descriptor {item}" for item in found], "none above 2 that a program would inherit")


def _sees_descriptors(_: Scene, seen: Observations) -> bool:
    return bool(seen["descriptors"]["inherited"])


def _ipc(scene: Scene) -> Asks:
    names = {"shm_key": scene.canaries.shm_key, "queue": scene.canaries.queue}
    return {"ipc": {name: value for name, value in names.items() if value is not None}}


def _judge_ipc(scene: Scene, seen: Observations) -> Finding:
    answer = seen["ipc"]
    found = [f"the host's {name} is found" for name, result in answer.items() if result == "found"]
    asked = _ipc(scene)["ipc"]
    if not asked:
        return not_applicable("this kernel has neither kind of IPC")
    complete(answer, ("shm" if name == "shm_key" else name for name in asked))
    return shut_unless(found, ", ".join(f"{name} {result}" for name, result in answer.items()))


def _sees_ipc(_: Scene, seen: Observations) -> bool | None:
    return all(result == "found" for result in seen["ipc"].values()) if seen["ipc"] else None


def _judge_terminal(_: Scene, seen: Observations) -> Finding:
    has = seen["identity"]["terminal"]
    return opened("the operator's terminal can be opened") if has else closed("no controlling terminal")


# A sibling box of the same spec, with a service, a socket, a file and a marked process of its own


def _sibling(scene: Scene) -> dict[str, Any]:
    targets = [["tcp", "127.0.0.1", scene.sibling.port], ["abstract", scene.sibling.marker, 0]]
    return {"targets": targets, "word": ""}


def _sibling_sockets(scene: Scene) -> Asks:
    return {"connect#sibling": _sibling(scene)}


def _judge_sibling_sockets(_: Scene, seen: Observations) -> Finding:
    results = seen["connect#sibling"]["results"]
    complete({kind: None for kind, *_ in results}, ("tcp", "abstract"))
    reached = [f"reached the sibling's {kind} socket" for kind, *_, result in results if result == "connected"]
    return shut_unless(reached, ", ".join(sorted({result for *_, result in results})))


def _sees_sibling_sockets(_: Scene, seen: Observations) -> bool:
    return all(result == "connected" for *_, result in seen["connect#sibling"]["results"])


def _sibling_view(scene: Scene) -> Asks:
    return {**_processes(scene), "files#sibling": {"paths": [scene.sibling.file]}, "namespaces": {}}


def _judge_sibling_view(scene: Scene, seen: Observations) -> Finding:
    problems = []
    if scene.sibling.marker in seen["processes"]["marked"]:
        problems.append("the sibling's process is visible")
    if "absent" not in seen["files#sibling"][scene.sibling.file]:
        problems.append("the sibling's file is visible")
    inside = seen["namespaces"]
    same = [name for name in PRIVATE_NAMESPACES if inside[name] == scene.sibling.namespaces.get(name)]
    problems += [f"shares the sibling's {name} namespace" for name in same]
    return shut_unless(problems, "neither process, file nor namespace of the sibling")


def _sees_sibling_view(scene: Scene, seen: Observations) -> bool:
    visible = scene.sibling.marker in seen["processes"]["marked"]
    return visible and "absent" not in seen["files#sibling"][scene.sibling.file]


PROBES = (
    Probe(
        "host.namespaces", "identity", "seven namespaces, none of the host",
        _namespaces, _judge_namespaces, _namespaces, _sees_namespaces, door=True,
    ),
    Probe(
        "host.processes", "processes", "the box's own few processes only",
        _processes, _judge_processes, _processes_outside, _sees_marker,
    ),
    Probe(
        "host.secrets", "environment", "no proxy or key in any readable environment",
        _processes, _judge_secrets, _processes_outside, _sees_secrets,
    ),
    Probe("host.marker", "mounts", "the host's marker file is absent", _files, _judge_files, _files, _sees_file),
    Probe(
        "host.mounts", "mounts", "no file system of the host but its rootfs, read-only",
        lambda _: {"mounts": {}}, _judge_mounts, lambda _: {"mounts": {}}, _sees_mounts, door=True,
    ),
    Probe(
        "host.environment", "environment", "variables of the spec only",
        lambda _: {"environment": {}}, _judge_environment, lambda _: {"environment": {}}, _sees_environment, door=True,
    ),
    Probe(
        "host.descriptors", "other channels", "no inherited descriptor above 2",
        lambda _: {"descriptors": {}}, _judge_descriptors, lambda _: {"descriptors": {}}, _sees_descriptors, door=True,
    ),
    Probe("host.ipc", "other channels", "no segment or queue of the host", _ipc, _judge_ipc, _ipc, _sees_ipc),
    Probe("host.terminal", "other channels", "no controlling terminal", lambda _: {"identity": {}}, _judge_terminal),
    Probe(
        "sibling.sockets", "siblings", "loopback service and abstract socket unreachable",
        _sibling_sockets, _judge_sibling_sockets, _sibling_sockets, _sees_sibling_sockets, sibling_control=True,
    ),
    Probe(
        "sibling.view", "siblings", "no process, file or namespace of the sibling",
        _sibling_view, _judge_sibling_view, _sibling_view, _sees_sibling_view, sibling_control=True,
    ),
)  # fmt: skip
