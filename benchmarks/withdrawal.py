"""Withdrawal in the thick of it: 20 open streams and 4 running reviews of one submission, in processes of their own.

    python benchmarks/withdrawal.py [--streams 20] [--reviews 4] [--ledger writable|locked]

A provider on loopback, a submission led to open access, `seatrial review` as often as asked, one `seatrial gateway`
with a lease of its own and as many streams through it; then `seatrial withdraw`. Times are seconds from the start of
that command, its own start of about a second among them, and from the moment when custody's store ended the scope. With
`locked`, another connection holds the write lock of the house's database all the while: nothing can be appended.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from seatrial.custody.home import CustodyHome
from support.desk import SEATRIAL, Desk, opened
from support.providers import provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.providers import Provider

KEY = "sk-canary-withdrawal-benchmark"
START_S = 240.0
GIVE_UP_S = 90.0
LOOK_S = 0.01
BUSY = {"model": ["--model", "alpha", "--alias", "heron-7"], "size": ["--families", "crypto", "--levels", "1"]}
ENDLESS = ["--participant", "null", "--limit-turns", "100000", "--limit-tokens", "100000000"]
STREAM = {"model": "alpha", "messages": [{"role": "user", "content": "Go on."}], "max_tokens": 1000, "stream": True}


class Ends:
    """When each thing ended, in seconds since the withdrawal began."""

    def __init__(self) -> None:
        self.began = 0.0
        self.at: dict[str, list[float]] = {"scope": [], "streams": [], "workers": [], "reviews": [], "receipt": []}

    def note(self, what: str) -> None:
        """Now it has ended."""
        self.at[what].append(time.monotonic() - self.began)


def until(met: Callable[[], bool], seconds: float, what: str) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:g} s")
        time.sleep(LOOK_S)


def streaming(address: str, token: str, first: threading.Barrier, ends: Ends) -> None:
    """One stream, read until it ends."""
    headers = {"authorization": f"Bearer {token}"}
    waits = httpx.Timeout(60, read=GIVE_UP_S)
    with (
        contextlib.suppress(httpx.HTTPError),
        httpx.Client(timeout=waits, trust_env=False) as client,
        client.stream("POST", f"{address}/v1/chat/completions", json=STREAM, headers=headers) as got,
    ):
        chunks = got.iter_raw()
        next(chunks)
        first.wait(60)
        for _ in chunks:
            pass
    ends.note("streams")


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def reviews(desk: Desk, name: str, outs: list[Path], there: Provider) -> Iterator[list[subprocess.Popen[bytes]]]:
    """That many reviews, each in the middle of its samples."""
    command = [SEATRIAL, "review", "--submission", name, *BUSY["model"], *BUSY["size"], *ENDLESS]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = []
    try:
        for out in outs:  # one after the other: the first shows the boundary closed
            running.append(subprocess.Popen([*map(str, command), "--out", str(out)], env=desk.environment, **quiet))  # type: ignore[call-overload]
            before = len(there.requests)
            until(lambda out=out: (out / "started.jsonl").exists(), START_S, f"{out.name} begins")  # type: ignore[misc]
            until(lambda before=before: len(there.requests) > before + 5, START_S, f"{out.name} calls")  # type: ignore[misc]
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextlib.contextmanager
def gateway(desk: Desk, name: str) -> Iterator[tuple[str, str]]:
    """A gateway of its own with a lease: its address and the lease's token."""
    token = desk.papers / "token.txt"
    desk("custody", "lease", name, "--model", "alpha", "--issuer", "eve", "--token-file", token)
    command = [SEATRIAL, "gateway", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=desk.environment)
    try:
        said = process.stdout.readline() if process.stdout else ""
        yield said.removeprefix("gateway: ").strip(), token.read_text().strip()
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def locked(file: Path, *, really: bool) -> Iterator[None]:
    """Hold the house's write lock: from here on nothing is appended."""
    if not really:
        yield
        return
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def watch(ends: Ends, custody: CustodyHome, name: str, running: list[subprocess.Popen[bytes]], pids: list[int]) -> None:
    """Note the ends of scope, workers and reviews as they come; returns when all are there or it is too late."""
    deadline = ends.began + GIVE_UP_S
    left: dict[str, list[Callable[[], bool]]] = {
        "scope": [lambda: custody.leases.ended(name) is not None],
        "workers": [lambda pid=pid: not alive(pid) for pid in pids],  # type: ignore[misc]
        "reviews": [lambda one=one: one.poll() is not None for one in running],  # type: ignore[misc]
    }
    while any(left.values()) and time.monotonic() < deadline:
        for what, ended in left.items():
            for one in [one for one in ended if one()]:
                ends.note(what)
                ended.remove(one)
        time.sleep(LOOK_S)


