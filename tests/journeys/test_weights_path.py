"""Weights from their developer to an answer and to nothing: sealed, opened in memory, served, evaluated, shredded.

The server is real (llama.cpp), the weights are made here: a random model of half a megabyte.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

from seatrial.custody.home import CustodyHome
from seatrial.custody.inference import CommandLauncher, NotServed
from seatrial.custody.keys import KeyGone, new_id
from seatrial.custody.lease import Lease, LeaseToken, Limits, ScopeEnded, new_lease_id
from seatrial.custody.manifest import describe
from seatrial.custody.serving import served
from seatrial.custody.upload_app import upload_app
from seatrial.custody.upload_client import UploadClient
from seatrial.custody.upload_store import Upload, open_upload
from seatrial.custody.weights import NotOpened, TwoKeys, asked, check_place, open_weights
from seatrial.framework.participant import Role
from seatrial.framework.two_key import KeyAction, KeyRequest, Vote
from support import tiny_llama

if TYPE_CHECKING:
    from seatrial.custody.upload import Uploads

SUBMISSION = "sub_" + "7" * 32
CHUNK = 64 << 10
SEED = 11


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory on a file system in memory."""
    try:
        check_place(Path("/dev/shm"), 1 << 24)
    except NotOpened as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def leased(house: CustodyHome, submission: str = SUBMISSION) -> Lease:
    token = LeaseToken.new(new_lease_id())
    lease = Lease(
        id=token.lease,
        token_digest=token.digest,
        submission=submission,
        subject_digest="sha256:" + "0" * 64,
        purpose="evaluate",
        models=("tiny",),
        content_owners=("lab-a",),
        attempt="",
        not_before=now(),
        expires=now() + timedelta(hours=1),
        issuer="per-1",
        limits=Limits(max_requests=10, max_input_tokens=10_000, max_output_tokens=1_000, max_concurrent=1),
    )
    house.leases.issue(lease, now())
    return lease


def two_keys(uploads: Uploads, upload: Upload, lease: str, *, persons: tuple[str, ...] = ("per-1", "per-2")) -> TwoKeys:
    digest = asked(upload.id, lease, uploads.commitment(upload, now()))
    request = KeyRequest("key-1", KeyAction.USE_WEIGHTS, upload.id, digest, "per-2", now())
    sides = (("lab-a", Role.DEVELOPER_OWNER), ("bureau", Role.EVALUATOR_LEAD))
    votes = tuple(Vote("key-1", digest, person, *side, now()) for person, side in zip(persons, sides, strict=False))
    return TwoKeys(request, votes)


def sent(house: CustodyHome, directory: Path) -> tuple[Uploads, Upload]:
    """Uploaded over HTTP in small chunks."""
    uploads = house.uploads()
    uploads.chunk_bytes, uploads.reserve_bytes = CHUNK, 0
    token = open_upload(uploads.store, SUBMISSION, now())
    with served(upload_app(uploads)) as url, httpx.Client(base_url=url) as client:
        UploadClient(client, token.upload, token.secret).send(directory, describe(directory, chunk_bytes=CHUNK))
    return uploads, uploads.store.get(token.upload)


def holds(folder: Path, canary: bytes) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and canary in path.read_bytes()]


@pytest.mark.slow
def test_weights_are_loaded_served_evaluated_and_shredded(tmp_path: Path, memory: Path) -> None:
    (tmp_path / "lab").mkdir()
    canary = tiny_llama.write(tmp_path / "lab" / "tiny.gguf", SEED)
    assert holds(tmp_path / "lab", canary)
    house = CustodyHome.open(tmp_path / "house")
    uploads, upload = sent(house, tmp_path / "lab")
    lease = leased(house)
    opened = open_weights(
        uploads,
        house.leases,
        upload,
        memory / "weights",
        lease=lease.id,
        keys=two_keys(uploads, upload, lease.id),
        now=now,
    )
    assert (opened.directory / "tiny.gguf").read_bytes() == (tmp_path / "lab" / "tiny.gguf").read_bytes()
    (memory / "scratch").mkdir()
    with CommandLauncher(start_s=60).serve(opened.directory, memory / "scratch") as server:
        assert httpx.post(f"{server.base_url}/chat/completions", json={"messages": []}).status_code == 401
        key = server.key.reveal().decode()
        model = get_model(
            "openai-api/lab/tiny", base_url=server.base_url, api_key=key, config=GenerateConfig(max_tokens=8)
        )
        task = Task(dataset=[Sample(input="hello", target="x")], solver=generate(), scorer=includes())
        [log] = evaluate(task, model=model, log_dir=str(tmp_path / "logs"), display="none")
        assert log.status == "success"
        assert log.samples is not None
        assert log.samples[0].output.usage is not None
        assert log.samples[0].output.usage.output_tokens > 0
    assert not psutil.pid_exists(server.pid)
    opened.wipe()
    house.shredder().shred(SUBMISSION, now())
    assert holds(memory, canary) == holds(tmp_path / "house", canary) == holds(tmp_path / "logs", canary) == []
    assert list(memory.rglob("*.gguf")) == []
    assert uploads.chunks.usage(upload.id).count == 0
    with pytest.raises(KeyGone):
        uploads.manifest(upload, now())
    with pytest.raises(ScopeEnded):
        open_upload(uploads.store, SUBMISSION, now())


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[CustodyHome, Uploads, Upload]:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "w.safetensors").write_bytes(secrets.token_bytes(3 * CHUNK + 5))
    house = CustodyHome.open(tmp_path / "house")
    return house, *sent(house, tmp_path / "lab")


