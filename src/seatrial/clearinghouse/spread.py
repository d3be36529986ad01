"""Where heavy steps run: in this process, in some processes of this machine, or on the hosts of a Dask cluster.

- A step is a function of one payload, without a store, a clock or a random source of its own: what it returns does not
  depend on where it ran or on what ran beside it.
- Results come as they are ready. A worker that dies costs the payload it held, which is tried again; after `TRIES` it
  is `Lost`, with the others unharmed, and a person looks at it.
- A cluster is reached over TLS with certificates of both sides: whoever can speak to a scheduler can run anything.
"""

from __future__ import annotations

import multiprocessing
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Client

TRIES = 3
AHEAD = 4
"""Payloads that wait at each worker: enough to keep it busy, few enough to hold in memory."""

Payload = TypeVar("Payload")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """A payload that no worker came through: why, of the last try."""

    why: str


class NoEngine(ValueError):
    """The engine that was asked for cannot be used as it is."""


class Spread(Protocol):
    """A place where steps run."""

    def run(
        self, step: Callable[[Payload], Result], items: Iterable[tuple[str, Payload]]
    ) -> Iterator[tuple[str, Result | Lost]]:
        """Run the step on each payload; its name and what came of it, as they are ready."""
        ...


@dataclass(frozen=True)
class Here:
    """One after the other, in this process."""

    def run(
        self, step: Callable[[Payload], Result], items: Iterable[tuple[str, Payload]]
    ) -> Iterator[tuple[str, Result | Lost]]:
        """Run the step on each payload."""
        for name, payload in items:
            try:
                yield name, step(payload)
            except Exception as error:  # noqa: BLE001 - one bad payload stops no other
                yield name, Lost(_said(error))


