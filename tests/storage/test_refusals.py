"""What the database refuses by itself, whoever writes: an update in bulk, a console, a later version of this code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import Error, connections

from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Kind
from seatrial.framework.submission_store import Place, Step
from seatrial.framework.viewer import Viewer
from seatrial.storage.lifecycles import EDGES
from seatrial.storage.session import NoSession, WrongSession
from seatrial.storage.stores.log import LogTables
from seatrial.storage.stores.submissions import SubmissionTables
from seatrial.storage.tables import rows
from support.framework import HOUR, LAB, PACK, RIVAL, T0, actor, fresh, full_act
from support.stores import DATABASES, database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.storage.session import Database

SUB = "sub_" + "0" * 32
HOUSE = Viewer.house("a test looks at everything")
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
ACT = (
    "INSERT INTO storage_act (submission_id, seq, event, source, target, at, person, organisation, role,"
    " request_digest, clamped, entry_log, entry_index) VALUES"
)
NOW = "'2026-11-02 10:00:00+00:00'"


@pytest.fixture(params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as found:
        with LogTables(found).writing() as tx:
            for index in range(3):
                tx.put_entry(index, b"{}", SUB)
            tx.put_node(0, 0, bytes(32))
            tx.put_checkpoint(1, b"note")
        act = full_act("open_draft", actor("developer_owner"), T0, about=SUB, request_digest="")
        standing, _ = LIFECYCLES[Kind.SUBMISSION].apply(fresh(about=SUB), act, PACK, T0)
        assert standing.last is not None
        SubmissionTables(found).save(OWNER, standing, 0, (Step(act, standing.last, bytes(32), Place(1, 0)),))
        yield found


def refused(opened: Database, statement: str) -> str:
    """What the database says to a statement; at the latest when the transaction ends."""
    with pytest.raises(Error) as refusal, opened.session(HOUSE, writing=True) as frame:
        connections[frame.alias].cursor().execute(statement)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE storage_submission SET state = 'running'", "no state without its act"),
        ("UPDATE storage_submission SET state = 'approved'", ""),
        ("UPDATE storage_submission SET state = 'submitted', version = 2", "no state without its act"),
        ("UPDATE storage_submission SET version = 7", "no state without its act"),
        ("DELETE FROM storage_submission", "purged, not deleted"),
        ("UPDATE storage_act SET at = at, event = 'submit'", "an act stays as it is"),
        ("UPDATE storage_act SET entry_index = 1", "an act stays as it is"),
        ("DELETE FROM storage_act", "an act stays"),
        ("UPDATE storage_ledgerentry SET entry = 'x'", "only grows"),
        ("DELETE FROM storage_ledgerentry", "only grows"),
        ("UPDATE storage_ledgernode SET level = 3", "only grows"),
        ("DELETE FROM storage_ledgercheckpoint", "only grows"),
        ("UPDATE storage_ledgerhead SET size = 0", "grows by one"),
        ("DELETE FROM storage_ledgerhead", "does not go"),
        (f"{ACT} ('{SUB}', 2, 'submit', 'draft', 'running', {NOW}, 'p', 'o', 'r', '', false, 1, 1)", "has this step"),
        (f"{ACT} ('{SUB}', 3, 'withdraw', 'draft', 'withdrawn', {NOW}, 'p', 'o', 'r', '', false, 1, 1)", "ended"),
        (f"{ACT} ('{SUB}', 2, 'begin_terms', 'submitted', 'terms', {NOW}, 'p', 'o', 'r', '', false, 1, 1)", "ended"),
        (f"{ACT} ('{SUB}', 2, 'submit', 'draft', 'submitted', {NOW}, 'p', 'o', 'r', '', false, 1, 9)", "no such entry"),
        (f"{ACT} ('{SUB}', 2, 'submit', 'draft', 'submitted', {NOW}, 'p', 'o', 'r', '', false, NULL, NULL)", "entry"),
        (f"{ACT} ('{SUB}', 2, 'submit', 'draft', 'submitted', {NOW}, 'p', 'o', 'r', '', false, 1, 0)", ""),
    ],
)
def test_a_statement_that_steps_over_a_rule_is_refused(opened: Database, statement: str, said: str) -> None:
    assert said in refused(opened, statement)
    assert SubmissionTables(opened).load(OWNER, SUB).standing.state == "draft"


def test_another_streams_entry_records_no_act(opened: Database) -> None:
    with LogTables(opened).writing() as tx:
        tx.put_entry(3, b"{}", "sub_" + "1" * 32)
    act = f"{ACT} ('{SUB}', 2, 'submit', 'draft', 'submitted', {NOW}, 'p', 'o', 'r', '', false, 1, 3)"
    assert "no such entry" in refused(opened, act)


def test_the_tables_know_the_steps_of_the_lifecycles_and_no_other(opened: Database) -> None:
    with opened.session(HOUSE):
        known = set(rows.Edge.objects.values_list("kind", "source", "event", "target"))
    assert known == EDGES
    for kind, lifecycle in LIFECYCLES.items():
        assert {(row.source, row.event, row.target) for row in lifecycle.transitions} == {
            edge[1:] for edge in known if edge[0] == kind
        }


def test_no_query_runs_outside_a_session(opened: Database) -> None:
    assert opened
    with pytest.raises(NoSession):
        rows.Submission.objects.count()


def test_a_reading_session_cannot_write(opened: Database) -> None:
    with pytest.raises(Error), opened.session(HOUSE) as frame:
        connections[frame.alias].cursor().execute("DELETE FROM storage_order")


def test_a_session_of_another_viewer_does_not_open_inside(opened: Database) -> None:
    rival = Viewer.of("per-9", RIVAL, Role.DEVELOPER_OWNER)
    with opened.session(OWNER), pytest.raises(WrongSession), opened.session(rival):
        pass
    with opened.session(OWNER), pytest.raises(WrongSession), opened.session(OWNER, writing=True):
        pass


def test_an_inner_session_that_fails_takes_back_only_what_it_wrote(opened: Database) -> None:
    with opened.session(OWNER, writing=True):
        with LogTables(opened).writing() as tx:
            tx.put_entry(3, b"{}", SUB)
        with pytest.raises(RuntimeError), LogTables(opened).writing() as tx:  # noqa: PT012 - written before the error
            tx.put_entry(4, b"{}", SUB)
            raise RuntimeError
    with LogTables(opened).reading() as tx:
        assert tx.size() == 4
    with pytest.raises(RuntimeError), opened.session(OWNER, writing=True):  # noqa: PT012 - the same
        with LogTables(opened).writing() as tx:
            tx.put_entry(4, b"{}", SUB)
        raise RuntimeError
    with LogTables(opened).reading() as tx:
        assert tx.size() == 4


def test_a_step_that_is_withdrawn_from_the_lifecycle_cannot_be_taken(opened: Database) -> None:
    with opened.session(HOUSE, writing=True):
        rows.Edge.objects.filter(event="withdraw", source="draft").delete()
    standing = SubmissionTables(opened).load(OWNER, SUB).standing
    act = Act("withdraw", actor("developer_owner"), T0 + HOUR)
    after, _ = LIFECYCLES[Kind.SUBMISSION].apply(standing, act, PACK, T0 + HOUR)
    assert after.last is not None
    with pytest.raises(ValueError, match="no lifecycle has this step"):
        SubmissionTables(opened).save(OWNER, after, 1, (Step(act, after.last, bytes(32), None),))
