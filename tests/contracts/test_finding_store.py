"""What every store of findings does: whole batches, chains that go on in one way, and nothing for a rival."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from seatrial.clearinghouse.cluster import Cluster, Member, Stage
from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.event import Actor, Event, EventType
from seatrial.clearinghouse.intake.papers import shred_papers
from seatrial.clearinghouse.leaf import in_batch
from seatrial.clearinghouse.secrecy.commitment import commit
from seatrial.clearinghouse.store import Asked, Conflict, NoFinding, Signature
from seatrial.storage.stores.findings import FindingTables
from support.findings import (
    ANALYST,
    HOUSE,
    MODEL,
    OWNER,
    SENDER,
    STRANGERS,
    SUBMISSION,
    Kept,
    kept,
    mixed,
    plain,
    source,
)
from support.framework import BUREAU, DAY, LAB, T0
from support.stores import DATABASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BY = Actor("per-analyst", "analyst")


@pytest.fixture(params=["memory", *DATABASES])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with kept(request.param, tmp_path) as found:
        yield found


def next_event(at: Kept, subject: str, kind: EventType, **body: object) -> Event:
    chain = at.store.events(HOUSE, subject)
    return Event.following(chain[-1] if chain else None, subject, kind, body, BY, T0 + DAY, bytes(16))


def test_a_batch_is_taken_in_whole_and_again_is_held_already(at: Kept) -> None:
    items = [source(mixed(3, 120))]
    first = at.take(items, batch=50)
    again = at.take(items, batch=50)

    assert [one.id for one in first] == [one.id for one in again]
    assert all(one.again for one in again)
    assert {one.id for one in first if not one.again} == {one.id for one in first}
    funnel = at.store.funnel(HOUSE)
    funnel.check()
    assert funnel == at.store.count(HOUSE)
    assert (funnel.handed_in, funnel.held) == (240, len({one.id for one in first}))
    quarantined = [one for one in at.store.quarantined(HOUSE, most=1000) if one.what]
    assert len(quarantined) == funnel.by_disposition[Disposition.QUARANTINED] > 0
    assert all(one.where and one.to_do for one in quarantined)


def test_what_came_in_is_read_back_and_its_commitment_opens(at: Kept) -> None:
    [receipt] = at.take([source([plain(1, tlp="TLP:GREEN", cwe=["CWE-787", "CWE-x"])])])
    held = at.store.findings(HOUSE, [receipt.id, "0" * 64])

    assert list(held) == [receipt.id]
    found = held[receipt.id]
    assert (found.finding.finding_id, found.disposition, found.submitter) == (receipt.id, "candidate", LAB)
    assert [one.field for one in found.finding.unread] == ["claim.cwe"]
    made, nonce = at.store.nonces(HOUSE, [receipt.id])[receipt.id]
    assert made == commit(nonce, found.finding.canonical())
    assert at.store.commitments(HOUSE, T0, T0 + DAY) == (made,)
    assert at.store.commitments(HOUSE, T0 + DAY, T0 + 2 * DAY) == ()
    [event] = at.store.events(HOUSE, receipt.id)
    assert (event.type, event.body["commitment"]) == ("received", made)


def test_the_record_has_every_event(at: Kept) -> None:
    receipts = at.take([source(plain(number) for number in range(11))])
    for receipt in receipts:
        proof = at.store.proof(HOUSE, receipt.id, 1)
        leaf = proof.leaf
        assert in_batch(proof.event.hash, proof.position, leaf.size, proof.path, leaf.root)
        with at.log.store.reading() as tx:
            assert leaf.root in tx.entry(leaf.index).decode()
            assert leaf.batch in tx.entry(leaf.index).decode()


def test_a_chain_goes_on_in_one_way_and_moves_its_finding(at: Kept) -> None:
    [receipt] = at.take([source([plain(1)])])
    event = next_event(at, receipt.id, EventType.REPLAYED, disposition="reproduced", hits=3)
    other = replace(event, nonce="ab" * 16)
    at.store.append(HOUSE, [event])

    with pytest.raises(Conflict, match="somebody else made event 2"):
        at.store.append(HOUSE, [other])
    with pytest.raises(NoFinding):
        at.store.append(HOUSE, [replace(event, subject="1" * 64, seq=1, prev="0" * 64)])
    assert at.store.findings(HOUSE, [receipt.id])[receipt.id].disposition is Disposition.REPRODUCED
    assert at.store.heads(HOUSE, [receipt.id]) == {receipt.id: (2, event.hash)}
    funnel = at.store.funnel(HOUSE)
    assert funnel == at.store.count(HOUSE)
    assert funnel.by_disposition[Disposition.REPRODUCED] == 1


def test_an_error_takes_back_all_of_a_transaction(at: Kept) -> None:
    [receipt] = at.take([source([plain(1)])])
    before, size = at.store.funnel(HOUSE), at.log.check().size
    with pytest.raises(ZeroDivisionError), at.store.transaction(HOUSE):  # noqa: PT012 - the transaction is the statement
        at.store.append(HOUSE, [next_event(at, receipt.id, EventType.TAKEN_BACK, why="mistaken")])
        at.take([source([plain(2)])])
        raise ZeroDivisionError
    assert at.store.funnel(HOUSE) == before
    assert len(at.store.events(HOUSE, receipt.id)) == 1
    if at.database is not None:  # in memory the record is another store
        assert at.log.check().size == size


def test_above_its_quota_a_source_is_parked_and_conserved(at: Kept) -> None:
    items = [source(plain(number) for number in range(9))]
    receipts = at.take(items, quota=5, batch=4)
    assert [str(one.disposition) for one in receipts] == ["candidate"] * 5 + ["parked"] * 4
    again = at.take(items, quota=5, batch=4)
    assert [(one.id, one.disposition) for one in again] == [(one.id, one.disposition) for one in receipts]
    at.store.append(HOUSE, [next_event(at, receipts[0].id, EventType.REPLAYED, disposition="not_reproduced")])
    assert at.store.unreproduced(HOUSE, LAB) == 4
    assert at.store.funnel(HOUSE) == at.store.count(HOUSE)


def test_a_recipe_that_reaches_out_waits_for_a_person(at: Kept) -> None:
    recipe = {"image": "sha256:" + "a" * 64, "run": ["./t", "{pov}"], "network": "host"}
    [receipt] = at.take([source([plain(1, recipe=recipe)])])
    assert receipt.disposition is Disposition.NEEDS_ATTENTION
    assert "network" in at.store.events(HOUSE, receipt.id)[0].body["why"]


def test_clusters_and_signatures_are_found_again(at: Kept) -> None:
    receipts = at.take([source(plain(7 * number) for number in range(4))])
    names = [one.id for one in receipts]
    project = at.store.findings(HOUSE, names[:1])[names[0]].finding.target.project
    keys = [hashlib.sha256(bytes([number % 2])).hexdigest() for number in range(4)]
    at.store.sign(
        HOUSE,
        [
            Signature(name, project, key, "a.c:1", (f"f{number}", "g", "h"), ("f", "g\0", "h"))
            for number, (name, key) in enumerate(zip(names, keys, strict=True))
        ],
    )
    assert {one.finding_id for one in at.store.by_exact_key(HOUSE, project, keys[:1])} == {names[0], names[2]}
    assert {one.finding_id for one in at.store.by_top_function(HOUSE, project, ["f3", "zz"])} == {names[3]}
    assert len(at.store.by_top_function(HOUSE, project, ["g"])) == 4
    assert at.store.by_top_function(HOUSE, "another", ["g"]) == ()

    first, second = at.store.new_cluster_ids(HOUSE, 2)
    assert second > first
    assert at.store.new_cluster_ids(HOUSE, 1)[0] > second
    members = tuple(Member(finding_id=name, exact_key=key) for name, key in zip(names, keys, strict=True))
    made = Cluster(cluster_id=first, project=project, keeper=BUREAU, members=members[:3])
    joined = [next_event(at, first, EventType.JOINED, finding=names[0])]
    at.store.append(HOUSE, joined, [made])
    assert at.store.clusters(HOUSE, [first]) == (made,)
    assert at.store.clusters(HOUSE, project="another") == ()
    assert at.store.by_exact_key(HOUSE, project, keys[:1])[0].cluster_id == first
    split = made.model_copy(update={"members": members[:1], "stage": Stage.RATED})
    at.store.append(HOUSE, [next_event(at, first, EventType.SPLIT, leavers=names[1:3])], [split])
    assert [one.finding_id for one in at.store.lines(HOUSE, Asked(cluster_id=first))] == names[:1]
    funnel = at.store.funnel(HOUSE)
    assert (funnel.in_clusters, dict(funnel.clusters or {})) == (1, {"rated": 1})


def test_a_list_is_narrowed_and_paged(at: Kept) -> None:
    at.take([source(plain(number) for number in range(20))])
    whole = at.store.lines(HOUSE, Asked())
    assert [one.finding_id for one in whole] == sorted(one.finding_id for one in whole)
    halves = [at.store.lines(HOUSE, Asked(most=10)), at.store.lines(HOUSE, Asked(after=whole[9].finding_id))]
    assert (*halves[0], *halves[1]) == whole
    assert len(at.store.lines(HOUSE, Asked(project="pkg:generic/project-3"))) == 3
    assert at.store.lines(HOUSE, Asked(prefix=whole[4].finding_id[:12])) == (whole[4],)
    assert at.store.lines(HOUSE, Asked(disposition="known")) == ()


def test_a_rival_has_no_row_and_changes_none(at: Kept) -> None:
    receipts = at.take([source([*(plain(number) for number in range(5)), 7])])
    names = [one.id for one in receipts]
    project = at.store.findings(HOUSE, names)[names[0]].finding.target.project
    at.store.sign(HOUSE, [Signature(names[0], project, "aa" * 32, "a.c:1", ("f",))])
    [cluster] = at.store.new_cluster_ids(HOUSE, 1)
    made = Cluster(cluster_id=cluster, project=project, keeper=BUREAU, members=(Member(finding_id=names[0]),))
    at.store.append(HOUSE, [next_event(at, cluster, EventType.JOINED)], [made])
    event = next_event(at, names[0], EventType.TAKEN_BACK)

    for stranger in STRANGERS:
        store = at.store
        assert store.findings(stranger, names) == {}, stranger
        assert (store.lines(stranger, Asked()), store.quarantined(stranger)) == ((), ())
        assert [store.events(stranger, name) for name in (*names, cluster)] == [()] * 7
        assert (store.heads(stranger, names), store.nonces(stranger, names)) == ({}, {})
        assert store.commitments(stranger, T0, T0 + DAY) == ()
        assert (store.by_exact_key(stranger, project, ["aa" * 32]), store.clusters(stranger)) == ((), ())
        assert store.by_top_function(stranger, project, ["f"]) == ()
        assert (store.origin_of(stranger, LAB, "trial-3"), store.origins_of(stranger, SUBMISSION)) == (None, ())
        funnel = store.funnel(stranger)
        assert (funnel.handed_in, funnel.held, dict(funnel.clusters or {})) == (0, 0, {})
        assert store.count(stranger).held == 0
        with ExitStack() as refused:
            refused.enter_context(pytest.raises(Exception, match=r"no such finding|row-level security|made event 0"))
            store.append(stranger, [event])
        with pytest.raises(NoFinding):
            store.proof(stranger, names[0], 1)
    assert at.store.findings(HOUSE, names)[names[0]].disposition is Disposition.CANDIDATE


def test_its_sender_and_its_keeper_see_what_is_theirs(at: Kept) -> None:
    receipts = at.take([source(plain(number) for number in range(3))], viewer=ANALYST)
    names = [one.id for one in receipts]
    for viewer in (OWNER, ANALYST):
        assert set(at.store.findings(viewer, names)) == set(names)
        assert at.store.funnel(viewer).held == 3
        assert at.store.count(viewer).held == 3
        assert at.store.proof(viewer, names[0], 1).position == 0
    at.store.append(ANALYST, [next_event(at, names[0], EventType.SCOPED_OUT, why="documented")])
    [number] = at.store.new_cluster_ids(ANALYST, 1)
    made = Cluster(cluster_id=number, project="p", keeper=BUREAU, members=(Member(finding_id=names[1]),))
    at.store.append(ANALYST, [next_event(at, number, EventType.JOINED)], [made])
    assert at.store.clusters(OWNER) == ()
    assert at.store.clusters(ANALYST) == (made,)
    [own] = at.take([source([plain(9)])], viewer=OWNER)
    assert set(at.store.findings(ANALYST, [own.id])) == {own.id}


def test_a_withdrawal_leaves_the_findings_and_nothing_of_the_model(at: Kept) -> None:
    receipts = at.take([source([plain(1, sample="log-7/sample-3", model="heron-7-large"), {"title": MODEL}])])
    names = [one.id for one in receipts]
    before = at.store.findings(HOUSE, names)
    refs = at.store.origins_of(HOUSE, SUBMISSION)
    assert len(refs) == 1
    if at.database is None:
        assert at.store.shred_origin(HOUSE, refs, T0 + DAY) == refs
    else:  # what the house orders when a submission is withdrawn
        FindingTables(at.database).strip(HOUSE, SUBMISSION)
    assert at.store.shredded(HOUSE) == refs == at.store.shred_origin(HOUSE, refs, T0 + DAY)
    assert shred_papers(at.blobs, at.store.shredded(HOUSE)) == 1

    assert at.store.findings(HOUSE, names) == before
    assert at.store.funnel(HOUSE) == at.store.count(HOUSE)
    assert at.store.origins_of(HOUSE, SUBMISSION) == ()
    assert everything(at).count(MODEL) == 0
    for word in (SUBMISSION, "trial-3", "sample-3"):
        assert word not in everything(at), word
    again = at.take([source([plain(1)])], sender=replace(SENDER, keeps_facts=False))
    assert not again[0].again
    assert MODEL not in everything(at)


def everything(at: Kept) -> str:
    """All that the store holds, as text."""
    if at.database is None:
        return repr(vars(at.store)["_rows"])
    from django.apps import apps  # noqa: PLC0415 - Django is set up by then

    models = [model for model in apps.get_app_config("storage").get_models() if model.__name__.startswith("Finding")]
    with at.database.session(HOUSE):
        rows = [row for model in models for row in model.objects.values_list()]
    return "\n".join(
        " ".join(
            bytes(one).decode("utf-8", "replace") if isinstance(one, bytes | memoryview) else str(one) for one in row
        )
        for row in rows
    )


@pytest.mark.parametrize("kind", DATABASES)
def test_a_batch_of_1000_is_a_dozen_statements_at_most(kind: str, tmp_path: Path) -> None:
    with kept(kind, tmp_path) as at:
        database = at.database
        assert database is not None
        store = vars(at.store)
        store["_log"] = None  # the record's own statements are counted apart: they grow with its depth
        at.take([source(plain(number) for number in range(3))])
        alias = database.alias(writing=True, part="house")  # type: ignore[arg-type]  # a StrEnum's value
        with CaptureQueriesContext(connections[alias]) as asked:
            at.take([source(plain(number) for number in range(3, 1003))])
        told = [one["sql"] for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        told = [one for one in told if not one.startswith(("BEGIN", "COMMIT", "SELECT set_config"))]
        assert len(told) <= 12, "\n".join(one[:100] for one in told)
        names = [line.finding_id for line in at.store.lines(HOUSE, Asked(most=1000))]
        events = [next_event(at, name, EventType.REPLAYED, disposition="reproduced") for name in names]
        with CaptureQueriesContext(connections[alias]) as asked:
            at.store.append(HOUSE, events)
        assert len(asked.captured_queries) <= 12, "\n".join(one["sql"][:100] for one in asked.captured_queries)
