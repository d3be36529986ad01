"""What every implementation of custody's Protocols does alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.budget import Call, Reason, Refusal, Reservation, Usage
from seatrial.custody.credential import SealedCredential
from seatrial.custody.deposit import TOKEN_TERM, TokenRefused, issue_token, use_token
from seatrial.custody.keys import KeyGone, KeyScope, Purpose, WrongHalf
from seatrial.custody.lease import LeaseRefused, LeaseState, LeaseToken, Limits, NoSuchLease, Prices, ScopeEnded
from seatrial.custody.receipt import KeptReceipt, ReceiptKind
from seatrial.custody.secret import Secret
from seatrial.custody.shred import EndedKey, Shredding
from support.sealed import HOUR, IMPLEMENTATIONS, LIMITS, NOW, OTHER, SUBMISSION, Stores, lease

if TYPE_CHECKING:
    from pathlib import Path

CALL = Call("m", 10, 10)


@pytest.fixture(params=IMPLEMENTATIONS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    return Stores(request.param, tmp_path)


def test_a_lease_comes_back_as_it_was_issued(stores: Stores) -> None:
    made, token = lease(Limits(5, 6, 7, 8, 9, 10, 7), prices=Prices(1, 2))
    made = replace(made, content_owners=None, countersigner="per-b")
    stores.leases.issue(made, NOW)
    assert stores.leases.get(made.id) == made == stores.leases.find(token)
    assert stores.leases.of_submission(SUBMISSION) == (made,)
    assert stores.leases.of_submission(OTHER) == ()
    with pytest.raises(LeaseRefused):
        stores.leases.issue(made, NOW)


def test_a_wrong_token_and_an_unknown_lease_are_answered_alike(stores: Stores) -> None:
    made, _ = lease()
    stores.leases.issue(made, NOW)
    texts = []
    for token in (LeaseToken.new(made.id), lease()[1]):
        with pytest.raises(NoSuchLease) as refused:
            stores.leases.find(token)
        texts.append(str(refused.value))
    assert len(set(texts)) == 1


@pytest.mark.parametrize(
    ("limits", "which"),
    [
        (replace(LIMITS, max_requests=1), "requests"),
        (replace(LIMITS, max_input_tokens=10), "input tokens"),
        (replace(LIMITS, max_output_tokens=10), "output tokens"),
        (replace(LIMITS, max_microdollars=40), "microdollars"),
    ],
)
def test_what_may_fit_later_waits_and_what_never_fits_is_refused(stores: Stores, limits: Limits, which: str) -> None:
    made, _ = lease(limits, prices=Prices(1_000_000, 2_000_000))
    stores.leases.issue(made, NOW)
    first = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(first, Reservation)
    waiting = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(waiting, Refusal)
    assert (waiting.status, waiting.reason, which in waiting.detail) == (429, Reason.IN_FLIGHT, True)
    assert waiting.retry_after
    stores.leases.settle(first.id, None, NOW)
    never = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(never, Refusal)
    assert (never.status, never.reason, never.retry_after) == (403, Reason.EXHAUSTED, None)


def test_settling_gives_back_what_was_not_used_and_is_idempotent(stores: Stores) -> None:
    made, _ = lease(replace(LIMITS, max_output_tokens=10))
    stores.leases.issue(made, NOW)
    first = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(first, Reservation)
    once = stores.leases.settle(first.id, Usage(3, 4), NOW)
    assert stores.leases.settle(first.id, Usage(9, 9), NOW) == once
    spend = stores.leases.spend(made.id)
    assert (spend.settled.input_tokens, spend.settled.output_tokens, spend.open_calls) == (3, 4, 0)
    assert spend.held.output_tokens == 0
    assert isinstance(stores.leases.reserve(made.id, Call("m", 1, 6), NOW), Reservation)
    with pytest.raises(LookupError):
        stores.leases.settle("res_" + "0" * 32, None, NOW)


def test_an_endpoint_that_passes_its_maximum_stops_the_lease_and_the_excess_shows(stores: Stores) -> None:
    made, _ = lease()
    stores.leases.issue(made, NOW)
    first = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(first, Reservation)
    settled = stores.leases.settle(first.id, Usage(10, 11), NOW)
    assert (settled.excess, settled.state) == (True, LeaseState.EXHAUSTED)
    assert stores.leases.spend(made.id).settled.output_tokens == 11
    refused = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(refused, Refusal)
    assert refused.status == 403


@pytest.mark.parametrize(
    ("call", "status", "reason"),
    [
        (Call("other", 1, 1), 403, Reason.MODEL),
        (Call("m", 1, None), 400, Reason.OUTPUT_UNSTATED),
        (Call("m", 1, 0), 400, Reason.OUTPUT_UNSTATED),
        (Call("m", 1, 1001), 400, Reason.OUTPUT_TOO_LARGE),
        (Call("m", 1, 1000, choices=11), 403, Reason.EXHAUSTED),
    ],
)
def test_a_call_outside_the_lease_is_refused(stores: Stores, call: Call, status: int, reason: Reason) -> None:
    made, _ = lease()
    stores.leases.issue(made, NOW)
    refused = stores.leases.reserve(made.id, call, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.reason) == (status, reason)
    assert stores.leases.spend(made.id).open_calls == 0


def test_a_lease_holds_in_its_time_only_and_its_hours_run_from_the_first_call(stores: Stores) -> None:
    made, _ = lease(replace(LIMITS, max_hours=2))
    stores.leases.issue(made, NOW)
    reasons = {when: stores.leases.reserve(made.id, CALL, NOW + when * HOUR) for when in (-1, 20, 21, 22, 24)}
    assert isinstance(reasons[20], Reservation)
    assert isinstance(reasons[21], Reservation)
    assert reasons[21].until == NOW + 22 * HOUR
    refused = {when: answer.reason for when, answer in reasons.items() if isinstance(answer, Refusal)}
    assert refused == {-1: Reason.NOT_YET, 22: Reason.EXPIRED, 24: Reason.EXPIRED}
    assert stores.leases.expire(NOW + 21 * HOUR) == 0
    assert stores.leases.expire(NOW + 22 * HOUR) == 1
    assert stores.leases.get(made.id).state is LeaseState.EXPIRED


def test_too_many_at_once_wait(stores: Stores) -> None:
    made, _ = lease(replace(LIMITS, max_concurrent=1))
    stores.leases.issue(made, NOW)
    assert isinstance(stores.leases.reserve(made.id, CALL, NOW), Reservation)
    refused = stores.leases.reserve(made.id, CALL, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.reason) == (429, Reason.CONCURRENCY)
    assert stores.leases.open_calls(SUBMISSION) == 1


def test_calls_left_by_a_crash_stay_spent_and_are_no_longer_in_flight(stores: Stores) -> None:
    made, _ = lease()
    stores.leases.issue(made, NOW)
    stores.former.reserve(made.id, CALL, NOW)
    assert stores.leases.open_calls(SUBMISSION) == 1
    assert stores.leases.abandon(NOW) == 1
    spend = stores.leases.spend(made.id)
    assert (spend.settled.output_tokens, spend.held.output_tokens, spend.open_calls) == (10, 0, 0)
    assert stores.leases.abandon(NOW) == 0


def test_revoking_reaches_the_scope_alone_and_moves_the_counter(stores: Stores) -> None:
    mine, other = lease()[0], lease(submission=OTHER)[0]
    second = lease()[0]
    for made in (mine, second, other):
        stores.leases.issue(made, NOW)
    before = stores.leases.revocations()
    assert stores.leases.revoke_scope(SUBMISSION, NOW) == 2
    assert stores.leases.revoke_scope(SUBMISSION, NOW) == 0
    assert stores.leases.revocations() == before + 2
    refused = stores.leases.reserve(mine.id, CALL, NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.REVOKED
    assert isinstance(stores.leases.reserve(other.id, CALL, NOW), Reservation)
    assert stores.leases.revoke(other.id, NOW)
    assert not stores.leases.revoke(other.id, NOW)
    stores.leases.issue(lease()[0], NOW)


def test_each_lease_says_when_it_ended_and_the_first_end_stays(stores: Stores) -> None:
    early, late, over = lease()[0], lease()[0], lease(hours=1)[0]
    for made in (early, late, over):
        stores.leases.issue(made, NOW)
    stores.leases.issue(lease(submission=OTHER)[0], NOW)
    assert {(end.state, end.at) for end in stores.leases.ends(SUBMISSION)} == {(LeaseState.ACTIVE, None)}
    minute = HOUR / 60
    stores.leases.revoke(early.id, NOW + minute)
    stores.leases.expire(NOW + 61 * minute)
    stores.leases.end_scope(SUBMISSION, NOW + 62 * minute)
    assert [(end.lease, end.state, end.at) for end in stores.leases.ends(SUBMISSION)] == [
        (early.id, LeaseState.REVOKED, NOW + minute),
        (late.id, LeaseState.REVOKED, NOW + 62 * minute),
        (over.id, LeaseState.EXPIRED, NOW + 61 * minute),
    ]


def test_a_suspended_scope_refuses_calls_and_then_goes_on_with_the_same_leases(stores: Stores) -> None:
    mine, other = lease()[0], lease(submission=OTHER)[0]
    for made in (mine, other):
        stores.leases.issue(made, NOW)
    before = stores.leases.revocations()
    for _ in range(2):
        stores.leases.suspend_scope(SUBMISSION, NOW)
        refused = stores.leases.reserve(mine.id, CALL, NOW)
        assert isinstance(refused, Refusal)
        assert (refused.reason, refused.status, refused.retry_after) == (Reason.SUSPENDED, 403, None)
    assert stores.leases.suspended(SUBMISSION) == NOW
    assert stores.leases.get(mine.id).state is LeaseState.ACTIVE
    assert stores.leases.revocations() == before
    assert isinstance(stores.leases.reserve(other.id, CALL, NOW), Reservation)
    for _ in range(2):
        stores.leases.resume_scope(SUBMISSION)
        assert isinstance(stores.leases.reserve(mine.id, CALL, NOW), Reservation)
    stores.leases.suspend_scope(SUBMISSION, NOW)
    stores.leases.revoke(mine.id, NOW)
    ended = stores.leases.reserve(mine.id, CALL, NOW)
    assert isinstance(ended, Refusal)
    assert ended.reason is Reason.REVOKED


def test_an_ended_scope_takes_nothing_any_more(stores: Stores) -> None:
    made, _ = lease()
    stores.leases.issue(made, NOW)
    token = issue_token(stores.tokens, SUBMISSION, NOW)
    assert stores.leases.end_scope(SUBMISSION, NOW) == 1
    assert stores.leases.end_scope(SUBMISSION, NOW + HOUR) == 0
    assert stores.leases.ended(SUBMISSION) == NOW
    assert stores.leases.ended(OTHER) is None
    assert stores.leases.get(made.id).state is LeaseState.REVOKED
    with pytest.raises(ScopeEnded):
        stores.leases.issue(lease()[0], NOW)
    with pytest.raises(ScopeEnded):
        stores.credentials.put(SealedCredential("crd_" + "0" * 32, SUBMISSION, b"x", NOW))
    with pytest.raises(ScopeEnded):
        stores.vault.create(KeyScope(SUBMISSION, Purpose.RECORDS), NOW)
    with pytest.raises(ScopeEnded):
        issue_token(stores.tokens, SUBMISSION, NOW)
    with pytest.raises(TokenRefused):
        use_token(stores.tokens, token.reveal().decode(), NOW)
    stores.leases.issue(lease(submission=OTHER)[0], NOW)


def test_a_deposit_token_is_good_once_and_for_its_term(stores: Stores) -> None:
    token = issue_token(stores.tokens, SUBMISSION, NOW).reveal().decode()
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    with pytest.raises(TokenRefused):
        use_token(stores.tokens, forged, NOW)
    assert use_token(stores.tokens, token, NOW) == SUBMISSION
    with pytest.raises(TokenRefused):
        use_token(stores.tokens, token, NOW)
    late = issue_token(stores.tokens, SUBMISSION, NOW).reveal().decode()
    with pytest.raises(TokenRefused):
        use_token(stores.tokens, late, NOW + TOKEN_TERM)


def test_credentials_replace_each_other_and_drop(stores: Stores) -> None:
    for sealed in (b"one", b"two"):
        stores.credentials.put(SealedCredential("crd_" + sealed.hex().ljust(32, "0"), SUBMISSION, sealed, NOW))
    assert stores.credentials.get(SUBMISSION).sealed == b"two"
    assert stores.credentials.drop(SUBMISSION) == 1
    assert stores.credentials.drop(SUBMISSION) == 0
    with pytest.raises(LookupError):
        stores.credentials.get(SUBMISSION)


def test_either_side_alone_ends_access(stores: Stores) -> None:
    for purpose, end in ((Purpose.RECORDS, stores.holder.destroy), (Purpose.CREDENTIALS, stores.developer.drop)):
        scope = KeyScope(SUBMISSION, purpose)
        dek = stores.vault.create(scope, NOW)
        assert stores.vault.open(scope, NOW) == dek == stores.vault.open_or_create(scope, NOW)
        key = stores.keys.get(scope).key
        end(key)
        with pytest.raises(KeyGone):
            stores.vault.open(scope, NOW)
        end(key)


def test_a_holder_opens_only_with_the_right_half(stores: Stores) -> None:
    key = stores.holder.create(KeyScope(SUBMISSION, Purpose.RECORDS))
    half, dek = Secret(b"\1" * 32), Secret(b"\2" * 32)
    wrapped = stores.holder.wrap(key, half, dek)
    assert len(wrapped) == 40
    assert stores.holder.unwrap(key, half, wrapped) == dek
    for other, bytes_ in (
        (Secret(b"\3" * 32), wrapped),
        (half, bytes(40)),
        (half, wrapped[:-1]),
        (Secret(b"x"), wrapped),
    ):
        with pytest.raises(WrongHalf):
            stores.holder.unwrap(key, other, bytes_)
    assert stores.holder.exists(key)
    assert stores.holder.destroy(key).was_there
    assert not stores.holder.destroy(key).was_there
    assert not stores.holder.exists(key)
    with pytest.raises(KeyGone):
        stores.holder.wrap(key, half, dek)


def test_shreddings_and_receipts_are_kept(stores: Stores) -> None:
    shredding = Shredding(
        SUBMISSION, NOW, NOW, (EndedKey("key_" + "0" * 32, "s", "sha256:" + "0" * 64),), manifests=("c",)
    )
    stores.shreddings.save(shredding)
    assert stores.shreddings.load(SUBMISSION) == shredding
    assert stores.shreddings.unfinished() == (SUBMISSION,)
    stores.shreddings.save(replace(shredding, done_at=NOW))
    assert stores.shreddings.unfinished() == ()
    assert stores.shreddings.load(OTHER) is None
    receipt = KeptReceipt(ReceiptKind.WITHDRAWAL, SUBMISSION, b"first")
    assert stores.receipts.put(receipt) == receipt
    assert stores.receipts.put(replace(receipt, envelope=b"second")) == receipt
    assert stores.receipts.owed() == (receipt,)
    stores.receipts.prove(ReceiptKind.WITHDRAWAL, SUBMISSION, b"proof")
    assert stores.receipts.owed() == ()
    assert stores.receipts.get(ReceiptKind.WITHDRAWAL, SUBMISSION) == replace(receipt, proof=b"proof")
    assert stores.receipts.get(ReceiptKind.DELETION, SUBMISSION) is None
