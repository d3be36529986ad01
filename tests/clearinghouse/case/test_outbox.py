"""Nothing leaves without a person, and a sign-off is for exactly one thing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.case import draft_forms
from seatrial.clearinghouse.case.notice import Fix, Notice, NotTellable, Rated
from seatrial.clearinghouse.case.outbox import Going, NotReleased, waiting
from seatrial.clearinghouse.case.pacing import OverPace, Override
from seatrial.clearinghouse.case.signoff import NotSigned, SignOffs, Subject, holds, sign
from seatrial.clearinghouse.event import Actor, Event, EventType
from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.secrecy.tlp import Labelled, NotForThem, Recipient
from seatrial.framework.data_class import Tlp
from support.cases import ANA, BEN, CLUSTER, NOW, WORKER, World, going, notice, subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatrial.clearinghouse.case.case import DraftRef

SUBJECT = Subject(
    CLUSTER,
    rating={"cvss_4": "a", "ssvc": {"E": "active"}},
    decided_by="per-ben",
    severity="high",
    representatives=("ab" * 32, "cd" * 32),
    texts={"mail": "one", "github": "two"},
    recipients=("a@x.test", "b@x.test"),
)
SIGNED = sign(SUBJECT, "per-ana", "coordinator", "read it", NOW)
CHANGES: list[dict[str, Any]] = [
    {"cluster": "C-000008"},
    {"rating": {"cvss_4": "b", "ssvc": {"E": "active"}}},
    {"rating": {"cvss_4": "a", "ssvc": {"E": "none"}}},
    {"decided_by": "per-eva"},
    {"severity": "critical"},
    {"representatives": ("ab" * 32,)},
    {"representatives": ("ab" * 32, "ce" * 32)},
    {"texts": {"mail": "one"}},
    {"texts": {"mail": "one ", "github": "two"}},
    {"texts": {"mail": "two", "github": "one"}},
    {"recipients": ("a@x.test",)},
    {"recipients": ("a@x.test", "c@x.test")},
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_what_was_signed_voids_it(change: dict[str, Any]) -> None:
    changed = replace(SUBJECT, **change)
    assert holds(SIGNED, SUBJECT)
    assert not holds(SIGNED, changed)
    with pytest.raises(NotSigned, match=r"has changed since|nobody has signed"):
        SignOffs((SIGNED,)).covering(changed)


@given(text=st.text(), at=st.integers(0, 10), name=st.text(min_size=1, max_size=5))
def test_any_other_text_voids_it(text: str, at: int, name: str) -> None:
    texts = {"mail": "one"[:at] + text + "one"[at:], "github": "two"}
    assert holds(SIGNED, replace(SUBJECT, texts=texts)) == (texts == SUBJECT.texts)
    assert not holds(SIGNED, replace(SUBJECT, texts={**SUBJECT.texts, f"{name}.": "more"}))


def test_order_says_nothing() -> None:
    turned = replace(SUBJECT, recipients=SUBJECT.recipients[::-1], representatives=SUBJECT.representatives[::-1])
    assert holds(SIGNED, turned)


@pytest.mark.parametrize(
    ("about", "person", "role", "reason", "says"),
    [
        (SUBJECT, "per-ben", "coordinator", "mine", "somebody else signs"),
        (SUBJECT, "worker:auto", "runner", "score 0.99", "a person signs off"),
        (SUBJECT, "per-ana", "runner", "as a service", "a person signs off"),
        (SUBJECT, "per-ana", "wizard", "why", "is no role"),
        (SUBJECT, "per-ana", "analyst", "  ", "gives a reason"),
        (replace(SUBJECT, severity=""), "per-ana", "analyst", "why", "rating is not decided"),
        (replace(SUBJECT, texts={}), "per-ana", "analyst", "why", "no text or no recipient"),
        (replace(SUBJECT, recipients=()), "per-ana", "analyst", "why", "no text or no recipient"),
    ],
)
def test_who_cannot_sign_is_told_why(about: Subject, person: str, role: str, reason: str, says: str) -> None:
    with pytest.raises(NotSigned, match=says):
        sign(about, person, role, reason, NOW)


def test_below_high_the_decider_may_sign() -> None:
    about = replace(SUBJECT, severity="medium")
    assert holds(sign(about, "per-ben", "analyst", "small", NOW), about)


def test_a_word_that_the_decider_of_a_serious_rating_has_got_in_covers_nothing() -> None:
    theirs = replace(SIGNED, person=SUBJECT.decided_by)
    assert theirs.digest == SUBJECT.digest
    assert not holds(theirs, SUBJECT)
    with pytest.raises(NotSigned):
        SignOffs((theirs,)).covering(SUBJECT)


def test_a_sign_off_is_events_and_can_be_taken_back() -> None:
    first = Event.following(None, CLUSTER, EventType.SIGNED_OFF, SIGNED.body(), ANA, NOW, bytes(16))
    voided = {"digest": SIGNED.digest, "reason": "the vendor called"}
    back = Event.following(first, CLUSTER, EventType.SIGN_OFF_VOIDED, voided, ANA, NOW, bytes(16))
    again = Event.following(back, CLUSTER, EventType.SIGNED_OFF, SIGNED.body(), ANA, NOW, bytes(16))
    assert SignOffs.of([first]).covering(SUBJECT) == SIGNED
    with pytest.raises(NotSigned, match="taken back: the vendor called"):
        SignOffs.of([first, back]).covering(SUBJECT)
    assert SignOffs.of([first, back, again]).covering(SUBJECT) == SIGNED


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def drafted(world: World, form: str = "mail", **changed: Any) -> DraftRef:  # noqa: ANN401 - any field of a notice
    case = world.opened(changed.get("cluster", CLUSTER))
    return world.outbox.make(notice(case.case_id, **changed), form, "acme", ANA, world.now)


def test_a_draft_that_is_signed_off_becomes_a_file_once(world: World) -> None:
    draft = drafted(world)
    case = world.book.case("SC-2026-0001")
    assert waiting(case) == (draft,)
    assert world.outbox.make(notice(case.case_id), "mail", "acme", ANA, world.now) == draft
    gone = world.outbox.release(case.case_id, draft.id, going(world, draft), ANA, NOW)
    assert gone.path.read_bytes() == world.outbox.content(draft)
    assert gone.path.stat().st_mode & 0o777 == 0o600
    case = world.book.case(case.case_id)
    assert (waiting(case), case.drafts[draft.id].released_by) == ((), "per-ana")
    assert list(world.paces.bucket("sec@acme.test").open_roots) == [CLUSTER]
    with pytest.raises(NotReleased, match="let go already, by per-ana"):
        world.outbox.release(case.case_id, draft.id, going(world, draft), ANA, NOW)


Change = "Callable[[World, DraftRef], tuple[Going, Actor]]"


def refusals() -> list[tuple[str, Callable[[World, Any], tuple[Going, Actor]], type[Exception], str]]:
    """What is wrong, how it comes about, and what is said of it."""
    stranger = (Recipient("sec@acme.test", "rival"),)
    two = (Recipient("sec@acme.test", "acme"), Recipient("press@news.test", "news"))
    exploit = Labelled("proof.bin", Tlp.TLP_RED, frozenset({"per-ana"}))
    narrow = Labelled("excerpt", Tlp.TLP_AMBER, frozenset({"house"}))
    return [
        ("unsigned", lambda w, d: (going(w, d, signer=""), ANA), NotSigned, "nobody has signed it off"),
        ("worker", lambda w, d: (going(w, d), WORKER), NotReleased, "a person lets it go"),
        (
            "rating changed",
            lambda w, d: (replace(going(w, d), subject=subject(w, d, rating={"cvss_4": "other"})), ANA),
            NotSigned,
            "has changed since",
        ),
        (
            "another text",
            lambda w, d: (replace(going(w, d), subject=subject(w, d, texts={"mail": "short"})), ANA),
            NotReleased,
            "its text is not the one",
        ),
        ("others too", lambda w, d: (going(w, d, recipients=two), ANA), NotReleased, "the case's contact is"),
        ("nobody", lambda w, d: (going(w, d, recipients=()), ANA), NotReleased, "for nobody"),
        ("a stranger", lambda w, d: (going(w, d, recipients=stranger), ANA), NotReleased, "rival takes no part"),
        ("label", lambda w, d: (going(w, d, label=Tlp.TLP_GREEN), ANA), NotForThem, "the bundle only TLP:GREEN"),
        ("red", lambda w, d: (going(w, d, things=(exploit,)), ANA), NotForThem, "proof.bin"),
        ("audience", lambda w, d: (going(w, d, things=(narrow,)), ANA), NotForThem, "does not reach sec@acme.test"),
    ]


@pytest.mark.parametrize(("what", "make", "kind", "says"), refusals(), ids=[one[0] for one in refusals()])
def test_what_does_not_leave_says_why_and_leaves_no_trace(
    world: World, what: str, make: Callable[[World, Any], tuple[Going, Actor]], kind: type[Exception], says: str
) -> None:
    del what
    draft = drafted(world)
    before = world.book.events("SC-2026-0001")
    asked, person = make(world, draft)
    with pytest.raises(kind, match=says):
        world.outbox.release("SC-2026-0001", draft.id, asked, person, NOW)
    assert world.book.events("SC-2026-0001") == before
    assert not (world.folder / "outbox").exists()
    assert not world.paces.bucket("sec@acme.test").open_roots


def test_over_the_pace_goes_only_what_a_named_person_lets_go(world: World) -> None:
    for number in range(3):
        draft = drafted(world, cluster=f"C-00000{number}")
        world.outbox.release(f"SC-2026-000{number + 1}", draft.id, going(world, draft), ANA, NOW)
    fourth = drafted(world, cluster="C-000004")
    with pytest.raises(OverPace, match="3 of 3 reports are open"):
        world.outbox.release("SC-2026-0004", fourth.id, going(world, fourth), ANA, NOW)
    override = Override("C-000004", "per-ana", "attacks are seen", NOW)
    world.outbox.release("SC-2026-0004", fourth.id, going(world, fourth), ANA, NOW, override)
    assert world.paces.bucket("SEC@acme.test ").over == ("C-000004",)


def test_a_release_that_was_killed_half_way_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = drafted(world)
    monkeypatch.setattr(world.outbox, "_write", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        world.outbox.release("SC-2026-0001", draft.id, going(world, draft), ANA, NOW)
    monkeypatch.undo()
    world.outbox.release("SC-2026-0001", draft.id, going(world, draft), ANA, NOW)
    assert len(world.paces.bucket("sec@acme.test").open_roots) == 1


def test_each_form_carries_all_that_a_maintainer_needs(world: World) -> None:
    case = world.opened()
    told = notice(
        case.case_id,
        variants=("C-000007 by way of read_all()",),
        fix=Fix("--- a\n+++ b\n", AiOrigin.GENERATED, "stopped all 4 proofs, tests green"),
        proof="sha256 " + "ab" * 32,
        own_harness=True,
        references=("CVE-2026-1",),
        rated=Rated("high", "CVSS:4.0/AV:N", "", "CWE-787", "per-ben", ("rule-floor: high", "per-eva: high")),
    )
    for form in draft_forms.FORMS:
        said = draft_forms.FORMS[form](told).decode()
        for needed in (
            *("SC-2026-0001", "TLP:AMBER+STRICT", "run parser proof.bin", "< 1.4.2", "per-eva: high", "CWE-787"),
            *(
                "written by an AI model",
                "The patch",
                "stopped all 4 proofs",
                "2027-03-01 10:00:00 +01:00 (Europe/Berlin)",
            ),
            *(
                "answer STOP",
                "house-1 2026.1",
                "harness is the finder's own",
                "is not in this message",
                "by way of read_all",
            ),
        ):
            assert needed in said, (form, needed)
    body = json.loads(draft_forms.github(told))
    assert set(body) <= {
        *(
            "summary",
            "description",
            "vulnerabilities",
            "cwe_ids",
            "severity",
            "cvss_vector_string",
            "start_private_fork",
        ),
    }
    assert ("severity" in body) is not ("cvss_vector_string" in body)
    assert draft_forms.key(told) in json.loads(draft_forms.vince(told))["tracking"]
    assert draft_forms.key(told) == draft_forms.key(replace(told, title="other"))


def test_a_report_that_vince_would_not_take_is_refused(world: World) -> None:
    case = world.opened()
    with pytest.raises(NotTellable, match="VINCE takes 10485760"):
        draft_forms.vince(notice(case.case_id, steps="a" * (11 * 2**20)))


@pytest.mark.parametrize(
    "lacking",
    [
        {"steps": " "},
        {"steps": "", "reviewers": ("per-a",)},
        {"rated": Rated("")},
        {"rated": Rated("high")},
        {"pace": ""},
        {"reply_to": ""},
    ],
)
def test_a_notice_that_lacks_something_is_none(lacking: dict[str, Any]) -> None:
    with pytest.raises(NotTellable):
        notice("SC-2026-0001", **lacking)
    assert notice("SC-2026-0001", steps="", reviewers=("per-a", "per-b"))


@given(st.text(max_size=80))
def test_text_of_a_finder_adds_no_header_and_steers_no_terminal(said: str) -> None:
    made = draft_forms.mail(notice("SC-2026-0001", title=said, root=f"{said}\n{said}", product=said)).decode()
    head, _, body = made.partition("\n\n")
    assert len(head.splitlines()) == 1
    assert body.startswith("This is about one root cause")
    assert all(char in {"\n", "\t"} or char.isprintable() for char in made)


def test_a_form_that_somebody_else_makes_goes_the_same_way(world: World, tmp_path: Path) -> None:
    def csaf(told: Notice) -> bytes:
        return json.dumps({"document": {"title": told.title}}).encode()

    outbox = type(world.outbox)(world.book, world.paces, world.blobs, tmp_path / "out", {"csaf": csaf})
    case = world.opened()
    with pytest.raises(NotReleased, match="no form 'mail'; there are csaf"):
        outbox.make(notice(case.case_id), "mail", "acme", ANA, NOW)
    draft = outbox.make(notice(case.case_id), "csaf", "acme", BEN, NOW)
    assert outbox.release(case.case_id, draft.id, going(world, draft), ANA, NOW).path.name.endswith("_csaf.json")
