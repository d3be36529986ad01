"""Shredding and withdrawal: proven, repeated, killed in the middle, and with every other room out of order."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.budget import Call, Reservation
from seatrial.custody.credential import Endpoint
from seatrial.custody.deposit import AddressRules, deposit
from seatrial.custody.home import Records, public_key_of
from seatrial.custody.keys import KeyGone, KeyScope, Purpose
from seatrial.custody.lease import LeaseState, ScopeEnded
from seatrial.custody.printed import paper
from seatrial.custody.receipt import LIMITS, KeptReceipt, NotThisReceipt, ReceiptKind, signed_receipt, verify_statement
from seatrial.custody.records import keep_record, open_record
from seatrial.custody.secret import Secret
from seatrial.custody.shred import Known, NotShredded, Shredder, deletion_statement, prove_gone, shred_key
from seatrial.custody.withdrawal import CallsEnd, Withdrawing, receipt_event
from seatrial.custody.withdrawn import Told, stated
from seatrial.framework.data_class import DataClass
from seatrial.framework.vocabulary import check
from seatrial.framework.withdrawal import Departed, Ended, deletion_due
from seatrial.framework.wordings import of_document
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.log import Log
from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
from seatrial.ledger.note import LogSigner
from support.packs import shipped
from support.sealed import DEVELOPER, IMPLEMENTATIONS, NOW, OTHER, SUBMISSION, Stores, lease, signers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from securesystemslib.signer import SSlibKey

    from seatrial.custody.shred import Shredding
    from seatrial.custody.withdrawal import Appends, Part
    from seatrial.ledger.event import Actor
    from seatrial.ledger.receipt import Receipt

LOG_SIGNER = LogSigner.from_seed("seatrial.example/log", bytes(range(32)))
FIRST = Path(__file__).parent / "first_receipts"
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
    with pytest.raises(NotThisReceipt, match="bytes"):
        verify_statement(json.dumps(fields).encode(), proof, keys, log_key=LOG_KEY)
    for change in ({"payload": fields["payload"][:-8] + "AAAAAAA="}, {"payloadType": "text/plain"}, {"signatures": []}):
        changed = json.dumps({**fields, **change}, indent=1).encode() + b"\n"
        with pytest.raises(NotThisReceipt):
            verify_statement(changed, proof, keys, log_key=LOG_KEY)
    for rubbish in (b"", b"{}", b"[]", b"\xff"):
        with pytest.raises(NotThisReceipt):
            verify_statement(rubbish, proof, keys, log_key=LOG_KEY)
    with pytest.raises(LedgerError):
        verify_statement(envelope, proof.replace(b"index 0", b"index 1"), keys, log_key=LOG_KEY)


def test_a_change_of_any_byte_of_an_envelope_or_proof_is_refused(tmp_path: Path) -> None:
    envelope, proof, keys = deletion(Stores("memory", tmp_path))
    bits = random.Random(20261124)
    places = [(which, place) for which, whole in enumerate((envelope, proof)) for place in range(len(whole))]
    assert len(places) > 2000
    for which, place in places:
        changed = [bytearray(envelope), bytearray(proof)]
        changed[which][place] ^= 1 << bits.randrange(8)
        with pytest.raises((NotThisReceipt, LedgerError)):
            verify_statement(bytes(changed[0]), bytes(changed[1]), keys, log_key=LOG_KEY)


def test_a_deletion_receipt_names_all_that_is_gone_and_its_paper_says_it(stores: Stores) -> None:
    filled(stores)
    wrapped = {key.key: key.digest for key in stores.keys.of_submission(SUBMISSION)}
    both = signers()
    done = shredder(stores).shred(SUBMISSION, NOW)
    known = Known("heron-7", ("sha256:" + "5" * 64,), "minimal 2026.1", ("sha256:" + "c" * 64,))
    said = deletion_statement(done, signers={}, oldest_backup=None, known=known)
    assert {key["key"]: key["wrapped_digest"] for key in said["keys"]} == wrapped
    assert (said["credentials"], said["held"]["records"]["count"]) == (1, 1)
    assert said["manifests"] == list(known.manifests)
    assert (said["oldest_backup"], said["backups"]) == (None, "No backup that may hold sealed bytes is known.")
    receipt = signed_receipt(ReceiptKind.DELETION, SUBMISSION, said, both)
    text = paper(receipt, shipped("minimal"))
    for word in ("heron-7", LIMITS, said["backups"], *wrapped, *wrapped.values(), *known.manifests, "records: 1, "):
        assert word in text
    dated = deletion_statement(done, signers={}, oldest_backup=NOW, known=known)
    assert "is of 2026-11-24T09:00:00Z" in paper(
        signed_receipt(ReceiptKind.DELETION, SUBMISSION, dated, both), shipped("minimal")
    )


def test_receipts_of_the_first_form_still_verify_and_are_shown_as_they_are() -> None:
    """The files as the first form was issued: fixed bytes and keys, not made by today's code."""
    for kind, keys in (("withdrawal", ("custody",)), ("deletion", ("custody", "person"))):
        envelope, proof = ((FIRST / f"{kind}.{ending}").read_bytes() for ending in ("dsse.json", "tlog-proof"))
        public = [public_key_of(FIRST / f"{key}.pub.pem") for key in keys]
        verified = verify_statement(envelope, proof, public, log_key=(FIRST / "log.vkey").read_text().strip())
        assert (verified.kind.value, verified.statement["v"]) == (kind, 1)
        assert verified.recorded is not None
        kept = KeptReceipt(verified.kind, verified.statement["submission"], envelope, proof)
        assert json.loads(paper(kept, shipped("minimal"))) == verified.statement


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


