# ruff: noqa: S608 - names of tables, from the tables themselves
"""The second wall: raw SQL as the serving user, with a rival's context, finds nothing; and nothing gets around it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import Error, connections

from seatrial.framework.consent import Activity, Grant
from seatrial.framework.data_class import Action, DataClass, Tlp
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Effect
from seatrial.framework.two_key import KeyAction
from seatrial.framework.viewer import Viewer
from seatrial.portal.health import missing
from seatrial.portal.settings import PortalSettings
from seatrial.storage import Address, rls
from seatrial.storage.address import Part
from seatrial.storage.reads import ReadTables
from seatrial.storage.session import Database
from seatrial.storage.stores.mail import Contact, Feed, Letter, MailTables
from seatrial.storage.tables import rows
from seatrial.storage.upgrade import pending
from support import postgres
from support.framework import AGENCY, BUREAU, DAY, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act, keys
from support.house import open_house
from support.stores import setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seatrial.house import House

HOUSE = Viewer.house("a test looks at everything")
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
RIVALS = tuple(Viewer.of("riv-developer-owner", RIVAL, role) for role in Role)
"""The rival's organisation in every role there is: a bug in a page may set any."""
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
READER = Viewer.of("per-reader", AGENCY, Role.AGENCY_READER)
OF_EVERY_PARTY = {"storage_organisation", "storage_person", "storage_membership"}
"""Tables in which the rival has rows of its own."""
DOSSIER = b"heron-7: what lab-a says of its model"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which lab-a has a submission with rows in every table that a submission can have."""
    server = postgres.server()
    with server.database(postgres.template()) as name:
        home = tmp_path_factory.mktemp("house")
        opened = open_house(home, environment=setting(Address.of(home, server.setting(name))))
        filled(opened)
        yield opened
        opened.database.close()


def filled(house: House) -> str:
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    share = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(share, request_digest=""), share.at)
    house.papers.put(OWNER, name, DataClass.P, DOSSIER)
    house.permissions.grant(OWNER, name, granted(name))
    request, votes = keys(KeyAction.AGREE, name, T0 + HOUR)
    house.permissions.ask(OWNER, name, request)
    for vote in votes:
        house.permissions.vote(HOUSE, name, vote)
    ReadTables(house.database).note(OWNER, name, "pap-1", DataClass.M, T0)
    house.orders.give(Viewer.for_submission(name), name, 2, (Effect.STOP_RUNS,), T0)
    mail = MailTables(house.database)
    mail.put(OWNER, Contact(OWNER.person, "owner@lab-a.example", "UTC", "2026-11-02", T0, confirmed_at=T0))
    mail.write(HOUSE, [Letter("let-1", OWNER.person, "waits", T0, T0, LAB, OWNER.role, name)])
    mail.open_feed(OWNER, Feed("fed-1", OWNER.person, LAB, OWNER.role, "calendar", T0), "0" * 64)
    with house.database.session(HOUSE, writing=True):
        _rows_of_others_rooms(name)
    return name


def _rows_of_others_rooms(name: str) -> None:
    """What jobs, notices, sign-in, rulings and the API keep beside a submission and beside its organisation."""
    unit = {"kind": "run_review", "lane": "reviews", "state": "waiting", "key": name, "submission_id": name}
    times = {"asked_at": T0, "due_set_at": T0, "due_at": T0}
    rows.PlanUnit.objects.create(
        id="uni-1", what={"model": "heron-7"}, why="asked", person=OWNER.person, **unit, **times
    )
    rows.Worker.objects.create(id="wor-1", process={"host": LAB}, began_at=T0, seen_at=T0)
    rows.Notice.objects.get_or_create(
        act=rows.Act.objects.get(submission_id=name, seq=1), organisation=LAB, role=OWNER.role
    )
    lasting = {"organisation_id": LAB, "made_at": T0, "expires": T0 + DAY}
    rows.Invitation.objects.create(id="inv-1", digest="1" * 64, role=OWNER.role, invited_by=OWNER.person, **lasting)
    rows.ServiceToken.objects.create(id="tok-1", digest="2" * 64, record={"organisation": LAB}, **lasting)
    rows.IdentityProvider.objects.create(id="idp-1", issuer=f"https://{LAB}.example", organisation_id=LAB, record={})
    ruled = {"unit": "uni-1", "participant": "heron-7", "sample": "s", "epoch": 0, "decision": "counts", "reason": "r"}
    rows.Ruling.objects.create(submission_id=name, person=OWNER.person, organisation=LAB, at=T0, **ruled)
    rows.AnsweredRequest.objects.create(
        organisation_id=LAB, key="k", digest="3" * 64, operation="inquire", at=T0, status=201, answer={"id": name}
    )


def granted(_name: str) -> Grant:
    return Grant(
        id="gra-1", consent="con-share-dossier", object="pap-1", data_class=DataClass.P,
        actions=frozenset({Action.READ}), organisation=AGENCY, role=Role.AGENCY_READER, purpose=Purpose.INQUIRY,
        not_before=T0, expires=T0 + 300 * DAY, tlp=Tlp.TLP_AMBER_STRICT,
    )  # fmt: skip


def asked(
    house: House, viewer: Viewer | None, statement: str, values: Sequence[object] = ()
) -> list[tuple[object, ...]]:
    """The rows that a raw statement finds as the serving user, with this viewer's context or none."""
    opened = house.database.session(viewer) if viewer else house.database.transaction(writing=False)
    with opened as frame, connections[frame.alias].cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


