from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from operator import attrgetter
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.access import AlwaysOpen, Facts, Origin, Reason, Thing, decide, may_send
from seatrial.framework.consent import Activity, Consent, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.matrix import Condition, Matrix, read_matrix
from seatrial.framework.participant import Assignment, Membership, OrganisationKind, Recusal, Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Actor
from seatrial.framework.two_key import KeyAction, KeyRequest, Vote
from seatrial.framework.window import open_window
from support.packs import read

RAW = read("matrix/2026.1.csv").decode()
MATRIX = read_matrix(RAW)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(days=2), NOW + timedelta(days=20)
ORIGIN = Origin("sub-1", "lab")
ORGANISATIONS = {
    "lab": OrganisationKind.DEVELOPER,
    "rival": OrganisationKind.DEVELOPER,
    "bureau": OrganisationKind.EVALUATOR,
    "house": OrganisationKind.CLEARINGHOUSE,
    "agency": OrganisationKind.AGENCY,
}
DIGEST = "sha256:" + "0" * 64


def consent(**changes: object) -> Consent:
    given_ = Consent(
        id="con-1",
        subject="sub-1",
        activity=Activity.EVALUATE,
        purposes=frozenset({Purpose.EVALUATE}),
        recipients=frozenset(Recipient("bureau", role) for role in (Role.EVALUATOR, Role.RUNNER, Role.EVALUATOR_LEAD)),
        classes=frozenset({DataClass.M, DataClass.T, DataClass.K, DataClass.S}),
        not_before=BEFORE,
        expires=LATER,
        terms_digest=DIGEST,
        signer="per-own",
        given_at=BEFORE,
    )
    return replace(given_, **changes)  # type: ignore[arg-type]  # fields by name


def member(person: str, organisation: str, role: Role) -> Membership:
    return Membership(person, organisation, role, BEFORE)


EVALUATOR = Actor("per-eva", "bureau", "evaluator")
MEMBERS = (
    member("per-own", "lab", Role.DEVELOPER_OWNER),
    member("per-riv", "rival", Role.DEVELOPER_OWNER),
    member("per-eva", "bureau", Role.EVALUATOR),
    member("per-lea", "bureau", Role.EVALUATOR_LEAD),
    member("per-run", "bureau", Role.RUNNER),
    member("per-ana", "house", Role.ANALYST),
    member("per-ver", "house", Role.VERIFIER),
    member("per-coo", "house", Role.COORDINATOR),
    member("per-age", "agency", Role.AGENCY_READER),
    member("per-mnt", "rival", Role.MAINTAINER),
)
TRANSCRIPT = Thing("tra-1", DataClass.T, "lab", case="sub-1", origins=frozenset({ORIGIN}))
KEY = replace(TRANSCRIPT, id="key-9", data_class=DataClass.K)
WEIGHTS = replace(TRANSCRIPT, id="wei-1", data_class=DataClass.W)
EXPLOIT = Thing("exp-1", DataClass.X, "house", case="cas-1", maintainers=frozenset({"rival"}))
GRANT = Grant(
    id="gra-1",
    consent="con-2",
    object="tra-1",
    data_class=DataClass.T,
    actions=frozenset({Action.READ}),
    organisation="agency",
    role=Role.AGENCY_READER,
    purpose=Purpose.REPORT,
    not_before=BEFORE,
    expires=LATER,
)
SHARE = consent(
    id="con-2",
    activity=Activity.SHARE_RESULTS,
    purposes=frozenset({Purpose.REPORT}),
    recipients=frozenset({Recipient("agency", Role.AGENCY_READER)}),
)
HOLD = consent(id="con-3", activity=Activity.HOLD_WEIGHTS, classes=frozenset({DataClass.W}))
ASKED = KeyRequest("req-1", KeyAction.USE_WEIGHTS, "wei-1", DIGEST, "per-lea", BEFORE + timedelta(days=1, hours=20))
VOTES = (
    Vote("req-1", DIGEST, "per-own", "lab", Role.DEVELOPER_OWNER, NOW - timedelta(hours=1)),
    Vote("req-1", DIGEST, "per-lea", "bureau", Role.EVALUATOR_LEAD, NOW - timedelta(hours=2)),
)
OPEN = KeyRequest("req-2", KeyAction.OPEN_EXPLOIT, "exp-1", DIGEST, "per-ver", NOW - timedelta(hours=3))
OPEN_VOTES = (
    Vote("req-2", DIGEST, "per-ana", "house", Role.ANALYST, NOW - timedelta(hours=1)),
    Vote("req-2", DIGEST, "per-coo", "house", Role.COORDINATOR, NOW - timedelta(hours=1)),
)
FACTS = Facts(
    matrix=MATRIX,
    organisations=ORGANISATIONS,
    memberships=MEMBERS,
    assignments=tuple(
        Assignment(item, case, NOW - timedelta(days=1))
        for item in MEMBERS
        for case in ("sub-1", "cas-1")
        if item.organisation in {"bureau", "house"}
    ),
    consents=(consent(), SHARE, HOLD),
    grants=(GRANT,),
    requests=(ASKED, OPEN),
    votes=(*VOTES, *OPEN_VOTES),
    windows={"sub-1": open_window(BEFORE, consent_expires=LATER)},
)
RUNNER = Actor("per-run", "bureau", "runner")
AGENT = Actor("per-age", "agency", "agency_reader")
QUESTIONS = {
    "evaluator reads a transcript": (EVALUATOR, Action.READ, TRANSCRIPT, Purpose.EVALUATE),
    "agency reads by grant": (AGENT, Action.READ, TRANSCRIPT, Purpose.REPORT),
    "runner uses a key": (RUNNER, Action.USE, KEY, Purpose.EVALUATE),
    "runner uses weights": (RUNNER, Action.USE, WEIGHTS, Purpose.EVALUATE),
    "owner reads its transcript": (
        Actor("per-own", "lab", "developer_owner"),
        Action.READ,
        TRANSCRIPT,
        Purpose.COMMENT,
    ),
    "verifier opens an exploit": (Actor("per-ver", "house", "verifier"), Action.READ, EXPLOIT, Purpose.REPRODUCE),
}