LEFT = Departed("dossier", "sha256:" + "d" * 64, "bureau", NOW - timedelta(days=1))


class _Part:
    confirms = ("cancel_jobs", "kill_boxes")

    def __init__(self, within: float, *, fails: bool = False, hangs: threading.Event | None = None) -> None:
        self.within, self.fails, self.hangs = within, fails, hangs

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:  # noqa: ARG002 - a part's own
        tell(Told("heron-7", ("sha256:" + "5" * 64,), "minimal 2026.1", runs=(Ended("run-1", None),)))
        if self.fails:
            raise RuntimeError("canary-detail")
        if self.hangs:
            self.hangs.wait()
        tell(Told(runs=(Ended("run-1", at + timedelta(seconds=3)),), grants=("gra-1",), departed=(LEFT,)))


class _House(_Part):
    confirms = ("end_grants", "void_votes", "drop_exports", "strip_findings", "start_deletion")

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:  # noqa: ARG002 - a part's own
        tell(Told(holds=frozenset({DataClass.R}), outstanding=frozenset({"strip_findings"})))


def withdrawing(stores: Stores, ledger: Appends | None, *parts: Part) -> tuple[Withdrawing, SSlibKey]:
    [service] = signers(1)
    return Withdrawing(stores.vault, stores.leases, stores.receipts, service, ledger, parts), service.public_key


def developer(_: str) -> Actor:
    return DEVELOPER


