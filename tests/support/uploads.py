"""A receiver of weights on loopback, as a process of its own, over a directory that outlives it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from seatrial.custody.chunks import DirectoryChunkStore
from seatrial.custody.file_keys import FileKeyHolder, HalfFiles, HeldHalf
from seatrial.custody.serving import bound, serve
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_sealed import SqliteKeyTable
from seatrial.custody.upload import Uploads
from seatrial.custody.upload_app import upload_app
from seatrial.custody.upload_store import SqliteUploadStore, UploadToken, open_upload
from seatrial.custody.vault import Vault

SUBMISSION = "sub_" + "5" * 32


def house(home: Path, chunk_bytes: int, reserve_bytes: int = 0) -> Uploads:
    """The uploads of one directory, with both sides' halves as files."""
    home.mkdir(exist_ok=True)
    file = CustodyFile(home / "custody.sqlite")
    vault = Vault(
        FileKeyHolder(HalfFiles(home / "government")), HeldHalf(HalfFiles(home / "developer")), SqliteKeyTable(file)
    )
    store, chunks = SqliteUploadStore(file), DirectoryChunkStore(home / "chunks")
    return Uploads(store, chunks, vault, chunk_bytes=chunk_bytes, reserve_bytes=reserve_bytes)


def made_weights(directory: Path, sizes: dict[str, int], seed: int = 1) -> Path:
    """Files of random bytes."""
    source = random.Random(seed)
    for name, size in sizes.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            for start in range(0, size, 1 << 20):
                out.write(source.randbytes(min(1 << 20, size - start)))
    return directory


@dataclass
class Receiver:
    """The process; killed and started again on the same port, it goes on."""

    home: Path
    chunk_bytes: int
    reserve_bytes: int = 0
    port: int = 0
    process: subprocess.Popen[str] | None = None
    acknowledged: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it says that it listens."""
        command = [
            sys.executable,
            __file__,
            str(self.home),
            str(self.port),
            str(self.chunk_bytes),
            str(self.reserve_bytes),
        ]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def opened(self) -> UploadToken:
        """A new upload."""
        return open_upload(house(self.home, self.chunk_bytes).store, SUBMISSION, datetime.now(UTC))

    def puts(self) -> list[tuple[str, str, int]]:
        """Every chunk call that was answered: upload, digest, status; durable before the answer went out."""
        log = self.home / "calls.jsonl"
        return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []


@contextmanager
def receiver(home: Path, chunk_bytes: int, reserve_bytes: int = 0) -> Iterator[Receiver]:
    """A receiver that runs until the block ends."""
    made = Receiver(home, chunk_bytes, reserve_bytes)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def _main(home: Path, port: int, chunk_bytes: int, reserve_bytes: int) -> None:
    uploads = house(home, chunk_bytes, reserve_bytes)
    uploads.chunks.sweep()  # type: ignore[attr-defined]
    app = upload_app(uploads, silence_s=20)
    log = os.open(home / "calls.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def logged(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        async def noted(message):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            parts = scope.get("path", "").split("/")
            if message["type"] == "http.response.start" and scope["method"] == "PUT" and "chunks" in parts:
                os.write(log, (json.dumps([parts[2], parts[-1], message["status"]]) + "\n").encode())
            await send(message)

        await app(scope, receive, noted if scope["type"] == "http" else send)

    listening = bound(port=port)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    serve(logged, listening)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:]))
