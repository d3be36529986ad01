"""Observations for the preflight, made from inside a box and, as a control, outside it.

The same file runs in both places: in an exec child of the agent, with exactly the identity, capabilities, limits
and filter of the payload, and on the host as `python -I -S probe.py` with a request on standard input. It only
*observes*; what an observation means is judged on the host (`seatrial.sandbox.probes`).

- Pure standard library, nothing of seatrial, everything imported at load: inside a box there is nothing to import.
- Nothing is written to any file it did not make; files of the kernel are opened and closed again.
- Where the host's processes are in view (a control, or a box with a hole) no process is traced and no environment
  read but the canary's own: `pids` names it. Looking further would itself be a break-in.
- No byte goes to an address that is not a canary. Addresses of the outside world are tried only where the network
  namespace is shown not to be the host's and holds no default route, so that the kernel itself must refuse.
- Nothing it reads is passed on whole: every list and every text is cut to a bound.

A request is `{"nonce": str, "observe": {name: parameters}}`, the answer `{"nonce", "observations", "duration_us"}`;
an observation that failed is `{"error": text}`, which a judge never takes for a closed door. A name may carry a
suffix (`connect#udp`), so that one observation can be made twice with other parameters.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
import time

TYPE_CHECKING = False  # the module typing is left out: what is loaded here is copied at every start of a command
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MAX_ITEMS = 256  # entries of any list in an answer
MAX_TEXT = 200  # characters of any text in an answer
CONNECT_WAIT_S = 0.25  # an unreachable address is refused at once; only a leaking one makes us wait
MAX_WALK = 4000  # directory entries looked at when searching for sockets
SKIP_WALK = ("/proc", "/sys", "/usr", "/nix")

ARCH = os.uname().machine
SYS_PTRACE = {"x86_64": 101, "aarch64": 117}
SYS_VM_READV = {"x86_64": 310, "aarch64": 270}
SYS_SHMGET = {"x86_64": 29, "aarch64": 194}
SYS_MQ_OPEN = {"x86_64": 240, "aarch64": 180}
PTRACE_SEIZE = 0x4206
PR_SET_NAME, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS = 15, 23, 39
NETLINK_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
RTN_UNREACHABLE, IFF_UP = 7, 1
AF_VSOCK = 40
SECRET_MARKS = ("_API_KEY", "SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "PRIVATE_KEY")
SECRET_VALUES = (b"sk-", b"AKIA", b"ghp_", b"github_pat_", b"xoxb-", b"-----BEGIN")
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


# What this process is


def identity(_: dict[str, Any]) -> dict[str, Any]:
    """Ids, maps, capabilities, filter state, limits, control groups, session."""
    status = dict(line.split(":", 1) for line in _text("/proc/self/status").splitlines() if ":" in line)
    limits = {"nofile": "NOFILE", "core": "CORE", "fsize": "FSIZE", "nproc": "NPROC"}
    return {
        "uid": list(os.getresuid()),
        "gid": list(os.getresgid()),
        "groups": os.getgroups()[:MAX_ITEMS],
        "uid_map": _map("/proc/self/uid_map"),
        "gid_map": _map("/proc/self/gid_map"),
        "caps": {key: status[key].strip() for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
        "bounding": [cap for cap in range(64) if libc.prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1],
        "seccomp": int(status["Seccomp"]),
        "no_new_privs": libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        "limits": {name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{key}"))) for name, key in limits.items()},
        "cgroup": _try_text("/proc/self/cgroup")[:2000],
        "terminal": _has_terminal(),
    }


def namespaces(_: dict[str, Any]) -> dict[str, Any]:
    """Inode of each namespace: equal inodes are the same namespace, whatever else is claimed."""
    names = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    return {name: os.stat(f"/proc/self/ns/{name}").st_ino for name in names}


def environment(_: dict[str, Any]) -> dict[str, Any]:
    """Names of the variables a payload gets, and which look like a proxy or a secret; never a value."""
    return {"names": [_cut(name, 64) for name in sorted(os.environ)[:MAX_ITEMS]], **_suspicious(dict(os.environb))}


def descriptors(_: dict[str, Any]) -> dict[str, Any]:
    """Descriptors above 2 that an executed program would inherit, and how many others there are."""
    inherited, closing = [], 0
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number <= 2:
            continue
        try:
            flags = fcntl.fcntl(number, fcntl.F_GETFD)
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the descriptor of this very listing
        if flags & fcntl.FD_CLOEXEC:
            closing += 1
        else:
            inherited.append([number, _cut(target)])
    return {"inherited": inherited[:MAX_ITEMS], "close_on_exec": closing}


# What this process sees


def processes(params: dict[str, Any]) -> dict[str, Any]:
    """Every visible process by name, which markers show in any of them, and secrets in readable environments."""
    markers = [marker.encode() for marker in params.get("markers", [])]
    shared = _foreign_processes(params)
    seen: list[list[Any]] = []
    marked: set[str] = set()
    secrets: list[str] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        words = _try_bytes(f"/proc/{name}/cmdline") + b"\0" + _try_bytes(f"/proc/{name}/comm")
        marked.update(marker.decode() for marker in markers if marker in words)
        seen.append([int(name), _cut(words.split(b"\0")[-1].decode("utf-8", "replace").strip())])
        if not shared or int(name) in params.get("pids", []):
            pairs = (item.partition(b"=") for item in _try_bytes(f"/proc/{name}/environ").split(b"\0") if b"=" in item)
            found = _suspicious({key: value for key, _, value in pairs})
            secrets += [f"{name}:{item}" for item in found["proxies"] + found["secrets"]]
    return {
        "count": len(seen),
        "seen": [] if shared else seen[:32],
        "shared": shared,
        "marked": sorted(marked),
        "secrets": secrets[:MAX_ITEMS],
    }


def mounts(_: dict[str, Any]) -> dict[str, Any]:
    """The mount table: device, root, mount point, options, type, source, super options."""
    table = []
    for line in _text("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ", 1)
        table.append([_cut(item) for item in (*left.split(" ")[2:6], *right.split(" ")[:3])])
    return {"table": table[:MAX_ITEMS], "count": len(table)}


def files(params: dict[str, Any]) -> dict[str, Any]:
    """For each path: absent, or its kind and its first bytes in hex (a masked file opens, and is empty)."""
    return {path: _peek(path) for path in params.get("paths", [])[:MAX_ITEMS]}


def writable(params: dict[str, Any]) -> dict[str, Any]:
    """For each path the error of opening it for writing, `opened`, or `absent`; nothing is written."""
    return {path: _open_for_writing(path) for path in params.get("paths", [])[:MAX_ITEMS]}


def sockets(_: dict[str, Any]) -> dict[str, Any]:
    """Path sockets anywhere in the tree outside `/proc` and `/usr`, up to a bound of entries looked at."""
    found, looked, queue = [], 0, ["/"]
    while queue and looked < MAX_WALK:
        with contextlib.suppress(OSError), os.scandir(queue.pop(0)) as entries:
            for entry in entries:
                looked += 1
                if entry.path in SKIP_WALK or looked > MAX_WALK:
                    continue
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISSOCK(mode):
                    found.append(_cut(entry.path))
                elif stat.S_ISDIR(mode):
                    queue.append(entry.path)
    return {"found": found[:MAX_ITEMS], "looked": looked}


# Network


def links(_: dict[str, Any]) -> dict[str, Any]:
    """Interface names with their addresses, by netlink, so that a false `/proc` changes nothing."""
    names, up = {}, []
    for body in _netlink(RTM_GETLINK):  # struct ifinfomsg
        index, flags = struct.unpack_from("=iI", body, 4)
        names[index] = _attributes(body[16:]).get(3, b"?").rstrip(b"\0").decode("ascii", "replace")
        up += [names[index]] if flags & IFF_UP else []
    addresses: dict[str, list[str]] = {name: [] for name in names.values()}
    for body in _netlink(RTM_GETADDR):  # struct ifaddrmsg
        family, prefix, _, _, index = struct.unpack_from("=BBBBI", body)
        found = _attributes(body[8:])
        raw = found.get(2, found.get(1, b""))
        if family in (socket.AF_INET, socket.AF_INET6) and len(raw) in (4, 16):
            addresses.setdefault(names.get(index, "?"), []).append(f"{socket.inet_ntop(family, raw)}/{prefix}")
    return {"links": {name: items[:32] for name, items in sorted(addresses.items())[:MAX_ITEMS]}, "up": up[:MAX_ITEMS]}


def routes(_: dict[str, Any]) -> dict[str, Any]:
    """All routes as [family, destination length, type, name of the interface]."""
    table = []
    for body in _netlink(RTM_GETROUTE):  # struct rtmsg
        family, length, kind = struct.unpack_from("=BBxxxxxB", body)
        out = _attributes(body[12:]).get(4)
        table.append([family, length, kind, _link_name(struct.unpack("=I", out)[0]) if out else ""])
    return {"table": table[:MAX_ITEMS], "count": len(table)}


def connect(params: dict[str, Any]) -> dict[str, Any]:
    """For each canary `[kind, address, port]`: `connected`, or the name of the error. Canary addresses only."""
    return {"results": _dial(params.get("targets", [])[:MAX_ITEMS], params.get("word", "").encode())}


def foreign(params: dict[str, Any]) -> dict[str, Any]:
    """The outside world, tried only where the kernel must refuse: another namespace than the host's, no way out."""
    why_not = _may_not_dial(params)
    if why_not:
        return {"not_tried": why_not}
    results: dict[str, Any] = {}
    for address in params.get("addresses", [])[:MAX_ITEMS]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        # Connecting a datagram socket sends nothing: the kernel only looks for a route.
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as flat:
            code = flat.connect_ex((address, 9))
        if code == 0:
            results[address] = "route found"
            continue
        dialled = _dial([["tcp", address, port] for port in (80, 53)], b"")
        results[address] = sorted({result for *_, result in dialled} | {_name_of(code)})
    return {"results": results}