def walled() -> list[str]:
    return sorted(rls.policies())


def test_every_table_is_walled_or_open_for_a_reason(house: House) -> None:
    of_the_database = "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r'"
    found = asked(house, None, of_the_database + " AND relnamespace = 'public'::regnamespace")
    other = set(rls.other_tables())
    for name, enabled, forced in found:
        if name in rls.OPEN_TABLES or name in other:
            assert (enabled, forced, bool(rls.OPEN_TABLES.get(str(name)) or name in other)) == (False, False, True), (
                name
            )
        else:
            assert (enabled, forced) == (True, True), name
    assert set(walled()) | set(rls.OPEN_TABLES) | other >= {str(name) for name, _, _ in found}
    assert set(walled()) & set(rls.OPEN_TABLES) == set()


NOT_FILLED = {table for table in rls.policies() if table.startswith("storage_finding")}
"""Tables in which lab-a has no row here, so that for them the rival's test shows nothing."""


def test_the_fixture_has_a_row_in_every_walled_table_but_those_that_are_named(house: House) -> None:
    empty = {table for table in walled() if not asked(house, HOUSE, f"SELECT 1 FROM {table} LIMIT 1")}
    assert empty == NOT_FILLED


@pytest.mark.parametrize("viewer", RIVALS, ids=[str(viewer.role) for viewer in RIVALS])
def test_a_rival_finds_no_row_no_name_and_no_count(house: House, viewer: Viewer) -> None:
    names = asked(house, HOUSE, "SELECT id FROM storage_submission")
    for table in (*walled(), *rls.OPEN_TABLES):
        found = asked(house, viewer, f"SELECT to_jsonb(t)::text FROM {table} t")
        text = "\n".join(str(row[0]) for row in found)
        for word in (LAB, "per-developer-owner", "heron-7", "con-share-dossier", DOSSIER.hex()):
            assert word not in text, table
        if table in rls.policies():
            assert table in OF_EVERY_PARTY or found == [], table
            assert not any(str(name) in text for (name,) in names), table
    assert {row[0] for row in asked(house, viewer, "SELECT id FROM storage_organisation")} <= {RIVAL}


def test_without_a_context_nothing_is_there_and_an_old_one_does_not_last(house: House) -> None:
    asked(house, OWNER, "SELECT 1")
    for table in walled():
        assert asked(house, None, f"SELECT 1 FROM {table}") == [], table