def ask(question: str, facts: Facts = FACTS, now: datetime = NOW) -> Reason:
    actor, action, thing, purpose = QUESTIONS[question]
    answer = decide(actor, action, thing, purpose, now, facts)
    assert answer.yes == (answer.reason in {Reason.RULE, Reason.PUBLISHED})
    assert answer.outward == ("open" if answer.yes else "not found")
    return answer.reason


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_has_a_yes(question: str) -> None:
    assert ask(question) is Reason.RULE


def test_a_yes_says_what_it_rests_on() -> None:
    actor, action, thing, purpose = QUESTIONS["agency reads by grant"]
    answer = decide(actor, action, thing, purpose, NOW, FACTS)
    assert (answer.consents, answer.grant) == (("con-2",), "gra-1")
    actor, action, thing, purpose = QUESTIONS["runner uses weights"]
    assert set(decide(actor, action, thing, purpose, NOW, FACTS).votes) == set(VOTES)


WITHDRAWN = replace(FACTS, withdrawn={"sub-1": NOW})
CASES = [
    ("evaluator reads a transcript", replace(FACTS, organisations={}), Reason.UNKNOWN),
    ("evaluator reads a transcript", replace(FACTS, memberships=()), Reason.NO_ROLE),
    ("evaluator reads a transcript", replace(FACTS, recusals=(Recusal("per-eva", "lab", LATER),)), Reason.RECUSED),
    ("evaluator reads a transcript", replace(FACTS, assignments=()), Reason.NOT_ASSIGNED),
    ("evaluator reads a transcript", replace(FACTS, consents=()), Reason.NO_GRANT),
    ("evaluator reads a transcript", replace(FACTS, consents=(consent(revoked_at=NOW),)), Reason.ENDED),
    (
        "evaluator reads a transcript",
        replace(FACTS, consents=(consent(classes=frozenset({DataClass.M})),)),
        Reason.NO_GRANT,
    ),
    (
        "evaluator reads a transcript",
        replace(FACTS, consents=(consent(purposes=frozenset({Purpose.AUDIT})),)),
        Reason.PURPOSE,
    ),
    ("evaluator reads a transcript", WITHDRAWN, Reason.ENDED),
    ("agency reads by grant", replace(FACTS, grants=()), Reason.NO_GRANT),
    ("agency reads by grant", replace(FACTS, grants=(replace(GRANT, object_version=2),)), Reason.NO_GRANT),
    ("agency reads by grant", replace(FACTS, grants=(GRANT.end(NOW),)), Reason.ENDED),
    ("agency reads by grant", replace(FACTS, grants=(replace(GRANT, purpose=Purpose.AUDIT),)), Reason.PURPOSE),
    ("agency reads by grant", replace(FACTS, consents=(SHARE.revoke(NOW),)), Reason.ENDED),
    ("agency reads by grant", replace(FACTS, consents=()), Reason.NO_GRANT),
    ("runner uses a key", replace(FACTS, windows={}), Reason.WINDOW),
    ("runner uses a key", replace(FACTS, windows={"sub-1": open_window(BEFORE, consent_expires=NOW)}), Reason.WINDOW),
    ("runner uses weights", replace(FACTS, votes=VOTES[:1]), Reason.KEYS),
    ("runner uses weights", replace(FACTS, requests=(replace(ASKED, digest="sha256:" + "1" * 64),)), Reason.KEYS),
    ("runner uses weights", replace(FACTS, requests=(replace(ASKED, withdrawn_at=NOW),)), Reason.KEYS),
    ("runner uses weights", replace(FACTS, consents=(consent(),)), Reason.NO_GRANT),
    ("runner uses weights", WITHDRAWN, Reason.ENDED),
    ("verifier opens an exploit", replace(FACTS, votes=OPEN_VOTES[:1]), Reason.KEYS),
]  # fmt: skip - a case a line or two


