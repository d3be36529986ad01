"""The small records: what each refuses, and where it ends."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seatrial.framework
from seatrial.framework.consent import Activity, BadConsent, Consent, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass, Tlp, Untagged, classed, classes_of, strip
from seatrial.framework.document import Document, TemplateError, render
from seatrial.framework.identifier import BadDigest, BadIdentifier, check_id, check_reference
from seatrial.framework.instant import EmptySpan, NaiveTime, check_date, instant, utc, within
from seatrial.framework.participant import Assignment, Membership, Organisation, OrganisationKind, Recusal, Role
from seatrial.framework.purpose import FORBIDDEN_PURPOSES, BadPurpose, Purpose, purpose
from seatrial.framework.request import Asked, EvaluationRequest, GrantProposal, Result, askers, proposals
from seatrial.framework.subject import (
    AccessForm,
    AccessLevel,
    AccessProfile,
    DigestBasis,
    Subject,
    TosWaiver,
    Variant,
)
from seatrial.framework.terms import BadTerms, Budget, Terms
from seatrial.framework.two_key import RULES, VOTE_HOURS, KeyAction, KeyRequest, KeyRule, Vote

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EARLY, LATE = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - hypothesis adds the zones
DIGEST = "sha256:" + "0" * 64
ROOM = Path(seatrial.framework.__file__).parent


def subject(**changes: object) -> Subject:
    made = Subject(
        id="sub-1",
        developer="lab",
        code_name="heron-7",
        variant=Variant.PRODUCT,
        digest=DIGEST,
        digest_basis=DigestBasis.DECLARED,
        access=AccessProfile(AccessForm.HOSTED_ENDPOINT, AccessLevel.AL1),
        purposes=frozenset({Purpose.EVALUATE}),
        not_before=NOW,
        expires=NOW + 30 * DAY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def consent(**changes: object) -> Consent:
    made = Consent(
        id="con-1",
        subject="sub-1",
        activity=Activity.EVALUATE,
        purposes=frozenset({Purpose.EVALUATE}),
        recipients=frozenset({Recipient("bureau", Role.EVALUATOR)}),
        classes=frozenset({DataClass.M}),
        not_before=NOW,
        expires=NOW + DAY,
        terms_digest=DIGEST,
        signer="per-1",
        given_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def grant(**changes: object) -> Grant:
    made = Grant(
        id="gra-1",
        consent="con-1",
        object="obj-1",
        data_class=DataClass.M,
        actions=frozenset({Action.READ}),
        organisation="bureau",
        role=Role.EVALUATOR,
        purpose=Purpose.EVALUATE,
        not_before=NOW,
        expires=NOW + DAY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def test_times_without_a_zone_name_their_field() -> None:
    for make in (lambda: utc(datetime(2026, 1, 1), "x.at"), lambda: instant("2026-01-01", "x.at")):  # noqa: DTZ001
        with pytest.raises(NaiveTime, match=r"x\.at"):
            make()
    with pytest.raises(NaiveTime, match=r"x\.at"):
        utc(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "x.at")
    with pytest.raises(NaiveTime, match=r"consent\.not_before"):
        consent(not_before=datetime(2026, 1, 1))  # noqa: DTZ001


@settings(deadline=None)
@given(st.datetimes(timezones=st.timezones(), min_value=EARLY, max_value=LATE))
def test_utc_is_the_same_instant(value: datetime) -> None:
    assert utc(value, "at").timestamp() == value.timestamp()
    assert utc(value, "at").utcoffset() == timedelta(0)


def test_intervals_are_half_open() -> None:
    assert [within(NOW, NOW + DAY, NOW + shift) for shift in (-DAY, 0 * DAY, DAY)] == [False, True, False]
    assert within(NOW, None, NOW + 9999 * DAY)


def test_dates_of_facts() -> None:
    assert [check_date(text, "d") for text in ("2024", "2026-05", "2028-02-29")] == ["2024", "2026-05", "2028-02-29"]
    for text in ("24", "2026-13", "2027-02-29", "2026/05/05", ""):
        with pytest.raises(ValueError, match="d:"):
            check_date(text, "d")


def test_digests_ids_and_references() -> None:
    for wrong in ("", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "md5:0", DIGEST + "\n"):
        with pytest.raises(BadDigest, match="digest"):
            subject(digest=wrong)
    for wrong in ("", "Upper", "a b", "a" * 65, "-a", "a\n", "ä"):
        with pytest.raises(BadIdentifier):
            check_id(wrong, "id")
    assert check_id("sub_" + "0" * 32, "id")
    with pytest.raises(BadIdentifier) as caught:
        check_reference("SECRET//words", "reference")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(FORBIDDEN_PURPOSES))
def test_forbidden_purposes(name: str) -> None:
    with pytest.raises(BadPurpose, match="no consent"):
        purpose(name, "x")


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        (EmptySpan, {"expires": NOW}),
        (BadPurpose, {"purposes": frozenset()}),
        (BadPurpose, {"purposes": frozenset({"train"})}),
        (BadConsent, {"recipients": frozenset()}),
        (BadConsent, {"classes": frozenset()}),
        (BadDigest, {"terms_digest": "none"}),
        (ValueError, {"activity": "dance"}),
    ],
)
def test_consents_that_say_too_little(error: type[Exception], changes: dict[str, object]) -> None:
    with pytest.raises(error):
        consent(**changes)


def test_a_consent_is_about_its_subject_and_does_not_outlast_it() -> None:
    assert consent().fitting(subject()) == consent()
    for wrong in (
        consent(subject="sub-2"),
        consent(purposes=frozenset({Purpose.AUDIT})),
        consent(expires=NOW + 31 * DAY),
    ):
        with pytest.raises(BadConsent):
            wrong.fitting(subject())


def test_consents_and_grants_end_and_do_not_come_back() -> None:
    taken = consent().revoke(NOW + timedelta(hours=1))
    assert taken.active(NOW)
    assert not taken.active(NOW + timedelta(hours=1))
    assert taken.revoke(NOW + timedelta(hours=9)) == taken
    ended = grant().end(NOW + timedelta(hours=1))
    assert [ended.active(NOW + timedelta(hours=h)) for h in (0, 1)] == [True, False]
    assert ended.end(NOW + DAY) == ended
    assert not consent(given_at=NOW + timedelta(hours=2)).active(NOW)


def test_a_grant_stays_within_its_consent() -> None:
    assert grant().within(consent()) == grant()
    for wrong in ("consent", "organisation"):
        with pytest.raises(BadConsent):
            grant(**{wrong: "other"}).within(consent())
    for changes in ({"data_class": DataClass.T}, {"purpose": Purpose.AUDIT}, {"expires": NOW + 2 * DAY}):
        with pytest.raises(BadConsent):
            grant(**changes).within(consent())
    with pytest.raises(BadConsent):
        grant(role=Role.PUBLIC)
    with pytest.raises(BadConsent):
        grant(actions=frozenset())
    with pytest.raises(BadConsent):
        Recipient("bureau", Role.PUBLIC)


def test_subjects() -> None:
    assert subject(variant=Variant.HELPFUL_ONLY).without_safeguards
    assert not subject(access=AccessProfile(AccessForm.PUBLISHED_WEIGHTS, AccessLevel.AL3)).access.windowed
    assert AccessProfile(AccessForm.SEALED_WEIGHTS, AccessLevel.AL3).needs_weights
    assert subject().active(NOW)
    assert not subject().active(NOW + 30 * DAY)
    with pytest.raises(ValueError, match="itself"):
        subject(lineage="sub-1")
    with pytest.raises(ValueError, match="negative"):
        AccessProfile(AccessForm.ON_SITE, AccessLevel.AL2, hours=-1)
    with pytest.raises(ValueError, match="scope"):
        TosWaiver(" ", NOW)


def test_memberships_assignments_and_recusals() -> None:
    member = Membership("per-1", "bureau", Role.EVALUATOR, NOW, NOW + 30 * DAY)
    put = Assignment(member, "sub-1", NOW)
    assert put.active(NOW, window_open=True)
    assert not put.active(NOW + 7 * DAY, window_open=True)
    assert put.active(NOW + 7 * DAY, window_open=False)
    assert put.confirmed(NOW + 6 * DAY).active(NOW + 7 * DAY, window_open=True)
    assert not put.active(NOW + 30 * DAY, window_open=False)
    assert not replace(put, ended_at=NOW + DAY).active(NOW + DAY, window_open=False)
    left = Recusal.after_employment("per-1", "lab", NOW)
    assert left.covers("per-1", frozenset({"lab"}), NOW + 364 * DAY)
    assert not left.covers("per-1", frozenset({"lab"}), NOW + 365 * DAY)
    assert not left.covers("per-2", frozenset({"lab"}), NOW)
    with pytest.raises(ValueError, match="public"):
        Membership("per-1", "bureau", Role.PUBLIC, NOW)
    with pytest.raises(ValueError, match="no name"):
        Organisation("lab", " ", OrganisationKind.DEVELOPER)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.action.value)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_two_keys_take_two_people_and_removing_a_vote_never_turns_them(rule: KeyRule, data: st.DataObject) -> None:
    people = st.sampled_from(["per-1", "per-2", "per-3"])
    votes = data.draw(
        st.lists(
            st.builds(
                Vote,
                request=st.sampled_from(["req-1", "req-2"]),
                request_digest=st.sampled_from([DIGEST, "sha256:" + "1" * 64]),
                person=people,
                organisation=st.sampled_from(["lab", "bureau"]),
                role=st.sampled_from(sorted(rule.first | rule.second)),
                at=st.sampled_from([NOW - DAY, NOW - timedelta(hours=23), NOW, NOW + DAY]),
            ),
            max_size=6,
        )
    )
    asked = KeyRequest("req-1", rule.action, "obj-1", DIGEST, data.draw(people), NOW - 2 * DAY)
    less = [vote for vote in votes if data.draw(st.booleans())]
    turned = rule.turned(asked, votes, NOW)
    assert turned or not rule.turned(asked, less, NOW)
    live = rule.live(asked, votes, NOW)
    assert not turned or len({vote.person for vote in live}) >= 2
    assert not turned or not rule.distinct_organisations or len({vote.organisation for vote in live}) >= 2
    assert all(timedelta(0) <= NOW - vote.at < timedelta(hours=VOTE_HOURS) for vote in live)
    assert all(vote.request_digest == DIGEST for vote in live)
    assert not rule.turned(replace(asked, withdrawn_at=NOW), votes, NOW)


def test_what_is_missing_is_said() -> None:
    rule = RULES[KeyAction.AGREE]
    asked = KeyRequest("req-1", KeyAction.AGREE, "sub-1", DIGEST, "per-1", NOW)
    mine = Vote("req-1", DIGEST, "per-1", "lab", Role.DEVELOPER_OWNER, NOW)
    assert rule.missing(asked, (), NOW) == (rule.first, rule.second)
    assert rule.missing(asked, (mine,), NOW) == (rule.second,)
    assert rule.missing(asked, (replace(mine, role=Role.EVALUATOR_LEAD),), NOW) == (rule.first,)


def test_a_rule_may_only_demand_more() -> None:
    least = RULES[KeyAction.OPEN_EXPLOIT]
    more = replace(least, first=frozenset({Role.VERIFIER}), distinct_organisations=True, vote_hours=12)
    assert more.at_least(least)
    for changes in (
        {"first": frozenset()},
        {"second": frozenset({Role.EVALUATOR})},
        {"requester_votes": True},
        {"vote_hours": 25},
        {"action": KeyAction.AGREE},
    ):
        assert not replace(least, **changes).at_least(least)  # type: ignore[arg-type]  # fields by name


def test_terms_and_documents_refuse_nonsense() -> None:
    with pytest.raises(BadTerms):
        Terms(plan_hours=0)
    with pytest.raises(BadTerms):
        Terms(retention_hours={DataClass.T: -1})
    with pytest.raises(BadTerms):
        Budget(tokens=0)
    with pytest.raises(ValueError, match="version"):
        Document("plan", 0, DIGEST, "lab", (), NOW)
    for template, values in (("{{a}}", {}), ("a", {"a": "1"}), ("{{a}} {{B}}", {"a": "1"})):
        with pytest.raises(TemplateError):
            render(template, values)
    assert render("{{a}}", {"a": "{{b}}"}) == "{{b}}"


@dataclass(frozen=True)
class _Case:
    id: str = field(metadata=classed(DataClass.F, id=True))
    claim: str = field(metadata=classed(DataClass.F))
    model: str = field(metadata=classed(DataClass.M))
    inner: tuple[_Case, ...] = field(default=(), metadata=classed(DataClass.F))
    related: frozenset[str] = field(default=frozenset(), metadata=classed(DataClass.F, id=True))
    note: object = field(default=None, metadata=classed(DataClass.F))


@dataclass(frozen=True)
class _Careless:
    id: str
    claim: str = field(metadata=classed(DataClass.F))


def test_strip_leaves_nothing_of_its_classes_and_no_old_id() -> None:
    case = _Case("fin-1", "c", "CANARY", (_Case("fin-2", "d", "CANARY"),), frozenset({"fin-2"}), {"k": [{"x"}]})
    found = strip(case, {DataClass.M}, new_ids={"fin-1": "fin-8", "fin-2": "fin-9"})
    assert found["id"] == "fin-8"
    assert found["inner"][0]["id"] == "fin-9"
    assert found["related"] == frozenset({"fin-9"})
    assert not any(word in repr(found) for word in ("CANARY", "fin-1", "fin-2"))
    with pytest.raises(LookupError):
        strip(case, {DataClass.M}, new_ids={"fin-1": "fin-8"})
    with pytest.raises(Untagged, match="id"):
        strip(_Careless("fin-1", "c"), {DataClass.M}, new_ids={})
    with pytest.raises(Untagged):
        strip(replace(case, inner=(_Careless("a", "b"),)), set(), new_ids={"fin-1": "f", "fin-2": "g"})  # type: ignore[arg-type]  # on purpose
    with pytest.raises(Untagged):
        classes_of(str)


def test_every_record_of_a_submission_is_tagged() -> None:
    for record in (
        *(Consent, Grant, Recipient, Subject, AccessProfile, TosWaiver, Membership, Assignment, Recusal),
        *(KeyRequest, Vote, Document, Terms, Budget, Asked, EvaluationRequest, Result, Organisation),
    ):
        assert set(classes_of(record)) == {item.name for item in fields(record)}
    assert [len(DataClass), len(Tlp), len(Role)] == [15, 5, 20]


def test_an_equal_request_is_answered_with_a_proposal() -> None:
    asked = Asked(DIGEST, "suite 1", "agent 2", "1M tokens")
    requests = [
        EvaluationRequest("req-2", "agency", asked, NOW + DAY),
        EvaluationRequest("req-1", "bureau", asked, NOW),
        EvaluationRequest("req-3", "agency", replace(asked, budget="2M tokens"), NOW),
    ]
    results = [
        Result("res-0", asked, valid=False),
        Result("res-1", asked, valid=True),
        Result("res-2", asked, valid=True),
    ]
    assert proposals(requests, results) == (
        GrantProposal("req-2", "res-1", "agency"),
        GrantProposal("req-1", "res-1", "bureau"),
    )
    assert proposals(requests, results[:1]) == ()
    assert askers(requests, DIGEST) == ("bureau", "agency")
    assert askers(requests, "sha256:" + "1" * 64) == ()
    with pytest.raises(ValueError, match="suite"):
        replace(asked, suite=" ")


def test_the_room_imports_the_standard_library_only_and_opens_nothing() -> None:
    opening = {
        "os",
        "socket",
        "pathlib",
        "subprocess",
        "urllib",
        "sqlite3",
        "random",
        "secrets",
        "time",
        "zoneinfo",
    }
    for path in sorted(set(ROOM.glob("*.py")) - {ROOM / "graph.py"}):  # draws the pictures of the documentation
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                root = name.split(".")[0]
                assert name.startswith("seatrial.framework") or root in sys.stdlib_module_names, (path.name, name)
                assert root not in opening, (path.name, name)
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in {"open", "input", "print"}), path.name
            assert not (
                isinstance(called, ast.Attribute)
                and called.attr in {"now", "utcnow", "today", "read_text", "write_text", "read_bytes", "write_bytes"}
            ), path.name


def test_records_are_frozen_and_slotted() -> None:
    for path in sorted(ROOM.glob("*.py")):
        module = import_module(f"seatrial.framework.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__:
                assert value.__dataclass_params__.frozen, value  # type: ignore[attr-defined]  # every dataclass has it
                assert "__slots__" in vars(value), value
