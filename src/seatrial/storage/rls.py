# ruff: noqa: S608 - the statements are made of this file's constants and of names of the framework, and take no input
"""The second wall: PostgreSQL itself shows and takes only what the viewer of a transaction may have.

- Every table of the room is walled, or stands in `OPEN_TABLES` with the reason. A walled table has row-level security
  ENABLED and FORCED; without a context it has no row, and a table that nobody described has none for any viewer.
- A submission's policy is the SQL of `submission_store.visible`. Whatever hangs on a submission by foreign keys is
  there when its submission is; whoever has no act in any lifecycle changes nothing.
- Papers are further narrowed by the classes of the matrix, but for those of a framework text, which is no secret. Votes
  and two-key conditions, times of windows and purposes are `access.decide`'s: the wall is coarser than the rule, never
  wider than the first wall.
- Whether a paper is there is a function's answer: its plan is kept by the connection, while a policy is planned with
  every statement. It runs with the asker's rights and policies, and finds no table that the asker made.
- The house's policy is for the house's user and the owner alone. A viewer's connection can call itself what it likes:
  no policy of its user shows it everything. Where one user is all three, this holds against mistakes only.

`renewal` writes all of it down anew; `faults` says what a serving user must not be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connections
from django.db.models import ForeignKey

from seatrial.clearinghouse.store import HANDING_IN, KEEPING
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.framework_text import READERS
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.matrix import Condition, Way, read_matrix
from seatrial.framework.participant import DEVELOPER_ROLES, OrganisationKind, Role
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import INNER_STATES, UNSEEING
from seatrial.framework.two_key import RULES as TWO_KEYS
from seatrial.storage import tables as _models  # noqa: F401 - the tables are known once it is loaded
from seatrial.storage.address import Part
from seatrial.storage.session import HOUSE_ROLE, JOB_ROLE, ROOM
from seatrial.storage.triggers import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.db.models import Model

    from seatrial.storage.address import Address
    from seatrial.storage.session import Database

OPEN_TABLES: Mapping[str, str] = {
    "storage_ledgerhead": "the number of entries, which every writer locks and every checkpoint says",
    "storage_ledgerentry": "digests, ids and pseudonyms: an entry is made so that a rival may see it",
    "storage_ledgernode": "digests of digests",
    "storage_ledgercheckpoint": "signed for publication",
    "storage_pack": "names and digests of policy packs, which are public",
    "storage_edge": "the lifecycles' steps, which are public",
    "storage_readday": "which days are closed, and where the record has their roots",
    "django_migrations": "the names of the tables' forms",
}
"""Tables without policies, each with the reason."""

REGISTRY = frozenset({"storage_organisation", "storage_person", "storage_membership"})
"""Tables of participants: what refers to them only needs a policy of its own."""
PERSONS = frozenset(Role) - UNSEEING
ACTING = frozenset(
    {
        *(actor for lifecycle in LIFECYCLES.values() for row in lifecycle.transitions for actor in row.actors),
        *(role for rule in TWO_KEYS.values() for role in (*rule.first, *rule.second)),
    }
) & frozenset(Role)
"""Who has an act in some lifecycle, or a key to turn; whoever has neither changes no row."""


def _setting(name: str) -> str:
    """One evaluation a statement; after a transaction the setting is '', not NULL."""
    return f"(SELECT NULLIF(current_setting('seatrial.{name}', true), ''))"


ROLE, ORGANISATION, PERSON, SUBMISSION = (_setting(name) for name in ("role", "organisation", "person", "submission"))


def _among(value: str, words: Iterable[str]) -> str:
    quoted = ", ".join(f"'{word}'" for word in sorted(words))
    return f"{value} = ANY (ARRAY[{quoted}]::text[])"


IS_JOB = f"{ROLE} = '{JOB_ROLE}'"
IS_DEVELOPER = _among(ROLE, DEVELOPER_ROLES)
IS_ACTING = _among(ROLE, {*ACTING, JOB_ROLE})
_OF_KIND = f"EXISTS (SELECT 1 FROM storage_organisation o WHERE o.id = {ORGANISATION} AND o.kind ="
IS_RIVAL, IS_AUDITOR = f"{_OF_KIND} '{OrganisationKind.DEVELOPER}')", f"{_OF_KIND} '{OrganisationKind.AUDITOR}')"

_TEXT = f"kind = '{Kind.FRAMEWORK_TEXT}'"
SUBMISSION_SEEN = f"""({IS_JOB} AND id = {SUBMISSION})
 OR ({_TEXT} AND {_among(ROLE, READERS)})
 OR ({ROLE} = '{Role.MAINTAINER}' AND kind = '{Kind.FINDING}' AND told = {ORGANISATION})
 OR (NOT {_TEXT} AND {IS_DEVELOPER} AND owner = {ORGANISATION})
 OR (NOT {_TEXT} AND {_among(ROLE, PERSONS - DEVELOPER_ROLES)} AND owner <> {ORGANISATION} AND NOT {IS_RIVAL}
  AND ((evaluator = {ORGANISATION} AND NOT {_among("state", INNER_STATES)})
   OR EXISTS (SELECT 1 FROM storage_acquaintance k
    WHERE k.submission_id = storage_submission.id AND k.owner = storage_submission.owner
     AND k.organisation = {ORGANISATION})))"""


@dataclass(frozen=True, slots=True)
class Policy:
    """Of one table: which rows are seen, and which are made, changed or removed of those."""

    seen: str
    made: str = "false"
    changed: str = "false"
    gone: str = "false"

    def statements(self, table: str, user: str) -> Iterator[str]:
        """As the database wants it."""
        yield f"CREATE POLICY seatrial_seen ON {table} FOR SELECT TO {user} USING ({self.seen})"
        yield f"CREATE POLICY seatrial_made ON {table} FOR INSERT TO {user} WITH CHECK ({self.made})"
        yield f"CREATE POLICY seatrial_gone ON {table} FOR DELETE TO {user} USING ({self.gone})"
        yield (
            f"CREATE POLICY seatrial_changed ON {table} FOR UPDATE TO {user}"
            f" USING ({self.changed}) WITH CHECK ({self.changed})"
        )


def _of_submission(table: str, *more: str) -> str:
    """The submission of a row is there, and more is true of it."""
    conditions = " AND ".join((f"s.id = {table}.submission_id", *more))
    return f"EXISTS (SELECT 1 FROM storage_submission s WHERE {conditions})"


OWN = f"s.owner = {ORGANISATION} AND {IS_DEVELOPER}"
PARTY = f"(({OWN}) OR s.evaluator = {ORGANISATION} OR {IS_JOB})"
"""The submission's developer, the organisation that assesses it, or a job on it."""