@pytest.mark.parametrize(("question", "facts", "reason"), CASES)
def test_the_first_step_that_fails_is_the_reason(question: str, facts: Facts, reason: Reason) -> None:
    assert ask(question, facts) is reason


def test_a_rival_is_turned_away_before_any_grant() -> None:
    rival = Actor("per-riv", "rival", "developer_owner")
    grant = replace(GRANT, organisation="rival", role=Role.DEVELOPER_OWNER)
    facts = replace(FACTS, grants=(grant,))
    for thing, action in product((TRANSCRIPT, KEY, WEIGHTS), Action):
        assert decide(rival, action, thing, Purpose.REPORT, NOW, facts).reason is Reason.RIVAL


def test_a_rival_under_another_hat_is_a_rival() -> None:
    facts = replace(FACTS, memberships=(*MEMBERS, member("per-eva", "rival", Role.DEVELOPER_COUNSEL)))
    assert ask("evaluator reads a transcript", facts) is Reason.RIVAL


def test_a_vendor_sees_its_own_case_and_no_model() -> None:
    vendor = Actor("per-mnt", "rival", "maintainer")
    finding = Thing("fin-1", DataClass.F, "house", case="cas-1", maintainers=frozenset({"rival"}))
    assert decide(vendor, Action.READ, finding, Purpose.REMEDIATE, NOW, FACTS).yes
    other = replace(finding, maintainers=frozenset({"somebody"}))
    assert decide(vendor, Action.READ, other, Purpose.REMEDIATE, NOW, FACTS).reason is Reason.NO_RULE
    named = replace(finding, origins=frozenset({ORIGIN}))
    assert decide(vendor, Action.READ, named, Purpose.REMEDIATE, NOW, FACTS).reason is Reason.RIVAL


