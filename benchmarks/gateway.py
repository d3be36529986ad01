"""What the gateway costs: CPU a call over the direct one, and its memory under many long streams.

    python benchmarks/gateway.py [--calls 1000] [--streams 200] [--seconds 600] [--durable]

The endpoint and the clients run in processes of their own, so that the figure is the gateway's own CPU alone: user and
system time of its process between the first and the last call. A direct call costs the gateway nothing, so this is the
whole of what is added; wall times of both ways are printed beside it. `--durable`: stores in SQLite, synced,
and the endpoint unsealed with both halves of its key at each call, as in an installation.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from seatrial.custody.access_log import MemoryAccessStore
from seatrial.custody.credential import Endpoint, opened_endpoint, sealed_endpoint
from seatrial.custody.gateway import gateway_app
from seatrial.custody.home import CustodyHome
from seatrial.custody.lease import Limits
from seatrial.custody.lease_store import MemoryLeaseStore
from seatrial.custody.secret import Secret
from seatrial.custody.serving import bound, serve
from seatrial.custody.sqlite_access import SqliteAccessStore
from support.custody import MODEL, OWNER, made_lease
from support.providers import KEY, provider

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

BODY = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "word " * 400}]}
STREAM = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
LIMITS = Limits(10**6, 10**12, 10**12, 1000)
PARALLEL = 8
PAUSE_S = 0.1


def endpoint(pipe: Connection) -> None:
    """The endpoint's process."""
    with provider("openai") as there:
        pipe.send(there.url)
        while True:
            asked = pipe.recv()
            there.endless, there.pause_s = asked == "endless", PAUSE_S if asked == "endless" else 0.0
            there.requests.clear()
            there.answered.clear()


def gate(pipe: Connection, url: str, folder: str) -> None:
    """The gateway's process."""
    lease, token = made_lease(limits=LIMITS)
    endpoint = Endpoint(f"{url}/v1", "openai", Secret(KEY.encode()), OWNER, on_site=True)
    listening = bound()
    if folder:
        home, now = CustodyHome.open(Path(folder)), datetime.now(UTC)
        home.leases.issue(lease, now)
        home.credentials.put(sealed_endpoint(home.vault, "crd_" + "0" * 32, lease.submission, endpoint, now))
        app = gateway_app(
            home.leases,
            lambda submission, at: opened_endpoint(home.vault, home.credentials.get(submission), at),
            SqliteAccessStore(home.file),
        )
    else:
        leases = MemoryLeaseStore()
        leases.issue(lease, datetime.now(UTC))
        app = gateway_app(leases, lambda *_: endpoint, MemoryAccessStore())
    pipe.send((f"http://127.0.0.1:{listening.getsockname()[1]}", token))
    serve(app, listening)


async def calls(url: str, token: str, body: dict[str, Any], count: int) -> float:
    """Wall seconds of `count` calls, eight at once."""
    headers = {"authorization": f"Bearer {token}"}
    left = iter(range(count))
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:

        async def worker() -> None:
            for _ in left:
                answer = await client.post(f"{url}/v1/chat/completions", json=body)
                answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(PARALLEL)))
        return time.perf_counter() - began


async def streams(url: str, token: str, count: int, seconds: float, process: psutil.Process) -> None:
    """Hold many streams open and print the gateway's memory as time goes on."""
    headers = {"authorization": f"Bearer {token}"}
    got = 0
    limits = httpx.Limits(max_connections=count + 10)
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:

        async def reader() -> None:
            nonlocal got
            async with client.stream("POST", f"{url}/v1/chat/completions", json=STREAM) as answer:
                answer.raise_for_status()
                async for chunk in answer.aiter_raw():
                    got += len(chunk)

        tasks = [asyncio.create_task(reader()) for _ in range(count)]
        began, shown = time.monotonic(), 0
        cpu = sum(process.cpu_times()[:2])
        await asyncio.sleep(min(5.0, seconds / 4))
        while (passed := time.monotonic() - began) < seconds:
            if passed >= shown:
                alive = sum(not task.done() for task in tasks)
                used = (sum(process.cpu_times()[:2]) - cpu) / passed
                print(
                    f"  {passed:6.0f} s  {alive} streams  {rss(process):6.1f} MiB  {got / 1e6:8.1f} MB  {used:.0%} CPU"
                )
                shown += max(1, int(seconds / 10))
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def rss(process: psutil.Process) -> float:
    """Resident memory in MiB."""
    return float(process.memory_info().rss) / 2**20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--durable", action="store_true")
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    (mine, theirs), (near, far) = context.Pipe(), context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        started = context.Process(target=endpoint, args=(theirs,), daemon=True)
        started.start()
        direct = mine.recv()
        gateway = context.Process(target=gate, args=(far, direct, folder if given.durable else ""), daemon=True)
        gateway.start()
        url, token = near.recv()
        process = psutil.Process(gateway.pid)
        print(f"{os.cpu_count()} cores, stores {'in SQLite' if given.durable else 'in memory'}")
        for name, body in (("plain", BODY), ("stream", STREAM)):
            asyncio.run(calls(url, token, body, 100))
            straight = asyncio.run(calls(direct, "none", body, given.calls))
            before = sum(process.cpu_times()[:2])
            through = asyncio.run(calls(url, token, body, given.calls))
            spent = 1000 * (sum(process.cpu_times()[:2]) - before) / given.calls
            wall = 1000 * (through - straight) * PARALLEL / given.calls
            print(f"{name:<6}: {spent:.2f} ms CPU a call in the gateway; {wall:+.2f} ms wall at {PARALLEL} at once")
        print(f"memory after the calls: {rss(process):.1f} MiB")
        mine.send("endless")
        time.sleep(0.2)
        asyncio.run(streams(url, token, given.streams, given.seconds, process))
        for child in (gateway, started):
            child.kill()


if __name__ == "__main__":
    main()
