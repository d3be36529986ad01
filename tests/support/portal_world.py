"""A portal with something on every page, an address for every line of the route table, and many rows of each kind.

- One submission of lab-a stands before a delivered draft, with a finished run; a finding is published as an advisory, a
  text is proposed, a report granted to an agency and another one published.
- `address` gives each route its real ids, or ids that were never given out.
- `multiply` writes copies of these as rows; they fill lists, and their acts name entries that are in no record.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections

from portal.conftest import KINDS
from portal.test_agency import granted, proposed
from portal.test_developer import OWNER
from portal.test_developer import granted as grant_of
from portal.test_evaluator import HOUSE, Bureau, transcripts
from portal.test_feeds import published
from portal.test_findings import reported, step
from report.made import with_model
from seatrial.desk import Brought
from seatrial.evaluation.queued import run_id
from seatrial.framework.ceilings import ROLES_OF_KIND
from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.report import write_report
from seatrial.reviewing import ReviewRuns
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.db.models import Model
    from django.test import Client

    from portal.conftest import Served
    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.portal.access import Route

ROLES = sorted(frozenset(Role) - SERVICE_ROLES - {Role.PUBLIC})
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
NOWHERE = {"name": "sub_" + "0" * 32, "index": "987654", "number": "9", "seq": "99", "version": "9", "pk": "99"}
UNRECORDED = 50_000_000
"""Where entries begin that copies of acts name: no record gets so far here."""
BATCH = 500
GUARDED = ("storage_act", "storage_submission", "storage_planunit")


def home_of(role: Role) -> str:
    """An organisation that has such people; the one that is a party where there are several."""
    if role is Role.OPERATOR:
        return "house-ops"
    first = {Role.ANALYST: "house-ops", Role.VERIFIER: "house-ops", Role.COORDINATOR: "house-ops"}
    first |= {Role.EVALUATOR: "bureau", Role.EVALUATOR_LEAD: "bureau", Role.MAINTAINER: "works"}
    first |= {Role.DEVELOPER_OWNER: "lab-a", Role.DEVELOPER_COUNSEL: "lab-a", Role.CLEARINGHOUSE_LEAD: "house-ops"}
    return first.get(role) or next(
        (one for one in ("agency-x", *KINDS) if role in ROLES_OF_KIND[KINDS[one]]), "house-ops"
    )


@dataclass
class World:
    """The portal, what was made, and where each page of it is."""

    portal: Served
    folder: Path
    bureau: Bureau = field(init=False)
    unit: PlanUnit = field(init=False)
    values: dict[str, dict[str, str]] = field(init=False)
    clients: dict[tuple[Role, str], Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bureau = Bureau(self.portal)
        self.unit = self.bureau.delivered(_a_run(self.folder / "run"))
        desk = self.bureau.desk(OWNER)
        standing = desk.record(self.bureau.name).standing
        self.portal.house.permissions.grant(desk.viewer, self.bureau.name, grant_of(self.bureau, "gra-2"))
        finding = reported(self.portal)
        step(self.portal, finding, Role.COORDINATOR, "publish_fix", Brought(marks=(("fixed_version", "2.4.1"),)))
        told = Brought(papers=(("advisory", b"Update to 2.4.1."),))
        step(self.portal, finding, Role.COORDINATOR, "publish_advisory", told)
        report = self.portal.house.submissions.load(HOUSE, finding).standing.documents
        published(self.portal)
        own = {"name": self.bureau.name, "unit": self.unit.id, "kind": "draft", "version": "1", "ending": "jsonl"}
        own |= {"key": ReviewRuns(self.portal.house).glance(self.unit).flagged()[0].key, "file": "report.html"}
        own |= {"digest": standing.documents[0].digest.removeprefix("sha256:"), "consent": standing.consents[0].id}
        own |= {"seq": "1", "number": "1", "grant": "gra-2", "event": "record_incident", "action": "adopt_pack"}
        self.values = {
            "submissions": own,
            "reviews": own,
            "review-file": {"kind": "report.html"},
            "findings": {"name": finding, "event": "retract", "digest": report[-1].digest.removeprefix("sha256:")},
            "advisories": {"name": finding},
            "framework": {"name": proposed(self.portal).strip("/").split("/")[1], "event": "comment"},
            "granted": {"name": granted(self.portal), "grant": "gra-1"},
            "reports": {"name": "heron-7-2026", "file": "assessment.json"},
            "packs": {"name": "minimal"},
            "audit": {"index": "0"},
            "organisations": {"name": "lab-a"},
            "ledger": {"path": "0/000.p/1"},
            "people": {"name": "inv_" + "0" * 32, "person": "ada", "role": "developer_owner"},
        }

    def client(self, role: Role, organisation: str = "") -> Client:
        """A browser of somebody in this role, always the same."""
        place = (role, organisation or home_of(role))
        if place not in self.clients:
            person = f"{role}-of-{place[1]}".replace("_", "-")
            self.clients[place] = self.portal.client(person, place[1], role)
        return self.clients[place]

    def address(self, route: Route, *, real: bool = True) -> str:
        """Where it is."""
        given = self.values.get(route.path.split("/")[0], {}) | self.values.get(route.name, {})

        def value(found: re.Match[str]) -> str:
            name = found[1]
            nothing = NOWHERE.get(name, "none")
            return given.get(name, nothing) if real or name not in {"name", "index"} else nothing

        return "/" + PARAMETER.sub(value, route.path)

    def reader(self, route: Route) -> Client:
        """Somebody who may read it; nobody where nobody has to be signed in."""
        if Role.PUBLIC in route.read:
            return self.portal.client()
        order = [Role.DEVELOPER_OWNER, Role.EVALUATOR_LEAD, Role.EVALUATOR, Role.ANALYST, *ROLES]
        return self.client(next(role for role in order if role in route.read))

    def multiply(self, *, submissions: int, runs: int, findings: int, people: int) -> None:
        """Write so many copies more of each."""
        with unguarded(self.portal), self.portal.house.database.session(HOUSE, writing=True):
            self._copies(self.values["findings"]["name"], "fin_", findings)
            self._copies(self.bureau.name, "sub_", submissions)
            self._runs(runs)
            self._people(people)

    def _copies(self, name: str, prefix: str, many: int) -> None:
        [row] = rows.Submission.objects.filter(pk=name)
        last = rows.Act.objects.filter(submission_id=name).order_by("-seq")[0]
        [content] = rows.ActContent.objects.filter(act=last)
        begin = rows.Submission.objects.count()
        numbered = [(prefix + f"{number:032x}", number) for number in range(begin, begin + many)]
        made, acts = [], []
        for new, number in numbered:
            standing = json.loads(json.dumps(row.standing).replace(name, new))
            opened = row.opened_at - timedelta(minutes=number)
            made.append(copied(row, id=new, standing=standing, opened_at=opened))
            place = {"entry_log": 1, "entry_index": UNRECORDED + number, "request_digest": ""}
            acts.append(copied(last, id=None, submission_id=new, **place))
        rows.Submission.objects.bulk_create(made, BATCH)
        kept = rows.Act.objects.bulk_create(acts, BATCH)
        rows.ActContent.objects.bulk_create([copied(content, act_id=one.pk) for one in kept], BATCH)
        for table in (rows.Consent, rows.Acquaintance):
            for one in table.objects.filter(submission_id=name):
                table.objects.bulk_create([copied(one, id=None, submission_id=new) for new, _ in numbered], BATCH)

    def _runs(self, many: int) -> None:
        [row] = rows.PlanUnit.objects.filter(pk=self.unit.id)
        begin = rows.PlanUnit.objects.count()
        there = self.portal.home / "reviews" / run_id(self.unit)
        made = []
        for number in range(begin, begin + many):
            new = f"unt_{number:032x}"
            made.append(copied(row, id=new, key=f"{row.key} {number}"[:200]))
            (there.parent / new).symlink_to(there)
        rows.PlanUnit.objects.bulk_create(made, BATCH)

    def _people(self, many: int) -> None:
        [person] = rows.Person.objects.filter(pk="ada")
        member = rows.Membership.objects.filter(person_id="ada")[0]
        begin = rows.Person.objects.count()
        names = [f"per-{number}" for number in range(begin, begin + many)]
        rows.Person.objects.bulk_create([copied(person, id=name) for name in names], BATCH)
        rows.Membership.objects.bulk_create([copied(member, id=None, person_id=name) for name in names], BATCH)


def copied(row: Model, **changed: object) -> Any:  # noqa: ANN401 - of the row's class
    """A new row that is like another but for what is changed."""
    return type(row)(**{one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields} | changed)


@contextmanager
def unguarded(portal: Served) -> Iterator[None]:
    """Let copies name entries that are not there: the database's own rules step aside meanwhile."""
    database = portal.house.database
    if database.address.engine == "postgresql":
        with _as_admin(database.address.name, "DISABLE"):
            yield
        return
    connection = connections[database.alias(writing=True)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = cursor.fetchall()
        for name, _ in kept:
            cursor.execute(f"DROP TRIGGER {name}")
    yield
    with connection.cursor() as cursor:
        for _, statement in kept:
            cursor.execute(statement)


@contextmanager
def _as_admin(name: str, verb: str) -> Iterator[None]:
    import psycopg  # noqa: PLC0415 - where there is such a server only

    from support import postgres  # noqa: PLC0415

    server = postgres.server()
    place = {"host": str(server.folder), "port": postgres.PORT, "user": postgres.ADMIN, "dbname": name}
    with psycopg.connect(**place, autocommit=True) as admin:
        for table in GUARDED:
            admin.execute(f"ALTER TABLE {table} {verb} TRIGGER USER")
        yield
        for table in GUARDED:
            admin.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _a_run(run: Path) -> Path:
    """A finished run directory, with a flag on two of its samples."""
    with_model(run, levels=4, each=2)
    listed = [line.split(",") for line in (run / "samples.csv").read_text().splitlines()[1:]]
    samples = list(dict.fromkeys(row[3] for row in listed if row[0] == "heron-7"))
    (run / "transcripts.json").write_text(
        json.dumps([asdict(one) for one in transcripts(samples)], indent=2, sort_keys=True)
    )
    finding = {"rule": "grader-touch", "participant": "heron-7", "epoch": 0, "effect": "flag", "evidence": "a file"}
    found = [{**finding, "sample": sample} for sample in samples[:2]]
    (run / "scrutiny.json").write_text(json.dumps({"rules_version": "1", "findings": found}))
    write_report(run, ())
    return run