def test_readers_are_the_intersection_over_every_subject() -> None:
    two = replace(TRANSCRIPT, origins=frozenset({ORIGIN, Origin("sub-2", "lab")}))
    assert decide(EVALUATOR, Action.READ, two, Purpose.EVALUATE, NOW, FACTS).reason is Reason.NO_GRANT
    both = replace(FACTS, consents=(*FACTS.consents, consent(id="con-9", subject="sub-2")))
    assert decide(EVALUATOR, Action.READ, two, Purpose.EVALUATE, NOW, both).consents == ("con-1", "con-9")
    nobody = replace(TRANSCRIPT, origins=frozenset())
    assert decide(EVALUATOR, Action.READ, nobody, Purpose.EVALUATE, NOW, FACTS).reason is Reason.UNKNOWN


def test_reduced_safeguards_take_a_consent_and_keys_of_their_own() -> None:
    bare = replace(KEY, origins=frozenset({replace(ORIGIN, without_safeguards=True)}))
    assert decide(RUNNER, Action.USE, bare, Purpose.EVALUATE, NOW, FACTS).reason is Reason.NO_GRANT
    more = consent(id="con-4", activity=Activity.EVALUATE_REDUCED_SAFEGUARDS)
    facts = replace(FACTS, consents=(*FACTS.consents, more))
    assert decide(RUNNER, Action.USE, bare, Purpose.EVALUATE, NOW, facts).reason is Reason.KEYS
    asked = replace(ASKED, id="req-5", action=KeyAction.RUN_WITHOUT_SAFEGUARDS, object="key-9")
    votes = tuple(replace(vote, request="req-5") for vote in VOTES)
    facts = replace(facts, requests=(asked,), votes=votes)
    assert decide(RUNNER, Action.USE, bare, Purpose.EVALUATE, NOW, facts).yes


def test_a_vote_of_another_developer_turns_no_key() -> None:
    stranger = replace(VOTES[0], person="per-riv", organisation="rival")
    assert ask("runner uses weights", replace(FACTS, votes=(stranger, VOTES[1]))) is Reason.KEYS


def test_the_reader_of_an_exploit_holds_neither_key() -> None:
    mine = Vote("req-2", DIGEST, "per-ver", "house", Role.VERIFIER, NOW - timedelta(hours=1))
    assert ask("verifier opens an exploit", replace(FACTS, votes=(mine, OPEN_VOTES[0]))) is Reason.KEYS


def test_published_is_open_to_everybody_and_nothing_else() -> None:
    anybody = Actor("anybody", "public", "public")
    report = Thing("rep-1", DataClass.R, "lab", case="sub-1", origins=frozenset({ORIGIN}), published=True)
    assert decide(anybody, Action.READ, report, Purpose.NOTIFY, NOW, FACTS).reason is Reason.PUBLISHED
    draft = replace(report, published=False)
    assert decide(anybody, Action.READ, draft, Purpose.NOTIFY, NOW, FACTS).reason is Reason.NO_ROLE


def test_published_weights_need_no_window_but_a_consent() -> None:
    facts = replace(FACTS, windows={"sub-1": AlwaysOpen()})
    assert ask("runner uses a key", facts) is Reason.RULE
    assert ask("runner uses a key", replace(facts, consents=())) is Reason.NO_GRANT


