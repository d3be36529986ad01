"""The agent: PID 1 of a box. It starts commands, moves files, kills, reaps, and leaves when its supervisor does.

- It never becomes another program, so its memory belongs to the host's user namespace and stays closed to the
  box's root; it is not dumpable.
- Whatever could block or be held up by the payload is done by a child; the loop itself only waits for
  messages and for children.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time

from . import capabilities, files, identity, mounts, namespaces, payload, syscalls

TYPE_CHECKING = False  # see payload
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_PASSES = 200  # of killing: a tree that still forks after so many is ended by closing the box
_PAUSE_S = 0.005  # between passes: a killed process needs about a millisecond to be gone


class Agent:
    """The resident agent of one box."""

    def __init__(self, control: socket.socket, setting: payload.Setting) -> None:
        self.control = control
        self.setting = setting
        self.jobs: dict[int, int] = {}  # pid of a shim or file child: id of the request
        self.trees: dict[int, tuple[int, int, str]] = {}  # pid of a placing child: id, detached mount, where
        self.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Answer requests until the supervisor's end of the socket is closed."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self.wake:
                    os.read(self.wake, 4096)
                    self.reap()
                elif not self._request():
                    return

    def _request(self) -> bool:
        request, descriptors = namespaces.receive_request(self.control)
        if request is None:
            return False
        try:
            getattr(self, f"_{request['op']}")(request, descriptors)
        except OSError as error:
            self._answer({"op": "done", "id": request["id"], "errno": error.errno or 5, "size": 0})
            if request["op"] in {"read", "write"} or (request["op"] == "place" and not request["read_only"]):
                self._answer({"op": "gone", "id": request["id"], "rc": 0})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _answer(self, answer: dict[str, Any]) -> None:
        try:
            namespaces.send(self.control, json.dumps(answer).encode())
        except ConnectionError:
            os._exit(0)

    def reap(self) -> bool:
        """Collect every dead child, the box's orphans among them; whether living ones are left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            code = os.waitstatus_to_exitcode(status)
            if pid in self.trees:
                self._placed(*self.trees.pop(pid), code)
            if pid in self.jobs:
                self._answer({"op": "gone", "id": self.jobs.pop(pid), "rc": code if code >= 0 else 128 - code})

    # Commands.

    def _exec(self, request: dict[str, Any], descriptors: list[int]) -> None:
        streams = descriptors if request["stdin"] else [os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), *descriptors]
        try:
            pid = os.fork()
            if pid == 0:
                self._in_child(lambda: payload.shim(self.setting, request, streams, self.control.fileno()))
            self.jobs[pid] = request["id"]
        except OSError as error:
            os.write(streams[2], f"exec: cannot start: {os.strerror(error.errno or 0)}\n".encode())
            self._answer({"op": "gone", "id": request["id"], "rc": payload.NOT_STARTED})
        finally:
            if not request["stdin"]:
                os.close(streams[0])

    _probe = _exec

    def _in_child(self, work: Callable[[], object]) -> NoReturn:
        try:
            work()
        except BaseException:  # noqa: BLE001 - nothing may unwind into the agent's loop
            os._exit(70)
        os._exit(0)

    def _kill(self, request: dict[str, Any], descriptors: list[int]) -> None:
        del descriptors
        shims = [pid for pid, job in self.jobs.items() if job == request["target"]]
        if shims and len(self.jobs) == 1 and not self.trees:
            self._kill_everything()  # nothing else runs here: the kernel's own sweep cannot be outrun
            return
        for shim in shims:
            self._kill_tree(shim)

    def _kill_tree(self, shim: int) -> None:
        for _ in range(MAX_PASSES):
            below = self._descendants(shim)
            if not below:
                break
            for pid in below:
                _kill(pid)
        _kill(shim)

    def _descendants(self, root: int) -> list[int]:
        """Every live process below `root`."""
        children: dict[int, list[int]] = {}
        for name in os.listdir(self.proc):
            if name.isdecimal():
                state, parent = self._parent(name)
                if state not in "ZX":
                    children.setdefault(parent, []).append(int(name))
        found, open_ends = [], [root]
        while open_ends:
            below = children.get(open_ends.pop(), [])
            found += below
            open_ends += below
        return found

    def _parent(self, name: str) -> tuple[str, int]:
        try:
            descriptor = os.open(f"{name}/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.proc)
        except OSError:
            return "X", 0
        try:
            words = os.read(descriptor, 4096).rpartition(b") ")[2].split()
        except OSError:
            return "X", 0
        finally:
            os.close(descriptor)
        return words[0].decode(), int(words[1])

    def _kill_everything(self) -> None:
        _kill(-1)  # from PID 1: every process of the box but the agent

    def _kill_all(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Kill, and answer only when all have gone: the next command then finds every process slot free."""
        del descriptors
        for _ in range(MAX_PASSES):
            self._kill_everything()
            if not self.reap():
                break
            time.sleep(_PAUSE_S)
        self._answer({"op": "done", "id": request["id"], "errno": 0, "size": 0})

    # Files.

    def _file(self, request: dict[str, Any], work: Callable[[], int], user: str) -> None:
        pid = os.fork()
        if pid == 0:
            self._in_child(lambda: self._work_on_file(request, work, user))
        self.jobs[pid] = request["id"]

    def _work_on_file(self, request: dict[str, Any], work: Callable[[], int], user: str) -> None:
        answer: dict[str, Any] = {"op": "done", "id": request["id"], "errno": 0, "size": 0}
        try:
            payload.calm()
            self.setting.join()
            os.umask(0)
            who = identity.lookup(user)
            capabilities.become(who.uid, who.gid, who.groups, 0)
            answer["size"] = work()
        except OSError as error:
            answer["errno"] = error.errno or 5
        except identity.UnknownUser:
            answer["errno"] = 22
        self._answer(answer)

    def _read(self, request: dict[str, Any], descriptors: list[int]) -> None:
        path, limit = self.setting.path(request["path"]), request["limit"]
        follow = request["follow"]
        self._file(request, lambda: files.read(path, limit, descriptors[0], follow=follow), "root")

    def _write(self, request: dict[str, Any], descriptors: list[int]) -> None:
        path, mode = self.setting.path(request["path"]), request["mode"]
        self._file(request, lambda: files.write(path, descriptors[0], mode), request["user"])

    def _place(self, request: dict[str, Any], descriptors: list[int]) -> None:
        at = self.setting.path(request["at"])
        if not request["read_only"]:
            self._file(request, lambda: files.place(files.folder_at(at), descriptors[0]), "root")
            return
        tree = files.fresh_tree(descriptors[0])
        pid = os.fork()
        if pid == 0:
            self._in_child(lambda: self._fill(tree, descriptors[0]))
        self.trees[pid] = (request["id"], tree, at)

    def _fill(self, tree: int, content: int) -> None:
        payload.calm()
        self.setting.join()
        os.umask(0)
        try:
            files.place(tree, content)
        except OSError as error:
            os._exit(min(error.errno or 5, 127))

    def _placed(self, job: int, tree: int, at: str, code: int) -> None:
        """A tree has been written: shut it and only then show it."""
        code = 4 if code < 0 else code
        try:
            if code == 0:
                mounts.set_attributes(tree, mounts.ATTR_RDONLY)
                where = files.folder_at(at)
                try:
                    mounts.attach_at(tree, where)
                finally:
                    os.close(where)
        except OSError as error:
            code = error.errno or 5
        finally:
            os.close(tree)
        self._answer({"op": "done", "id": job, "errno": code, "size": 0})

    # Network.

    def _seat(self, request: dict[str, Any], descriptors: list[int]) -> None:
        del descriptors
        namespaces.interface_up(request["interface"], request["address"], request["prefix"])
        self._answer({"op": "done", "id": request["id"], "errno": 0, "size": 0})


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _control_groups(lists: list[int]) -> list[int]:
    """A control group namespace rooted at the payload's group, so that a box reads no name of ours.

    `lists` are the task lists of the payload's groups and then those of the agent's own; returns the former.
    """
    payload_lists, own_lists = lists[: len(lists) // 2], lists[len(lists) // 2 :]
    for descriptor in payload_lists:
        os.write(descriptor, b"0")
    namespaces.unshare(namespaces.CLONE_NEWCGROUP)
    for descriptor in own_lists:
        os.write(descriptor, b"0")
        os.close(descriptor)
    return payload_lists


def run(control: socket.socket, plan: dict[str, Any], tree: int | None, cgroup: list[int]) -> NoReturn:
    """Become PID 1 of a box that exists as namespaces only: make it, say so, serve; never returns."""
    step = "identity"
    try:
        os.setsid()
        os.umask(0)
        os.setresgid(0, 0, 0)
        if plan["many"]:
            os.setgroups([])
        os.setresuid(0, 0, 0)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        step = "control groups"
        cgroup = _control_groups(cgroup)
        step = "root file system"
        mounts.build(plan, tree)
        step = "network"
        namespaces.interface_up("lo")
        step = "privileges"
        capabilities.limit_bounding_set(plan["capabilities"])
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        agent = Agent(control, payload.Setting(plan, cgroup))
        namespaces.send(control, json.dumps({"op": "ready"}).encode())
    except BaseException as error:  # noqa: BLE001 - told to the supervisor, whatever it is
        text = f"{step}: {type(error).__name__}: {error}"[:1000]
        namespaces.send(control, json.dumps({"op": "failed", "text": text}).encode())
        os._exit(1)
    try:
        agent.serve()
    finally:
        os._exit(0)