def test_a_serving_connection_that_calls_itself_the_house_sees_nothing(house: House) -> None:
    alias = house.database.alias(writing=True)
    with house.database.session(RIVALS[0], writing=True), connections[alias].cursor() as cursor:
        cursor.execute("SELECT set_config('seatrial.role', 'house', true)")
        for table in set(walled()) - OF_EVERY_PARTY:
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
    for user in (postgres.HOUSE, postgres.OWNER):
        with pytest.raises(Error, match="permission denied"), house.database.session(OWNER, writing=True):
            connections[alias].cursor().execute(f"SET ROLE {user}")


COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
NAMING = "INSERT INTO storage_acquaintance (submission_id, organisation, owner) VALUES (%(sub)s,"
READ = "INSERT INTO storage_read (submission_id, person, organisation, role, object, data_class, at, day, salt)"
PAPER = "INSERT INTO storage_paper (submission_id, digest, data_class, size, content)"
MEMBER = "INSERT INTO storage_membership (person_id, organisation_id, role, not_before, record)"


@pytest.mark.parametrize(
    "statement",
    [
        f"{NAMING} %(rival)s, 'lab-a')",
        f"{READ} VALUES (%(sub)s, 'riv-developer-owner', %(rival)s, 'developer_owner', 'x', 'M', now(), 'd', '')",
        f"{PAPER} VALUES (%(sub)s, 'x', 'P', 0, '')",
        "INSERT INTO storage_organisation (id, kind, record) VALUES ('lab-c', 'developer', '{}')",
        f"{MEMBER} VALUES ('riv-developer-owner', 'lab-a', 'developer_owner', now(), '{{}}')",
        "UPDATE storage_organisation SET kind = 'auditor'",
    ],
)
def test_a_rival_writes_nothing_beside_anothers_submission(house: House, statement: str) -> None:
    [(name,)] = asked(house, HOUSE, "SELECT id FROM storage_submission")
    rival = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
    refusal = "row-level security|keeps its kind"
    with pytest.raises(Error, match=refusal), house.database.session(rival, writing=True) as frame:
        connections[frame.alias].cursor().execute(statement, {"sub": name, "rival": RIVAL})


def test_a_rival_that_names_somebody_on_anothers_submission_opens_nothing(house: House) -> None:
    [(name,)] = asked(house, HOUSE, "SELECT id FROM storage_submission")
    rival = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
    with house.database.session(rival, writing=True) as frame:
        connections[frame.alias].cursor().execute(f"{NAMING} 'agency-x', %(rival)s)", {"sub": name, "rival": RIVAL})
    stranger = Viewer.of("per-x", "agency-x", Role.EVALUATOR)
    assert asked(house, stranger, "SELECT 1 FROM storage_submission") == []


def test_a_rival_changes_and_removes_nothing(house: House) -> None:
    rival = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
    changed = {}
    for table in set(walled()) - OF_EVERY_PARTY:
        [(column, *_), *_] = asked(house, HOUSE, COLUMNS, [table])
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with suppress(Error), house.database.session(rival, writing=True) as frame:
                cursor = connections[frame.alias].cursor()
                cursor.execute(statement)
                changed[statement] = cursor.rowcount
    assert set(changed.values()) == {0}
    assert len(changed) > len(walled())


def test_tables_and_a_path_of_ones_own_open_no_paper(house: House) -> None:
    """The function that says which papers are there looks at the room's tables, not at those of whoever asks."""
    [(name,)] = asked(house, HOUSE, "SELECT id FROM storage_submission")
    rival = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
    columns = "%s::text AS id, %s::text AS owner, 'submission'::text AS kind, ''::text AS told, ''::text AS evaluator"
    with house.database.session(rival, writing=True) as frame:
        cursor = connections[frame.alias].cursor()
        cursor.execute(f"CREATE TEMP TABLE storage_submission ON COMMIT DROP AS SELECT {columns}", [name, RIVAL])
        cursor.execute("SET LOCAL search_path = pg_temp, public, pg_catalog")
        cursor.execute("SELECT count(*) FROM storage_submission")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM public.storage_paper")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM public.storage_document")
        assert cursor.fetchone() == (0,)


