"""Shredding and withdrawal: proven, repeated, killed in the middle, and with every other room out of order."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.custody.budget import Call, Reservation
from seatrial.custody.credential import Endpoint
from seatrial.custody.deposit import AddressRules, deposit
from seatrial.custody.home import Records
from seatrial.custody.keys import KeyGone, KeyScope, Purpose
from seatrial.custody.lease import LeaseState, ScopeEnded
from seatrial.custody.receipt import LIMITS, NotThisReceipt, ReceiptKind, signed_receipt, verify_statement
from seatrial.custody.records import keep_record, open_record
from seatrial.custody.secret import Secret
from seatrial.custody.shred import NotShredded, Shredder, deletion_statement, prove_gone, shred_key
from seatrial.custody.withdrawal import CallsEnd, Withdrawing, receipt_event
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.log import Log
from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
from seatrial.ledger.note import LogSigner
from support.sealed import DEVELOPER, IMPLEMENTATIONS, NOW, OTHER, SUBMISSION, Stores, lease, signers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import SSlibKey

    from seatrial.custody.shred import Shredding
    from seatrial.custody.withdrawal import Appends, Part
    from seatrial.ledger.receipt import Receipt

LOG_SIGNER = LogSigner.from_seed("seatrial.example/log", bytes(range(32)))
LOG_KEY = LOG_SIGNER.verifier.text
CANARIES = (b"canary-key-7f3a", b"canary-transcript-91c2", b"canary-host.example.com")


def log() -> Log:
    return Log.open(MemoryLogStore(), LOG_SIGNER, MemoryCheckpoint())


@pytest.fixture(params=IMPLEMENTATIONS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    return Stores(request.param, tmp_path)


def filled(stores: Stores) -> str:
    """A credential, a record and a lease of the submission, and a record of another; the record's id."""
    host = CANARIES[2].decode()
    endpoint = Endpoint(f"https://{host}/v1", "openai", Secret(CANARIES[0]), "lab-a")
    rules = AddressRules(frozenset({host}))
    deposit(SUBMISSION, endpoint, rules, vault=stores.vault, credentials=stores.credentials, now=NOW)
    keep_record(stores.vault, stores.records, OTHER, b"theirs", NOW)
    stores.leases.issue(lease()[0], NOW)
    return keep_record(stores.vault, stores.records, SUBMISSION, CANARIES[1], NOW).id


def shredder(stores: Stores) -> Shredder:
    return Shredder(stores.vault, stores.leases, stores.credentials, stores.shreddings, (Records(stores.records),))


def test_after_shredding_nothing_opens_and_the_neighbour_is_untouched(stores: Stores) -> None:
    record = filled(stores)
    assert open_record(stores.vault, stores.records, SUBMISSION, record, NOW).reveal() == CANARIES[1]
    keys = stores.keys.of_submission(SUBMISSION)
    sealed = stores.credentials.get(SUBMISSION)
    done = shredder(stores).shred(SUBMISSION, NOW)
    assert {ended.key for ended in done.keys} == {key.key for key in keys}
    assert dict(done.held)["records"].count == 1
    for key in keys:
        with pytest.raises(KeyGone):
            stores.holder.unwrap(key.key, Secret(bytes(32)), key.wrapped)
        with pytest.raises(KeyGone):
            stores.developer.get(key.key, NOW)
    with pytest.raises(KeyGone):
        open_record(stores.vault, stores.records, SUBMISSION, record, NOW)
    with pytest.raises(LookupError):
        stores.credentials.get(SUBMISSION)
    with pytest.raises(ScopeEnded):
        stores.credentials.put(sealed)
    with pytest.raises(ScopeEnded):
        keep_record(stores.vault, stores.records, SUBMISSION, b"late", NOW)
    assert shredder(stores).shred(SUBMISSION, NOW) == done
    assert stores.records.measure(OTHER).count == 1
    assert len(stores.keys.of_submission(OTHER)) == 1


