"""The zygote: one process per supervisor, loaded once, from which the first process of every box is cloned.

- It starts with an empty environment and one inherited descriptor, has a single thread, and holds no secret.
- It watches its supervisor by pidfd: when that dies, every box is killed and every control group removed.
- The death of the zygote itself ends no box: each agent listens to the supervisor directly.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket

from . import agent, mounts, namespaces, syscalls

TYPE_CHECKING = False  # see payload
if TYPE_CHECKING:
    from typing import Any, NoReturn

_TITLE = b"init"


class Zygote:
    """The loop that answers the supervisor."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.boxes: dict[int, int] = {}  # pid: number of the box
        self.groups: list[str] = []  # control group folders to remove at the end
        self.supervisor = os.pidfd_open(os.getppid())
        self.wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Answer until the supervisor is gone or has closed its end."""
        poll = select.poll()
        for descriptor in (self.control.fileno(), self.supervisor, self.wake):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self.wake:
                    os.read(self.wake, 4096)
                    self.reap()
                elif descriptor == self.supervisor or not self._request():
                    return

    def reap(self, flags: int = os.WNOHANG) -> None:
        """Collect dead first processes at once."""
        while self.boxes:
            try:
                pid, _ = os.waitpid(-1, flags)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.boxes.pop(pid, None)

    def _request(self) -> bool:
        request, descriptors = namespaces.receive_request(self.control)
        if request is None:
            return False
        try:
            getattr(self, f"_{request['op']}")(request, descriptors)
        except OSError as error:
            answer = {"op": "refused", "id": request["id"], "text": f"zygote: {error}"[:1000]}
            namespaces.send(self.control, json.dumps(answer).encode())
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _groups(self, request: dict[str, Any], descriptors: list[int]) -> None:
        del descriptors
        self.groups = request["folders"]

    def _user(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Of an ordinary user: own a user namespace, in which every box of this supervisor gets its own.

        With `many` the supervisor writes its ids through newuidmap; else it has one, the user's own.
        """
        del descriptors
        namespaces.unshare(namespaces.CLONE_NEWUSER)
        if not request["many"]:
            ids: dict[str, int] = request["ids"]
            namespaces.write_own_map(ids["uid"], ids["gid"])
        namespaces.send(self.control, json.dumps({"op": "settled", "id": request["id"]}).encode())

    def _box(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Clone the first process of a box; descriptors: its control socket, then its group's task lists."""
        plan: dict[str, Any] = request["plan"]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                pid, pidfd = namespaces.clone(namespaces.BOX)
                if pid == 0:
                    self._first_process(plan, descriptors, theirs)
            self.boxes[pid] = request["id"]
            handed = [pidfd]
            try:
                namespaces.write_maps(pid, plan["uids"], plan["gids"])
                if request["seated"]:  # its links are made from outside; soon the process itself is closed to us
                    handed.append(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC))
                self._let_go(ours, pid, plan)
                answer = {"op": "born", "id": request["id"], "pid": pid}
                namespaces.send(self.control, json.dumps(answer).encode(), handed)
            except OSError:
                os.kill(pid, signal.SIGKILL)
                raise
            finally:
                for descriptor in handed:
                    os.close(descriptor)

    def _switch(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """A network namespace without any process: an rtnetlink socket opened inside keeps it in being."""
        del descriptors
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            pid = os.fork()
            if pid == 0:
                _open_switch(theirs)
            theirs.close()
            os.waitpid(pid, 0)
            message, handed = namespaces.receive(ours)
        try:
            if message != b"switch":
                raise OSError(message.decode() or "no switch")
            namespaces.send(self.control, json.dumps({"op": "switch", "id": request["id"]}).encode(), handed)
        finally:
            for descriptor in handed:
                os.close(descriptor)

    def _let_go(self, ours: socket.socket, pid: int, plan: dict[str, Any]) -> None:
        """Tell the first process that its ids exist; with a tree, hand it over under the ids of the box."""
        if not (plan["tree"] and plan["idmap"]):
            namespaces.send(ours, b"go")
            return
        tree = mounts.clone_tree(plan["tree"])
        try:
            space = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            try:
                mounts.set_attributes(tree, 0, user_namespace=space)
            finally:
                os.close(space)
            namespaces.send(ours, b"go", [tree])
        finally:
            os.close(tree)

    def _first_process(self, plan: dict[str, Any], descriptors: list[int], go: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            namespaces.close_above(2, {*descriptors, go.fileno()})
            message, tree = namespaces.receive(go)
            go.close()
            if message == b"go":
                control = socket.socket(fileno=descriptors[0])
                agent.run(control, plan, tree[0] if tree else None, descriptors[1:])
        finally:
            os._exit(1)

    def leave(self) -> NoReturn:
        """Kill every box, wait for the end of each, remove their control groups, and end."""
        for pid in self.boxes:
            os.kill(pid, signal.SIGKILL)
        self.reap(0)
        for folder in self.groups:
            _remove(folder)
        os._exit(0)


def _open_switch(control: socket.socket) -> NoReturn:
    """In a child: make the namespace of a switch, hand out its socket, end."""
    try:
        namespaces.unshare(namespaces.CLONE_NEWNET)
        namespaces.quieten_network("/proc")
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as route:
            namespaces.send(control, b"switch", [route.fileno()])
    except OSError as error:
        namespaces.send(control, str(error).encode()[:200])
    finally:
        os._exit(0)


def _remove(folder: str) -> None:
    """Remove a control group and the groups below it."""
    try:
        for name in os.listdir(folder):
            if os.path.isdir(f"{folder}/{name}"):
                os.rmdir(f"{folder}/{name}")
        os.rmdir(folder)
    except OSError:
        pass  # the next supervisor sweeps what is left


def main(control: int) -> NoReturn:
    """Become the zygote on an inherited socket; never returns."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:  # whatever the supervisor ignored
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    namespaces.name_process(_TITLE)
    if os.geteuid() == 0:  # an ordinary user's stays open to that user, who writes the id maps of its boxes
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    gc.collect()
    gc.freeze()
    gc.disable()
    zygote = Zygote(socket.socket(fileno=control))
    try:
        zygote.serve()
    finally:
        zygote.leave()