def test_a_transcript_goes_to_a_foreign_grader_by_consent_only() -> None:
    assert may_send(TRANSCRIPT, "lab", NOW, FACTS).yes
    assert may_send(TRANSCRIPT, "nobody", NOW, FACTS).reason is Reason.UNKNOWN
    assert not may_send(TRANSCRIPT, "rival", NOW, FACTS).yes
    sent = consent(
        id="con-5",
        activity=Activity.SEND_TO_FOREIGN_GRADER,
        recipients=frozenset({Recipient("rival", Role.RUNNER)}),
    )
    assert may_send(TRANSCRIPT, "rival", NOW, replace(FACTS, consents=(sent,))).yes
    assert not may_send(TRANSCRIPT, "rival", NOW, replace(FACTS, consents=(sent.revoke(NOW),))).yes


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(QUESTIONS)), st.data())
def test_removing_a_consent_grant_or_vote_never_turns_no_into_yes(question: str, data: st.DataObject) -> None:
    """Facts with some of the good and some of the bad records; then one or more are taken away."""
    consents = (*FACTS.consents, consent(id="con-7", revoked_at=NOW), SHARE.revoke(NOW))
    grants = (GRANT, replace(GRANT, id="gra-2", expires=NOW), replace(GRANT, id="gra-3", purpose=Purpose.AUDIT))
    votes = (*FACTS.votes, replace(VOTES[0], person="per-lea", organisation="bureau"))
    full = replace(
        FACTS,
        consents=tuple(data.draw(st.lists(st.sampled_from(consents), unique_by=attrgetter("id")))),
        grants=tuple(data.draw(st.lists(st.sampled_from(grants), unique_by=attrgetter("id")))),
        votes=tuple(data.draw(st.lists(st.sampled_from(votes), unique_by=id))),
    )
    less = replace(
        full,
        **{
            name: tuple(item for item in getattr(full, name) if data.draw(st.booleans()))
            for name in ("consents", "grants", "votes")
        },
    )
    actor, action, thing, purpose = QUESTIONS[question]
    now = data.draw(st.sampled_from([NOW, BEFORE, LATER, NOW + timedelta(hours=23)]))
    if not decide(actor, action, thing, purpose, now, full).yes:
        assert not decide(actor, action, thing, purpose, now, less).yes


def test_the_grid_is_complete_and_equal_to_the_file() -> None:
    """Read the file a second time, by hand, and compare every one of its 20 x 15 x 6 answers."""
    letters = dict(zip("rwuspd", ("read", "write", "use", "share", "publish", "destroy"), strict=True))
    meaning = dict(zip("oagm2c*", Condition, strict=True))
    started = process_time()
    header, *rows = list(csv.reader(RAW.splitlines()))
    by_hand: dict[tuple[str, str, str], list[frozenset[Condition]]] = {}
    for row in rows:
        for role, (column, cell) in product(row[0].split("|"), zip(header[1:], row[1:], strict=True)):
            for part in filter(None, cell.split("+")):
                actions, _, conditions = part.partition("@")
                for letter in actions:
                    way = frozenset(meaning[sign] for sign in conditions)
                    by_hand.setdefault((role, column, letters[letter]), []).append(way)
    for role, data_class, action in product(Role, DataClass, Action):
        assert list(MATRIX.ways(role, data_class, action)) == by_hand.pop((role, data_class, action), [])
    assert by_hand == {}
    assert len(MATRIX.cells) == 20 * 15 * 6
    assert process_time() - started < 2


EVERY_WAY = [
    (role, data_class, action, way)
    for (role, data_class, action), ways in MATRIX.cells.items()
    for way in ways
    if role is not Role.PUBLIC
]
HOMES = {
    Role.DEVELOPER_OWNER: "lab", Role.DEVELOPER_COUNSEL: "lab", Role.MAINTAINER: "vendor", Role.TASK_OWNER: "bureau",
}  # fmt: skip


