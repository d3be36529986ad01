"""One request to an agent while it is under way: its streams, its deadline, its result.

Everything here runs on the engine's loop thread; a result leaves through a future.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, TypeVar

from seatrial.sandbox.box import ExecResult
from seatrial.sandbox.loop import READ, Loop, Timer

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox

T = TypeVar("T")

CHUNK = 256 * 1024
CHUNKS_A_TURN = 8  # of one stream before the loop looks at the others
GRACE_S = 2.0  # for a background child that keeps a stream open after its command has ended
KILL_S = 5.0  # for a killed command to be gone, also on a busy machine and under a tight processor limit
DRAINED_BYTES = 1024 * 1024  # more that such a child may write before its stream is shut in its face


def settle(future: Future[T], result: T | None = None, error: BaseException | None = None) -> None:
    """Give a future its result or error, unless its owner has left."""
    with contextlib.suppress(InvalidStateError):
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]


class Stream:
    """The reading end of one pipe; keeps at most `cap` bytes and goes on reading, so that no writer stalls."""

    def __init__(self, loop: Loop, descriptor: int, cap: int, ended: Callable[[], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._cap = cap
        self._ended = ended
        self._left = -1  # bytes that may still come once nobody listens; -1 while somebody does
        self.content = bytearray()
        self.truncated = False
        self.open = True
        self.news = threading.Condition()
        os.set_blocking(descriptor, False)

    def start(self) -> None:
        """Begin to read."""
        self._loop.watch(self._descriptor, READ, self._ready)

    def close(self) -> None:
        """Stop reading; a writer that is still there gets SIGPIPE."""
        if self.open:
            self._loop.unwatch(self._descriptor)
            os.close(self._descriptor)
            with self.news:
                self.open = False
                self.news.notify_all()

    def abandon(self) -> None:
        """Keep nothing more, and shut the stream after `DRAINED_BYTES`."""
        self._left = DRAINED_BYTES

    def _ready(self) -> None:
        for _ in range(CHUNKS_A_TURN):
            try:
                chunk = os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                return
            if not chunk or not self._keep(chunk):
                self.close()
                self._ended()
                return

    def _keep(self, chunk: bytes) -> bool:
        if self._left >= 0:
            self._left -= len(chunk)
            return self._left >= 0
        room = self._cap - len(self.content)
        if len(chunk) > room:
            self.truncated = True
        if room > 0:
            with self.news:
                self.content += chunk[:room]
                self.news.notify_all()
        return True

    def _has_line(self, at: int) -> bool:
        return self.content.find(b"\n", at) >= 0 or not self.open or self.truncated

    def lines(self) -> Iterator[bytes]:
        """Lines as they come, from any thread; ends with the stream, or where its cap cuts it off."""
        at = 0
        while True:
            with self.news:
                self.news.wait_for(functools.partial(self._has_line, at))
                rest = bytes(self.content[at:])
                over = not self.open or self.truncated
            *whole, last = rest.split(b"\n")
            yield from whole
            at += len(rest) - len(last)
            if over:
                if last:
                    yield last
                return


class Job:
    """A request that is answered by `done`; `lasting` when a child of the agent serves it and is reported gone."""

    def __init__(self, number: int, future: Future[int], *, lasting: bool) -> None:
        self.number = number
        self.future = future
        self.lasting = lasting
        self.timer: Timer | None = None
        self.streams: list[Stream] = []

    def exit(self, code: int, cpu_us: int | None) -> None:
        """The command of it has ended, and took so much processor time where anybody could tell."""

    def done(self, errno: int, size: int) -> None:
        """The agent's work on it has ended."""
        if errno:
            self.fail(OSError(errno, os.strerror(errno)))
        else:
            self._stop_timer()
            settle(self.future, size)

    def gone(self, code: int) -> None:
        """Its last process has gone; whatever was not reported by now never will be."""
        del code
        self.fail(InterruptedError(errno.EINTR, "killed"))

    def fail(self, error: BaseException) -> None:
        """No result will come, or not a good one."""
        self._stop_timer()
        for stream in self.streams:
            stream.close()
        settle(self.future, error=error)

    def _stop_timer(self) -> None:
        if self.timer:
            self.timer.cancel()


