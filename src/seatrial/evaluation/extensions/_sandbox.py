"""The sandbox provider `seatrial`: an adapter over the sandbox room, with no isolation logic of its own.

Every box comes from `SealedBoxes`, so no sample starts on a boundary that a probe has not just shown closed. A dead
box raises `SandboxUnavailableError`; its text never reaches a model as if it were a command's output.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    SandboxEnvironmentLimits,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import SandboxUnavailableError, SandboxUserUnsupportedError
from pydantic import BaseModel, ConfigDict

from seatrial.sandbox import (
    BoxGone,
    BoxSpec,
    Limits,
    RangeHost,
    RangeSpec,
    ReadLimit,
    SealedBoxes,
    UserUnsupported,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inspect_ai.util import SandboxEnvironmentConfigType

    from seatrial.battery.stage import Stage
    from seatrial.sandbox import Box

T = TypeVar("T")
MIB = 1024 * 1024
THREADS = 256  # one per command in flight; a waiting thread costs no CPU
RETRY_TIMEOUTS_S = (60, 30)  # Inspect's contract: at most two retries of a command that timed out


class SeatrialHost(BaseModel):
    """One box of a sample."""

    name: str = "box"
    segments: tuple[str, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid")


class SeatrialBox(BaseModel):
    """The provider's configuration: one box without a network, or several on a private one; the first is default."""

    hosts: tuple[SeatrialHost, ...] = (SeatrialHost(),)
    cpus: float = 1.0
    memory_mib: int = 1024
    pids: int = 1024
    disk_mib: int = 512
    min_level: int = 1

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, spec: BoxSpec | RangeSpec) -> SeatrialBox:
        """The configuration of a spec; all its boxes share one set of limits."""
        hosts = (
            tuple(SeatrialHost(name=host.name, segments=host.segments) for host in spec.hosts)
            if isinstance(spec, RangeSpec)
            else (SeatrialHost(name=spec.hostname),)
        )
        box = spec.hosts[0].box if isinstance(spec, RangeSpec) else spec
        return cls(
            hosts=hosts,
            cpus=box.limits.cpus,
            memory_mib=box.limits.memory_bytes // MIB,
            pids=box.limits.pids,
            disk_mib=box.limits.disk_bytes // MIB,
            min_level=box.min_level,
        )

    def spec(self) -> BoxSpec | RangeSpec:
        """What the sandbox room is asked for."""
        limits = Limits(
            cpus=self.cpus,
            memory_bytes=self.memory_mib * MIB,
            pids=self.pids,
            disk_bytes=self.disk_mib * MIB,
            stdout_bytes=SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE,
            stderr_bytes=SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE,
            read_bytes=SandboxEnvironmentLimits.MAX_READ_FILE_SIZE,
        )
        if len(self.hosts) == 1 and not self.hosts[0].segments:
            return BoxSpec(limits=limits, hostname=self.hosts[0].name, min_level=self.min_level)
        return RangeSpec(
            tuple(
                RangeHost(
                    host.name,
                    BoxSpec(limits=limits, hostname=host.name, min_level=self.min_level),
                    host.segments or ("lan",),
                )
                for host in self.hosts
            )
        )


@cache
def boxes() -> SealedBoxes:
    """The boxes of this process: one engine, one set of preflight records."""
    made = SealedBoxes()
    atexit.register(made.close)
    return made


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="seatrial-box")