@pytest.mark.parametrize("half", ["government", "developer"])
def test_a_half_that_is_still_there_means_no_proof(stores: Stores, half: str) -> None:
    scope = KeyScope(SUBMISSION, Purpose.RECORDS)
    stores.vault.create(scope, NOW)
    key = stores.keys.get(scope).key
    with pytest.raises(NotShredded):
        prove_gone(stores.vault, key, NOW)
    stores.holder.destroy(key) if half == "developer" else stores.developer.drop(key)
    with pytest.raises(NotShredded, match=half):
        prove_gone(stores.vault, key, NOW)


def test_one_upload_is_shredded_alone(stores: Stores) -> None:
    first, second = (KeyScope(SUBMISSION, Purpose.WEIGHTS, "up_" + digit * 32) for digit in "12")
    for scope in (first, second):
        stores.vault.create(scope, NOW)
    shred_key(stores.vault, first, NOW)
    with pytest.raises(KeyGone):
        stores.vault.open(first, NOW)
    stores.vault.open(second, NOW)


def test_a_holding_that_does_not_go_means_no_receipt(stores: Stores) -> None:
    class Stuck(Records):
        def drop(self, submission: str) -> None:
            pass

    filled(stores)
    broken = Shredder(stores.vault, stores.leases, stores.credentials, stores.shreddings, (Stuck(stores.records),))
    with pytest.raises(NotShredded, match="records"):
        broken.shred(SUBMISSION, NOW)
    assert stores.shreddings.unfinished() == (SUBMISSION,)
    [done] = shredder(stores).resume(NOW)
    assert dict(done.held)["records"].count == 1
    assert len(done.keys) == 2


class _Killed(Records):
    """Kills its own process when it is asked to drop: what it held stays behind."""

    def drop(self, submission: str) -> None:  # noqa: ARG002 - a holding's signature
        os.kill(os.getpid(), signal.SIGKILL)