def _everything(
    role: Role, data_class: DataClass, action: Action, way: frozenset[Condition]
) -> tuple[Actor, Thing, Facts]:
    """A world in which all that this way asks for holds, and nothing that it does not ask for."""
    home = HOMES.get(role, "bureau")
    actor = Actor("per-act", home, role)
    owner = home if Condition.OWN in way else "lab"
    origins = frozenset({ORIGIN}) if data_class in set("WKMTPSR") else frozenset()
    thing = Thing("obj-1", data_class, owner, case="sub-1", origins=origins,
                  maintainers=frozenset({home}) if Condition.MAINTAINED in way else frozenset(),
                  ordered=Condition.ORDERED in way)  # fmt: skip
    people = {
        "per-act": (home, role), "k-own": ("lab", Role.DEVELOPER_OWNER), "k-lea": ("bureau", Role.EVALUATOR_LEAD),
        "k-ana": ("house", Role.ANALYST), "k-coo": ("house", Role.COORDINATOR), "k-aud": ("agency", Role.AUDITOR),
    }  # fmt: skip
    members = tuple(member(person, *place) for person, place in people.items())
    all_activities = [
        consent(id=f"con-{number}", activity=activity, purposes=frozenset(Purpose), classes=frozenset(DataClass),
                recipients=frozenset({Recipient(home, role)}))
        for number, activity in enumerate(Activity)
    ]  # fmt: skip
    requests, votes = [], []
    for number, key in enumerate(KeyAction):
        requests.append(KeyRequest(f"req-{number}", key, "obj-1", DIGEST, "per-act", BEFORE))
        votes += [Vote(f"req-{number}", DIGEST, person, *place, NOW) for person, place in people.items()]
    grant_on = "sub-1" if data_class in set("FXN") else "con-2"
    grant = Grant("gra-1", grant_on, "obj-1", data_class, frozenset({action}), home, role, Purpose.AUDIT, BEFORE, LATER)
    facts = Facts(
        matrix=MATRIX,
        organisations={**ORGANISATIONS, "vendor": OrganisationKind.VENDOR},
        memberships=members,
        assignments=tuple(
            Assignment(item, "sub-1", NOW - timedelta(hours=1))
            for item in members
            if item.person != "per-act" or Condition.ASSIGNED in way
        ),
        consents=tuple(all_activities),
        grants=(grant,) if Condition.GRANTED in way else (),
        requests=tuple(requests),
        votes=tuple(votes),
        windows={"sub-1": AlwaysOpen()},
        holdings=frozenset({(home, role)}) if Condition.ASSIGNED in way else frozenset(),
    )
    return actor, thing, facts


@pytest.mark.parametrize("condition", [item for item in Condition if item is not Condition.PUBLISHED])
def test_every_way_opens_and_every_condition_of_it_counts(condition: Condition) -> None:
    ways = [way for way in EVERY_WAY if condition in way[3]]
    assert ways
    for role, data_class, action, way in ways:
        actor, thing, facts = _everything(role, data_class, action, way)
        assert decide(actor, action, thing, Purpose.AUDIT, NOW, facts).yes, (role, data_class, action, way)
        less = {
            Condition.OWN: (replace(thing, owner="house"), facts),
            Condition.ASSIGNED: (thing, replace(facts, assignments=(), holdings=frozenset())),
            Condition.GRANTED: (thing, replace(facts, grants=())),
            Condition.MAINTAINED: (replace(thing, maintainers=frozenset()), facts),
            Condition.TWO_KEYS: (thing, replace(facts, votes=facts.votes[:0])),
            Condition.ORDERED: (replace(thing, ordered=False), facts),
        }[condition]
        assert not decide(actor, action, less[0], Purpose.AUDIT, NOW, less[1]).yes, (role, data_class, action, way)


def test_no_single_person_turns_two_keys() -> None:
    for role, data_class, action, way in EVERY_WAY:
        if Condition.TWO_KEYS in way:
            actor, thing, facts = _everything(role, data_class, action, way)
            alone = tuple(replace(vote, person="k-own") for vote in facts.votes)
            assert not decide(actor, action, thing, Purpose.AUDIT, NOW, replace(facts, votes=alone)).yes


def test_every_empty_cell_is_no() -> None:
    for (role, data_class, action), ways in MATRIX.cells.items():
        if not ways and role is not Role.PUBLIC:
            actor, thing, facts = _everything(role, data_class, action, frozenset(Condition))
            assert decide(actor, action, thing, Purpose.AUDIT, NOW, facts).reason is Reason.NO_RULE


def test_a_matrix_is_data() -> None:
    open_cell = MATRIX.cells | {(Role.ANALYST, DataClass.T, Action.READ): (frozenset({Condition.ASSIGNED}),)}
    analyst = Actor("per-ana", "house", "analyst")
    facts = replace(FACTS, consents=(consent(recipients=frozenset({Recipient("house", Role.ANALYST)})),))
    asked = (analyst, Action.READ, TRANSCRIPT, Purpose.EVALUATE, NOW)
    assert decide(*asked, facts).reason is Reason.NO_RULE
    assert decide(*asked, replace(facts, matrix=Matrix(open_cell))).yes
