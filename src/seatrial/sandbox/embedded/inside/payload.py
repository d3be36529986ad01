"""Starting one command of the payload: the shim that watches over it, and the command itself.

- The *shim*, a fork of the agent, joins the payload's limits and gives up what a payload must not have
  (descriptors, terminal, identity, capabilities, system calls). Then it starts the command, which inherits all of
  it, gives up the rest, reports the command's end, and leaves when the last descendant has gone: it is the reaper
  of everything the command starts.
- The command is started by `posix_spawn`, which copies no memory: a second fork would cost more than all else.
- A failure to start is told as a shell tells it: 127 for a program not found, 126 for all else, text on stderr.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal

from . import capabilities, identity, probe, syscalls
from . import filter as syscall_filter

TYPE_CHECKING = False  # the module typing is left out: what is loaded here is copied at every start of a command
if TYPE_CHECKING:
    from typing import Any, NoReturn

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND, NOT_STARTED = 127, 126
OBSERVATIONS_BYTES = 256 * 1024
_ABSENT = {errno.ENOENT, errno.ENOTDIR}
_PASSED_ON = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD)


class Setting:
    """What every command of one box shares: limits, capabilities, filter, environment, working folder."""

    def __init__(self, plan: dict[str, Any], cgroup: list[int]) -> None:
        self.cgroup = cgroup
        self.capabilities = plan["capabilities"]
        self.filter = syscall_filter.program(packet=plan["packet"])
        self.environment: dict[str, str] = dict(plan["env"])
        self.workdir = plan["workdir"]
        limits: dict[str, int] = dict(plan["rlimits"])
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


def shim(setting: Setting, request: dict[str, Any], streams: list[int], control: int) -> NoReturn:
    """Start one command and stay until all its descendants are gone; never returns."""
    calm()
    os.setsid()
    setting.join()
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    control = _keep(streams, control)
    command, code = _start(setting, request)
    os.closerange(0, 3)
    capabilities.set_capabilities(0)
    if command is None:
        _report(control, request["id"], code)
    _watch(command, request["id"], control)


def _keep(streams: list[int], control: int) -> int:
    """The three streams become 0, 1 and 2, the control socket 3; everything else is closed."""
    high = [os.dup(number) for number in (*streams, control)]  # out of the way of one another
    for place, number in enumerate(high):
        os.dup2(number, place, inheritable=place < 3)
    os.closerange(4, 2**31 - 1)
    return 3


def _start(setting: Setting, request: dict[str, Any]) -> tuple[int | None, int]:
    """Take the payload's identity and start the command: its pid, or None and the exit code that tells why not."""
    code = NOT_STARTED
    try:
        os.umask(0o022)
        user = identity.lookup(request["user"])
        os.chdir(setting.path(str(request["cwd"] or setting.workdir)))  # as docker does: before the user is taken on
        _own(user)
        capabilities.become(user.uid, user.gid, user.groups, setting.capabilities)
        syscall_filter.load(setting.filter)
        environment = setting.default_environment(user) | dict(request["env"])
        if request["op"] == "probe":
            return _probe(environment), 0
        return _spawn(request["argv"], environment)
    except identity.UnknownUser as error:
        _say(str(error))
    except OSError as error:
        _say(f"{error.filename or ''}: {os.strerror(error.errno or 0)}".removeprefix(": "))
    except ValueError as error:
        _say(str(error))
    return None, code


def _own(user: identity.User) -> None:
    """Let a user open its own `/dev/stdout` and `/dev/stderr`."""
    if user.uid:
        for number in (1, 2):
            os.fchown(number, user.uid, user.gid)


def _spawn(argv: list[str], environment: dict[str, str]) -> tuple[int | None, int]:
    """Start a program found as a shell finds it: its pid, or None and 127 or 126."""
    name = argv[0]
    folders = [""] if "/" in name else [f"{folder or '.'}/" for folder in environment.get("PATH", PATH).split(":")]
    why = errno.ENOENT
    for folder in folders:
        path = f"{folder}{name}"
        try:
            return os.posix_spawn(path, argv, environment, setsid=True), 0
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                return os.posix_spawn("/bin/sh", ["/bin/sh", path, *argv[1:]], environment, setsid=True), 0
            if error.errno not in _ABSENT:
                why = error.errno or 0
            if error.errno not in _ABSENT and error.errno != errno.EACCES:
                break
    if why == errno.ENOENT:
        _say(f"{name}: not found")
        return None, NOT_FOUND
    _say(f"{name}: {os.strerror(why)}")
    return None, NOT_STARTED


def _probe(environment: dict[str, str]) -> int:
    """Run the probes where the program would be, a child of the shim; its pid."""
    pid = os.fork()
    if pid == 0:
        code = NOT_STARTED
        try:
            os.setsid()
            os.close(3)
            _observe(environment)
            code = 0
        except Exception as error:  # noqa: BLE001 - whatever a probe meets, its answer is that it has none
            _say(f"{type(error).__name__}: {error}")
        finally:
            os._exit(code)
    return pid


def _observe(environment: dict[str, str]) -> None:
    """Answer the request on stdin on stdout, with nothing of the agent's in sight."""
    with open(0, "rb", closefd=False) as stdin:
        request = json.loads(stdin.read() or b"{}")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # as a program is, so that its own /proc entries open
    os.environ.clear()
    os.environ.update(environment)
    view = memoryview(json.dumps(probe.run(request)).encode()[: OBSERVATIONS_BYTES + 1])
    while view:
        view = view[os.write(1, view) :]


def _watch(command: int | None, job: object, control: int) -> NoReturn:
    """Reap until nothing is left, and report the end of the command."""
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(0)
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            _report(control, job, code if code >= 0 else 128 - code)


def _report(control: int, job: object, code: int) -> None:
    """Tell the end of the command, with its processor time and that of every descendant waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_us = round((usage.ru_utime + usage.ru_stime) * 1_000_000)
    os.write(control, json.dumps({"op": "exit", "id": job, "rc": code, "cpu_us": cpu_us}).encode())


def _say(text: str) -> None:
    os.write(2, f"exec: {text}\n".encode(errors="surrogateescape"))
