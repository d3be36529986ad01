"""Weights over loopback: 2 GB of made weights, 50 interruptions, memory and speed of the receiver.

Run it as `PYTHONPATH=tests python benchmarks/upload.py [MB]`. The receiver is a process of its own; half of the
interruptions kill it too, all kill the sender. Then the same weights without interruption, for the speed. Compared
with it: `AESGCM.encrypt` of the library on chunks of the same size, nothing read and nothing written.
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
from typing import TYPE_CHECKING

import httpx
import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from seatrial.custody.manifest import CHUNK_BYTES, Manifest, describe
from seatrial.custody.secret import Secret
from seatrial.custody.upload_client import UploadClient
from support.uploads import Receiver, house, made_weights, receiver

if TYPE_CHECKING:
    from seatrial.custody.upload_store import UploadToken

INTERRUPTIONS = 50
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
        runs = [(*whole(place / f"house-{number}", place, weights, size), *plain_speed()) for number in range(3)]
        for speed, cost, plain, plain_cost in runs:
            print(
                f"upload, hashed, sealed, durable: {speed / 1e9:.2f} GB/s, {cost:.2f} s CPU a GB in the receiver;"
                f" plain AES-256-GCM just after: {plain / 1e9:.2f} GB/s, {plain_cost:.2f} s CPU a GB;"
                f" {speed / plain:.0%} of its speed, wanted 60 %"
            )


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


def whole(home: Path, place: Path, weights: Path, size: int) -> tuple[float, float]:
    """One upload without interruption: bytes a second, and CPU seconds a GB of the receiver."""
    with receiver(home, CHUNK_BYTES) as served:
        token = served.opened()
        process = psutil.Process(served.process.pid)
        before = sum(process.cpu_times()[:2])
        sender = _sender(served, token, place, weights, subprocess.PIPE)
        seconds = float(sender.stdout.read())
        _arrived(sender)
        cost = (sum(process.cpu_times()[:2]) - before) / size * 1e9
        uploads = house(home, CHUNK_BYTES)
        uploads.drop(uploads.store.get(token.upload), datetime.now(UTC))
        return size / seconds, cost


def plain_speed() -> tuple[float, float]:
    """The library on whole chunks, sixteen in a row: bytes a second, and CPU seconds a GB."""
    chunk, key = os.urandom(CHUNK_BYTES), AESGCM(os.urandom(32))
    begun, cpu = time.perf_counter(), time.process_time()
    for _ in range(16):
        key.encrypt(os.urandom(12), chunk, b"scope")
    size = 16 * CHUNK_BYTES
    return size / (time.perf_counter() - begun), (time.process_time() - cpu) / size * 1e9


def send() -> None:
    """The sender, as a process of its own."""
    url, upload, token, place, weights = sys.argv[2:]
    manifest = Manifest.parse((Path(place) / "manifest").read_bytes())
    with httpx.Client(base_url=url, timeout=120) as client:
        begun = time.perf_counter()
        UploadClient(client, upload, Secret(token.encode())).send(Path(weights), manifest)
        print(time.perf_counter() - begun)


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