def test_a_grant_opens_its_paper_to_its_reader_only_and_to_read_only(house: House) -> None:
    with house.database.session(OWNER, writing=True) as frame:
        connections[frame.alias].cursor().execute(
            "INSERT INTO storage_acquaintance (submission_id, organisation, owner)"
            " SELECT id, %s, owner FROM storage_submission ON CONFLICT DO NOTHING",
            [AGENCY],
        )
    content = "SELECT content FROM storage_paper"
    assert [bytes(row[0]) for row in asked(house, READER, content)] == [DOSSIER]  # type: ignore[call-overload]
    assert asked(house, replace(READER, role=Role.TRUSTED_PARTNER), content) == []
    assert asked(house, replace(READER, role=Role.ANALYST), content) == []
    with pytest.raises(Error, match="row-level security"), house.database.session(READER, writing=True) as frame:
        connections[frame.alias].cursor().execute(
            "INSERT INTO storage_paper (submission_id, digest, data_class, size, content)"
            " SELECT id, 'x', 'P', 0, '' FROM storage_submission"
        )
    with house.database.session(HOUSE, writing=True) as frame:
        connections[frame.alias].cursor().execute("UPDATE storage_grant SET ended_at = now()")
    assert asked(house, READER, content) == []


def test_the_serving_user_of_a_divided_database_has_no_fault_and_others_have(house: House, tmp_path: Path) -> None:
    assert rls.faults(house.database) == ()
    at = house.database.address
    owner = Database(replace(at, user=postgres.OWNER))
    said = "\n".join(rls.faults(owner))
    assert "owns" in said
    assert "the house or the owner as well" in said
    owner.close()
    admin = Database(replace(at, user=postgres.ADMIN))
    assert "superuser" in "\n".join(rls.faults(admin))
    admin.close()
    assert "no second wall" in rls.faults(Database(Address.of(tmp_path)))[0]


def test_a_serving_user_cannot_change_the_wall(house: House) -> None:
    for statement in (
        "ALTER TABLE storage_paper DISABLE ROW LEVEL SECURITY",
        "DROP POLICY seatrial_seen ON storage_paper",
        "CREATE POLICY mine ON storage_paper USING (true)",
        "ALTER TABLE storage_act DISABLE TRIGGER ALL",
        "TRUNCATE storage_paper",
    ):
        with pytest.raises(Error), house.database.session(OWNER, writing=True) as frame:
            connections[frame.alias].cursor().execute(statement)


def test_one_user_for_everything_still_serves_and_is_told_its_fault(tmp_path: Path) -> None:
    server = postgres.server()
    with server.database() as name:
        home = tmp_path / "one"
        opened = open_house(home, environment={"SEATRIAL_DATABASE": server.url(postgres.OWNER, name)})
        filled(opened)
        assert len(opened.submissions.list(OWNER)) == 1
        assert asked(opened, RIVALS[0], "SELECT 1 FROM storage_submission") == []
        assert asked(opened, None, "SELECT 1 FROM storage_submission") == []
        assert rls.faults(opened.database)
        given = {"SEATRIAL_MODE": "production", "SEATRIAL_DATABASE": server.url(postgres.OWNER, name)}
        place, _ = PortalSettings.read(home, given)
        assert place is not None
        lacking = missing(place, datetime.now(UTC))  # what a start in production refuses, and `portal check` lists
        assert set(rls.faults(opened.database)) <= set(lacking)
        opened.database.close()


def test_an_upgrade_that_was_killed_is_finished_and_a_changed_wall_is_put_up(house: House) -> None:
    connection = house.database.connection(writing=True, part=Part.OWNER)
    with connection.cursor() as cursor:
        cursor.execute("DROP POLICY seatrial_seen ON storage_paper")
        cursor.execute("DROP TRIGGER act_no_delete ON storage_act")
        cursor.execute("COMMENT ON TABLE storage_edge IS '0'")
    house.database.prepare()
    assert not pending(house.database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_policies WHERE tablename = 'storage_paper'")
        assert cursor.fetchone() == (5,)
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = 'act_no_delete'")
        assert cursor.fetchone() == (1,)