def _child(parent: str) -> Policy:
    """Of a table whose rows hang on another's: they are there when their parent is."""
    acting = f"{IS_ACTING} AND {parent}"
    return Policy(parent, acting, acting, acting)


def _described() -> dict[str, Policy]:
    """The tables whose policy does not follow from a foreign key alone."""
    of_job = f"({IS_JOB} AND submission_id = {SUBMISSION})"
    opening = f"(storage_act.seq = 1 AND storage_act.organisation = {ORGANISATION} AND {IS_ACTING})"
    act = f"({_of_submission('storage_act')} OR {opening} OR {of_job})"  # its submission is written after it
    theirs = _of_submission("storage_consent", f"({OWN} OR {IS_JOB})")
    naming = f"({IS_DEVELOPER} AND owner = {ORGANISATION}) OR {of_job}"
    reader = _of_submission("storage_grant", f"({PARTY} OR storage_grant.organisation = {ORGANISATION})")
    party = _of_submission("storage_grant", PARTY)
    given = _of_submission("storage_grant", f"({OWN} OR {IS_JOB})")
    own = f"organisation_id = {ORGANISATION}"
    mine = f"person = {PERSON}"
    members = f"EXISTS (SELECT 1 FROM storage_membership m WHERE m.person_id = storage_person.id AND m.{own})"
    return {
        "storage_submission": Policy(SUBMISSION_SEEN, *[f"{IS_ACTING} AND ({SUBMISSION_SEEN})"] * 2),
        "storage_act": Policy(act, f"{IS_ACTING} AND {act}", f"{IS_ACTING} AND {_of_submission('storage_act')}"),
        "storage_consent": Policy(_of_submission("storage_consent"), theirs, theirs, theirs),
        "storage_acquaintance": Policy(f"organisation = {ORGANISATION} OR {of_job}", naming, gone=of_job),
        "storage_grant": Policy(reader, given, party, given),
        "storage_paper": Policy(
            f"{SEES_PAPER}(storage_paper.submission_id, storage_paper.data_class)",
            _by_class(Action.WRITE),
            gone=_of_submission("storage_paper", IS_JOB),
        ),
        "storage_organisation": Policy(f"id = {ORGANISATION}", changed=f"id = {ORGANISATION}"),
        "storage_membership": Policy(own, own, own),
        "storage_person": Policy(f"id = {PERSON} OR {members}", f"{ORGANISATION} IS NOT NULL", f"id = {PERSON}"),
        "storage_read": _reads(),
        "storage_worker": Policy("false"),
        "storage_invitation": Policy(own),
        "storage_identityprovider": Policy("false"),
        "storage_servicetoken": Policy(own),
        **_findings(),
        "storage_contact": Policy(mine, mine, mine, mine),
        "storage_letter": Policy(mine),
        "storage_feed": Policy(mine, mine, mine),
        "storage_answeredrequest": Policy(own, own, own, own),
    }


