"""The upload over real processes: interrupted, hostile, two at a time; small chunks, the code of large ones."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from seatrial.custody import serving
from seatrial.custody.keys import KeyGone
from seatrial.custody.manifest import Manifest, WeightsFile, describe
from seatrial.custody.secret import Secret
from seatrial.custody.serving import served as on_loopback
from seatrial.custody.upload_app import upload_app
from seatrial.custody.upload_body import SocketBody
from seatrial.custody.upload_client import UploadClient, UploadFailed
from seatrial.custody.upload_store import UploadToken, open_upload
from support.uploads import SUBMISSION, Receiver, house, made_weights, receiver

if TYPE_CHECKING:
    from starlette.requests import Request

    from seatrial.custody.chunks import ChunkWriter
    from seatrial.custody.upload import Uploads

CHUNK = 64 << 10
SIZES = {
    "model-00001.safetensors": 20 * CHUNK + 17,
    "model-00002.safetensors": 5 * CHUNK,
    "config.json": 300,
    "empty": 0,
}
SEED = 20261124
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_weights(tmp_path_factory.mktemp("weights"), SIZES)


@pytest.fixture(scope="module")
def manifest(weights: Path) -> Manifest:
    return describe(weights, chunk_bytes=CHUNK)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(tmp_path / "house", CHUNK) as made:
        yield made


def client(served: Receiver, token: UploadToken, **options: int) -> UploadClient:
    return UploadClient(httpx.Client(base_url=served.url, timeout=20), token.upload, token.secret, **options)


def bearer(token: UploadToken) -> dict[str, str]:
    return {"authorization": f"Bearer {token.secret.reveal().decode()}"}


def read_back(served: Receiver, token: UploadToken, directory: Path) -> None:
    """Open every chunk with both halves and compare it with the file."""
    uploads = house(served.home, CHUNK)
    upload = uploads.store.get(token.upload)
    manifest = uploads.manifest(upload, NOW)
    for file in manifest.files:
        found = b"".join(b"".join(uploads.opened_chunk(upload, digest, NOW)) for digest in file.chunks)
        assert found == (directory / file.path).read_bytes()


def twice(served: Receiver) -> list[tuple[str, str]]:
    """Chunks that were sent again after they had been acknowledged."""
    seen: set[tuple[str, str]] = set()
    again = []
    for upload, digest, status in served.puts():
        if (upload, digest) in seen:
            again.append((upload, digest))
        if status in (200, 201):
            seen.add((upload, digest))
    return again


def test_an_upload_arrives_byte_for_byte_and_its_receipt_stays(
    served: Receiver, weights: Path, manifest: Manifest
) -> None:
    token = served.opened()
    seen: list[int] = []
    receipt = client(served, token).send(weights, manifest, lambda progress: seen.append(progress.chunks))
    read_back(served, token, weights)
    assert receipt["files"] == 4
    assert receipt["total_bytes"] == sum(SIZES.values())
    assert receipt["commitment"].startswith("commit:")
    assert sorted(seen) == list(range(len(manifest.sizes) + 1))
    assert client(served, token).send(weights, manifest) == receipt
    assert len(served.puts()) == len(manifest.sizes)
    stored = b"".join(path.read_bytes() for path in served.home.rglob("*") if path.is_file())
    assert b"safetensors" not in stored
    for digest in manifest.sizes:
        assert bytes.fromhex(digest) not in stored


@pytest.mark.slow
def test_killed_at_random_points_on_both_sides_it_is_resumed_without_sending_twice(
    served: Receiver, weights: Path, manifest: Manifest, tmp_path: Path
) -> None:
    token, dice = served.opened(), random.Random(SEED)
    (tmp_path / "token").write_bytes(token.secret.reveal())
    (tmp_path / "manifest").write_bytes(manifest.encode())
    script = (
        "import sys, httpx; from pathlib import Path; from seatrial.custody.manifest import Manifest;"
        "from seatrial.custody.secret import Secret; from seatrial.custody.upload_client import UploadClient;"
        "url, upload, token, manifest, weights = sys.argv[1:];"
        "c = UploadClient(httpx.Client(base_url=url), upload, Secret(Path(token).read_bytes()), parallel=2);"
        "c.send(Path(weights), Manifest.parse(Path(manifest).read_bytes()), lambda p: print(p.chunks, flush=True))"
    )
    command = [
        sys.executable,
        "-c",
        script,
        served.url,
        token.upload,
        str(tmp_path / "token"),
        str(tmp_path / "manifest"),
    ]
    for number in range(6):
        sender = subprocess.Popen([*command, str(weights)], stdout=subprocess.PIPE, text=True)
        assert sender.stdout is not None
        for _ in range(dice.randint(1, 5)):
            sender.stdout.readline()
        if number % 2:
            served.kill()
            served.start()
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        sender.stdout.close()
    client(served, token).send(weights, manifest)
    read_back(served, token, weights)
    assert twice(served) == []
    assert not list((served.home / "chunks").rglob("*.part"))


def test_the_sender_goes_on_by_itself_when_the_receiver_is_killed_and_comes_back(
    served: Receiver, weights: Path, manifest: Manifest
) -> None:
    token = served.opened()
    killed: list[int] = []

    def cut(progress: object) -> None:
        if getattr(progress, "sent", 0) > 5 * CHUNK and not killed:
            killed.append(1)
            served.kill()
            served.start()

    client(served, token, parallel=1).send(weights, manifest, cut)
    assert killed
    read_back(served, token, weights)
    assert twice(served) == []


def test_a_wrong_byte_is_refused_by_name_and_nothing_of_it_is_kept(
    served: Receiver, weights: Path, manifest: Manifest
) -> None:
    token = served.opened()
    digest, size = next((digest, size) for digest, size in manifest.sizes.items() if size == CHUNK)
    wrong = os.urandom(size)
    with httpx.Client(base_url=f"{served.url}/uploads/{token.upload}", headers=bearer(token)) as http:
        assert http.put("/manifest", content=manifest.encode()).status_code == 201
        before = house(served.home, CHUNK).chunks.usage(token.upload)
        answer = http.put(f"/chunks/{digest}", content=wrong)
        assert answer.status_code == 422
        fault = answer.json()["error"]
        assert (fault["chunk"], fault["found"]) == (digest, hashlib.sha256(wrong).hexdigest())
        assert http.head(f"/chunks/{digest}").status_code == 404
        assert house(served.home, CHUNK).chunks.usage(token.upload) == before
    changed = weights.parent / "changed"
    made_weights(changed, SIZES)
    with (changed / "model-00002.safetensors").open("r+b") as file:
        file.seek(2 * CHUNK + 5)
        file.write(b"!")
    with pytest.raises(UploadFailed, match=r"model-00002.safetensors, from byte 131072.*422") as fault_:
        client(served, token).send(changed, manifest)
    assert manifest.files[3].chunks[2] in str(fault_.value)


def test_every_answer_of_the_table(served: Receiver, weights: Path, manifest: Manifest) -> None:
    token = served.opened()
    digest = manifest.files[2].chunks[0]
    good = (weights / manifest.files[2].path).read_bytes()[:CHUNK]
    with httpx.Client(base_url=f"{served.url}/uploads/{token.upload}", headers=bearer(token)) as http:
        assert http.put(f"/chunks/{digest}", content=good).status_code == 409
        assert http.put("/manifest", content=manifest.encode()).status_code == 201
        assert http.put("/manifest", content=manifest.encode()).status_code == 200
        other = Manifest(CHUNK, manifest.files[:1])
        assert http.put("/manifest", content=other.encode()).status_code == 409
        bad = http.put("/manifest", content=manifest.encode().replace(b'"config.json"', b'"../conf.json"'))
        assert bad.status_code == 422
        assert (bad.json()["error"]["file"], bad.json()["error"]["field"]) == ("../conf.json", "path")
        assert http.post("/complete").json()["error"]["count"] == len(manifest.sizes)
        assert len(http.post("/complete").json()["error"]["missing"]) == 10
        assert http.put(f"/chunks/{'0' * 64}", content=good).status_code == 404
        assert http.put(f"/chunks/{digest}", content=iter([good])).status_code == 411
        assert http.put(f"/chunks/{digest}", content=good + b"x").status_code == 413
        assert http.put(f"/chunks/{digest}", content=good[:-1]).status_code == 422
        assert http.put(f"/chunks/{digest}", content=good).status_code == 201
        assert http.put(f"/chunks/{digest}", content=good).status_code == 200
        assert http.head(f"/chunks/{digest}").status_code == 200
        page = http.get("/missing", params={"after": "8"}).json()
        assert page["missing"] == sorted(d for d in manifest.sizes if d > "8" and d != digest)
        where = f"{served.url}/uploads/{token.upload}"
        assert http.delete(where).json()["held"]["count"] == 2
        assert http.delete(where).status_code == 200
        assert http.get("/missing").status_code == 410
        assert http.put("/manifest", content=manifest.encode()).status_code == 410
    uploads = house(served.home, CHUNK)
    with pytest.raises(KeyGone):
        uploads.manifest(uploads.store.get(token.upload), NOW)


def test_two_uploads_share_nothing(served: Receiver, weights: Path, manifest: Manifest) -> None:
    mine, theirs = served.opened(), served.opened()
    client(served, mine).send(weights, manifest)
    with httpx.Client(base_url=f"{served.url}/uploads", headers=bearer(theirs)) as http:
        unknown = http.get(f"/upl_{'0' * 32}/missing")
        foreign = http.get(f"/{mine.upload}/missing")
        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
        assert foreign.status_code == 401
        http.put(f"/{theirs.upload}/manifest", content=manifest.encode())
        assert len(http.get(f"/{theirs.upload}/missing").json()["missing"]) == len(manifest.sizes)
        assert http.head(f"/{theirs.upload}/chunks/{next(iter(manifest.sizes))}").status_code == 404
    client(served, theirs).send(weights, manifest)
    names = [
        {path.name for path in (served.home / "chunks" / upload).iterdir()} for upload in (mine.upload, theirs.upload)
    ]
    assert not names[0] & names[1]
    client(served, mine).drop()
    read_back(served, theirs, weights)


@pytest.mark.parametrize(
    "path",
    [
        "uploads/../../etc/passwd/manifest",
        "uploads/{id}/chunks/..%2f..%2fx",
        "uploads/{id}/chunks/%00",
        "uploads/{id}%2f..",
        "x",
    ],
)
def test_hostile_paths_reach_nothing(served: Receiver, path: str) -> None:
    token = served.opened()
    before = sorted(served.home.rglob("*"))
    for method in ("PUT", "GET", "DELETE", "POST", "HEAD"):
        answer = httpx.request(
            method, httpx.URL(f"{served.url}/{path.format(id=token.upload)}"), headers=bearer(token), content=b"x"
        )
        assert answer.status_code in (401, 404, 405, 409), (method, answer.status_code)
    assert [
        path for path in sorted(served.home.rglob("*")) if "sqlite" not in path.name and "calls" not in path.name
    ] == [path for path in before if "sqlite" not in path.name and "calls" not in path.name]


def test_a_file_that_has_become_shorter_is_named(served: Receiver, weights: Path, manifest: Manifest) -> None:
    shorter = made_weights(weights.parent / "shorter", SIZES)
    os.truncate(shorter / "model-00002.safetensors", 4 * CHUNK + 1)
    with pytest.raises(UploadFailed, match=r"model-00002\.safetensors, from byte 262144: it has become shorter"):
        client(served, served.opened()).send(shorter, manifest)


def test_a_receiver_that_is_not_there_is_waited_for_and_then_said(weights: Path, manifest: Manifest) -> None:
    waited: list[float] = []
    nobody = httpx.Client(base_url="http://127.0.0.1:9")
    token = UploadToken.new("upl_" + "0" * 32)
    with pytest.raises(UploadFailed, match="run it again to go on"):
        UploadClient(nobody, token.upload, token.secret, tries=4, pause=waited.append).send(weights, manifest)
    assert waited == [0.5, 1.0, 2.0]


def test_a_sender_that_falls_silent_or_hangs_up_leaves_nothing(
    tmp_path: Path, weights: Path, manifest: Manifest
) -> None:
    uploads = house(tmp_path / "house", CHUNK)
    token = open_upload(uploads.store, SUBMISSION, NOW)
    digest = manifest.files[2].chunks[0]
    piece = (weights / manifest.files[2].path).read_bytes()[: CHUNK // 2]
    head = f"PUT /uploads/{token.upload}/chunks/{digest} HTTP/1.1\r\nhost: x\r\ncontent-length: {CHUNK}\r\n"
    head += f"authorization: {bearer(token)['authorization']}\r\n\r\n"
    with on_loopback(upload_app(uploads, silence_s=0.3)) as url:
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        with httpx.Client(base_url=url, headers=bearer(token)) as http:
            assert http.put(f"/uploads/{token.upload}/manifest", content=manifest.encode()).status_code == 201
            with socket.create_connection(address, timeout=20) as silent:
                silent.sendall(head.encode() + piece)
                assert silent.recv(100).startswith(b"HTTP/1.1 408")
            for _ in range(10):
                with socket.create_connection(address, timeout=20) as gone:
                    gone.sendall(head.encode() + piece)
            assert http.put(f"/uploads/{token.upload}/chunks/{digest}", content=piece * 2).status_code == 422
            assert http.head(f"/uploads/{token.upload}/chunks/{digest}").status_code == 404
    assert not list((tmp_path / "house" / "chunks").rglob("*.part"))
    assert uploads._coming == 0


class Line:
    """One connection, with the bytes of its requests written by hand."""

    def __init__(self, url: str, token: UploadToken) -> None:
        self.socket = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=20)
        self.answers = self.socket.makefile("rb")
        self.head = f"host: x\r\nauthorization: {bearer(token)['authorization']}\r\n"
        self.path = f"/uploads/{token.upload}"

    def put(self, digest: str, body: bytes, *headers: str) -> bytes:
        stated = "".join(f"{header}\r\n" for header in headers) or f"content-length: {len(body)}\r\n"
        return f"PUT {self.path}/chunks/{digest} HTTP/1.1\r\n{self.head}{stated}\r\n".encode() + body

    def get(self) -> bytes:
        return f"GET {self.path}/missing HTTP/1.1\r\n{self.head}\r\n".encode()

    def answer(self) -> int:
        status = int(self.answers.readline().split()[1])
        self.answers.read(int(http.client.parse_headers(self.answers)["content-length"]))
        return status


@pytest.fixture
def large(tmp_path: Path) -> Iterator[tuple[Uploads, Line, str, bytes]]:
    """A chunk of more than the event loop ever reads at once, and a connection to the door that waits for it."""
    body = random.Random(SEED).randbytes(1 << 20)
    manifest = Manifest(1 << 20, (WeightsFile("x", 1 << 20, (hashlib.sha256(body).hexdigest(),)),))
    uploads = house(tmp_path / "house", 1 << 20)
    token = open_upload(uploads.store, SUBMISSION, NOW)
    uploads.put_manifest(uploads.store.get(token.upload), manifest.encode(), NOW)
    with on_loopback(upload_app(uploads)) as url:
        line = Line(url, token)
        with line.socket:
            yield uploads, line, manifest.files[0].chunks[0], body


def test_what_comes_behind_a_chunk_on_the_same_connection_is_the_next_request(
    large: tuple[Uploads, Line, str, bytes],
) -> None:
    uploads, line, digest, body = large
    for reserve, put in ((1 << 60, 507), (0, 201), (0, 200)):
        uploads.reserve_bytes = reserve
        line.socket.sendall(line.put(digest, body) + line.get())
        assert (line.answer(), line.answer()) == (put, 200)
    line.socket.sendall(line.put("0" * 64, body) + line.get())
    assert (line.answer(), line.answer()) == (404, 200)


def test_a_body_whose_length_is_said_twice_is_refused(large: tuple[Uploads, Line, str, bytes]) -> None:
    _, line, digest, body = large
    line.socket.sendall(line.put(digest, b"", f"content-length: {len(body)}", "transfer-encoding: chunked"))
    assert line.answer() == 411


def test_what_is_left_of_a_body_is_never_a_request() -> None:
    async def leaving(request: Request) -> Response:
        body = await SocketBody.of(request, int(request.headers["content-length"]), 20)
        body.close()
        body.give_back()
        return Response()

    with on_loopback(Starlette(routes=[Route("/{path:path}", leaving, methods=["PUT"])])) as url:
        line = Line(url, UploadToken.new("upl_" + "0" * 32))
        requests = line.get() * ((1 << 20) // len(line.get()))
        with contextlib.suppress(ConnectionError):
            line.socket.sendall(line.put("0" * 64, requests, f"content-length: {1 << 20}"))
        answered = b""
        with contextlib.suppress(ConnectionError):
            while more := line.socket.recv(1 << 16):
                answered += more
    assert answered.count(b"HTTP/1.1") <= 1


def test_a_receiver_that_is_told_to_end_does_not_wait_for_a_silent_sender(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "FAREWELL_S", 1)
    uploads = house(tmp_path / "house", CHUNK)
    token = open_upload(uploads.store, SUBMISSION, NOW)
    uploads.put_manifest(uploads.store.get(token.upload), manifest.encode(), NOW)
    begun = threading.Event()
    put = uploads.chunks.put

    def putting(upload: str, name: str) -> ChunkWriter:
        begun.set()
        return put(upload, name)

    monkeypatch.setattr(uploads.chunks, "put", putting)
    with on_loopback(upload_app(uploads)) as url:
        line = Line(url, token)
        line.socket.sendall(line.put(manifest.files[2].chunks[0], b"x", f"content-length: {CHUNK}"))
        assert begun.wait(20)
    assert line.socket.recv(1) in (b"", b"H")
    assert not list((tmp_path / "house" / "chunks").rglob("*.part"))
    assert uploads._coming == 0


def test_a_disk_at_its_reserve_takes_nothing_and_says_so(tmp_path: Path, weights: Path, manifest: Manifest) -> None:
    with receiver(tmp_path / "house", CHUNK, reserve_bytes=1 << 60) as served:
        token = served.opened()
        with pytest.raises(UploadFailed, match="507"):
            client(served, token).send(weights, manifest)


def test_a_sender_without_the_right_token_is_refused(served: Receiver, weights: Path, manifest: Manifest) -> None:
    token = served.opened()
    forged = UploadToken(token.upload, Secret(token.secret.reveal()[:-1] + b"_"))
    with pytest.raises(UploadFailed, match="401"):
        client(served, forged).send(weights, manifest)
