"""What the gateway costs: CPU a call, memory under many long streams, and how soon a revocation cuts.

    python benchmarks/gateway.py [--calls 1000] [--streams 200] [--seconds 600] [--cuts 40]

The endpoint and the clients run in processes of their own, so that the figure is the gateway's own CPU alone: user and
system time of its process between the first and the last call. A direct call costs the gateway nothing, so this is the
whole of what is added; wall times of both ways are printed beside it. Stores are in SQLite and synced, and the endpoint
is unsealed with both halves of its key at each call, as in an installation. Revocations are written by another process
than the gateway's, at random moments, while the long streams run; their clock starts before the write.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from seatrial.custody.credential import DIALECTS, Endpoint, opened_endpoint, sealed_endpoint
from seatrial.custody.gateway import gateway_app
from seatrial.custody.home import CustodyHome
from seatrial.custody.lease import Limits
from seatrial.custody.secret import Secret
from seatrial.custody.serving import bound, serve
from seatrial.custody.sqlite_access import SqliteAccessStore
from support.custody import MODEL, OWNER, made_lease
from support.providers import KEY, provider

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORDS = "word " * 400
CHAT = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": WORDS}]}
GOOGLE = {"contents": [{"parts": [{"text": WORDS}]}], "generationConfig": {"maxOutputTokens": 50}}
ASKS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("openai", "plain"): ("/v1/chat/completions", CHAT),
    ("openai", "stream"): (
        "/v1/chat/completions",
        {**CHAT, "stream": True, "stream_options": {"include_usage": True}},
    ),
    ("anthropic", "plain"): ("/v1/messages", CHAT),
    ("anthropic", "stream"): ("/v1/messages", {**CHAT, "stream": True}),
    ("google", "plain"): (f"/v1beta/models/{MODEL}:generateContent", GOOGLE),
    ("google", "stream"): (f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", GOOGLE),
}
LIMITS = Limits(10**6, 10**12, 10**12, 1000)
PARALLEL = 8
PAUSE_S = 0.1
SEED = 1


def endpoint(pipe: Connection, dialect: str) -> None:
    """The endpoint's process."""
    with provider(dialect) as there:
        pipe.send(there.url)
        while True:
            asked = pipe.recv()
            there.endless, there.pause_s = asked == "endless", PAUSE_S if asked == "endless" else 0.0
            there.requests.clear()
            there.answered.clear()


def gate(pipe: Connection, url: str, dialect: str, folder: str) -> None:
    """The gateway's process."""
    lease, token = made_lease(limits=LIMITS)
    base = f"{url}/v1" if dialect == "openai" else url
    endpoint = Endpoint(base, dialect, Secret(KEY.encode()), OWNER, on_site=True)
    listening = bound()
    home, now = CustodyHome.open(Path(folder)), datetime.now(UTC)
    home.leases.issue(lease, now)
    home.credentials.put(sealed_endpoint(home.vault, "crd_" + "0" * 32, lease.submission, endpoint, now))
    app = gateway_app(
        home.leases,
        lambda submission, at: opened_endpoint(home.vault, home.credentials.get(submission), at),
        SqliteAccessStore(home.file),
        together=home.file.writing,
    )
    pipe.send((f"http://127.0.0.1:{listening.getsockname()[1]}", token))
    serve(app, listening)


@dataclass
class Stand:
    """An endpoint and a gateway before it, as processes."""

    dialect: str
    direct: str
    url: str
    token: str
    folder: Path
    asked: Connection
    children: tuple[multiprocessing.process.BaseProcess, ...]

    @classmethod
    def start(cls, dialect: str, folder: str) -> Stand:
        """Start both."""
        context = multiprocessing.get_context("spawn")
        (mine, theirs), (near, far) = context.Pipe(), context.Pipe()
        there = context.Process(target=endpoint, args=(theirs, dialect), daemon=True)
        there.start()
        direct = mine.recv()
        gateway = context.Process(target=gate, args=(far, direct, dialect, folder), daemon=True)
        gateway.start()
        return cls(dialect, direct, *near.recv(), Path(folder), mine, (gateway, there))

    @property
    def process(self) -> psutil.Process:
        """The gateway's."""
        return psutil.Process(self.children[0].pid)

    def cpu(self) -> float:
        """Seconds that the gateway has used."""
        return float(sum(self.process.cpu_times()[:2]))

    def rss(self) -> float:
        """Its resident memory in MiB."""
        return float(self.process.memory_info().rss) / 2**20

    def stop(self) -> None:
        """End both."""
        for child in self.children:
            child.kill()
            child.join()