def _findings() -> dict[str, Policy]:
    """Of findings: what came from an origin is there for who handed it in, its keeper, and a job on its submission."""
    keeps = f"(keeper = {ORGANISATION} AND {_among(ROLE, KEEPING)} AND NOT {IS_RIVAL})"
    hands = f"(submitter = {ORGANISATION} AND {_among(ROLE, HANDING_IN)})"
    origin = f"({IS_JOB} AND submission = {SUBMISSION}) OR {hands} OR {keeps}"

    def hanging(table: str) -> str:
        theirs = f"EXISTS (SELECT 1 FROM storage_findingorigin o WHERE o.ref = {table}.origin_id)"
        return f"(origin_id IS NOT NULL AND {theirs}) OR (origin_id IS NULL AND {keeps})"

    chain, event = hanging("storage_findingchain"), hanging("storage_findingevent")
    batch = "EXISTS (SELECT 1 FROM storage_findingevent e WHERE e.batch_id = storage_findingbatch.id)"
    counting = f"({_among(ROLE, KEEPING)} AND NOT {IS_RIVAL})"
    return {
        "storage_findingorigin": Policy(origin, origin, origin),
        "storage_findingchain": Policy(chain, chain, chain),
        "storage_findingevent": Policy(event, event),
        "storage_findingbatch": Policy(batch, IS_ACTING),
        "storage_findingcluster": Policy(keeps, keeps, keeps),
        "storage_findingnumber": Policy(counting, counting, counting),
    }


SEES_PAPER = "seatrial_sees_paper"


def _sees_paper() -> str:
    """Make the function. Its names are the catalogue's and the room's, whatever path and tables the asker has."""
    seen = _by_class(Action.READ).replace("storage_paper.submission_id", "$1").replace("storage_paper.data_class", "$2")
    return f"""CREATE FUNCTION {SEES_PAPER}(text, text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY INVOKER
 SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
 AS $body$ BEGIN RETURN {seen}; END $body$"""


def _reads() -> Policy:
    """Of the reads: who reads writes its own and sees them, the owner those of its submissions, an auditor all."""
    mine = " AND ".join(
        (
            f"storage_read.person = {PERSON}",
            f"storage_read.organisation = {ORGANISATION}",
            f"storage_read.role = {ROLE}",
        )
    )
    auditor = f"({ROLE} = '{Role.AUDITOR}' AND {IS_AUDITOR})"
    return Policy(
        f"{_of_submission('storage_read', OWN)} OR {auditor} OR ({mine})",
        f"({mine} OR {IS_JOB}) AND {_of_submission('storage_read')}",
    )