async def in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401 - passed through
    """Run blocking work of a box without holding up the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(work, *args, **kwargs))


@sandboxenv(name="seatrial")
class SeatrialSandbox(SandboxEnvironment):
    """One sealed box, as Inspect sees it."""

    def __init__(self, box: Box) -> None:
        super().__init__()
        self.box = box
        self.stage: Stage | None = None  # set by the battery's setup on the default box
        self.held = ExitStack()  # what must end before the box does
        self.env: dict[str, str] = {}  # what the participant's commands additionally see

    @classmethod
    async def task_init(cls, task_name: str, config: SandboxEnvironmentConfigType | None) -> None:
        """Refuse at once what no sample of the task could open."""
        await in_thread(_open, _configuration(config), close=True)

    @classmethod
    async def sample_init(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        """Open the sample's boxes, default first."""
        opened = await in_thread(_open, _configuration(config))
        environments = [cls(box) for box in opened.values()]
        names = ["default", *list(opened)[1:]]
        return dict(zip(names, environments, strict=True))

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        """End every process of the sample; shielded, because a cancelled sample must not leave boxes."""
        mine = [environment.as_type(cls) for environment in environments.values()]

        def close() -> None:
            for environment in mine:
                environment.held.close()
                environment.box.close()

        await asyncio.shield(in_thread(close))

    @classmethod
    async def cli_cleanup(cls, id: str | None) -> None:  # noqa: A002 - Inspect's signature
        """Nothing to do: a box dies with the process that opened it."""

    @classmethod
    def config_files(cls) -> list[str]:
        """No file is picked up silently from a task's folder."""
        return []

    @classmethod
    def config_deserialize(cls, config: dict[str, Any]) -> BaseModel:
        """Read the configuration back from a log."""
        return SeatrialBox.model_validate(config)

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,  # noqa: A002
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult[str]:
        """Run a command to its end; a time-out kills every descendant and raises `TimeoutError`."""
        stdin = input.encode() if isinstance(input, str) else input or b""
        call = partial(self.box.exec, cmd, stdin=stdin, cwd=cwd, env={**self.env, **(env or {})}, user=user)
        retries = RETRY_TIMEOUTS_S if timeout is not None and timeout_retry else ()
        for limit in (timeout, *(min(retry, timeout or retry) for retry in retries)):
            try:
                result = await in_thread(call, timeout_s=limit)
            except BoxGone as error:
                raise SandboxUnavailableError(str(error)) from error
            except UserUnsupported as error:
                raise SandboxUserUnsupportedError(str(error)) from error
            if not result.timed_out:
                break
        else:
            raise TimeoutError(f"command timed out after {timeout} s")
        stdout, stderr = (stream.decode(errors="replace") for stream in (result.stdout, result.stderr))
        if result.truncated:
            raise OutputLimitExceededError(
                limit_str=SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE_STR, truncated_output=stdout + stderr
            )
        if result.returncode == 126 and "permission denied" in stderr.lower():
            raise PermissionError(f"permission denied executing {cmd[0]!r}: {stderr.strip()}")
        return ExecResult(result.returncode == 0, result.returncode, stdout, stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file, making parents; relative paths start at the working directory."""
        content = contents.encode() if isinstance(contents, str) else contents
        try:
            await in_thread(self.box.write, self._path(file), content)
        except BoxGone as error:
            raise SandboxUnavailableError(str(error)) from error

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        """Read a regular file; links are followed inside the box only."""
        try:
            limit = SandboxEnvironmentLimits.MAX_READ_FILE_SIZE
            content = await in_thread(self.box.read, self._path(file), limit=limit, follow=True)
        except BoxGone as error:
            raise SandboxUnavailableError(str(error)) from error
        except ReadLimit as error:
            raise OutputLimitExceededError(
                limit_str=SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, truncated_output=None
            ) from error
        return content.decode() if text else content

    def _path(self, file: str) -> str:
        return os.path.join(self.box.spec.workdir, file)  # noqa: PTH118 - a path inside the box


def _configuration(config: SandboxEnvironmentConfigType | None) -> SeatrialBox:
    if config is None:
        return SeatrialBox()
    if isinstance(config, SeatrialBox):
        return config
    raise ValueError(
        f"sandbox configuration {config!r}: the provider takes none, or a SeatrialBox; compose files are not read"
    )


def _open(config: SeatrialBox, *, close: bool = False) -> Mapping[str, Box]:
    spec = config.spec()
    with _opening:
        opened = boxes().open_range(spec) if isinstance(spec, RangeSpec) else {"default": boxes().open(spec)}
    if close:
        for box in opened.values():
            box.close()
    return opened


_opening = threading.Lock()  # the first caller makes the engine and its preflight; the others find them ready
