from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from seatrial.framework.consent import Activity, Consent
from seatrial.framework.graph import markdown, mermaid, places, svg, write
from seatrial.framework.lifecycle import Backdated, Lifecycle, NotPossible, rows
from seatrial.framework.lifecycles import LIFECYCLES, apply
from seatrial.framework.pack import PackRef
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Kind, Standing
from seatrial.shipped import pack_named
from support.framework import BUREAU, DAY, HOUR, PACK, T0, actor, consent, digest, document, fresh, full_act

DOCS = Path(str(files("seatrial"))).parents[1] / "docs"
SHARED = fresh(consents=(consent(Activity.SHARE_DOSSIER),))


def drafted() -> Standing:
    return apply(SHARED, Act("open_draft", actor("developer_owner"), T0), PACK, T0)[0]


def submitting(**more: object) -> Act:
    papers = (document("dossier", T0),)
    return replace(Act("submit", actor("developer_owner"), T0, documents=papers), **more)


@pytest.mark.parametrize("kind", LIFECYCLES)
def test_the_committed_picture_and_page_are_what_the_tables_give(kind: Kind, tmp_path: Path) -> None:
    lifecycle = LIFECYCLES[kind]
    drawn = {path.name: path.read_text("utf-8") for path in write(tmp_path)}
    name = f"lifecycle-{kind.replace('_', '-')}.svg"
    assert (DOCS / name).read_text("utf-8") == drawn[name]
    page = (DOCS / "lifecycle.md").read_text("utf-8")
    assert markdown(lifecycle) in page
    assert f"({name})" in page


@pytest.mark.parametrize("kind", LIFECYCLES)
def test_a_picture_has_a_box_for_every_state_and_every_change_of_state(kind: Kind) -> None:
    lifecycle = LIFECYCLES[kind]
    root = ET.fromstring(svg(lifecycle))  # noqa: S314 - our own picture
    texts = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(lifecycle.states) <= set(texts)
    assert set(places(kind)) == set(lifecycle.states)
    assert len(set(places(kind).values())) == len(lifecycle.states)
    for row in lifecycle.transitions:
        if row.source and row.source != row.target and row.event != "withdraw":
            assert row.event in texts or f"{row.event} → {row.target}" in texts
    assert ("withdraw" in lifecycle.events) == any(text.startswith("withdraw,") for text in texts)


def test_the_diagram_in_text_has_every_change_of_state() -> None:
    for lifecycle in LIFECYCLES.values():
        text = mermaid(lifecycle)
        changes = [row for row in lifecycle.transitions if row.source != row.target]
        assert text.count(" --> ") == len(changes) + len(lifecycle.final)


def test_a_table_with_two_rows_for_one_step_or_a_state_without_meaning_is_refused() -> None:
    one = rows("-", "begin", "evaluator", "begun")
    Lifecycle(Kind.FINDING, one, {"begun": "It began."}, frozenset(), lambda _standing, _actor: True)
    with pytest.raises(ValueError, match="two rows"):
        Lifecycle(Kind.FINDING, (*one, *one), {"begun": "It began."}, frozenset(), lambda _standing, _actor: True)
    with pytest.raises(ValueError, match="differ in"):
        Lifecycle(Kind.FINDING, one, {}, frozenset(), lambda _standing, _actor: True)


def test_a_refusal_names_all_that_is_missing() -> None:
    with pytest.raises(NotPossible) as refused:
        apply(replace(drafted(), consents=()), Act("submit", actor("developer_owner"), T0), PACK, T0)
    assert refused.value.missing == ("consent share_dossier", "document dossier")
    assert str(refused.value).startswith("submit from draft is not possible: missing consent")


def test_an_act_from_before_the_last_entry_is_backdated() -> None:
    with pytest.raises(Backdated, match="a time not before the last entry"):
        apply(drafted(), submitting(), PACK, T0 - HOUR)
    assert apply(drafted(), submitting(), PACK, T0)[0].state == "submitted"


def test_an_entry_says_what_happened() -> None:
    act = submitting(request_digest=digest("once"))
    standing, _ = apply(drafted(), act, PACK, T0 + HOUR)
    last = standing.last
    assert last is not None
    assert (last.seq, last.event, last.source, last.target, last.at) == (2, "submit", "draft", "submitted", T0 + HOUR)
    assert (last.actor, last.clamped, last.request_digest) == (act.actor, False, digest("once"))
    assert standing.since == T0 + HOUR
    assert standing.pack == PACK.ref