def lookup(params: dict[str, Any]) -> dict[str, Any]:
    """One name lookup, under the same condition as `foreign`, and what the resolver files say."""
    lines = _try_text("/etc/resolv.conf").splitlines()
    found: dict[str, Any] = {
        "nameservers": [_cut(line) for line in lines if line.strip().startswith("nameserver")][:8],
        "hosts": _cut(" ".join(_try_text("/etc/hosts").split()), 4000),
    }
    why_not = _may_not_dial(params)
    if why_not:
        return {**found, "not_tried": why_not}
    try:
        # Bytes, because a str would load the idna codec from a file that is not there.
        socket.getaddrinfo(b"example.com", 80)
    except OSError as gone:
        return {**found, "error_code": gone.errno}
    return {**found, "resolved": True}


def families(params: dict[str, Any]) -> dict[str, Any]:
    """For each `[name, family, type, protocol]` whether a socket (or, in `pairs`, a pair) can be made, or the error."""
    results = {}
    wanted: list[tuple[Callable[..., Any], list[Any]]] = [(socket.socket, item) for item in params.get("wanted", [])]
    wanted += [(socket.socketpair, item) for item in params.get("pairs", [])]
    for make, (name, family, kind, protocol) in wanted[:MAX_ITEMS]:
        try:
            made = make(family, kind | socket.SOCK_CLOEXEC, protocol)
            for end in made if isinstance(made, tuple) else (made,):
                end.close()
            results[name] = "made"
        except OSError as refused:
            results[name] = _name_of(refused.errno)
    return {"results": results}


