"""One suite over every store of uploads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.custody.lease import ScopeEnded
from seatrial.custody.lease_store import LeaseStore, MemoryLeaseStore
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_leases import SqliteLeaseStore
from seatrial.custody.upload_store import (
    MemoryUploadStore,
    SqliteUploadStore,
    UploadRefused,
    UploadStore,
    UploadToken,
    admitted,
    open_upload,
    renew_token,
)

SUBMISSION, OTHER = "sub_" + "5" * 32, "sub_" + "6" * 32
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[UploadStore, LeaseStore]:
    if request.param == "memory":
        leases = MemoryLeaseStore()
        return MemoryUploadStore(leases.ended), leases
    file = CustodyFile(tmp_path / "custody.sqlite3")
    return SqliteUploadStore(file), SqliteLeaseStore(file)


def said(token: UploadToken) -> str:
    return token.secret.reveal().decode()


def test_a_token_is_good_for_its_own_upload_and_term(stores: tuple[UploadStore, LeaseStore]) -> None:
    store, _ = stores
    mine, theirs = open_upload(store, SUBMISSION, NOW), open_upload(store, OTHER, NOW)
    assert admitted(store, mine.upload, said(mine), NOW).submission == SUBMISSION
    late = NOW + timedelta(days=14)
    refused = []
    for upload, text, now in (
        (theirs.upload, said(mine), NOW),
        ("upl_" + "0" * 32, said(mine), NOW),
        ("../x", said(mine), NOW),
        (mine.upload, said(mine)[:-1], NOW),
        (mine.upload, said(mine), late),
        (mine.upload, "", NOW),
    ):
        with pytest.raises(UploadRefused) as fault:
            admitted(store, upload, text, now)
        refused.append(str(fault.value))
    assert len(set(refused)) == 1


def test_a_new_token_ends_the_former_one(stores: tuple[UploadStore, LeaseStore]) -> None:
    store, _ = stores
    first = open_upload(store, SUBMISSION, NOW)
    second = renew_token(store, first.upload, NOW + timedelta(days=1))
    assert admitted(store, first.upload, said(second), NOW + timedelta(days=2)).opened_at == NOW
    with pytest.raises(UploadRefused):
        admitted(store, first.upload, said(first), NOW)
    store.dropped(first.upload, NOW)
    store.dropped(first.upload, NOW + timedelta(days=1))
    assert store.get(first.upload).dropped_at == NOW
    with pytest.raises(UploadRefused, match="dropped"):
        renew_token(store, first.upload, NOW)


def test_no_upload_is_opened_after_the_end_of_the_scope(stores: tuple[UploadStore, LeaseStore]) -> None:
    store, leases = stores
    token = open_upload(store, SUBMISSION, NOW)
    leases.end_scope(SUBMISSION, NOW)
    with pytest.raises(ScopeEnded):
        open_upload(store, SUBMISSION, NOW)
    with pytest.raises(ScopeEnded):
        renew_token(store, token.upload, NOW)
    open_upload(store, OTHER, NOW)
    assert [upload.id for upload in store.of_submission(SUBMISSION)] == [token.upload]
