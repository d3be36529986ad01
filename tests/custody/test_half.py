"""A developer's own half: taken by its door alone, kept in memory for a lease's time, and ended for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from seatrial.custody.access_log import MemoryAccessStore
from seatrial.custody.credential import Endpoint, opened_endpoint
from seatrial.custody.deposit import AddressRules, deposit
from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.gateway import gateway_app
from seatrial.custody.half_door import FILE_BYTES, HalfDoor, HalfFile, HalfRefused
from seatrial.custody.home import CustodyHome
from seatrial.custody.keys import KeyGone, KeyScope, Purpose
from seatrial.custody.secret import Secret
from seatrial.custody.serving import served
from seatrial.custody.shred import prove_gone
from support.custody import MODEL, SUBMISSION, made_lease
from support.providers import KEY, Provider, provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = "sub_" + "6" * 32
SCOPE = KeyScope(SUBMISSION, Purpose.CREDENTIALS)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Side:
    """Custody as one process opens it, and the developer's file."""

    home: Path
    file: HalfFile
    there: Provider

    def custody(self) -> CustodyHome:
        return CustodyHome.open(self.home)

    def door(self, custody: CustodyHome) -> HalfDoor:
        return HalfDoor(custody.halves, custody.vault.holder, custody.vault.keys, custody.leases)


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    """A submission whose endpoint was sealed under a half that its developer keeps."""
    with provider("openai") as there:
        made = Side(tmp_path / "home", HalfFile(SUBMISSION, Secret(secrets.token_bytes(32))), there)
        custody = made.custody()
        at_hand = custody.halves.supplying(made.file.half, utc_now() + timedelta(minutes=1))
        endpoint = Endpoint(there.base_url, "openai", Secret(KEY.encode()), "lab-a", on_site=True)
        rules = AddressRules(frozenset({"127.0.0.1"}), on_site=True)
        vault = replace(custody.vault, developer=at_hand)
        deposit(SUBMISSION, endpoint, rules, vault=vault, credentials=custody.credentials, now=utc_now())
        yield made


def test_a_file_is_one_line_and_read_back_and_nothing_else_is_read(side: Side) -> None:
    content = side.file.to_bytes()
    assert HalfFile.from_bytes(content) == side.file
    assert len(content) < FILE_BYTES
    for wrong in (b"", content[:-5], content.upper(), content + content, content.replace(b"v1", b"v2")):
        with pytest.raises(ValueError, match="no half's file") as fault:
            HalfFile.from_bytes(wrong)
        assert side.file.half.reveal().hex() not in str(fault.value)


def test_the_half_is_in_no_file_of_custody_and_opens_nothing_until_it_is_sent(side: Side) -> None:
    half = side.file.half.reveal()
    for path in side.home.rglob("*"):
        if path.is_file():
            assert half not in path.read_bytes()
            assert half.hex().encode() not in path.read_bytes()
    custody = side.custody()
    with pytest.raises(HalfAwaited):
        custody.vault.open(SCOPE, utc_now())
    custody.leases.issue(made_lease()[0], utc_now())
    until = side.door(custody).take(SUBMISSION, side.file)
    opened = opened_endpoint(custody.vault, custody.credentials.get(SUBMISSION), utc_now())
    assert opened.key.reveal() == KEY.encode()
    with pytest.raises(HalfAwaited):
        custody.vault.open(SCOPE, until)
    with pytest.raises(HalfAwaited):
        side.custody().vault.open(SCOPE, utc_now())


def test_a_wrong_half_takes_no_right_ones_place(side: Side) -> None:
    custody = side.custody()
    custody.leases.issue(made_lease()[0], utc_now())
    custody.leases.issue(made_lease(2, submission=OTHER)[0], utc_now())
    custody.vault.create(KeyScope(OTHER, Purpose.CREDENTIALS), utc_now())
    door = side.door(custody)
    door.take(SUBMISSION, side.file)
    said = set()
    for submission, file in (
        (SUBMISSION, HalfFile(SUBMISSION, Secret(bytes(32)))),
        (SUBMISSION, replace(side.file, submission=OTHER)),
        (OTHER, replace(side.file, submission=OTHER)),
        ("sub_" + "7" * 32, replace(side.file, submission="sub_" + "7" * 32)),
    ):
        with pytest.raises(HalfRefused) as fault:
            door.take(submission, file)
        said.add((fault.value.status, str(fault.value)))
    assert len(said) == 1
    custody.vault.open(SCOPE, utc_now())


def test_without_a_lease_it_is_not_kept_and_with_some_until_the_last_ends(side: Side) -> None:
    custody = side.custody()
    door = side.door(custody)
    with pytest.raises(HalfRefused, match="no lease"):
        door.take(SUBMISSION, side.file)
    first, last = made_lease(1)[0], made_lease(2, expires=utc_now() + timedelta(hours=3))[0]
    for lease in (first, last):
        custody.leases.issue(lease, utc_now())
    assert door.take(SUBMISSION, side.file) == last.expires
    custody.leases.revoke(last.id, utc_now())
    assert door.take(SUBMISSION, side.file) == first.expires


def test_an_end_in_another_process_ends_it_here_for_good(side: Side) -> None:
    custody, elsewhere = side.custody(), side.custody()
    custody.leases.issue(made_lease()[0], utc_now())
    door = side.door(custody)
    door.take(SUBMISSION, side.file)
    key = custody.vault.keys.get(SCOPE).key
    assert elsewhere.vault.developer.drop(key)
    assert not elsewhere.vault.developer.drop(key)
    with pytest.raises(KeyGone):
        custody.vault.open(SCOPE, utc_now())
    with pytest.raises(HalfRefused):
        door.take(SUBMISSION, side.file)
    elsewhere.vault.holder.destroy(key)
    prove_gone(elsewhere.vault, key, utc_now())
    elsewhere.leases.end_scope(SUBMISSION, utc_now())
    with pytest.raises(HalfRefused) as fault:
        door.take(SUBMISSION, side.file)
    assert fault.value.status == 403


def test_a_gateway_waits_visibly_then_carries_calls_and_waits_again_after_a_restart(side: Side) -> None:
    lease, token = made_lease(content_owners=("lab-a",))
    side.custody().leases.issue(lease, utc_now())
    asked = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "Which port?"}]}
    for _ in range(2):
        custody = side.custody()

        def opened(submission: str, now: datetime, custody: CustodyHome = custody) -> Endpoint:
            return opened_endpoint(custody.vault, custody.credentials.get(submission), now)

        app = gateway_app(custody.leases, opened, MemoryAccessStore())
        app.router.routes.insert(0, side.door(custody).route)
        with served(app) as address:
            url, head = f"{address}/v1/chat/completions", {"authorization": f"Bearer {token}"}
            waiting = httpx.post(url, json=asked, headers=head)
            assert (waiting.status_code, waiting.json()["error"]["code"]) == (503, "developer_half_awaited")
            assert int(waiting.headers["retry-after"]) > 0
            door = f"{address}/halves/{SUBMISSION}"
            for content, status in ((b"x", 400), (b"y" * (FILE_BYTES + 1), 400), (side.file.to_bytes(), 200)):
                assert httpx.put(door, content=content).status_code == status
            assert httpx.put(f"{address}/halves/rubbish", content=side.file.to_bytes()).status_code == 400
            assert httpx.post(url, json=asked, headers=head).status_code == 200
    assert len(side.there.requests) == 2
