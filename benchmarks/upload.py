"""Weights over loopback: 2 GB of made weights, 50 interruptions, memory and speed of the receiver.

Run it as `PYTHONPATH=tests python benchmarks/upload.py [MB]`. The receiver is a process of its own; half of the
interruptions kill it too, all kill the sender. Then the same weights without interruption, for the speed, several
times; sender and receiver share the machine. Compared with it, just after each: one thread that calls `AESGCM.encrypt`
of the library on the same number of bytes in chunks of the same size, nothing hashed, sent or written. That call takes
fresh memory for each chunk, and most of its time goes there; so `AESGCM.encrypt_into` on memory used again stands
beside it, which is faster than SHA-256 alone and thus out of any verified upload's reach on these cores.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx
import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from seatrial.custody.manifest import CHUNK_BYTES, Manifest, describe
from seatrial.custody.secret import Secret
from seatrial.custody.upload_client import UploadClient
from support.uploads import Receiver, house, made_weights, receiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.custody.upload_store import UploadToken

INTERRUPTIONS = 50
RUNS = 7
ROWS = (
    ("upload, hashed, sealed, durable", "GB/s"),
    ("receiver", "s CPU a GB"),
    ("sender", "s CPU a GB"),
    ("plain AES-256-GCM", "GB/s"),
    ("plain AES-256-GCM, its cost", "s CPU a GB"),
    ("upload over plain", "; wanted 0.60"),
    ("plain AES-256-GCM into memory used again", "GB/s"),
    ("SHA-256 alone, one thread", "GB/s"),
)
SEED = 20261124
SENDER = "sender"


def main() -> None:
    """Print the figures."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        place = Path(folder)
        size = megabytes * 1_000_000
        sizes = {"model-1.safetensors": size // 2, "model-2.safetensors": size - size // 2 - 500, "config.json": 500}
        weights = made_weights(place / "weights", sizes)
        begun = time.perf_counter()
        manifest = describe(weights)
        print(
            f"manifest of {megabytes} MB: {size / (time.perf_counter() - begun) / 1e9:.2f} GB/s (SHA-256 and reading)"
        )
        (place / "manifest").write_bytes(manifest.encode())
        interrupted(place, weights, manifest)
        rows = [_row(place / f"house-{number}", place, weights, size) for number in range(RUNS)]
        print(f"{RUNS} uploads without interruption; smallest, median, largest:")
        for name, unit in ROWS:
            found = sorted(row[name] for row in rows)
            print(f"  {name}: {found[0]:.2f}, {median(found):.2f}, {found[-1]:.2f} {unit}")


def _row(home: Path, place: Path, weights: Path, size: int) -> dict[str, float]:
    """One upload and what it is compared with, in the units of `ROWS`."""
    upload, receiving, sending = whole(home, place, weights, size)
    plain, plain_cost = plain_speed(size)
    warm, _ = warm_speed(size)
    figures = (upload / 1e9, receiving, sending, plain / 1e9, plain_cost, upload / plain, warm / 1e9, sha_speed() / 1e9)
    return dict(zip((name for name, _ in ROWS), figures, strict=True))


def interrupted(place: Path, weights: Path, manifest: Manifest) -> None:
    """Interrupt both sides, resume, compare every byte, and look at the receiver's memory."""
    dice, peak = random.Random(SEED), _Peak()
    with receiver(place / "house", CHUNK_BYTES) as served:
        token = served.opened()
        for number in range(INTERRUPTIONS):
            sender = _sender(served, token, place, weights)
            with peak.watching(served.process.pid):
                time.sleep(dice.uniform(0.45, 0.9))
            if number % 2:
                served.kill()
                served.start()
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        with peak.watching(served.process.pid):
            _arrived(_sender(served, token, place, weights))
        seen, again = set(), 0
        for _, digest, status in served.puts():
            again += digest in seen
            if status in (200, 201):
                seen.add(digest)
        uploads = house(served.home, CHUNK_BYTES)
        upload = uploads.store.get(token.upload)
        for file in manifest.files:
            whole, original = hashlib.sha256(), hashlib.sha256()
            for digest in file.chunks:
                for piece in uploads.opened_chunk(upload, digest, datetime.now(UTC)):
                    whole.update(piece)
            with (weights / file.path).open("rb") as opened:
                while piece := opened.read(1 << 20):
                    original.update(piece)
            if whole.digest() != original.digest():
                sys.exit(f"{file.path}: not the same bytes")
        print(
            f"{INTERRUPTIONS} interruptions: byte-exact; {len(seen)} chunks acknowledged, {again} sent again after that"
        )
        print(f"peak memory of the receiver: {peak.bytes / 1e6:.0f} MB; wanted at most 200 MB")
        uploads.drop(upload, datetime.now(UTC))


def whole(home: Path, place: Path, weights: Path, size: int) -> tuple[float, float, float]:
    """One upload without interruption: bytes a second, and CPU seconds a GB of the receiver and of the sender."""
    with receiver(home, CHUNK_BYTES) as served:
        token = served.opened()
        process = psutil.Process(served.process.pid)
        before = sum(process.cpu_times()[:2])
        sender = _sender(served, token, place, weights, subprocess.PIPE)
        seconds, sending = (float(word) for word in sender.stdout.read().split())
        _arrived(sender)
        receiving = sum(process.cpu_times()[:2]) - before
        uploads = house(home, CHUNK_BYTES)
        uploads.drop(uploads.store.get(token.upload), datetime.now(UTC))
        return size / seconds, receiving / size * 1e9, sending / size * 1e9


def plain_speed(size: int) -> tuple[float, float]:
    """The library on whole chunks, as many as were sent: bytes a second, and CPU seconds a GB."""
    chunk, key = os.urandom(CHUNK_BYTES), AESGCM(os.urandom(32))
    return _speed(lambda: key.encrypt(os.urandom(12), chunk, b"scope"), CHUNK_BYTES, size)


def warm_speed(size: int) -> tuple[float, float]:
    """The same into memory that is used again."""
    chunk, key, out = os.urandom(CHUNK_BYTES), AESGCM(os.urandom(32)), bytearray(CHUNK_BYTES + 16)
    return _speed(lambda: key.encrypt_into(os.urandom(12), chunk, b"scope", out), CHUNK_BYTES, size)


def sha_speed() -> float:
    """Bytes a second of SHA-256, which both sides need of every byte."""
    chunk = os.urandom(CHUNK_BYTES)
    return _speed(lambda: hashlib.sha256(chunk), CHUNK_BYTES, 8 * CHUNK_BYTES)[0]


def _speed(step: Callable[[], object], step_bytes: int, size: int) -> tuple[float, float]:
    begun, cpu = time.perf_counter(), time.process_time()
    steps = -(-size // step_bytes)
    for _ in range(steps):
        step()
    done = steps * step_bytes
    return done / (time.perf_counter() - begun), (time.process_time() - cpu) / done * 1e9


def send() -> None:
    """The sender, as a process of its own."""
    url, upload, token, place, weights = sys.argv[2:]
    manifest = Manifest.parse((Path(place) / "manifest").read_bytes())
    with httpx.Client(base_url=url, timeout=120) as client:
        begun, cpu = time.perf_counter(), time.process_time()
        UploadClient(client, upload, Secret(token.encode())).send(Path(weights), manifest)
        print(time.perf_counter() - begun, time.process_time() - cpu)


def _sender(
    served: Receiver, token: UploadToken, place: Path, weights: Path, out: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    secret = token.secret.reveal().decode()
    command = [sys.executable, __file__, SENDER, served.url, token.upload, secret, str(place), str(weights)]
    return subprocess.Popen(command, stdout=out)


def _arrived(sender: subprocess.Popen[bytes]) -> None:
    if sender.wait() != 0:
        sys.exit("the sender did not come through")


class _Peak:
    """The largest resident memory that was seen of a process, looked at every 10 ms and at its own peak."""

    def __init__(self) -> None:
        self.bytes = 0

    def watching(self, pid: int) -> _Watch:
        return _Watch(self, pid)


class _Watch:
    def __init__(self, peak: _Peak, pid: int) -> None:
        self._peak, self._process, self._over = peak, psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            high = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
            self._peak.bytes = max(self._peak.bytes, int(high.split()[1]) * 1024)


if __name__ == "__main__":
    send() if sys.argv[1:2] == [SENDER] else main()