def shred_and_die(folder: Path, step: int) -> None:
    """Shred in a process of its own that kills itself at a step."""
    stores = Stores("sqlite", folder)
    steps = (stores.holder, "destroy"), (stores.developer, "drop"), (stores.keys, "drop"), (stores.credentials, "drop")
    if step < len(steps):
        place, name = steps[step]
        setattr(place, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    holding = _Killed(stores.records) if step == len(steps) else Records(stores.records)
    if step > len(steps):
        stores.shreddings.save = _dies_when_done(stores.shreddings.save)  # type: ignore[method-assign]
    Shredder(stores.vault, stores.leases, stores.credentials, stores.shreddings, (holding,)).shred(SUBMISSION, NOW)


def _dies_when_done(save: Callable[[Shredding], None]) -> Callable[[Shredding], None]:
    def saved(shredding: Shredding) -> None:
        if shredding.done_at is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        save(shredding)

    return saved


@pytest.mark.parametrize("step", range(6))
def test_a_shredding_killed_at_any_step_goes_on(step: int, tmp_path: Path) -> None:
    stores = Stores("sqlite", tmp_path)
    filled(stores)
    keys = {key.key for key in stores.keys.of_submission(SUBMISSION)}
    process = multiprocessing.get_context("fork").Process(target=shred_and_die, args=(tmp_path, step))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    again = Stores("sqlite", tmp_path)
    [done] = shredder(again).resume(NOW)
    assert {ended.key for ended in done.keys} == keys
    assert dict(done.held)["records"].count == 1
    assert again.keys.of_submission(SUBMISSION) == ()
    assert not any(again.holder.exists(key) for key in keys)


def test_planted_secrets_are_in_no_file_after_shredding_and_not_in_plain_before(tmp_path: Path) -> None:
    stores = Stores("sqlite", tmp_path)
    made, token = lease()
    stores.leases.issue(made, NOW)
    filled(stores)
    halves = [path.read_bytes() for path in tmp_path.rglob("*.half")]
    sealed = stores.credentials.get(SUBMISSION).sealed
    wrapped = [key.wrapped for key in stores.keys.of_submission(SUBMISSION)]

    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    before = everything()
    assert not any(canary in before for canary in (*CANARIES, token.secret.reveal(), token.secret.reveal()[-43:]))
    assert all(half in before for half in halves)
    assert sealed in before
    shredder(stores).shred(SUBMISSION, NOW)
    left = set(stores.holder._halves._directory.glob("*.half")) | set(
        stores.developer._halves._directory.glob("*.half")
    )
    kept = {path.read_bytes() for path in left}
    after = everything()
    gone = [half for half in halves if half not in kept]
    assert len(gone) == 4
    assert not any(secret in after for secret in (*CANARIES, *gone, sealed, *wrapped))


def deletion(stores: Stores) -> tuple[bytes, bytes, list[SSlibKey]]:
    """A deletion receipt with its proof, and the public keys."""
    filled(stores)
    service, person = signers()
    done = shredder(stores).shred(SUBMISSION, NOW)
    names = {"custody": service.public_key.keyid, "per-a": person.public_key.keyid}
    statement = deletion_statement(done, signers=names, oldest_backup=NOW)
    receipt = signed_receipt(ReceiptKind.DELETION, SUBMISSION, statement, [service, person])
    [proof] = log().append([receipt_event(receipt, DEVELOPER, NOW)])
    return receipt.envelope, proof.encode(), [service.public_key, person.public_key]


def test_a_deletion_receipt_verifies_with_public_keys_alone(stores: Stores) -> None:
    envelope, proof, keys = deletion(stores)
    verified = verify_statement(envelope, proof, keys, log_key=LOG_KEY)
    assert verified.kind is ReceiptKind.DELETION
    assert verified.statement["limits"] == LIMITS
    assert len(verified.signed_by) == 2
    assert verified.recorded is not None
    assert verified.recorded.event.kind == "deletion.done"
    assert verify_statement(envelope, None, keys).recorded is None


def test_one_signature_a_strange_key_or_a_changed_word_is_refused(tmp_path: Path) -> None:
    envelope, proof, keys = deletion(Stores("memory", tmp_path))
    stranger = signers(1)[0].public_key
    for given in (keys[:1], [keys[0], keys[0]], [keys[0], stranger], []):
        with pytest.raises(NotThisReceipt):
            verify_statement(envelope, proof, given, log_key=LOG_KEY)
    fields = json.loads(envelope)
    for change in ({"payload": fields["payload"][:-8] + "AAAAAAA="}, {"payloadType": "text/plain"}, {"signatures": []}):
        with pytest.raises(NotThisReceipt):
            verify_statement(json.dumps({**fields, **change}).encode(), proof, keys, log_key=LOG_KEY)
    for rubbish in (b"", b"{}", b"[]", b"\xff"):
        with pytest.raises(NotThisReceipt):
            verify_statement(rubbish, proof, keys, log_key=LOG_KEY)
    with pytest.raises(LedgerError):
        verify_statement(envelope, proof.replace(b"index 0", b"index 1"), keys, log_key=LOG_KEY)


def test_a_proof_of_another_receipt_and_another_limits_text_are_refused() -> None:
    both = signers()
    keys = [signer.public_key for signer in both]
    first, second = (
        signed_receipt(ReceiptKind.DELETION, SUBMISSION, {"limits": LIMITS, "nonce": nonce}, both)
        for nonce in ("1", "2")
    )
    [proof] = log().append([receipt_event(second, DEVELOPER, NOW)])
    with pytest.raises(NotThisReceipt, match="another statement"):
        verify_statement(first.envelope, proof.encode(), keys, log_key=LOG_KEY)
    altered = signed_receipt(ReceiptKind.DELETION, SUBMISSION, {"limits": "No copy was ever made."}, both)
    with pytest.raises(NotThisReceipt, match="altered"):
        verify_statement(altered.envelope, None, keys)
    with pytest.raises(ValueError, match="2 different keys"):
        signed_receipt(ReceiptKind.DELETION, SUBMISSION, {}, [both[0], both[0]])


class _Broken:
    def append(self, events: object) -> tuple[Receipt, ...]:  # noqa: ARG002 - the ledger's signature
        raise OSError("no space left: canary-detail")


class _Part:
    name = "runs stopped"

    def __init__(self, within: float, *, fails: bool = False, hangs: threading.Event | None = None) -> None:
        self.within, self.fails, self.hangs = within, fails, hangs

    def act(self, submission: str, at: datetime) -> Mapping[str, Any]:  # noqa: ARG002 - a part's signature
        if self.fails:
            raise RuntimeError("canary-detail")
        if self.hangs:
            self.hangs.wait()
        return {"runs": 4, "outstanding": ["strip_findings"]}


def withdrawing(stores: Stores, ledger: Appends | None, *parts: Part) -> tuple[Withdrawing, SSlibKey]:
    [service] = signers(1)
    return Withdrawing(stores.vault, stores.leases, stores.receipts, service, ledger, parts), service.public_key


def test_a_withdrawal_ends_everything_and_its_receipt_verifies(stores: Stores) -> None:
    record = filled(stores)
    act, key = withdrawing(stores, log(), _Part(5.0), CallsEnd(stores.leases))
    receipt = act.withdraw(SUBMISSION, DEVELOPER, NOW, {"code_name": "heron-7"})
    verified = verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY)
    said = verified.statement
    assert said["confirmed"]["runs stopped"] == {"runs": 4}
    assert said["outstanding"] == ["strip_findings: not confirmed"]
    assert (said["leases_revoked_now"], said["developer_halves_destroyed"]) == (1, 2)
    assert said["deletion_due"]["K"] == "2026-11-25T09:00:00Z"
    assert all(one.state is LeaseState.REVOKED for one in stores.leases.of_submission(SUBMISSION))
    with pytest.raises(KeyGone):
        open_record(stores.vault, stores.records, SUBMISSION, record, NOW)
    assert act.withdraw(SUBMISSION, DEVELOPER, NOW, {}) == receipt
    assert len(stores.keys.of_submission(OTHER)) == 1