class ReadJob(Job):
    """A file on its way out: done when the agent says so and the pipe has been emptied."""

    def __init__(self, number: int, future: Future[int], pipe: int, limit: int, loop: Loop) -> None:
        super().__init__(number, future, lasting=True)
        self.streams = [Stream(loop, pipe, limit, self._look)]
        self._size: int | None = None

    def done(self, errno: int, size: int) -> None:
        """The agent has sent everything, or nothing."""
        if errno:
            super().done(errno, size)
        else:
            self._size = size
            self._look()

    def gone(self, code: int) -> None:
        """Without a word: killed."""
        if self._size is None:
            super().gone(code)

    def _look(self) -> None:
        if self._size is not None and not self.streams[0].open:
            super().done(0, self._size)


class ExecJob(Job):
    """A command: ended when it has exited and its streams are closed, or `GRACE_S` later.

    A spawned command (`grace` None) may keep its streams open as long as it likes.
    """

    def __init__(self, box: EmbeddedBox, number: int, pipes: list[int], caps: tuple[int, int], *, live: bool) -> None:
        super().__init__(number, Future(), lasting=True)
        self.result: Future[ExecResult] = Future()
        self.code: int | None = None
        self._cpu_ns: int | None = None
        self._box = box
        self._live = live
        self._gone = False
        self._timed_out = False
        self._grace: Timer | None = None
        self._started = time.monotonic_ns()
        self.streams = [Stream(box.loop, pipe, cap, self._look) for pipe, cap in zip(pipes, caps, strict=True)]

    def expire(self) -> None:
        """The deadline has come: everything below the command is killed, and the box where that does not work."""
        self._timed_out = True
        self.kill()
        self.timer = self._box.loop.later(KILL_S, self._frozen)

    def kill(self) -> None:
        """Kill every process of this command."""
        if not self._gone:
            self._box.kill_job(self.number)

    def exit(self, code: int, cpu_us: int | None) -> None:
        """The command has ended; its descendants may go on."""
        if self.code is None:
            self.code = code
            self._cpu_ns = None if cpu_us is None else cpu_us * 1000
            self._look()
            if not self._live and not self.result.done():
                self._grace = self._box.loop.later(GRACE_S, self._finish)

    def done(self, errno: int, size: int) -> None:
        """Never said of a command."""

    def gone(self, code: int) -> None:
        """Nothing of the command is left."""
        self._gone = True
        self.exit(code, None)

    def fail(self, error: BaseException) -> None:
        """The box has gone: a time-out is still a time-out."""
        if self._timed_out:
            self._finish()
        super().fail(error)
        settle(self.result, error=error)

    def _frozen(self) -> None:
        if not self._gone:
            self._box.end("watchdog")

    def _look(self) -> None:
        if self.code is not None and not any(stream.open for stream in self.streams):
            self._finish()

    def _finish(self) -> None:
        if self.result.done():
            return
        self._stop_timer()
        if self._grace:
            self._grace.cancel()
        for stream in self.streams:
            stream.abandon()
        stdout, stderr = self.streams
        code = 128 + 9 if self.code is None else self.code
        truncated = stdout.truncated or stderr.truncated
        duration = time.monotonic_ns() - self._started
        outputs = bytes(stdout.content), bytes(stderr.content)
        settle(self.result, ExecResult(code, *outputs, truncated, self._timed_out, duration, self._cpu_ns))


class Running:
    """A spawned command; see `Process`."""

    def __init__(self, loop: Loop, job: ExecJob) -> None:
        self._loop = loop
        self._job = job

    def lines(self) -> Iterator[bytes]:
        """See `Process.lines`."""
        return self._job.streams[0].lines()

    def poll(self) -> int | None:
        """See `Process.poll`."""
        return self._job.code

    def kill(self) -> None:
        """See `Process.kill`."""
        self._loop.submit(self._job.kill)

    def wait(self, timeout_s: float | None = None) -> ExecResult:
        """See `Process.wait`."""
        return self._job.result.result(timeout_s)