# Kernel


def syscalls(params: dict[str, Any]) -> dict[str, Any]:
    """Each `{name: [number, arguments]}` called once with arguments that can do no harm; the error by name."""
    results = {}
    for name, (number, arguments) in list(params.get("calls", {}).items())[:MAX_ITEMS]:
        ctypes.set_errno(0)
        value = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(item) for item in arguments))
        results[name] = _name_of(ctypes.get_errno()) if value == -1 else "allowed"
    return {"results": results}


def tracing(params: dict[str, Any]) -> dict[str, Any]:
    """Whether PID 1, the parent and (as a check of the method) an own child can be traced or read."""
    if _foreign_processes(params):
        targets = {f"canary{place}": pid for place, pid in enumerate(params.get("pids", []))}
    else:
        targets = {"init": 1, "parent": os.getppid()}
    child = _sleeping_child()
    try:
        own = _trace(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"own": own, "others": {name: _trace(pid) for name, pid in targets.items()}}


def ipc(params: dict[str, Any]) -> dict[str, Any]:
    """Whether the host's System V segment and POSIX queue can be found by their names."""
    found = {}
    if "shm_key" in params:
        found["shm"] = _call(SYS_SHMGET, int(params["shm_key"]), 0, 0)[0]
    if "queue" in params:
        name = ctypes.create_string_buffer(params["queue"].encode())
        found["queue"], number = _call(SYS_MQ_OPEN, ctypes.addressof(name), os.O_RDONLY | os.O_CLOEXEC, 0, 0)
        if number >= 0:
            os.close(number)
    return found


# A sibling


