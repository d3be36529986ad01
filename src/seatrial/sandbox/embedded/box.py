"""A box of the embedded engine, seen from the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import itertools
import json
import os
import signal
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from seatrial.sandbox import wire
from seatrial.sandbox.cgroup import Group
from seatrial.sandbox.embedded.channel import Channel, close_all
from seatrial.sandbox.embedded.job import KILL_S, ExecJob, Job, ReadJob, Running, settle
from seatrial.sandbox.errors import BoxGone, ProtocolError, ReadLimit, SpecError, Unavailable, UserUnsupported
from seatrial.sandbox.loop import READ, Loop, Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seatrial.sandbox.box import BoxRecord, ExecResult
    from seatrial.sandbox.embedded.launcher import EmbeddedEngine
    from seatrial.sandbox.network import Switch
    from seatrial.sandbox.spec import BoxSpec

T = TypeVar("T")

FILE_S = 300.0  # for one file to go in or out: 100 MiB take a fraction of a second
CLOSE_S = 2.0  # for PID 1 to end by itself before it is killed
PIPE_BYTES = 1024 * 1024  # of the pipe a file comes out by; the kernel's limit for users
_RETRY_S, _TRIES = 0.02, 250


class EmbeddedBox:
    """One box: a socket to its agent, a pidfd of its PID 1, and what is to be freed when it ends."""

    def __init__(self, engine: EmbeddedEngine, spec: BoxSpec, name: str, record: BoxRecord) -> None:
        self.spec = spec
        self.name = name
        self.address: str | None = None
        self.loop: Loop = engine.loop
        self.pid = 0
        self.uid_map: list[tuple[int, int, int]] = []
        self.channel = Channel(self.loop, self._hear, lambda: self.end("gone"))
        self.host_id: int | None = None
        self.group = Group()
        self.network: Switch | None = None
        self.opened: Future[None] = Future()
        self.closed: Future[None] = Future()
        self._engine = engine
        self._record = record
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}
        self._pidfd = -1
        self._namespace = -1
        self._timers: list[Timer] = []
        self._ready = False
        self._end: str | None = None

    # Life, on the loop's thread.

    def born(self, pid: int, pidfd: int, namespace: int = -1) -> None:
        """The first process exists; a box with seats also has its network namespace to be linked."""
        self.pid, self._pidfd, self._namespace = pid, pidfd, namespace
        self.loop.watch(pidfd, READ, self._dead)
        if self._end is not None:
            self._let_go_of_namespace()
            self._kill()
        self._begin()

    def take_namespace(self) -> int:
        """The descriptor of its network namespace, once; from any thread."""
        number, self._namespace = self._namespace, -1
        if number < 0:
            raise BoxGone(f"box {self.name} has ended before it was linked")
        return number

    def unborn(self, error: BaseException) -> None:
        """No first process will come."""
        settle(self.opened, error=error)
        self.end("gone")
        self._free()

    @property
    def memory_bytes(self) -> int:
        """See `Watched`."""
        return self.spec.limits.memory_bytes

    def end_by_watchdog(self) -> None:
        """See `Watched`; from any thread."""
        self.loop.submit(lambda: self.end("watchdog"))

    def end(self, reason: str) -> None:
        """End the box: its agent leaves, and the kernel ends the rest with it."""
        if self._end is not None:
            return
        self._end = reason
        self._record = replace(self._record, end=reason)
        error = BoxGone(f"box {self.name} has ended ({reason})")
        settle(self.opened, error=error)
        for job in list(self._jobs.values()):
            job.fail(error)
        self._jobs.clear()
        self._let_go_of_namespace()
        self.channel.close()
        self._stop_timers()
        if self._pidfd >= 0:
            self._timers.append(self.loop.later(CLOSE_S, self._kill))

    def _let_go_of_namespace(self) -> None:
        if self._namespace >= 0:
            os.close(self.take_namespace())

    def _stop_timers(self) -> None:
        while self._timers:
            self._timers.pop().cancel()

    def _kill(self) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _dead(self) -> None:
        """PID 1 has ended, and with it every process of the box."""
        self.loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self.channel.drain()
        self.end("gone")
        self._stop_timers()
        self._free()

    def _free(self, tries: int = _TRIES) -> None:
        """Let go of everything; a control group that will not go is left to the next supervisor's sweep."""
        if not self.group.remove() and tries:
            self.loop.later(_RETRY_S, lambda: self._free(tries - 1))
            return
        self._record = replace(self._record, closed_ns=time.time_ns())
        self._engine.forget(self)
        settle(self.closed)

    def _begin(self) -> None:
        if self._ready and self._pidfd >= 0 and self._end is None:
            self._timers.append(self.loop.later(self.spec.limits.lifetime_s, lambda: self.end("watchdog")))
            settle(self.opened)

    def _hear(self, message: bytes, _: list[int]) -> None:
        try:
            self._take(wire.decode(message))
        except ProtocolError as error:
            settle(self.opened, error=error)
            self.end("gone")

    def _take(self, answer: wire.Answer) -> None:
        if answer.op == "ready" and not self._ready:
            self._ready = True
            self._begin()
        elif answer.op == "failed":
            settle(self.opened, error=Unavailable(f"box {self.name} could not be made: {wire.printable(answer.text)}"))
            self.end("gone")
        else:
            self._take_of_job(answer)

    def _take_of_job(self, answer: wire.Answer) -> None:
        job = self._jobs.get(answer.id)
        if job is None:
            raise ProtocolError(f"{answer.op} of request {answer.id}, which is not under way")
        if answer.op == "exit":
            job.exit(answer.rc, answer.cpu_us)
        elif answer.op == "done":
            job.done(answer.errno, answer.size)
        elif answer.op == "gone":
            job.gone(answer.rc)
        else:
            raise ProtocolError(f"an agent does not say {answer.op}")
        if answer.op == "gone" or (answer.op == "done" and not job.lasting):
            self._jobs.pop(answer.id, None)

    def kill_job(self, number: int) -> None:
        """Ask the agent to kill every process of one request."""
        content, _ = wire.encode({"op": "kill", "id": number, "target": number})
        self.channel.post(content, [])

    # Requests, from any thread.

    def _begin_job(self, job: Job, message: dict[str, object], descriptors: list[int], seconds: float | None) -> None:
        content, file = wire.encode(message)
        handed = descriptors if file is None else [file, *descriptors]

        def start() -> None:
            if self._end is not None:
                close_all(handed)
                job.fail(BoxGone(f"box {self.name} has ended ({self._end})"))
                return
            self._jobs[job.number] = job
            for stream in job.streams:
                stream.start()
            if seconds is not None:
                job.timer = self.loop.later(seconds, getattr(job, "expire", lambda: self.end("watchdog")))
            self.channel.post(content, handed)

        self.loop.submit(start)

    def _command(
        self, op: str, argv: Sequence[str], stdin: bytes, where: tuple[str | None, str | None], env: Mapping[str, str],
        *, timeout_s: float | None, caps: tuple[int, int], live: bool = False,
    ) -> ExecJob:  # fmt: skip
        cwd, user = where
        self._check(argv, env, user)
        descriptors = [wire.memory_file(stdin, "stdin")] if stdin else []
        readers, writers = self._pipes(descriptors)
        job = ExecJob(self, next(self._numbers), readers, caps, live=live)
        message = {
            "op": op, "id": job.number, "argv": list(argv), "cwd": cwd, "env": dict(env), "user": user or "root",
            "stdin": bool(stdin),
        }  # fmt: skip
        self._begin_job(job, message, [*descriptors, *writers], timeout_s)
        return job

    def _pipes(self, held: list[int]) -> tuple[list[int], list[int]]:
        """Two pipes whose writing ends the box's root may open again; closes what is held where that fails."""
        made: list[int] = []
        try:
            for _ in range(2):
                made += os.pipe2(os.O_CLOEXEC)
                if self.host_id is not None:
                    os.fchown(made[-1], self.host_id, self.host_id)
        except OSError:
            close_all([*held, *made])
            raise
        return made[::2], made[1::2]

    def _check(self, argv: Sequence[str], env: Mapping[str, str], user: str | None) -> None:
        if not argv or not argv[0]:
            raise SpecError("argv", argv, "at least the name of a program")
        for word in (*argv, *env, *env.values(), user or ""):
            if "\0" in word:
                raise SpecError("argv, env or user", word, "text without NUL")
        if any(not name or "=" in name for name in env):
            raise SpecError("env", list(env), "names without =")
        if self._record.users_mode == "one" and user not in {None, "", "root", "0", "0:0"}:
            raise UserUnsupported(f"box {self.name} has one user only; {user!r} needs a range of ids")

    def _caps(self) -> tuple[int, int]:
        return self.spec.limits.stdout_bytes, self.spec.limits.stderr_bytes

    def _exec(
        self, argv: Sequence[str], stdin: bytes, cwd: str | None, env: Mapping[str, str] | None, user: str | None,
        timeout_s: float | None,
    ) -> Future[ExecResult]:  # fmt: skip
        job = self._command("exec", argv, stdin, (cwd, user), env or {}, timeout_s=timeout_s, caps=self._caps())
        job.result.add_done_callback(lambda result: self.loop.submit(job.kill) if result.cancelled() else None)
        return job.result

    def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", cwd: str | None = None,
        env: Mapping[str, str] | None = None, user: str | None = None, timeout_s: float | None = None,
    ) -> ExecResult:  # fmt: skip
        """See `Box.exec`."""
        return _wait(self._exec(argv, stdin, cwd, env, user, timeout_s))

    async def exec_async(
        self, argv: Sequence[str], *, stdin: bytes = b"", cwd: str | None = None,
        env: Mapping[str, str] | None = None, user: str | None = None, timeout_s: float | None = None,
    ) -> ExecResult:  # fmt: skip
        """See `Box.exec_async`."""
        return await asyncio.wrap_future(self._exec(argv, stdin, cwd, env, user, timeout_s))

    def spawn(
        self, argv: Sequence[str], *, stdin: bytes = b"", cwd: str | None = None,
        env: Mapping[str, str] | None = None, user: str | None = None,
    ) -> Running:  # fmt: skip
        """See `Box.spawn`."""
        job = self._command("exec", argv, stdin, (cwd, user), env or {}, timeout_s=None, caps=self._caps(), live=True)
        return Running(self.loop, job)

    def probe(self, request: Mapping[str, object], timeout_s: float) -> dict[str, object]:
        """Run `inside/probe.py` with the payload's identity, limits and filter; `ProtocolError` for a bad answer."""
        stdin = json.dumps(request).encode()
        caps = (wire.OBSERVATIONS_BYTES, 64 * 1024)
        job = self._command("probe", ["probe"], stdin, (None, None), {}, timeout_s=timeout_s, caps=caps)
        result = _wait(job.result)
        if result.timed_out:
            raise TimeoutError(f"the probes of box {self.name} took more than {timeout_s} s")
        if result.returncode or result.truncated:
            text = wire.printable(result.stderr.decode(errors="replace"))
            raise ProtocolError(f"the probes of box {self.name} failed: {text}")
        return wire.decode_object(result.stdout, wire.OBSERVATIONS_BYTES)

    def _read(self, path: str, limit: int | None, *, follow: bool) -> Future[bytes]:
        _check_path(path)
        most = self.spec.limits.read_bytes if limit is None else limit
        reader, writer = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        inner: Future[int] = Future()
        job = ReadJob(next(self._numbers), inner, reader, most, self.loop)
        message = {"op": "read", "id": job.number, "path": path, "limit": most, "follow": follow}
        self._begin_job(job, message, [writer], FILE_S)

        def content(_: int) -> bytes:
            stream = job.streams[0]
            if stream.truncated:
                raise ReadLimit(_too_large(path, most))
            return bytes(stream.content)

        def named(error: BaseException) -> BaseException:
            if isinstance(error, OSError) and error.errno == errno.EFBIG:
                return ReadLimit(_too_large(path, most))
            return _named(error, path)

        return _chain(inner, content, named)

    def read(self, path: str, *, limit: int | None = None, follow: bool = False) -> bytes:
        """See `Box.read`."""
        return _wait(self._read(path, limit, follow=follow))

    async def read_async(self, path: str, *, limit: int | None = None, follow: bool = False) -> bytes:
        """See `Box.read_async`."""
        return await asyncio.wrap_future(self._read(path, limit, follow=follow))

    def _with_file(self, message: dict[str, object], content: bytes, path: str, *, lasting: bool) -> Future[None]:
        _check_path(path)
        inner: Future[int] = Future()
        job = Job(next(self._numbers), inner, lasting=lasting)
        self._begin_job(job, message | {"id": job.number}, [wire.memory_file(content)], FILE_S)
        return _chain(inner, lambda _: None, lambda error: _named(error, path))

    def _write(self, path: str, content: bytes, mode: int, user: str | None) -> Future[None]:
        self._check(["write"], {}, user)
        message = {"op": "write", "path": path, "mode": mode, "user": user or "root"}
        return self._with_file(message, content, path, lasting=True)

    def write(self, path: str, content: bytes, *, mode: int = 0o644, user: str | None = None) -> None:
        """See `Box.write`."""
        _wait(self._write(path, content, mode, user))

    async def write_async(self, path: str, content: bytes, *, mode: int = 0o644, user: str | None = None) -> None:
        """See `Box.write_async`."""
        await asyncio.wrap_future(self._write(path, content, mode, user))

    def place(self, at: str, files: Mapping[str, tuple[bytes, int]], *, read_only: bool = True) -> None:
        """See `Box.place`."""
        message = {"op": "place", "at": at, "read_only": read_only}
        _wait(self._with_file(message, wire.pack(files), at, lasting=not read_only))

    def kill_all(self) -> None:
        """See `Box.kill_all`."""
        job = Job(next(self._numbers), Future(), lasting=False)
        self._begin_job(job, {"op": "kill_all", "id": job.number}, [], 2 * KILL_S)
        _wait(job.future)

    def seat(self, interface: str, address: str, prefix: int) -> None:
        """Bring a network interface up with an address."""
        job = Job(next(self._numbers), Future(), lasting=False)
        message = {"op": "seat", "id": job.number, "interface": interface, "address": address, "prefix": prefix}
        self._begin_job(job, message, [], FILE_S)
        _wait(job.future)

    def record(self) -> BoxRecord:
        """See `Box.record`."""
        return self._record

    def sealed_by(self, digest: str) -> None:
        """Note the preflight record that this box stands on."""
        self._record = replace(self._record, preflight_digest=digest)

    def close(self) -> None:
        """See `Box.close`."""
        self.loop.submit(lambda: self.end("closed"))
        _wait(self.closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _wait(future: Future[T]) -> T:
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _chain(
    inner: Future[int], result: Callable[[int], T], error: Callable[[BaseException], BaseException]
) -> Future[T]:
    """A future of what `result` makes of `inner`'s result, or of the error that `error` makes of its error."""
    outer: Future[T] = Future()

    def pass_on(ended: Future[int]) -> None:
        failure = ended.exception()
        if failure is not None:
            settle(outer, error=error(failure))
            return
        try:
            settle(outer, result(ended.result()))
        except ReadLimit as limit:
            settle(outer, error=limit)

    inner.add_done_callback(pass_on)
    return outer


def _named(error: BaseException, path: str) -> BaseException:
    """The same error with the path it is about."""
    return OSError(error.errno, error.strerror, path) if isinstance(error, OSError) else error


def _too_large(path: str, limit: int) -> str:
    return f"{path} is larger than {limit} bytes"


def _check_path(path: str) -> None:
    if not path or "\0" in path or len(path) > 4096:
        raise SpecError("path", path, "1 to 4096 characters without NUL")