def test_a_repeat_gets_the_first_answer_and_no_second_entry() -> None:
    act = submitting(request_digest=digest("once"))
    once, effects = apply(drafted(), act, PACK, T0)
    assert apply(once, act, PACK, T0 + DAY) == (once, effects)
    with pytest.raises(NotPossible):
        apply(once, replace(act, request_digest=digest("twice")), PACK, T0 + DAY)


def test_another_version_of_the_pack_does_not_move_a_submission_that_pins_one() -> None:
    submitted, _ = apply(drafted(), submitting(), PACK, T0)
    other = replace(PACK, ref=PackRef("test-pack", "2026.2", digest("2026.2")))
    act = Act("begin_terms", actor("evaluator_lead"), T0, documents=(document("capacity_note"),))
    with pytest.raises(NotPossible, match="the policy pack that this submission pins"):
        apply(submitted, act, other, T0)
    assert apply(submitted, act, PACK, T0)[0].state == "terms"
    adopted, _ = apply(submitted, full_act("adopt_pack", actor("evaluator_lead"), T0), other, T0)
    assert (adopted.state, adopted.pack) == ("submitted", other.ref)


def test_a_pack_can_ask_for_more_papers_signed_by_all_who_must() -> None:
    shipped = next(iter(pack_named("minimal").documents.values()))
    rule = replace(shipped, kind="prior_tests", required_at="submit", signers=frozenset({Role.DEVELOPER_OWNER}))
    pack = replace(PACK, documents={"prior_tests": rule})
    with pytest.raises(NotPossible, match="document prior_tests, signed by developer_owner"):
        apply(drafted(), submitting(), pack, T0)
    unsigned = (document("dossier"), document("prior_tests", signers=()))
    with pytest.raises(NotPossible, match="prior_tests"):
        apply(drafted(), submitting(documents=unsigned), pack, T0)
    signed = (document("dossier"), document("prior_tests", signers=("per-1",)))
    assert apply(drafted(), submitting(documents=signed), pack, T0)[0].state == "submitted"


def test_nobody_but_the_developer_brings_a_consent() -> None:
    submitted, _ = apply(drafted(), submitting(), PACK, T0)
    act = Act("begin_terms", actor("evaluator_lead"), T0, (document("capacity_note"),), consent(Activity.EVALUATE))
    with pytest.raises(NotPossible, match="nobody else brings a consent"):
        apply(submitted, act, PACK, T0)


@pytest.mark.parametrize(
    "given", [consent(Activity.SHARE_DOSSIER, to="bureau-b"), consent(Activity.SHARE_DOSSIER, of="sbj-2")]
)
def test_a_consent_to_another_evaluator_or_on_another_subject_counts_for_nothing(given: object) -> None:
    with pytest.raises(NotPossible, match="consent share_dossier"):
        apply(replace(drafted(), consents=(given,)), submitting(), PACK, T0)  # type: ignore[arg-type]


def test_another_evaluator_is_no_party() -> None:
    submitted, _ = apply(drafted(), submitting(), PACK, T0)
    act = Act("begin_terms", actor("evaluator_lead", organisation="bureau-b"), T0, (document("capacity_note"),))
    with pytest.raises(NotPossible, match="of the parties"):
        apply(submitted, act, PACK, T0)
    assert submitted.evaluator == BUREAU


@pytest.mark.parametrize(
    "given", [consent(Activity.EVALUATE, days=401), consent(Activity.EVALUATE, of="sbj-2"), consent(Activity.EVALUATE)]
)
def test_a_consent_beyond_its_subject_is_not_taken(given: Consent) -> None:
    act = Act("give_consent", actor("developer_owner"), T0, consent=given)
    if given == consent(Activity.EVALUATE):
        assert given in apply(drafted(), act, PACK, T0)[0].consents
        return
    with pytest.raises(NotPossible, match="a consent within its subject"):
        apply(drafted(), act, PACK, T0)


def test_the_module_draws_all_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["graph", str(tmp_path)])
    monkeypatch.delitem(sys.modules, "seatrial.framework.graph")
    runpy.run_module("seatrial.framework.graph", run_name="__main__")
    assert len(list(tmp_path.glob("lifecycle-*.svg"))) == len(LIFECYCLES)
