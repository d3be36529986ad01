"""Processes that are kept running: started, started again when they die, and ended with whoever watches them.

- A process that dies is started again after a wait that doubles; one that lived for a while is started at once.
- Whoever watches ends all of them on TERM, INT or HUP within `FAREWELL_S`, by force at last.
- A watcher that is killed takes them along: the kernel ends each of them with its parent.
- Sockets are the watcher's: while a server starts again, whoever connects waits for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seatrial.portal.logs import Say

FAREWELL_S = 8.0
"""For all of them together, so that the whole ends within ten seconds; a worker hands a review back in less."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
STEADY_S = 60.0
"""A process that lived so long had not failed at its start."""
IDLE_S = 3600.0
ENDS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
WATCHED = ENDS | {signal.SIGCHLD}
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep: its name in the log, its command, and the sockets that it is handed."""

    name: str
    command: tuple[str, ...]
    sockets: tuple[int, ...] = ()


@dataclass
class Kept:
    """A service as it runs."""

    service: Service
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    due: float = 0.0
    wait: float = FIRST_WAIT_S


class Watcher:
    """Keeps services running until it is told to end. One a process, in its main thread, which starts no other."""

    def __init__(self, services: Iterable[Service], environment: Mapping[str, str], say: Say) -> None:
        self._kept = [Kept(service) for service in services]
        self._environment, self._say = dict(environment), say

    def watch(self) -> None:
        """Start them, and see to them until a signal ends it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            heard = None
            while heard is None or heard.si_signo not in ENDS:
                self._start_due()
                heard = signal.sigtimedwait(WATCHED, self._until_due())
                self._see_who_ended()
        finally:
            self._end()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start_due(self) -> None:
        for kept in self._kept:
            if kept.process is None and time.monotonic() >= kept.due:
                kept.process, kept.began = self._started(kept.service), time.monotonic()
                self._say("service.began", service=kept.service.name, pid=kept.process.pid)

    def _until_due(self) -> float:
        waiting = [kept.due - time.monotonic() for kept in self._kept if kept.process is None]
        return max(0.0, min(waiting, default=IDLE_S))

    def _started(self, service: Service) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def as_a_child() -> None:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())

        return subprocess.Popen(
            service.command,
            env=self._environment,
            pass_fds=service.sockets,
            preexec_fn=as_a_child,  # noqa: PLW1509 - nothing else runs in the watcher's process
            process_group=0,
        )

    def _see_who_ended(self) -> None:
        for kept in self._kept:
            code = kept.process.poll() if kept.process else None
            if code is None:
                continue
            lived = time.monotonic() - kept.began
            kept.wait = FIRST_WAIT_S if lived > STEADY_S else min(kept.wait * 2, LONGEST_WAIT_S)
            kept.process, kept.due = None, time.monotonic() + (0.0 if lived > STEADY_S else kept.wait)
            self._say("service.ended", level="error", service=kept.service.name, code=code, seconds=round(lived, 1))

    def _end(self) -> None:
        running = [kept.process for kept in self._kept if kept.process]
        _told(running, signal.SIGTERM)
        last = time.monotonic() + FAREWELL_S
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, last - time.monotonic()))
        _told(running, signal.SIGKILL)
        for process in running:
            process.wait()
        self._say("services.ended", count=len(running))


def _told(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
