"""Starting one command of the payload: the shim that watches over it, and the command itself.

- The *shim* joins the payload's limits, becomes the reaper of everything the command starts, reports the
  command's end, and leaves when the last descendant has gone.
- The *command* gives up what it must not have (descriptors, terminal, identity, capabilities, system calls)
  before it becomes the program asked for.
- A failure to start is told as a shell tells it: 127 for a program not found, 126 for all else, text on stderr.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import socket
from typing import NoReturn

from . import capabilities, identity, namespaces, probe, syscalls
from . import filter as syscall_filter

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND, NOT_STARTED = 127, 126
OBSERVATIONS_BYTES = 256 * 1024
_PASSED_ON = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD)


class Setting:
    """What every command of one box shares: limits, capabilities, filter, environment, working folder."""

    def __init__(self, plan: dict[str, object], cgroup: list[int]) -> None:
        self.cgroup = cgroup
        self.capabilities = int(str(plan["capabilities"]))
        self.filter = syscall_filter.program(packet=bool(plan["packet"]))
        self.environment: dict[str, str] = dict(plan["env"])  # type: ignore[call-overload]
        self.workdir = str(plan["workdir"])
        limits: dict[str, int] = dict(plan["rlimits"])  # type: ignore[call-overload]
        self.rlimits = [(getattr(resource, f"RLIMIT_{name}"), value) for name, value in limits.items()]

    def join(self) -> None:
        """Put the calling process under the payload's limits."""
        for descriptor in self.cgroup:
            os.write(descriptor, b"0")
        for kind, value in self.rlimits:
            hard = resource.getrlimit(kind)[1]
            low = value if hard == resource.RLIM_INFINITY else min(hard, value)
            resource.setrlimit(kind, (low, low))

    def default_environment(self, user: identity.User) -> dict[str, str]:
        """The environment of a command before anything the caller adds."""
        names = {"PATH": PATH, "HOME": user.home, "USER": user.name, "LANG": "C.UTF-8"}
        return names | self.environment

    def path(self, path: str) -> str:
        """An absolute path: relative ones count from the working folder."""
        return path if path.startswith("/") else os.path.normpath(f"{self.workdir}/{path}")


def calm() -> None:
    """Undo what the agent set up for signals, in a child."""
    signal.set_wakeup_fd(-1)
    for number in _PASSED_ON:
        signal.signal(number, signal.SIG_DFL)


def shim(setting: Setting, request: dict[str, object], streams: list[int], control: socket.socket) -> NoReturn:
    """Run one command and stay until all its descendants are gone; never returns."""
    calm()
    os.setsid()
    setting.join()
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    try:
        command = os.fork()
    except OSError as error:
        _say(streams[2], f"cannot start: {os.strerror(error.errno or 0)}")
        _report(control, request["id"], NOT_STARTED)
        os._exit(0)
    if command == 0:
        _command(setting, request, streams)
    kept = os.dup2(control.fileno(), 3, inheritable=False) if control.fileno() != 3 else 3
    os.closerange(0, 3)
    os.closerange(4, 2**31 - 1)
    capabilities.set_capabilities(0)
    syscall_filter.load(setting.filter)
    _watch(command, request["id"], kept)


def _watch(command: int, job: object, control: int) -> NoReturn:
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(0)
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            message = json.dumps({"op": "exit", "id": job, "rc": code if code >= 0 else 128 - code})
            os.write(control, message.encode())


def _report(control: socket.socket, job: object, code: int) -> None:
    namespaces.send(control, json.dumps({"op": "exit", "id": job, "rc": code}).encode())


def _say(stderr: int, text: str) -> None:
    os.write(stderr, f"exec: {text}\n".encode(errors="surrogateescape"))


def _command(setting: Setting, request: dict[str, object], streams: list[int]) -> NoReturn:
    code = NOT_STARTED
    stderr = streams[2]
    try:
        stderr = _streams(streams)
        os.setsid()
        os.umask(0o022)
        user = identity.lookup(str(request["user"]))
        os.chdir(setting.path(str(request["cwd"] or setting.workdir)))  # as docker does: before the user is taken on
        _own(user)
        capabilities.become(user.uid, user.gid, user.groups, setting.capabilities)
        syscall_filter.load(setting.filter)
        environment = setting.default_environment(user) | dict(request["env"])  # type: ignore[call-overload]
        if request["op"] == "exec":
            code = _become_program([str(word) for word in request["argv"]], environment)  # type: ignore[attr-defined]
        else:
            _observe(environment)
            code = 0
    except identity.UnknownUser as error:
        _say(stderr, str(error))
    except OSError as error:
        _say(stderr, f"{error.filename or ''}: {os.strerror(error.errno or 0)}".removeprefix(": "))
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into the agent's loop
        _say(stderr, f"{type(error).__name__}: {error}")
    os._exit(code)


def _streams(streams: list[int]) -> int:
    """Make the three streams 0, 1 and 2, and close everything else."""
    high = [os.dup(number) for number in streams]  # above any of 0-2 that is in use
    for place, number in enumerate(high):
        os.dup2(number, place)
    os.closerange(3, 2**31 - 1)
    return 2


def _own(user: identity.User) -> None:
    """Let a user open its own `/dev/stdout` and `/dev/stderr`."""
    if user.uid:
        for number in (1, 2):
            os.fchown(number, user.uid, user.gid)


def _become_program(argv: list[str], environment: dict[str, str]) -> int:
    """Become a program found as a shell finds it; returns only to say why not."""
    name = argv[0]
    folders = [""] if "/" in name else [f"{folder}/" for folder in environment.get("PATH", PATH).split(":")]
    seen: OSError | None = None
    for folder in folders:
        try:
            os.execve(f"{folder}{name}", argv, environment)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                os.execve("/bin/sh", ["/bin/sh", f"{folder}{name}", *argv[1:]], environment)
            if error.errno not in {errno.ENOENT, errno.ENOTDIR} or seen is None:
                seen = error
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.EACCES}:
                break
    if seen is None or seen.errno in {errno.ENOENT, errno.ENOTDIR}:
        _say(2, f"{name}: not found")
        return NOT_FOUND
    _say(2, f"{name}: {os.strerror(seen.errno or 0)}")
    return NOT_STARTED


def _observe(environment: dict[str, str]) -> None:
    """Run the probes in place of a program; request on stdin, answer on stdout."""
    with open(0, "rb", closefd=False) as stdin:
        request = json.loads(stdin.read() or b"{}")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # as a program is, so that its own /proc entries open
    os.environ.clear()
    os.environ.update(environment)
    answer = json.dumps(probe.run(request)).encode()
    view = memoryview(answer[: OBSERVATIONS_BYTES + 1])
    while view:
        view = view[os.write(1, view) :]
