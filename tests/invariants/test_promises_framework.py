"""The promises of the house that rest on the framework, over the whole reachable graph of every lifecycle.

The graph is explored breadth first: from every standing, every row by every actor it names, with all papers and with
none, with consents given and revoked, and with time passing. Two standings are the same where no row can tell them
apart.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.consent import Activity, Consent
from seatrial.framework.finding import FINDING
from seatrial.framework.framework_text import FRAMEWORK_TEXT
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import LIFECYCLES, apply, due, tick
from seatrial.framework.obligation import due as owed
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.requirement import access_open
from seatrial.framework.standing import CLOCK, Act, Effect, Kind, Standing
from seatrial.framework.subject import AccessForm, Variant
from seatrial.framework.submission import ACCESS, FINAL, OVER, STATES, SUBMISSION, WITHDRAWAL
from seatrial.framework.two_key import KeyAction
from seatrial.framework.vocabulary import Form, Surface, Wording
from seatrial.framework.vocabulary import check as check_words
from seatrial.framework.window import WindowError
from seatrial.framework.withdrawal import STAYS, orders
from support.framework import (
    ALL_PAPERS,
    BUREAU,
    DAY,
    HOUR,
    LAB,
    PACK,
    RIVAL,
    T0,
    actor,
    consent,
    digest,
    document,
    fresh,
    full_act,
    keys,
    subject,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = (*(str(role) for role in Role), CLOCK)
KEYED = {"agree": KeyAction.AGREE, "adopt_pack": KeyAction.ADOPT_PACK}
KEYED |= {"resume_after_incident": KeyAction.RESUME_AFTER_INCIDENT, "publish_report": KeyAction.PUBLISH_REPORT}
LATER = (HOUR, 30 * DAY, 95 * DAY)
RELEASE_WORDS = re.compile(
    r"releas|launch|deploy|roll_?out|go_live|general_avail|(?<!window_)publish_model", re.IGNORECASE
)


BEFORE_AGREEMENT = {"", "inquiry", "draft", "submitted", "terms"}
EARLY = {"inquire", "share_dossier", "evaluate"}  # the consents that rows up to the agreement look at
LATE = {"evaluate", "analysis_after_window"}  # and those from there on
ISSUED = {"report_issued", "handoff", "closed"}
PUBLISHING = {*LATE, "publish_report"}


@dataclass(frozen=True)
class Node:
    standing: Standing
    now: datetime


def asked(event: str, at: datetime, by: str = "") -> tuple[str, dict[str, object]]:
    """A digest that no other act of the walk has, with keys turned on it where the event takes keys."""
    name = digest(f"{event} {by} {at.isoformat()}")
    if event not in KEYED:
        return name, {"request_digest": name}
    request, votes = keys(KEYED[event], "sub-1", at, of=name)
    return name, {"request_digest": name, "key_request": request, "votes": votes}


def full(event: str, role: str, node: Node, **more: object) -> Act:
    _, turned = asked(event, node.now, role)
    return full_act(event, actor(role), node.now, **{**turned, **more})


def bare(event: str, role: str, node: Node) -> Act:
    return Act(event, actor(role), node.now)


def outcome(standing: Standing, act: Act, now: datetime) -> tuple[Standing, tuple[Effect, ...]] | tuple[str, ...]:
    try:
        return apply(standing, act, PACK, now)
    except NotPossible as error:
        return error.missing
    except WindowError as error:
        return (type(error).__name__,)


def told_apart(node: Node) -> tuple[object, ...]:
    """All that a row can look at, without the times themselves."""
    one = node.standing
    given = frozenset(str(known.activity) for known in one.consents if known.active(node.now))
    ended = frozenset(str(known.activity) for known in one.consents if not known.active(node.now))
    held = frozenset(paper.kind for paper in one.documents) & {"dossier", "agreement", "plan"}
    return (
        one.state,
        given & (EARLY if one.state in BEFORE_AGREEMENT else PUBLISHING if one.state in ISSUED else LATE),
        bool(ended),
        held,
        access_open(one, node.now),
        one.mark("paused_by"),
        one.mark("commented"),
        one.date("last_incident") is not None,
        one.state in ISSUED and (one.date("public_from") or node.now) > node.now,
        due(one, PACK, node.now),
    )


def consents(*activities: Activity, now: datetime = T0, name: str = "") -> tuple[Consent, ...]:
    return tuple(consent(activity, given=now, name=name) for activity in activities)


STARTS = (
    fresh(),
    fresh(consents=consents(*Activity)),
    fresh(consents=consents(Activity.INQUIRE, Activity.SHARE_DOSSIER)),
    fresh(consents=consents(Activity.SHARE_DOSSIER, Activity.EVALUATE)),
    fresh(consents=consents(Activity.SHARE_DOSSIER, Activity.EVALUATE, Activity.ANALYSIS_AFTER_WINDOW)),
)


def followers(node: Node) -> Iterator[Node]:
    yield from (replace(node, now=node.now + wait) for wait in LATER if node.now < T0 + 390 * DAY)
    for row in SUBMISSION.after(node.standing.state):
        for role in sorted(row.actors):
            for act in (full(row.event, role, node), bare(row.event, role, node), *consent_acts(row.event, node)):
                result = outcome(node.standing, act, node.now)
                if isinstance(result[0], Standing):
                    yield Node(replace(result[0], answers=()), node.now)  # a repeat would get the first answer again


def consent_acts(event: str, node: Node) -> Iterator[Act]:
    if event == "revoke_consent":
        for known in node.standing.consents:
            yield full(event, "developer_owner", node, consent=known)
    if event in {"give_consent", "grant_access"}:
        for new in consents(Activity.EVALUATE, now=node.now, name="con-again"):
            yield full(event, "developer_owner", node, consent=new)


@cache
def reachable() -> tuple[Node, ...]:
    seen: dict[tuple[object, ...], Node] = {}
    todo = deque(Node(start, T0) for start in STARTS)
    while todo:
        node = todo.popleft()
        key = told_apart(node)
        if key not in seen:
            seen[key] = node
            todo.extend(followers(node))
    return tuple(seen.values())


@cache
def richest() -> dict[str, Node]:
    """For each state the node with the most consents."""
    nodes = sorted(reachable(), key=lambda node: len(told_apart(node)[1]), reverse=True)  # type: ignore[arg-type]
    found: dict[str, Node] = {}
    for node in nodes:
        found.setdefault(node.standing.state, node)
    return found


def test_every_state_and_every_row_is_reached() -> None:
    assert set(richest()) == {"", *STATES}
    assert len(reachable()) > 200
    taken = {
        (row.source, row.event)
        for node in reachable()
        for row in SUBMISSION.after(node.standing.state)
        for role in row.actors
        for act in (full(row.event, role, node), *consent_acts(row.event, node))
        if isinstance(outcome(node.standing, act, node.now)[0], Standing)
    }
    assert {(row.source, row.event) for row in SUBMISSION.transitions} - taken == set()


@pytest.mark.parametrize("state", ["", *STATES])
def test_whatever_is_not_in_the_table_is_refused_and_changes_nothing(state: str) -> None:
    node = richest()[state]
    before = repr(node.standing)
    for event in (*SUBMISSION.events, "release", "approve", "purge_all"):
        row = SUBMISSION.row(state, event)
        for role in ROLES:
            for act in (full(event, role, node), bare(event, role, node)):
                if row is not None and role in row.actors:
                    continue
                with pytest.raises(NotPossible) as refused:
                    apply(node.standing, act, PACK, node.now)
                assert (refused.value.state, refused.value.event) == (state, event)
                assert refused.value.missing
    assert repr(node.standing) == before


def test_every_step_leads_where_its_row_says_or_names_what_is_missing() -> None:
    for node in reachable():
        for row in SUBMISSION.after(node.standing.state):
            for role in row.actors:
                result = outcome(node.standing, bare(row.event, role, node), node.now)
                if isinstance(result[0], Standing):
                    assert (result[0].state, result[1]) == (row.target, row.effects)
                else:
                    assert all(result)


# Promise 2: withdrawable


@pytest.mark.parametrize("role", sorted(DEVELOPER_ROLES))
def test_the_developer_alone_withdraws_in_one_step_from_every_state_with_nothing(role: Role) -> None:
    met = set()
    for node in reachable():
        if node.standing.state in FINAL | {""}:
            continue
        standing, effects = apply(node.standing, bare("withdraw", role, node), PACK, node.now)
        met.add(node.standing.state)
        assert (standing.state, effects) == ("withdrawn", WITHDRAWAL)
        assert not access_open(standing, node.now) or not standing.subject.access.windowed  # type: ignore[union-attr]
        assert all(pause.until is not None for pause in standing.pauses)
    assert met == set(STATES) - FINAL


def test_nobody_else_withdraws_and_no_pack_adds_a_condition() -> None:
    for state, node in richest().items():
        for role in ROLES:
            if role not in DEVELOPER_ROLES:
                assert not isinstance(outcome(node.standing, full("withdraw", role, node), node.now)[0], Standing)
        rival = replace(bare("withdraw", "developer_owner", node), actor=actor("developer_owner", organisation=RIVAL))
        assert not isinstance(outcome(node.standing, rival, node.now)[0], Standing), state
    for row in SUBMISSION.transitions:
        if row.event == "withdraw":
            assert (row.requires, row.protective, row.actors) == ((), True, frozenset(DEVELOPER_ROLES))


def test_a_withdrawal_survives_a_clock_that_runs_backwards() -> None:
    for state, node in richest().items():
        if state in FINAL | {""}:
            continue
        early = node.now - 5 * DAY
        standing, _ = apply(node.standing, bare("withdraw", "developer_owner", node), PACK, early)
        assert standing.last is not None
        assert standing.last.clamped
        assert standing.last.at == node.standing.last.at  # type: ignore[union-attr]


def test_no_consent_document_vote_or_window_is_looked_at_by_a_withdrawal() -> None:
    for state, node in richest().items():
        if state in FINAL | {""}:
            continue
        empty = replace(node.standing, consents=(), documents=(), window=None, pack=None, dates=(), marks=())
        assert apply(empty, bare("withdraw", "developer_owner", node), PACK, node.now)[0].state == "withdrawn"


# Promise 1: voluntary


def test_no_name_in_any_lifecycle_mentions_release_except_the_recorded_date() -> None:
    for lifecycle in LIFECYCLES.values():
        names = [*lifecycle.states, *lifecycle.events]
        for row in lifecycle.transitions:
            names += [*row.actors, *(need.name for need in row.requires), *row.effects]
        assert {name for name in names if RELEASE_WORDS.search(name)} <= {"record_release_date"}


def test_recording_a_release_date_changes_nothing_else_in_any_state() -> None:
    for node in reachable():
        if not node.standing.state:
            continue
        for date in (node.now - 40 * DAY, node.now + HOUR, None):
            act = replace(bare("record_release_date", "developer_owner", node), date=date)
            after, effects = apply(node.standing, act, PACK, node.now)
            assert effects == ()
            kept = None if after.state == "purged" else date
            assert after == replace(
                node.standing, dates=node.standing.with_date("release_date", kept).dates, last=after.last
            )


def test_no_row_and_no_clock_reads_the_release_date() -> None:
    for node in reachable():
        if not node.standing.state:
            continue
        for date in (node.now - 40 * DAY, node.now + HOUR):
            dated = node.standing.with_date("release_date", date)
            assert due(dated, PACK, node.now) == due(node.standing, PACK, node.now)
            assert owed(dated, PACK, node.now) == owed(node.standing, PACK, node.now)
            for row in SUBMISSION.after(node.standing.state):
                act = full(row.event, min(row.actors), node)
                ours, theirs = (outcome(one, act, node.now) for one in (dated, node.standing))
                if isinstance(ours[0], Standing) and isinstance(theirs[0], Standing):
                    assert ours[0].with_date("release_date", None) == theirs[0].with_date("release_date", None)
                else:
                    assert ours == theirs


def test_a_partner_date_can_only_shorten_access() -> None:
    for node in reachable():
        window = node.standing.window
        if window is None or node.standing.state == "purged":
            continue
        for date in (node.now - DAY, node.now + HOUR, node.now + 20 * DAY):
            act = replace(bare("record_partner_date", "developer_owner", node), date=date)
            moved = apply(node.standing, act, PACK, node.now)[0]
            sooner = apply(node.standing, replace(act, date=date - HOUR), PACK, node.now)[0]
            assert moved.window is not None
            assert sooner.window is not None
            assert sooner.window.end <= moved.window.end <= window.ceiling
            assert moved.state == node.standing.state
            assert access_open(node.standing, node.now) or not access_open(moved, node.now)


# Consent, time, endings


def test_nothing_goes_on_beyond_inquiry_and_draft_without_a_consent_that_holds() -> None:
    unheld = {"inquiry", "draft"}
    for node in reachable():
        bereft = replace(node.standing, consents=tuple(known.revoke(T0) for known in node.standing.consents))
        for row in SUBMISSION.after(node.standing.state):
            if row.source in unheld and row.target in unheld | {row.source}:
                continue
            if row.protective or not row.source:
                continue
            for role in row.actors:
                assert not isinstance(outcome(bereft, full(row.event, role, node), node.now)[0], Standing), row


def test_taking_a_consent_away_never_turns_no_into_yes() -> None:
    for node in reachable():
        for row in SUBMISSION.after(node.standing.state):
            if row.protective:
                continue
            for role in row.actors:
                act = full(row.event, role, node)
                if isinstance(outcome(node.standing, act, node.now)[0], Standing):
                    continue
                for known in node.standing.consents:
                    fewer = replace(
                        node.standing, consents=tuple(one for one in node.standing.consents if one is not known)
                    )
                    assert not isinstance(outcome(fewer, act, node.now)[0], Standing)


def test_no_use_of_the_model_after_the_end_of_its_window_processed_or_not() -> None:
    using = {"start_preflight", "boundary_closed", "issue_interim", "resume", "resume_after_incident"}
    for node in reachable():
        if node.standing.window is None or node.standing.state not in ACCESS.split():
            continue
        end = max(node.standing.window.end, node.now)
        late = Node(node.standing, end)
        for event in using:
            for role in ROLES:
                assert not isinstance(outcome(node.standing, full(event, role, late), end)[0], Standing)
        assert "window_end" in due(node.standing, PACK, end)
        assert tick(node.standing, PACK, end)[0].state == "expired"


def test_revoking_the_consent_to_evaluate_ends_access_at_once() -> None:
    met = 0
    for node in reachable():
        held = node.standing.consenting(node.now, Activity.EVALUATE)
        if node.standing.state not in ACCESS.split() or len(held) != 1 or not access_open(node.standing, node.now):
            continue
        act = replace(bare("revoke_consent", "developer_owner", node), consent=held[0])
        revoked = apply(node.standing, act, PACK, node.now)[0]
        assert revoked.state == node.standing.state
        assert not access_open(revoked, node.now)
        ended, effects = tick(revoked, PACK, node.now)
        assert ended.state == "expired"
        assert {Effect.END_LEASES, Effect.STOP_RUNS} <= set(effects)
        met += 1
    assert met > 5


def test_a_lost_consent_leads_out_of_every_waiting_state() -> None:
    for node in reachable():
        if node.standing.state in OVER | {"", "draft", "report_issued", "handoff", *ACCESS.split()}:
            continue
        bereft = replace(node.standing, consents=())
        assert tick(bereft, PACK, node.now)[0].state == "expired"


def test_every_state_that_is_not_over_leads_to_purged() -> None:
    leads = {"purged"}
    while True:
        more = {row.source for row in SUBMISSION.transitions if row.target in leads} - leads
        if not more:
            break
        leads |= more
    assert set(STATES) <= leads
    assert {row.target for row in SUBMISSION.after("withdrawn")} == {"withdrawn", "purged"}
    assert {row.target for row in SUBMISSION.after("purged")} == {"purged"}


def test_a_purged_submission_holds_nothing_about_the_model() -> None:
    node = richest()["purged"]
    standing = node.standing
    for event in ("record_release_date", "record_partner_date", "record_incident"):
        standing = apply(standing, full(event, "developer_owner", node), PACK, node.now)[0]
    assert (standing.subject, standing.window, standing.dates, standing.marks, standing.pauses) == (
        None,
        None,
        (),
        (),
        (),
    )


def test_no_wait_is_without_an_owner() -> None:
    for node in reachable():
        if node.standing.state in {"", "purged"}:
            continue
        found = owed(node.standing, PACK, node.now)
        assert found, node.standing.state
        assert all(one.owner in ROLES for one in found)
        assert not any(RELEASE_WORDS.search(f"{one.name} {one.what}") for one in found)


def test_an_act_is_answered_once() -> None:
    for state, node in richest().items():
        if state in FINAL | {""}:
            continue
        act = full("withdraw", "developer_owner", node)
        once, effects = apply(node.standing, act, PACK, node.now)
        assert apply(once, act, PACK, node.now + DAY) == (once, effects)


@pytest.mark.parametrize(
    ("changed", "activity"),
    [
        ({"variant": Variant.HELPFUL_ONLY}, Activity.EVALUATE_REDUCED_SAFEGUARDS),
        ({"variant": Variant.SAFEGUARDS_REDUCED}, Activity.EVALUATE_REDUCED_SAFEGUARDS),
        ({"form": AccessForm.SEALED_WEIGHTS}, Activity.HOLD_WEIGHTS),
    ],
)
def test_weights_and_lowered_safeguards_take_consents_of_their_own(
    changed: dict[str, object], activity: Activity
) -> None:
    node = richest()["agreed"]
    standing = replace(node.standing, subject=subject(**changed))  # type: ignore[arg-type]
    act = full("grant_access", "developer_owner", node)
    fewer = replace(standing, consents=tuple(known for known in standing.consents if known.activity is not activity))
    assert not isinstance(outcome(fewer, act, node.now)[0], Standing)
    more = standing.with_consent(consent(activity, given=node.now))
    more = more.with_consent(consent(Activity.EVALUATE, given=node.now))
    assert isinstance(outcome(more, act, node.now)[0], Standing)


# Two keys


def test_a_report_is_published_by_both_sides_alone_stopped_by_either_and_by_nobody_once_its_day_has_come() -> None:
    node = richest()["report_issued"]
    standing = node.standing.with_date("public_from", None)
    standing = standing.with_consent(consent(Activity.PUBLISH_REPORT, given=node.now, days=20))
    acts = {role: full("publish_report", role, node) for role in ("developer_owner", "evaluator_lead")}
    for act in acts.values():
        published, effects = apply(standing, act, PACK, node.now)
        assert (published.state, published.date("public_from")) == ("report_issued", act.date)
        assert Effect.SETTLE_PUBLICATION in effects
    act = acts["evaluator_lead"]
    refused = {
        "no consent": (replace(standing, consents=standing.consents[:-1]), act),
        "consent over by then": (standing, replace(act, date=node.now + 20 * DAY)),
        "one key": (standing, replace(act, votes=act.votes[:1])),
        "another edition": (
            standing,
            replace(act, documents=full_act("revise", actor("evaluator"), node.now).documents),
        ),
        "agreed before": (published, full("publish_report", "evaluator_lead", Node(published, node.now + DAY))),
    }
    for why, (where, tried) in refused.items():
        assert not isinstance(outcome(where, tried, tried.at)[0], Standing), why
    for role in acts:
        stopped, effects = apply(published, bare("stop_publication", role, node), PACK, node.now)
        assert (stopped.date("public_from"), Effect.SETTLE_PUBLICATION in effects) == (None, True)
        later = Node(published, node.now + 10 * DAY)
        assert not isinstance(outcome(published, bare("stop_publication", role, later), later.now)[0], Standing)
    assert Effect.SETTLE_PUBLICATION in WITHDRAWAL


@given(st.sets(st.sampled_from(range(4))), st.sampled_from(sorted(KEYED)))
@settings(deadline=None, max_examples=60)
def test_no_single_person_and_no_single_side_turns_two_keys(kept: set[int], event: str) -> None:
    where = {"resume_after_incident": "incident_hold", "publish_report": "report_issued"}
    node = richest()[where.get(event, "terms")]
    standing = node.standing.with_date("public_from", None).with_consent(consent(Activity.EVALUATE, given=node.now))
    standing = standing.with_consent(consent(Activity.PUBLISH_REPORT, given=node.now))
    standing = standing.with_consent(consent(Activity.SHARE_DOSSIER, given=node.now))
    name, _ = asked(event, node.now)
    request, (mine, theirs) = keys(KEYED[event], "sub-1", node.now, of=name)
    votes = (mine, theirs, replace(theirs, person=mine.person), replace(theirs, organisation=LAB))
    act = full(event, "developer_owner", node, request_digest=name, key_request=request)
    act = replace(act, votes=tuple(vote for number, vote in enumerate(votes) if number in kept))
    opened = isinstance(outcome(standing, act, node.now)[0], Standing)
    assert opened <= ({0, 1} <= kept)
    if event != "resume_after_incident" or access_open(standing, node.now):
        assert opened == ({0, 1} <= kept)


# Promises 5 and 8: findings


def finding(state: str = "candidate", **more: object) -> Standing:
    marks = (("finder", "per-finder"), ("vendor", "vendor-v"))
    return Standing("fin-1", Kind.FINDING, state, since=T0, marks=marks, **more)  # type: ignore[arg-type]


FINDING_PAPERS = (
    *("provenance", "commitment", "replay_record", "oracle_script", "new_evidence", "rating_record", "decision_record"),
    *("contact_log", "report_with_label", "reproducer", "pacing_token", "coordinator_reference", "advisory", "details"),
    *("exploitation_evidence", "publication_evidence", "agreement_of_all_parties"),
)
FINDING_MARKS = (
    *(("tlp", "TLP:AMBER+STRICT"), ("rating", "high"), ("known_as", "CVE-2026-1"), ("cluster", "clu-1")),
    *(("dup_of", "fin-2"), ("fixed_version", "1.2"), ("vendor", "vendor-v"), ("origin", "AI-assisted")),
)


def finding_act(event: str, role: str, now: datetime, *, papers: bool = True, person: str = "") -> Act:
    by = actor(role, person, "vendor-v" if role == "maintainer" else "")
    if not papers:
        return Act(event, by, now)
    documents = tuple(document(kind, now) for kind in FINDING_PAPERS)
    return Act(event, by, now, documents=documents, reason="why", date=now + DAY, marks=FINDING_MARKS)


@cache
def findings() -> dict[tuple[str, bool, bool], Standing]:
    """Every reachable finding, told apart by state, by whether anybody was told, and whether it is exploited."""
    start, _ = apply(Standing("fin-1", Kind.FINDING), finding_act("intake", "runner", T0), PACK, T0)
    seen: dict[tuple[str, bool, bool], Standing] = {}
    todo = deque([start])
    while todo:
        one = todo.popleft()
        key = (one.state, one.date("day0") is not None, one.date("exploited") is not None)
        if key in seen:
            continue
        seen[key] = one
        now = T0 if one.last is None else one.last.at
        for row in FINDING.after(one.state):
            for role in row.actors:
                for wait in (timedelta(0), 200 * DAY):
                    result = outcome(one, finding_act(row.event, role, now + wait), now + wait)
                    if isinstance(result[0], Standing):
                        todo.append(result[0])
    return seen


def test_every_state_of_a_finding_is_reached() -> None:
    assert {state for state, _, _ in findings()} == set(FINDING.states)


def test_a_finding_is_refused_whatever_its_table_does_not_have() -> None:
    for one in {state: known for (state, _, _), known in findings().items()}.values():
        now = one.last.at if one.last else T0
        for event in FINDING.events:
            row = FINDING.row(one.state, event)
            for role in ROLES:
                for papers in (True, False):
                    if row is not None and role in row.actors and papers:
                        continue
                    result = outcome(one, finding_act(event, role, now, papers=papers), now)
                    if isinstance(result[0], Standing):
                        assert row is not None
                        assert role in row.actors
                        assert all(need.name.startswith("somebody") for need in row.requires)


def test_nobody_can_keep_a_finding() -> None:
    leads = {"details_published"}
    while more := {row.source for row in FINDING.transitions if row.target in leads} - leads:
        leads |= more
    assert set(FINDING.states) <= leads
    for one in findings().values():
        if one.state in FINDING.final:
            continue
        assert owed(one, PACK, T0), one.state
    waiting = next(one for (state, _, _), one in findings().items() if state == "queued")
    assert waiting.mark("wait_reason")
    assert waiting.date("review_by") is not None
    early = finding_act("enqueue", "coordinator", T0)
    ready = replace(waiting, state="signed_off")
    now = waiting.last.at  # type: ignore[union-attr]
    for days in (0, 15):
        assert not isinstance(outcome(ready, replace(early, date=now + days * DAY), now)[0], Standing)
    assert isinstance(outcome(ready, replace(early, date=now + 14 * DAY), now)[0], Standing)


def test_every_intake_is_in_exactly_one_state() -> None:
    for lifecycle in LIFECYCLES.values():
        steps = [(row.source, row.event) for row in lifecycle.transitions]
        assert len(steps) == len(set(steps))
        assert {row.target for row in lifecycle.transitions} <= set(lifecycle.states)
    assert [row.target for row in FINDING.transitions if not row.source] == ["candidate"]


def test_no_report_no_publication_and_no_serious_rating_without_named_people() -> None:
    people = {"analyst", "coordinator"}
    for row in FINDING.transitions:
        if (
            row.target in {"reported", "advisory_published", "details_published", "signed_off"}
            and row.source != row.target
        ):
            assert row.actors <= people
    rated = next(one for (state, _, _), one in findings().items() if state == "rated")
    now = rated.last.at  # type: ignore[union-attr]
    alone = replace(
        finding_act("sign_off", "analyst", now), documents=(document("decision_record", now, signers=("per-analyst",)),)
    )
    assert rated.mark("rating") == "high"
    assert not isinstance(outcome(rated, alone, now)[0], Standing)
    with_finder = replace(alone, documents=(document("decision_record", now, signers=(rated.mark("finder"),)),))
    assert not isinstance(outcome(rated, with_finder, now)[0], Standing)
    low = rated.with_mark("rating", "low")
    assert isinstance(outcome(low, alone, now)[0], Standing)


@pytest.mark.parametrize("event", ["reproduce", "reproduce_none", "confirm_logic"])
def test_the_finder_never_verifies(event: str) -> None:
    one = finding()
    for person, works in (("per-finder", False), ("per-other", True)):
        act = finding_act(event, "verifier", T0, person=person)
        assert isinstance(outcome(one, act, T0)[0], Standing) is works


def test_a_maintainer_acts_on_its_own_products_only() -> None:
    one = finding("reported").with_date("day0", T0)
    theirs = finding_act("acknowledge", "maintainer", T0)
    assert isinstance(outcome(one, theirs, T0)[0], Standing)
    other = replace(theirs, actor=actor("maintainer", organisation="vendor-w"))
    assert not isinstance(outcome(one, other, T0)[0], Standing)
    assert not isinstance(outcome(one.with_mark("vendor", ""), theirs, T0)[0], Standing)


def test_a_submission_and_its_findings_do_not_share_an_event_but_the_close_of_neither_moves_the_other() -> None:
    assert "withdraw" not in FINDING.events
    assert Effect.STRIP_FINDINGS in WITHDRAWAL
    assert all(Effect.DELETE_NOW not in row.effects for row in FINDING.transitions)


def test_the_words_of_every_table_are_told() -> None:
    for lifecycle in LIFECYCLES.values():
        assert all(sentence.endswith(".") and sentence.count(".") == 1 for sentence in lifecycle.meaning.values())
        assert lifecycle.final <= set(lifecycle.states)
    assert FRAMEWORK_TEXT.final == {"superseded", "withdrawn"}


def test_every_field_of_a_standing_and_of_an_act_carries_a_class() -> None:
    for record in (Standing, Act):
        assert all("seatrial.class" in item.metadata for item in fields(record))


def test_the_walk_brings_every_paper_that_a_row_could_ask_for() -> None:
    named = {
        need.name.removeprefix("document ")
        for row in SUBMISSION.transitions
        for need in row.requires
        if need.name.startswith("document ")
    }
    assert named <= set(ALL_PAPERS)
    assert BUREAU != RIVAL


def tables() -> Iterator[Wording]:
    """Every name and sentence of the lifecycles."""
    for lifecycle in LIFECYCLES.values():
        for state, meaning in lifecycle.meaning.items():
            yield Wording(Surface.STORED, f"{lifecycle.kind}.{state}", state, Form.LABEL)
            yield Wording(Surface.PAGE, f"{lifecycle.kind}.{state}", meaning)
        for row in lifecycle.transitions:
            for form in (Form.LABEL, Form.IDENTIFIER):
                yield Wording(Surface.CODE, f"{lifecycle.kind}.{row.event}", row.event, form)
            for need in row.requires:
                yield Wording(Surface.PAGE, f"{lifecycle.kind}.{row.event}", need.name)


def orders_and_obligations() -> Iterator[Wording]:
    """Every name and sentence of what follows from them."""
    for name in (*Effect, *(order.name for order in orders(T0))):
        yield Wording(Surface.CODE, "order", name, Form.LABEL)
    for words in (*(order.words for order in orders(T0)), *STAYS.values()):
        yield Wording(Surface.NOTICE, "withdrawal", words)
    for node in (*reachable(), *(Node(one, T0) for one in findings().values())):
        for found in owed(node.standing, PACK, node.now):
            yield Wording(Surface.CODE, found.object, found.name, Form.IDENTIFIER)
            yield Wording(Surface.PAGE, found.object, found.what)


def test_no_state_event_requirement_order_or_obligation_speaks_of_permission() -> None:
    every = {*tables(), *orders_and_obligations()}
    assert len(every) > 400
    assert check_words(every) == ()
    planted = Wording(Surface.STORED, "submission", "cleared", Form.LABEL)
    assert [hit.word for hit in check_words({*every, planted})] == ["cleared"]