def test_one_person_another_lease_or_an_ended_one_opens_nothing(
    sealed: tuple[CustodyHome, Uploads, Upload], memory: Path
) -> None:
    house, uploads, upload = sealed
    lease, other = leased(house), leased(house)
    foreign = leased(house, new_id("sub"))

    def opening(lease: str, keys: TwoKeys) -> None:
        open_weights(uploads, house.leases, upload, memory / "w", lease=lease, keys=keys, now=now)

    both = two_keys(uploads, upload, lease.id)
    for keys in (
        two_keys(uploads, upload, lease.id, persons=("per-1",)),
        two_keys(uploads, upload, lease.id, persons=("per-1", "per-1")),
    ):
        with pytest.raises(NotOpened, match="a key is missing"):
            opening(lease.id, keys)
    with pytest.raises(NotOpened, match="another lease"):
        opening(other.id, both)
    with pytest.raises(NotOpened, match="no active lease"):
        opening(foreign.id, two_keys(uploads, upload, foreign.id))
    house.leases.revoke(lease.id, now())
    with pytest.raises(NotOpened, match="no active lease"):
        opening(lease.id, both)
    assert list(memory.iterdir()) == []


def test_a_lease_revoked_meanwhile_or_an_altered_chunk_leaves_nothing_plain(
    sealed: tuple[CustodyHome, Uploads, Upload], memory: Path
) -> None:
    house, uploads, upload = sealed
    lease = leased(house)
    keys, looks = two_keys(uploads, upload, lease.id), iter(range(1000))

    def revoking() -> datetime:
        if next(looks) == 8:
            assert list(memory.rglob("*.part"))
            house.leases.revoke(lease.id, now())
        return now()

    with pytest.raises(NotOpened, match="no active lease"):
        open_weights(uploads, house.leases, upload, memory / "w", lease=lease.id, keys=keys, now=revoking)
    assert list(memory.iterdir()) == []
    again = leased(house)
    largest = max((house.home / "chunks" / upload.id).iterdir(), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(1000)
        file.write(b"XXXX")
    with pytest.raises(Exception, match="altered"):
        open_weights(
            uploads,
            house.leases,
            upload,
            memory / "w",
            lease=again.id,
            keys=two_keys(uploads, upload, again.id),
            now=now,
        )
    assert list(memory.iterdir()) == []


def test_a_disk_or_memory_that_is_swapped_out_is_no_place(tmp_path: Path) -> None:
    mounts, swaps = tmp_path / "mounts", tmp_path / "swaps"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw,noswap 0 0\n")
    swaps.write_text("Filename Type Size Used Priority\n/dev/vdb partition 1 0 -2\n")
    check_place(tmp_path, 1, mounts=mounts, swaps=swaps)
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n")
    with pytest.raises(NotOpened, match="swap"):
        check_place(tmp_path, 1, mounts=mounts, swaps=swaps)
    mounts.write_text("/dev/vda / ext4 rw 0 0\n")
    with pytest.raises(NotOpened, match="ext4"):
        check_place(tmp_path, 1, mounts=mounts, swaps=swaps)


def test_a_server_that_does_not_come_up_is_said_and_ended(tmp_path: Path) -> None:
    with (
        pytest.raises(NotServed, match="ended with 3"),
        CommandLauncher(("sh", "-c", "exit 3")).serve(tmp_path, tmp_path),
    ):
        pass
    ticks = iter(range(100))
    silent = CommandLauncher(("sleep", "60"), start_s=2, clock=lambda: float(next(ticks)), pause=lambda _: None)
    with pytest.raises(NotServed, match="no answer within"), silent.serve(tmp_path, tmp_path):
        pass
    assert not (tmp_path / "inference.key").exists()