def _by_class(action: Action) -> str:
    """For papers: a job on their submission, or a way of the matrix whose conditions the database can see."""
    keys: dict[str, set[str]] = {}
    for role, data_class, way in _ways(action):
        if (condition := _condition(way)) is not None:
            keys.setdefault(condition, set()).add(f"{role}/{data_class}")
    cell = f"({ROLE} || '/' || storage_paper.data_class)"
    ways = (f"({_among(cell, cells)} AND {sql})" for sql, cells in sorted(keys.items()))
    return _of_submission("storage_paper", f"({' OR '.join((IS_JOB, f's.{_TEXT}', *ways))})")


@cache
def _ways(action: Action) -> frozenset[tuple[Role, DataClass, Way]]:
    """The ways of every shipped matrix: an older submission is pinned to an older one."""
    shipped = [
        one for one in files("seatrial.framework").joinpath("packs", "matrix").iterdir() if one.name[-4:] == ".csv"
    ]
    matrices = [read_matrix(one.read_text(encoding="utf-8")) for one in shipped]
    return frozenset(
        (role, data_class, way)
        for matrix in matrices
        for role in Role
        for data_class in DataClass
        for way in matrix.ways(role, data_class, action)
    )


_SEEN_IN_ROWS = {
    Condition.OWN: OWN,
    Condition.ASSIGNED: f"s.owner <> {ORGANISATION}",
    Condition.MAINTAINED: f"s.told = {ORGANISATION}",
    Condition.GRANTED: f"""EXISTS (SELECT 1 FROM storage_grant g WHERE g.submission_id = storage_paper.submission_id
 AND g.data_class = storage_paper.data_class AND g.organisation = {ORGANISATION} AND g.role = {ROLE}
 AND g.ended_at IS NULL AND g.expires > now())""",
}
"""Assigned is read as: of an organisation that the submission is known to. Who of it is on the case is the rule's."""


def _condition(way: Way) -> str | None:
    """The conditions of a way; votes are left to the rule, and what no row tells is no."""
    wanted = sorted(way - {Condition.TWO_KEYS})
    if not wanted or any(condition not in _SEEN_IN_ROWS for condition in wanted):
        return None
    return " AND ".join(_SEEN_IN_ROWS[condition] for condition in wanted)


def room_tables() -> dict[str, type[Model]]:
    """Every table of the room, by name."""
    return {model._meta.db_table: model for model in apps.get_app_config(ROOM).get_models()}  # noqa: SLF001 - documented


def policies() -> dict[str, Policy]:
    """The policy of every walled table; one that is not described hangs on the first walled table that it refers to."""
    described, tables = _described(), room_tables()
    found = {name: described[name] for name in tables if name in described}
    waiting = [name for name in tables if name not in found and name not in OPEN_TABLES]
    while waiting:
        placed = [name for name in waiting if _parent(tables[name], found)]
        for name in placed:
            found[name] = _child(_parent(tables[name], found))
        waiting = [name for name in waiting if name not in placed]
        if not placed:
            raise LookupError(f"{', '.join(waiting)}: no policy; describe it in storage.rls, or name it in OPEN_TABLES")
    return found


def _parent(model: type[Model], found: Mapping[str, Policy]) -> str:
    of = model._meta  # noqa: SLF001 - Django's documented way to a model's own description
    for field in of.concrete_fields:
        if isinstance(field, ForeignKey) and field.target_field.model is not model:
            to = field.target_field.model._meta.db_table  # noqa: SLF001 - the same
            if to in found and to not in REGISTRY:
                named = f"p.{field.target_field.column} = {of.db_table}.{field.column}"
                return f"EXISTS (SELECT 1 FROM {to} p WHERE {named})"
    return ""