async def calls(url: str, token: str, ask: tuple[str, dict[str, Any]], count: int) -> float:
    """Wall seconds of `count` calls, eight at once."""
    headers = {"authorization": f"Bearer {token}"}
    left = iter(range(count))
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:

        async def worker() -> None:
            for _ in left:
                answer = await client.post(url + ask[0], json=ask[1])
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(PARALLEL)))
        return time.perf_counter() - began


def cost(stand: Stand, count: int) -> None:
    """Print the CPU of a call, plain and streamed."""
    for kind in ("plain", "stream"):
        ask = ASKS[stand.dialect, kind]
        asyncio.run(calls(stand.url, stand.token, ask, 100))
        straight = asyncio.run(calls(stand.direct, "none", ask, count))
        before = stand.cpu()
        through = asyncio.run(calls(stand.url, stand.token, ask, count))
        spent = 1000 * (stand.cpu() - before) / count
        wall = 1000 * (through - straight) * PARALLEL / count
        print(
            f"{stand.dialect:<9} {kind:<6}: {spent:.2f} ms CPU a call in the gateway; {wall:+.2f} ms wall at"
            f" {PARALLEL} at once; {stand.rss():.1f} MiB",
            flush=True,
        )


async def streams(stand: Stand, count: int, seconds: float, cuts: int) -> None:
    """Hold many streams open, print the gateway's memory as time goes on, then cut others among them."""
    headers = {"authorization": f"Bearer {stand.token}"}
    path, body = ASKS[stand.dialect, "stream"]
    got = [0] * count
    limits = httpx.Limits(max_connections=count + cuts)
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:

        async def reader(number: int) -> None:
            async with client.stream("POST", stand.url + path, json=body) as answer:
                answer.raise_for_status()
                async for chunk in answer.aiter_raw():
                    got[number] += len(chunk)

        tasks = [asyncio.create_task(reader(number)) for number in range(count)]
        while not all(got):  # noqa: ASYNC110 - many readers have no one event
            await asyncio.sleep(0.05)
        began, cpu = time.monotonic(), stand.cpu()
        for step in range(11):
            await asyncio.sleep(max(0.0, began + step * seconds / 10 - time.monotonic()))
            passed, alive = time.monotonic() - began, sum(not task.done() for task in tasks)
            used = (stand.cpu() - cpu) / passed if step else 0
            print(
                f"{passed:6.0f} s: {alive} streams, {stand.rss():.1f} MiB, {sum(got) / 1e6:.1f} MB read,"
                f" {used:.0%} CPU",
                flush=True,
            )
        await revocations(stand, client, cuts)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def revocations(stand: Stand, client: httpx.AsyncClient, count: int) -> None:
    """Revoke leases one after another, each with a stream, and print how long their clients still read."""
    chance = random.Random(SEED)
    leases = CustodyHome.open(stand.folder).leases
    took = []
    for number in range(2, count + 2):
        lease, token = made_lease(number, limits=LIMITS)
        leases.issue(lease, datetime.now(UTC))
        path, body = ASKS[stand.dialect, "stream"]
        headers = {"authorization": f"Bearer {token}"}
        async with client.stream("POST", stand.url + path, json=body, headers=headers) as answer:
            chunks = answer.aiter_raw()
            await anext(chunks)
            await asyncio.sleep(chance.random())
            began = time.monotonic()
            await asyncio.to_thread(leases.revoke, lease.id, datetime.now(UTC))
            last = b""
            try:
                async for chunk in chunks:
                    last = chunk
            except httpx.RemoteProtocolError:
                took.append(time.monotonic() - began)
            if b"lease_revoked" not in last:
                raise SystemExit("a stream ended without saying why")
    if took:
        print(
            f"{len(took)} of {count} streams cut after revocation: {min(took):.2f} s at least,"
            f" {statistics.median(took):.2f} s in the middle, {max(took):.2f} s at most"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--dialects", nargs="+", choices=DIALECTS, default=DIALECTS)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, stores in SQLite")
    for dialect in given.dialects:
        with tempfile.TemporaryDirectory() as folder:
            stand = Stand.start(dialect, folder)
            cost(stand, given.calls)
            if dialect == given.dialects[0] and given.streams:
                stand.asked.send("endless")
                asyncio.run(streams(stand, given.streams, given.seconds, given.cuts))
            stand.stop()


if __name__ == "__main__":
    main()