def test_a_withdrawal_ends_everything_and_its_receipt_verifies(stores: Stores) -> None:
    record = filled(stores)
    [live] = stores.leases.of_submission(SUBMISSION)
    early = lease()[0]
    stores.leases.issue(early, NOW)
    stores.leases.revoke(early.id, NOW - timedelta(hours=1))
    keys = {key.key for key in stores.keys.of_submission(SUBMISSION)}
    ticks = iter(range(100))
    act, key = withdrawing(stores, log(), _Part(50.0), _House(50.0), CallsEnd(stores.leases))
    act = replace(act, clock=lambda: float(next(ticks)) / 10)
    receipt = act.withdraw(SUBMISSION, developer, NOW)
    verified = verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY)
    said = stated(verified.statement)
    ends = {one.id: one.at for one in said.leases}
    assert ends[early.id] == NOW - timedelta(hours=1)
    assert NOW < (ends[live.id] or NOW) < NOW + timedelta(seconds=5)
    assert said.runs == (Ended("run-1", NOW + timedelta(seconds=3)),)
    assert (said.grants_ended, said.departed, said.outstanding) == (("gra-1",), (LEFT,), ("strip_findings",))
    assert (said.code_name, said.subject_digests) == ("heron-7", ("sha256:" + "5" * 64,))
    assert {kept for kept, _ in said.stays} == {DataClass.P, DataClass.L, DataClass.R}
    assert dict(said.deletion_due) == deletion_due(NOW)
    assert set(verified.statement["developer_halves_destroyed"]) == keys
    assert all(one.state is LeaseState.REVOKED for one in stores.leases.of_submission(SUBMISSION))
    with pytest.raises(KeyGone):
        open_record(stores.vault, stores.records, SUBMISSION, record, NOW)
    assert replace(act, clock=time.monotonic).withdraw(SUBMISSION, developer, NOW) == receipt
    assert len(stores.keys.of_submission(OTHER)) == 1


def test_the_paper_beside_the_receipt_says_what_the_statement_says(stores: Stores) -> None:
    filled(stores)
    act, _ = withdrawing(stores, log(), _Part(50.0), _House(50.0), CallsEnd(stores.leases))
    receipt = act.withdraw(SUBMISSION, developer, NOW)
    text = paper(receipt, shipped("minimal"))
    [made] = stores.leases.of_submission(SUBMISSION)
    for word in ("heron-7", "minimal 2026.1", f"| {made.id} | 2026-11-24T09:00:0", "- gra-1", "- strip_findings"):
        assert word in text
    assert "| run-1 | 2026-11-24T09:00:03Z |" in text
    assert f"| dossier | {LEFT.digest} | bureau | 2026-11-23T09:00:00Z |" in text
    assert f"holds {receipt.ref}" in text
    assert list(map(str, check(of_document(text, "withdrawal_receipt")))) == []
    assert "owed: the ledger" in paper(replace(receipt, proof=None), shipped("minimal"))


@pytest.mark.parametrize("ledger", ["none", "broken"])
def test_with_every_other_room_down_the_receipt_stands_and_lists_what_is_open(stores: Stores, ledger: str) -> None:
    filled(stores)
    [made] = stores.leases.of_submission(SUBMISSION)
    assert isinstance(stores.leases.reserve(made.id, Call("m", 1, 1), NOW), Reservation)
    never = threading.Event()
    house = _House(5.0, fails=True)
    house.act = _Part(5.0, fails=True).act  # type: ignore[method-assign]
    calls = CallsEnd(stores.leases, patience=0.05, look_every=0.01)
    act, key = withdrawing(stores, None if ledger == "none" else _Broken(), _Part(0.05, hangs=never), house, calls)
    receipt = act.withdraw(SUBMISSION, developer, NOW)
    never.set()
    said = verify_statement(receipt.envelope, None, [key]).statement
    assert receipt.proof is None
    late, failed = ("cancel_jobs", "kill_boxes"), house.confirms
    assert set(said["outstanding"]) == {*late, *failed, "cut_calls", "run-1", "ledger entry: owed"}
    assert said["why"] == {
        **dict.fromkeys(late, "not confirmed in time"),
        **dict.fromkeys(failed, "failed (RuntimeError)"),
        "cut_calls": "failed (StillOpen)",
    }
    assert said["runs"] == [{"id": "run-1", "ended_at": None}]
    assert b"canary" not in receipt.payload
    assert stores.leases.get(made.id).state is LeaseState.REVOKED
    assert stores.receipts.owed() == (receipt,)
    later = Withdrawing(stores.vault, stores.leases, stores.receipts, act.signer, log())
    assert later.settle_owed(developer, NOW) == 1
    proven = stores.receipts.get(ReceiptKind.WITHDRAWAL, SUBMISSION)
    assert proven is not None
    assert verify_statement(proven.envelope, proven.proof, [key], log_key=LOG_KEY).recorded is not None
    assert later.settle_owed(developer, NOW) == 0