def hold(params: dict[str, Any]) -> dict[str, Any]:
    """Be a sibling's service for a while: listeners, an abstract socket, a file and a marked process."""
    marker, until = params["marker"], time.monotonic() + min(float(params["seconds"]), 60.0)
    libc.prctl(PR_SET_NAME, marker.encode()[:15], 0, 0, 0)
    listeners = [_listener(address, params["port"]) for address in params.get("addresses", ["127.0.0.1"])]
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    abstract.bind("\0" + marker)
    abstract.listen(8)
    listeners.append(abstract)
    if params.get("file"):
        with open(params["file"], "wb") as out:
            out.write(marker.encode())
    touched = 0
    while time.monotonic() < until:
        for ready in select.select(listeners, [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                ready.accept()[0].close()
                touched += 1
    return {"touched": touched}


OBSERVATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    item.__name__: item
    for item in (
        identity, namespaces, environment, descriptors, processes, mounts, files, writable, sockets, links, routes,
        connect, foreign, lookup, families, syscalls, tracing, ipc, hold,
    )
}  # fmt: skip


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Make every observation of the request, in its order; an unknown or failing one is an `error`."""
    observations: dict[str, Any] = {}
    durations: dict[str, int] = {}
    for key, params in request.get("observe", {}).items():
        start = time.perf_counter_ns()
        try:
            observations[key] = OBSERVATIONS[key.partition("#")[0]](params)
        except Exception as broken:  # noqa: BLE001 - one failing observation must not hide the others
            observations[key] = {"error": _cut(f"{type(broken).__name__}: {broken}")}
        durations[key] = (time.perf_counter_ns() - start) // 1000
    return {"nonce": request.get("nonce", ""), "observations": observations, "duration_us": durations}


# Small parts


def _cut(text: str, limit: int = MAX_TEXT) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text[:limit])


def _name_of(code: int | None) -> str:
    return errno.errorcode.get(code or 0, f"E{code}") if code else "ok"


def _bytes(path: str, limit: int = 1 << 20) -> bytes:
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        content = b""
        while len(content) < limit:
            piece = os.read(number, limit - len(content))
            if not piece:
                break
            content += piece
        return content
    finally:
        os.close(number)


def _text(path: str) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _try_bytes(path: str) -> bytes:
    try:
        return _bytes(path)
    except OSError:
        return b""


def _try_text(path: str) -> str:
    return _try_bytes(path).decode("utf-8", "replace")


def _map(path: str) -> list[list[int]]:
    return [[int(word) for word in line.split()] for line in _text(path).splitlines()][:MAX_ITEMS]


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _suspicious(pairs: dict[bytes, bytes]) -> dict[str, list[str]]:
    proxies, secrets = [], []
    for key, value in pairs.items():
        name = _cut(key.decode("ascii", "replace"), 64)
        if name.lower().endswith("_proxy"):
            proxies.append(name)
        if any(mark in name.upper() for mark in SECRET_MARKS) or value.startswith(SECRET_VALUES):
            secrets.append(name)
    return {"proxies": sorted(proxies)[:MAX_ITEMS], "secrets": sorted(secrets)[:MAX_ITEMS]}


def _peek(path: str) -> dict[str, Any]:
    try:
        mode = os.stat(path).st_mode
    except OSError as refused:
        return {"absent": _name_of(refused.errno)}
    found: dict[str, Any] = {"kind": KINDS.get(stat.S_IFMT(mode), "other")}
    if stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
        return found
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            found["bytes"] = os.read(number, 16).hex()
        finally:
            os.close(number)
    except OSError as refused:
        found["refused"] = _name_of(refused.errno)
    return found


def _open_for_writing(path: str) -> str:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
    except FileNotFoundError:
        return "absent"
    except OSError as refused:
        return _name_of(refused.errno)
    return "opened"


def _link_name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"#{index}"


def _netlink(kind: int) -> Iterator[bytes]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as channel:
        channel.settimeout(1)
        channel.send(struct.pack("=IHHIIBxxx", 20, kind, NETLINK_DUMP, 1, 0, 0))
        while True:
            block = channel.recv(1 << 17)
            while len(block) >= 16:
                length, what = struct.unpack_from("=IH", block)
                if what == 3:  # NLMSG_DONE
                    return
                if what == 2:  # NLMSG_ERROR
                    raise OSError(-struct.unpack_from("=i", block, 16)[0], "netlink refused")
                yield block[16:length]
                block = block[(length + 3) & ~3 :]


def _attributes(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(block) >= 4:
        length, kind = struct.unpack_from("=HH", block)
        if length < 4:
            break
        found[kind & 0x3FFF] = block[4:length]
        block = block[(length + 3) & ~3 :]
    return found


def _same_as_host(params: dict[str, Any], name: str) -> bool:
    """Whether a namespace is the host's, or cannot be told from it."""
    try:
        return bool(os.stat(f"/proc/self/ns/{name}").st_ino == params["host_namespaces"][name])
    except (OSError, KeyError, TypeError):
        return True


def _foreign_processes(params: dict[str, Any]) -> bool:
    """Whether `/proc` may show processes of the host: a shared namespace, or a `/proc` that numbers us otherwise."""
    try:
        return _same_as_host(params, "pid") or os.readlink("/proc/self") != str(os.getpid())
    except OSError:
        return True


def _may_not_dial(params: dict[str, Any]) -> str:
    """Why the outside world must not be tried from here, or nothing when the kernel is bound to refuse."""
    if _same_as_host(params, "net"):
        return "the host's network namespace"
    for _, length, kind, link in routes({})["table"]:
        if length == 0 and kind != RTN_UNREACHABLE:
            return f"a default route by {link}"
    return ""


def _dial(targets: list[list[Any]], word: bytes) -> list[list[Any]]:
    """Try all targets at once; each answered by `connected` or the name of its error."""
    waiting: dict[int, tuple[int, socket.socket, str]] = {}
    results: list[list[Any]] = [[*target[:3], "ETIMEDOUT"] for target in targets]
    for place, (kind, address, port) in enumerate(targets):
        try:
            channel = _socket_for(kind, address)
            channel.setblocking(False)
            code = channel.connect_ex(_address_for(kind, address, port))
            if kind == "udp" and not code:
                channel.send(word)
        except OSError as refused:
            results[place][3] = _name_of(refused.errno)
            continue
        if code in (errno.EINPROGRESS, errno.EAGAIN) or (kind == "udp" and not code):
            waiting[channel.fileno()] = (place, channel, kind)
        else:
            results[place][3] = _name_of(code) if code else "connected"
            channel.close()
    _settle(waiting, results, word)
    return results


def _settle(waiting: dict[int, tuple[int, socket.socket, str]], results: list[list[Any]], word: bytes) -> None:
    until = time.monotonic() + CONNECT_WAIT_S
    poll = select.poll()
    for number, (_, _, kind) in waiting.items():
        poll.register(number, select.POLLIN if kind == "udp" else select.POLLOUT)
    while waiting and time.monotonic() < until:
        for number, _ in poll.poll(max(1, int((until - time.monotonic()) * 1000))):
            place, channel, kind = waiting.pop(number)
            poll.unregister(number)
            code = channel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if kind == "udp" and not code:
                code = _echoed(channel, word)
            results[place][3] = _name_of(code) if code else "connected"
            channel.close()
    for _, channel, _ in waiting.values():
        channel.close()


def _echoed(channel: socket.socket, word: bytes) -> int:
    try:
        return 0 if channel.recv(64) == word else errno.EBADMSG
    except OSError as refused:
        return refused.errno or errno.EIO


def _socket_for(kind: str, address: str) -> socket.socket:
    if kind in ("unix", "abstract"):
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    if kind == "vsock":
        return socket.socket(AF_VSOCK, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, (socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) | socket.SOCK_CLOEXEC)


def _address_for(kind: str, address: str, port: int) -> str | tuple[int | str, int]:
    if kind == "unix":
        return address
    if kind == "abstract":
        return "\0" + address
    if kind == "vsock":
        return (int(address), port)
    return (address, port)


def _listener(address: str, port: int) -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    channel.bind((address, port))
    channel.listen(64)
    return channel


def _call(table: dict[str, int], *arguments: int) -> tuple[str, int]:
    ctypes.set_errno(0)
    value = int(libc.syscall(ctypes.c_long(table[ARCH]), *(ctypes.c_long(item) for item in arguments)))
    return (_name_of(ctypes.get_errno()) if value == -1 else "found"), value


def _sleeping_child() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(5)
        os._exit(0)
    return child


def _trace(pid: int) -> dict[str, str]:
    """Seize (which stops nobody; our end detaches), read memory with a real length, open its files."""
    seized = _call(SYS_PTRACE, PTRACE_SEIZE, pid, 0, 0)[0]
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    read = _call(SYS_VM_READV, pid, ctypes.addressof(vector), 1, ctypes.addressof(vector), 1, 0)[0]
    opened = {}
    for name, flags in (("mem", os.O_RDWR), ("environ", os.O_RDONLY), ("maps", os.O_RDONLY), ("root", os.O_PATH)):
        try:
            number = os.open(f"/proc/{pid}/{name}", flags | os.O_CLOEXEC)
        except OSError as refused:
            opened[name] = _name_of(refused.errno)
            continue
        opened[name] = "opened"
        if name in ("environ", "maps"):
            with contextlib.suppress(OSError):
                opened[name] = "opened" if os.read(number, 1) else "empty"
        os.close(number)
    return {"seize": "done" if seized == "found" else seized, "vm_read": read, **opened}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.load(sys.stdin))))
