"""Weights from the command line: opened for a submission, sent, sent again, and into memory with two keys."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.custody.lease import Lease, LeaseToken, Limits, new_lease_id
from seatrial.custody.weights import NotOpened, check_place
from seatrial.installation import Installation
from seatrial.ledger.event import Event
from seatrial.ledger.receipt import verify_receipt

SEATRIAL = Path(sys.executable).with_name("seatrial")
SEATRIAL_RUN = [str(SEATRIAL)] if SEATRIAL.exists() else [sys.executable, "-m", "seatrial.cli"]
WEIGHTS = os.urandom(200_000)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "model" / "extra.pkl").write_bytes(b"x")
    return tmp_path


def seatrial(*words: object, code: int = 0) -> str:
    done = subprocess.run([*SEATRIAL_RUN, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def submission(home: Path) -> str:  # noqa: ARG001 - the installation is made in it
    said = seatrial(
        *("submit", "--developer", "lab-a", "--person", "per-1", "--evaluator", "bureau", "--code-name", "alpha"),
        *("--digest", "sha256:" + "0" * 64),
    )
    found = re.search(r"sub_[0-9a-f]{32}", said)
    assert found, said
    return found[0]


@pytest.fixture
def url(submission: str) -> Iterator[str]:  # noqa: ARG001 - the receiver starts on a made installation
    process = subprocess.Popen(
        [*SEATRIAL_RUN, "custody", "receive", "--port", "0", "--reserve-gib", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    yield said.split(" at ")[1].split(";")[0]
    process.terminate()
    process.wait(20)
    process.stdout.close()


@pytest.fixture
def memory() -> Iterator[Path]:
    try:
        check_place(Path("/dev/shm"), 1 << 24)
    except NotOpened as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def leased(installation: Installation, submission: str) -> str:
    token, now = LeaseToken.new(new_lease_id()), datetime.now(UTC)
    lease = Lease(
        id=token.lease,
        token_digest=token.digest,
        submission=submission,
        subject_digest="sha256:" + "0" * 64,
        purpose="evaluate",
        models=("alpha",),
        content_owners=("lab-a",),
        attempt="",
        not_before=now,
        expires=now + timedelta(hours=1),
        issuer="per-2",
        limits=Limits(max_requests=1, max_input_tokens=1, max_output_tokens=1, max_concurrent=1),
    )
    installation.custody.leases.issue(lease, now)
    return lease.id


@contextmanager
def unsealed(*opening: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command that holds weights open, once it has said where they are."""
    process = subprocess.Popen([*SEATRIAL_RUN, *map(str, opening)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = ""
        while "in memory until" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process, said
    finally:
        process.kill()
        process.communicate()


def kinds(submission: str) -> list[str]:
    """What the record holds of weights, keys and leases, in order."""
    log = Installation.open().house.log
    with log.store.reading() as tx:
        events = [Event.parse(tx.entry(index)) for index in tx.indexes(submission)]
    return [event.kind for event in events if event.kind.partition(".")[0] in {"weights", "lease", "key", "deletion"}]


OWNER = ("--as", "per-1", "lab-a", "developer_owner")
LEAD = ("--as", "per-2", "bureau", "evaluator_lead")


@pytest.mark.slow
def test_weights_are_sent_opened_with_two_keys_and_gone_with_their_lease(
    home: Path, submission: str, url: str, memory: Path
) -> None:
    token, stated = home / "token", home / "manifest.json"
    upload = seatrial("custody", "open-upload", submission, "--token-file", token).split()[-1]
    assert "extra.pkl" in seatrial("custody", "manifest", home / "model", "--to", stated)
    sending = ("custody", "upload", home / "model", "--url", url, "--token-file", token)
    sent = seatrial(*sending, "--manifest", stated)
    assert "2 files, 200001 bytes" in sent
    assert seatrial(*sending) == sent
    installation = Installation.open()
    uploads = installation.custody.uploads()
    receipt = uploads.complete(uploads.store.get(upload), datetime.now(UTC))
    proof = verify_receipt(str(receipt["proof"]).encode(), installation.house.ledger.signer(1).verifier)
    assert (proof.event.kind, proof.event.refs["manifest"]) == ("weights.sealed", receipt["commitment"])

    seatrial("submission", "enrol", "per-2", "bureau", "evaluator_lead")
    seatrial("submission", "enrol", "per-3", "bureau", "evaluator", "--by", "per-2")
    lease = leased(installation, submission)
    opening = ("custody", "unseal", upload, "--lease", lease, "--to", memory / "w")
    asking = ("submission", "key", submission, "use_weights", "--upload", upload, "--lease", lease)
    assert "nobody asked for two keys yet" in seatrial(*opening, code=2)
    assert "holds no key" in seatrial(*asking, "--as", "per-3", "bureau", "evaluator", code=2)
    assert "missing: the key of developer_owner of lab-a" in seatrial(*asking, *LEAD)
    assert "a key is missing: developer_owner" in seatrial(*opening, code=2)
    assert not (memory / "w").exists()
    assert "both keys are turned until" in seatrial(*asking, *OWNER)
    assert f"use_weights of {upload}" in seatrial("submission", "keys", submission, *LEAD)

    with unsealed(*opening) as (process, said):
        assert "signature: absent" in said
        assert (memory / "w" / "w.safetensors").read_bytes() == WEIGHTS
        seatrial("custody", "revoke", lease)
        assert process.wait(20) == 0
    assert list(memory.iterdir()) == []
    seatrial("custody", "sweep")
    recorded = [kind for kind in kinds(submission) if kind != "lease.issued"]
    assert recorded[:3] == ["key.created", "weights.sealed", "weights.opened"]
    assert sorted(recorded[3:]) == ["lease.revoked", "weights.ended"]

    second = leased(installation, submission)
    for who in (OWNER, LEAD):
        seatrial("submission", "key", submission, "use_weights", "--upload", upload, "--lease", second, *who)
    with unsealed("custody", "unseal", upload, "--lease", second, "--to", memory / "w") as (process, _):
        process.kill()
        process.wait(20)
    assert (memory / "w" / "w.safetensors").read_bytes() == WEIGHTS, "nobody was left to remove them"
    seatrial("withdraw", submission)
    assert list(memory.iterdir()) == []
    assert "nothing was asked for" in seatrial("submission", "keys", submission, *OWNER), "keys outlive a withdrawal"


def test_bad_input_is_one_line(home: Path) -> None:
    assert "no upload token" in seatrial(
        *(
            "custody",
            "upload",
            home / "model",
            "--url",
            "http://127.0.0.1:1",
            "--token-file",
            home / "model" / "extra.pkl",
        ),
        code=2,
    )
    (home / "model" / "link").symlink_to("w.safetensors")
    assert "symbolic link" in seatrial("custody", "manifest", home / "model", code=2)