def measure(folder: Path, streams: int, count: int, *, ledger: str) -> tuple[Ends, str, Desk, str]:
    """One withdrawal; when everything ended, and what the command said."""
    desk, ends = Desk(folder / "home", folder / "papers"), Ends()
    with provider("openai") as there:
        there.pause_s = 0.2
        name = opened(Desk(desk.home, desk.papers, apart=False), there, KEY)  # type: ignore[arg-type]
        outs = [folder / f"run-{number}" for number in range(count)]
        with reviews(desk, name, outs, there) as running, gateway(desk, name) as (address, token):
            there.endless = True
            first = threading.Barrier(streams + 1)
            readers = [
                threading.Thread(target=streaming, args=(address, token, first, ends), daemon=True)
                for _ in range(streams)
            ]
            for reader in readers:
                reader.start()
            first.wait(60)
            pids = [json.loads((out / "worker.json").read_text())["pid"] for out in outs]
            custody = CustodyHome.open(desk.home)
            with locked(desk.home / "seatrial.sqlite3", really=ledger == "locked"):
                ends.began = time.monotonic()
                watching = threading.Thread(target=watch, args=(ends, custody, name, running, pids), daemon=True)
                watching.start()
                said = desk("withdraw", name)
                ends.note("receipt")
                watching.join(GIVE_UP_S)
                for reader in readers:
                    reader.join(GIVE_UP_S)
    return ends, said, desk, name


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--streams", type=int, default=20)
    options.add_argument("--reviews", type=int, default=4)
    options.add_argument("--ledger", choices=("writable", "locked"), default="writable")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ends, said, desk, name = measure(Path(folder), chosen.streams, chosen.reviews, ledger=chosen.ledger)
        print(f"ledger {chosen.ledger}, load {os.getloadavg()[0]:.1f}")
        for what, times in ends.at.items():
            shown = f"{min(times):6.2f} to {max(times):6.2f} s" if times else "none"
            print(f"{what:<8} {len(times):>3} ended, {shown} after the command began")
        if ends.at["streams"] and ends.at["scope"]:
            after = max(ends.at["streams"]) - ends.at["scope"][0]
            print(f"last stream {after:.2f} s after the scope ended (wanted: at most 2)")
        wanted = {"streams": chosen.streams, "workers": chosen.reviews, "reviews": chosen.reviews, "receipt": 1}
        missing = {what: count - len(ends.at[what]) for what, count in wanted.items() if count > len(ends.at[what])}
        last = max(time for times in ends.at.values() for time in times)
        print(f"all stopped and receipt {last:.2f} s after the command began (wanted: at most 60); missing: {missing}")
        print("receipt: " + ("proof owed" if "owed" in said else "with its proof"))
        print("\n".join(line for line in said.splitlines() if line.startswith("outstanding")))
        print(desk("submission", "settle").strip())
        print(desk("submission", "check").strip())
        show = ("submission", "show", name, "--as", "ada", "lab-a", "developer_owner")
        print(desk(*show).splitlines()[0])
        print("asked again: " + desk("withdraw", name).splitlines()[-1].partition(": ")[2][-12:])
        print(desk(*show).splitlines()[0])


if __name__ == "__main__":
    main()