@dataclass(frozen=True)
class Processes:
    """Some processes of this machine."""

    count: int

    def run(
        self, step: Callable[[Payload], Result], items: Iterable[tuple[str, Payload]]
    ) -> Iterator[tuple[str, Result | Lost]]:
        """Run the step on each payload. A dead worker ends its pool; what that pool held is tried again one by one."""
        waiting = iter(items)
        again: list[tuple[str, Payload, int]] = []
        pool = self._pool(self.count)
        held: dict[Future[Result], tuple[str, Payload, int]] = {}
        try:
            while True:
                _fill(pool, step, waiting, held, AHEAD * self.count)
                if not held:
                    break
                done, _ = wait(held, return_when=FIRST_COMPLETED)
                broken = False
                for future in done:
                    name, payload, tries = held.pop(future)
                    failure = future.exception()
                    if isinstance(failure, BrokenExecutor):
                        again.append((name, payload, tries))
                        broken = True
                    else:
                        yield name, Lost(_said(failure)) if failure else future.result()
                if broken:
                    again += held.values()
                    held.clear()
                    pool.shutdown(wait=False, cancel_futures=True)
                    pool = self._pool(self.count)
                    yield from self._alone(step, again)
                    again = []
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _alone(
        self, step: Callable[[Payload], Result], again: list[tuple[str, Payload, int]]
    ) -> Iterator[tuple[str, Result | Lost]]:
        """One at a time, so that a payload that kills its worker is found out and takes no other with it."""
        for name, payload, before in again:
            for _ in range(before, TRIES):
                with self._pool(1) as pool:
                    future = pool.submit(step, payload)
                    failure = future.exception()
                if not isinstance(failure, BrokenExecutor):
                    yield name, Lost(_said(failure)) if failure else future.result()
                    break
            else:
                yield name, Lost(f"its worker died {TRIES} times")

    @staticmethod
    def _pool(count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask scheduler.

    Attributes:
        address: `tls://host:port`; `tcp://` only on this machine.
        certificates: folder with `ca.pem`, `cert.pem` and `key.pem` of this client.
        patience_s: how long its scheduler has to answer.
    """

    address: str
    certificates: Path | None = None
    patience_s: float = 20.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in {"tls", "tcp"} or not parts.hostname or not parts.port:
            raise NoEngine(f"engine {self.address!r}: must be tls://host:port")
        if parts.scheme == "tcp" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise NoEngine(f"engine {self.address!r}: without TLS only this machine's own scheduler; use tls://")
        if parts.scheme == "tls":
            missing = [name for name in ("ca.pem", "cert.pem", "key.pem") if not self._file(name)]
            if missing:
                raise NoEngine(f"engine {self.address}: {', '.join(missing)} not found in {self.certificates}")

    def run(
        self, step: Callable[[Payload], Result], items: Iterable[tuple[str, Payload]]
    ) -> Iterator[tuple[str, Result | Lost]]:
        """Run the step on each payload. Raises `NoEngine` where no scheduler or no worker answers."""
        try:
            from distributed import Client  # noqa: PLC0415 - an extra of its own
        except ImportError as error:
            raise NoEngine("the engine needs the extra `distributed`: pip install 'seatrial[distributed]'") from error
        try:
            client = Client(  # type: ignore[no-untyped-call]
                self.address, security=self.security(), timeout=self.patience_s, set_as_default=False
            )
        except (OSError, ssl.SSLError) as error:
            raise NoEngine(f"engine {self.address}: {_said(error)}") from error
        with client:
            if not client.scheduler_info()["workers"]:
                raise NoEngine(f"engine {self.address}: no worker is there; start `dask worker {self.address}`")
            threads: dict[str, int] = client.nthreads()  # type: ignore[no-untyped-call]
            suspects: list[tuple[str, Payload]] = []
            yield from self._sent(client, step, iter(items), AHEAD * max(1, sum(threads.values())), suspects)
            for name, payload in suspects:
                alone: list[tuple[str, Payload]] = []
                yield from self._sent(client, step, iter([(name, payload)]), 1, alone)
                if alone:
                    yield name, Lost("its worker died each time, also with nothing beside it")

    def _sent(
        self,
        client: Client,
        step: Callable[[Payload], Result],
        waiting: Iterator[tuple[str, Payload]],
        most: int,
        suspects: list[tuple[str, Payload]],
    ) -> Iterator[tuple[str, Result | Lost]]:
        """Keep at most so many payloads with the scheduler.

        It suspects everything that waits at a worker that died, so that a payload which it gives up is no more than a
        suspect: those go to `suspects`.
        """
        from distributed import KilledWorker, as_completed  # noqa: PLC0415 - the same

        held: dict[Any, tuple[str, Payload]] = {}
        ready = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]

        def send(count: int) -> None:
            for name, payload in islice(waiting, count):
                future = client.submit(step, payload, pure=False, retries=0)
                held[future.key] = (name, payload)
                ready.add(future)  # type: ignore[no-untyped-call]

        send(most)
        while held:
            future = next(ready)
            name, payload = held.pop(future.key)
            try:
                came: Result | Lost = future.result()  # asked for again where the worker that held it died since
            except KilledWorker:
                suspects.append((name, payload))
            except Exception as error:
                if future.cancelled():
                    went = "its scheduler went away; what came is kept, start again for the rest"
                    raise NoEngine(f"engine {self.address}: {went}") from error
                yield name, Lost(_said(error))
            else:
                yield name, came
            future.release()
            send(1)

    def security(self) -> object | None:
        """What both sides show; nothing without TLS."""
        if not self.address.startswith("tls"):
            return None
        from distributed.security import Security  # noqa: PLC0415 - the same

        return Security(  # type: ignore[no-untyped-call]
            tls_ca_file=self._file("ca.pem"),
            tls_client_cert=self._file("cert.pem"),
            tls_client_key=self._file("key.pem"),
            require_encryption=True,
        )

    def _file(self, name: str) -> str:
        path = self.certificates / name if self.certificates else None
        return str(path) if path and path.is_file() else ""


def _fill(
    pool: ProcessPoolExecutor,
    step: Callable[[Payload], Result],
    waiting: Iterator[tuple[str, Payload]],
    held: dict[Future[Result], tuple[str, Payload, int]],
    most: int,
) -> None:
    while len(held) < most:
        try:
            name, payload = next(waiting)
        except StopIteration:
            return
        try:
            future = pool.submit(step, payload)
        except BrokenExecutor as error:  # a worker died since: what it held says so when it is asked
            future = Future()
            future.set_exception(error)
        held[future] = (name, payload, 0)


def _said(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"
