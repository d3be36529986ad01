from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.framework.consent import Activity, Consent, Recipient
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import TemplateError, places, render
from seatrial.framework.papers import (
    DELETION_LIMIT,
    PLACES,
    WORDS_OF_TERMS,
    Deleted,
    Parties,
    access_receipt,
    agreement,
    data_use_schedule,
    deletion_receipt,
    withdrawal_receipt,
)
from seatrial.framework.participant import Organisation, OrganisationKind, Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, DigestBasis, Subject, TosWaiver, Variant
from seatrial.framework.terms import FIXED_TERMS, Budget, Terms
from seatrial.framework.vocabulary import check
from seatrial.framework.withdrawal import STAYS, Departed, Ended, WithdrawalReceipt
from seatrial.framework.wordings import of_document
from support.packs import NAMES, shipped

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
SUBJECT = Subject(
    id="sub-1",
    developer="lab",
    code_name="heron-7",
    variant=Variant.PRODUCT,
    digest=DIGEST,
    digest_basis=DigestBasis.DECLARED,
    access=AccessProfile(AccessForm.HOSTED_ENDPOINT, AccessLevel.AL1, model="chat | tools", hours=200),
    purposes=frozenset({Purpose.EVALUATE}),
    not_before=NOW,
    expires=NOW + timedelta(days=30),
    tos_waiver=TosWaiver("probing\nof safeguards", NOW + timedelta(days=9)),
)
CONSENT = Consent(
    id="con-1",
    subject="sub-1",
    activity=Activity.EVALUATE,
    purposes=frozenset({Purpose.EVALUATE}),
    recipients=frozenset({Recipient("bureau", Role.EVALUATOR)}),
    classes=frozenset({DataClass.M}),
    not_before=NOW,
    expires=NOW + timedelta(days=1),
    terms_digest=DIGEST,
    signer="per-1",
    given_at=NOW,
)
WITHDRAWN = WithdrawalReceipt(
    code_name="heron-7",
    subject_digests=(DIGEST,),
    received_at=NOW,
    issued_at=NOW + timedelta(seconds=40),
    leases=(Ended("lea-1", NOW + timedelta(seconds=2)),),
    runs=(Ended("run-1", NOW + timedelta(seconds=20)), Ended("run-2", None)),
    grants_ended=("gra-1",),
    deletion_due=((DataClass.T, NOW + timedelta(days=7)),),
    stays=((DataClass.L, STAYS[DataClass.L]),),
    departed=(),
    outstanding=("run-2",),
)


def parties(name: str) -> Parties:
    lab = Organisation("lab", "Lab <A> | B", OrganisationKind.DEVELOPER)
    return Parties(shipped(name), lab, Organisation("bureau", "Bureau", OrganisationKind.EVALUATOR), SUBJECT)


def written(name: str) -> dict[str, str]:
    side = parties(name)
    return {
        "agreement": agreement(side, side.pack.terms),
        "data_use_schedule": data_use_schedule(side, side.pack.terms, [CONSENT]),
        "access_receipt": access_receipt(
            side, [CONSENT], serial=1, opened_at=NOW, ends_at=NOW + timedelta(hours=9), ends_by="agreed_end"
        ),
        "withdrawal_receipt": withdrawal_receipt(side.pack, WITHDRAWN, checkpoint="example/log 42"),
        "deletion_receipt": deletion_receipt(
            side.pack, Deleted("heron-7", (DIGEST,), (("key-1", NOW),), NOW, "log 43")
        ),
    }


@pytest.mark.parametrize("name", NAMES)
def test_five_papers_of_every_pack_are_whole_and_say_no_word(name: str) -> None:
    for kind, text in written(name).items():
        assert "{{" not in text
        assert str(shipped(name).ref) in text
        assert list(map(str, check(of_document(text, kind)))) == []


def test_an_agreement_shows_every_term() -> None:
    text = agreement(parties("minimal"), Terms(budget=Budget(tokens=5, calls=7), funding="a | b"))
    assert all(words in text for words in WORDS_OF_TERMS.values())
    assert {item.name for item in fields(Terms)} == set(WORDS_OF_TERMS)
    assert all(name in text and said.replace("<", "&lt;") in text for name, said in FIXED_TERMS.items())
    assert "tokens 5, calls 7" in text
    assert "a \\| b" in text
    assert "probing of safeguards, until 2026-11-29T12:00:00Z" in text
    assert "Lab &lt;A> \\| B" in text


def test_receipts_say_what_they_cannot_show() -> None:
    papers = written("eo-14409")
    assert DELETION_LIMIT in papers["deletion_receipt"]
    assert "- run-2" in papers["withdrawal_receipt"].split("Not yet confirmed")[1]
    assert "2026-11-20T12:00:20Z" in papers["withdrawal_receipt"]
    assert "| run-2 | not known to have ended |" in papers["withdrawal_receipt"]
    assert STAYS[DataClass.L] in papers["withdrawal_receipt"]
    assert "none" in papers["withdrawal_receipt"].split("already left")[1]
    assert "No backup" in papers["deletion_receipt"]
    kept = replace(WITHDRAWN, departed=(Departed("dossier", DIGEST, "bureau", NOW),))
    told = withdrawal_receipt(shipped("minimal"), kept, checkpoint="x", under="a pack that is not known")
    assert f"| dossier | {DIGEST} | bureau | 2026-11-20T12:00:00Z |" in told
    assert "under pack a pack that is not known" in told
    dated = Deleted("heron-7", (), (), NOW, "x", oldest_backup=NOW)
    assert "is of 2026-11-20T12:00:00Z" in deletion_receipt(shipped("minimal"), dated)


@pytest.mark.parametrize("kind", PLACES)
def test_a_template_that_leaves_out_a_place_writes_nothing(kind: str) -> None:
    template = shipped("minimal").templates[kind]
    assert places(template) == PLACES[kind]
    gone = min(PLACES[kind])
    with pytest.raises(TemplateError, match=gone):
        render(template.replace(f"{{{{{gone}}}}}", ""), dict.fromkeys(PLACES[kind], "x"))


def test_a_pack_without_a_template_says_so() -> None:
    pack = replace(shipped("minimal"), templates={})
    with pytest.raises(LookupError, match="no template"):
        deletion_receipt(pack, Deleted("heron-7", (), (), NOW, "x"))
