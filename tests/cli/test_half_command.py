"""`seatrial submit --half supplied`, `seatrial custody half`: the developer keeps a half, and access waits for it."""

from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from seatrial.custody.half_door import HalfFile
from seatrial.custody.home import CustodyHome
from support.custody import MODEL, made_lease

if TYPE_CHECKING:
    from collections.abc import Iterator

SEATRIAL = Path(sys.executable).with_name("seatrial")
OFFER = (
    *("submit", "--developer", "lab-a", "--person", "per-1", "--evaluator", "bureau", "--code-name", "heron-7"),
    *("--digest", "sha256:" + "5" * 64, "--pack", "minimal"),
)
ASKED = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "?"}]}


def seatrial(*words: object, code: int = 0) -> str:
    done = subprocess.run([SEATRIAL, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextmanager
def gateway() -> Iterator[str]:
    process = subprocess.Popen([SEATRIAL, "gateway", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().removeprefix("gateway: ").strip()
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.slow
def test_access_waits_for_the_developers_half_and_ends_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    mine = tmp_path / "mine.half"
    (tmp_path / "key.txt").write_text("sk-made-value")
    # a reserved name: the endpoint is opened, and then cannot be reached
    endpoint = ("--url", "https://models.lab-a.invalid/v1", "--credential", tmp_path / "key.txt")
    assert "go together" in seatrial(*OFFER, *endpoint, "--half", "supplied", code=2)
    said = seatrial(*OFFER, *endpoint, "--half", "supplied", "--half-file", mine)
    name = said.split()[1]
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    file = HalfFile.from_bytes(mine.read_bytes())
    assert file.submission == name
    assert file.half.reveal().hex() not in said
    assert "exists already" in seatrial(*OFFER, *endpoint, "--half", "supplied", "--half-file", mine, code=2)
    custody = CustodyHome.open(tmp_path / "home")
    lease, token = made_lease(submission=name, content_owners=("lab-a",))
    with gateway() as address:
        send = ("custody", "half", name, "--from", mine, "--gateway", address)
        assert "no lease runs" in seatrial(*send, code=2)
        custody.leases.issue(lease, datetime.now(UTC))
        assert _call(address, token) == (503, "developer_half_awaited")
        assert f"taken until {lease.expires.isoformat()}" in seatrial(*send)
        assert _call(address, token) == (502, "endpoint_unreachable")
        assert "https" in seatrial(*send[:-1], "http://gateway.example", code=2)
        other = tmp_path / "other.half"
        other.write_bytes(mine.read_bytes()[:-10] + b"0" * 9 + b"\n")
        assert "403" in seatrial("custody", "half", name, "--from", other, "--gateway", address, code=2)
        seatrial("withdraw", name)
        assert _call(address, token)[0] in {401, 403}
        assert "has ended" in seatrial(*send, code=2)
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert file.half.reveal() not in path.read_bytes()
            assert file.half.reveal().hex().encode() not in path.read_bytes()


def _call(address: str, token: str) -> tuple[int, str]:
    head = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address}/v1/chat/completions", json=ASKED, headers=head, timeout=60)
    return answer.status_code, answer.json()["error"]["code"]