def test_a_table_of_keys_out_of_order_stops_no_withdrawal(tmp_path: Path) -> None:
    stores = Stores("memory", tmp_path)
    filled(stores)
    stores.keys.of_submission = lambda _: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    act, key = withdrawing(stores, log(), _House(5.0))
    receipt = act.withdraw(SUBMISSION, developer, NOW)
    said = verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY).statement
    assert "destroy_key_half" in said["outstanding"]
    assert said["why"]["destroy_key_half"] == "failed (ZeroDivisionError)"
    assert all(one.state is LeaseState.REVOKED for one in stores.leases.of_submission(SUBMISSION))


@pytest.mark.parametrize("stuck", ["leases", "halves"])
def test_of_leases_and_halves_neither_waits_for_the_other(
    stores: Stores, stuck: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = filled(stores)
    [made] = stores.leases.of_submission(SUBMISSION)
    never = threading.Event()
    place, name = (stores.leases, "end_scope") if stuck == "leases" else (stores.developer, "drop")
    setattr(place, name, lambda *_: never.wait())
    monkeypatch.setattr("seatrial.custody.withdrawal.FIRST_WITHIN_S", 0.3)
    act, _ = withdrawing(stores, log(), _House(5.0))
    said = act.withdraw(SUBMISSION, developer, NOW).statement
    never.set()
    if stuck == "leases":
        assert {"revoke_leases", "close_gateway", made.id} <= set(said["outstanding"])
        with pytest.raises(KeyGone):
            open_record(stores.vault, stores.records, SUBMISSION, record, NOW)
    else:
        assert "destroy_key_half" in said["outstanding"]
        assert stores.leases.get(made.id).state is LeaseState.REVOKED


def test_with_custodys_own_file_locked_the_halves_are_destroyed_and_the_receipt_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = Stores("sqlite", tmp_path)
    filled(stores)
    for name in ("FIRST_WITHIN_S", "KEPT_WITHIN_S"):
        monkeypatch.setattr(f"seatrial.custody.withdrawal.{name}", 0.5)
    act, key = withdrawing(stores, log(), _House(0.5))
    with closing(sqlite3.connect(stores.file.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        receipt = act.withdraw(SUBMISSION, developer, NOW)
        said = verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY).statement
        assert said["why"]["revoke_leases"] == "not confirmed in time"
        assert len(said["developer_halves_destroyed"]) == 2
        assert not any(stores.developer._halves.exists(key) for key in said["developer_halves_destroyed"])
        assert len(said["leases"]) == 1
    act.withdraw(SUBMISSION, developer, NOW)
    assert stores.leases.ended(SUBMISSION) is not None
    assert stores.receipts.get(ReceiptKind.WITHDRAWAL, SUBMISSION) is not None


def test_a_store_that_keeps_no_receipt_holds_up_none(stores: Stores) -> None:
    filled(stores)
    stores.receipts.put = lambda _: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    act, key = withdrawing(stores, log(), _House(5.0))
    receipt = act.withdraw(SUBMISSION, developer, NOW)
    assert verify_statement(receipt.envelope, receipt.proof, [key], log_key=LOG_KEY).recorded is not None
    assert stores.receipts.get(ReceiptKind.WITHDRAWAL, SUBMISSION) is None


def test_the_deletion_clock_runs_once_and_shreds_when_due(stores: Stores) -> None:
    filled(stores)
    acting = shredder(stores)
    due = acting.start_clock(SUBMISSION, NOW)
    assert acting.start_clock(SUBMISSION, NOW + timedelta(hours=5)) == due == NOW + timedelta(hours=24)
    assert acting.resume(due - timedelta(seconds=1)) == ()
    [done] = acting.resume(due)
    assert done.done_at == due