def renewal(address: Address) -> list[str]:
    """The statements that write the whole wall down, whatever was there."""
    viewer, house, owner = (f'"{address.user_of(part)}"' for part in (Part.VIEWER, Part.HOUSE, Part.OWNER))
    masters = ", ".join(dict.fromkeys((house, owner)))
    statements = [_REMOVE, f"DROP FUNCTION IF EXISTS {SEES_PAPER}", _sees_paper()]
    walls = policies()
    for table in sorted(room_tables()):
        if table in OPEN_TABLES:
            continue
        statements += [f"ALTER TABLE {table} {verb} ROW LEVEL SECURITY" for verb in ("ENABLE", "FORCE")]
        statements += walls[table].statements(table, viewer)
        statements.append(
            f"CREATE POLICY seatrial_house ON {table} TO {masters} USING ({ROLE} = '{HOUSE_ROLE}')"
            f" WITH CHECK ({ROLE} = '{HOUSE_ROLE}')"
        )
    return [*statements, *(_rights(address) if address.divided else ())]


_REMOVE = """DO $$ DECLARE one record; BEGIN
 FOR one IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = current_schema()
  AND policyname LIKE 'seatrial\\_%' LOOP
  EXECUTE format('DROP POLICY %I ON %I', one.policyname, one.tablename);
 END LOOP; END $$"""


def _rights(address: Address) -> Iterator[str]:
    """What the users may do at all: the house everything but change tables; a viewer no more than the room does."""
    viewer, house = (f'"{address.user_of(part)}"' for part in (Part.VIEWER, Part.HOUSE))
    for table in sorted(room_tables()):
        yield f"REVOKE ALL ON {table} FROM {viewer}"
        yield f"GRANT {', '.join(sorted(_verbs(table)))} ON {table} TO {viewer}"
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {house}"
    for user in (viewer, house):
        yield f"GRANT SELECT ON django_migrations TO {user}"
        yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {user}"


def other_tables() -> list[str]:
    """The tables of other applications that are installed in this process: sign-in, sessions, jobs."""
    models = apps.get_models(include_auto_created=True)
    return sorted(model._meta.db_table for model in models if model._meta.app_label != ROOM)  # noqa: SLF001 - documented


def other_rights(address: Address) -> Iterator[str]:
    """What the serving user may do with them: everything but change their form. They hold no row of a submission."""
    if not address.divided:
        return
    viewer, house = (f'"{address.user_of(part)}"' for part in (Part.VIEWER, Part.HOUSE))
    for table in other_tables():
        yield f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {viewer}, {house}'
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {viewer}, {house}"


def _verbs(table: str) -> frozenset[str]:
    if table == "storage_edge":
        return frozenset({"SELECT"})
    refused = {rule.moment for rule in RULES if rule.table == table and rule.when == "TRUE"}
    return frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}) - refused


def faults(database: Database) -> tuple[str, ...]:
    """What the serving user is and must not be where several developers share an installation; none is good."""
    if database.address.engine != "postgresql":
        return ("SQLite has no second wall; set SEATRIAL_DATABASE to a PostgreSQL server",)
    user = database.address.user_of(Part.VIEWER)
    with database.transaction(writing=False) as frame, connections[frame.alias].cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, pg_has_role(oid, 'pg_write_all_data', 'USAGE') FROM pg_roles"
            " WHERE rolname = current_user"
        )
        superuser, bypasses, writes_all = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
        [owned] = cursor.fetchone()
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolname <> current_user"
            " AND pg_has_role(current_user, oid, 'MEMBER')",
            [[database.address.user_of(part) for part in Part]],
        )
        member = [row[0] for row in cursor.fetchall()]
    said: list[tuple[Any, str]] = [
        (superuser, "is a superuser"),
        (bypasses, "has BYPASSRLS"),
        (writes_all, "is a member of pg_write_all_data"),
        (owned, f"owns {owned} tables"),
        (member, f"is a member of {', '.join(member)}"),
        (not database.address.divided, "is the house or the owner as well; name them with ?house=...&owner=..."),
    ]
    return tuple(f"SEATRIAL_DATABASE: its user {user} {words}" for holds, words in said if holds)