@pytest.mark.parametrize("ledger", ["none", "broken"])
def test_with_every_other_room_down_the_receipt_stands_and_lists_what_is_open(stores: Stores, ledger: str) -> None:
    filled(stores)
    [made] = stores.leases.of_submission(SUBMISSION)
    assert isinstance(stores.leases.reserve(made.id, Call("m", 1, 1), NOW), Reservation)
    never = threading.Event()
    parts = (_Part(0.05, hangs=never), _Part(5.0, fails=True), CallsEnd(stores.leases, patience=0.05, look_every=0.01))
    act, key = withdrawing(stores, None if ledger == "none" else _Broken(), *parts)
    receipt = act.withdraw(SUBMISSION, DEVELOPER, NOW, {})
    never.set()
    said = verify_statement(receipt.envelope, None, [key]).statement
    assert receipt.proof is None
    assert said["outstanding"] == [
        "calls in flight ended: failed (StillOpen)",
        "ledger entry: owed",
        "runs stopped: failed (RuntimeError)",
        "runs stopped: not confirmed in time",
    ]
    assert b"canary" not in receipt.payload
    assert stores.leases.get(made.id).state is LeaseState.REVOKED
    assert stores.receipts.owed() == (receipt,)
    later = Withdrawing(stores.vault, stores.leases, stores.receipts, act.signer, log())
    assert later.settle_owed(lambda _: DEVELOPER, NOW) == 1
    proven = stores.receipts.get(ReceiptKind.WITHDRAWAL, SUBMISSION)
    assert proven is not None
    assert verify_statement(proven.envelope, proven.proof, [key], log_key=LOG_KEY).recorded is not None
    assert later.settle_owed(lambda _: DEVELOPER, NOW) == 0


def test_a_table_of_keys_out_of_order_stops_no_withdrawal(tmp_path: Path) -> None:
    stores = Stores("memory", tmp_path)
    filled(stores)
    stores.keys.of_submission = lambda _: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    act, key = withdrawing(stores, log())
    receipt = act.withdraw(SUBMISSION, DEVELOPER, NOW, {})
    said = verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY).statement
    assert said["outstanding"] == ["developer's key halves: the table of keys could not be read"]
    assert all(one.state is LeaseState.REVOKED for one in stores.leases.of_submission(SUBMISSION))


def test_the_deletion_clock_runs_once_and_shreds_when_due(stores: Stores) -> None:
    filled(stores)
    acting = shredder(stores)
    due = acting.start_clock(SUBMISSION, NOW)
    assert acting.start_clock(SUBMISSION, NOW + timedelta(hours=5)) == due == NOW + timedelta(hours=24)
    assert acting.resume(due - timedelta(seconds=1)) == ()
    [done] = acting.resume(due)
    assert done.done_at == due
