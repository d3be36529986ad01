"""Requests that schemathesis makes of the API's own document, sent in-process as each of several callers.

Half of them name objects that are there, and versions that hold: what is not there is answered before anything else.
"""

# ruff: noqa: ANN401 - cases, operations and modes are the library's own
from __future__ import annotations

import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from seatrial.custody.access_log import AccessRow, Ending, close
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.custody.upload_store import open_upload
from seatrial.evaluation.queued import review_of
from seatrial.evaluation.request import Request
from seatrial.framework.consent import Grant
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.participant import Membership, Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Actor
from seatrial.framework.viewer import Viewer
from seatrial.offering import Offering, share
from seatrial.registry import Registry
from seatrial.shipped import pack_named
from support.custody import made_lease

if TYPE_CHECKING:
    from portal.conftest import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
CALLERS = (
    ("owner", "ada", "lab-a", Role.DEVELOPER_OWNER),
    ("counsel", "cal", "lab-a", Role.DEVELOPER_COUNSEL),
    ("rival", "rio", "lab-b", Role.DEVELOPER_OWNER),
    ("lead", "lin", "bureau", Role.EVALUATOR_LEAD),
    ("evaluator", "eve", "bureau", Role.EVALUATOR),
    ("reader", "rea", "agency-x", Role.AGENCY_READER),
    ("liaison", "lia", "agency-x", Role.DESIGNATION_LIAISON),
)
SUBMISSIONS = 6
"""In each of two states; requests withdraw and decline some of them on the way."""


@dataclass
class Known:
    """What is there, by the parameter that names it; and how requests were answered."""

    objects: dict[str, list[str]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)


def planted(served: Served) -> Known:
    """Submissions of lab-a with all that hangs on them."""
    now, known = datetime.now(UTC), Known()
    for _, person, organisation, role in CALLERS:
        served.enter(person, organisation, role)
    actor = Actor("ada", "lab-a", "developer_owner")
    offered = Offering(actor, now, pack_named("minimal"), "bureau", "heron-7", "sha256:" + "a" * 64)
    names = []
    for number in range(2 * SUBMISSIONS):
        names.append(offered.draft(served.house))
        if number % 2:
            share(served.house, served.house.submissions.load(_owner(), names[-1]).standing, actor, now)
            _hung(served, names[-1], now, known)
    known.objects["name"] = names
    known.objects["number"] = known.objects["seq"] = ["1", "2", "0"]
    known.objects["tile"] = ["tile/0/000.p/1", "tile/0/000.p/2", "tile/0/000"]
    known.objects["version"] = ["2026.1"]
    known.objects["kind"] = ["agreement"]
    close(SqliteAccessStore(served.installation.custody.file), now)
    return known


def _owner() -> Viewer:
    return Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)


def _hung(served: Served, name: str, now: datetime, known: Known) -> None:
    custody = served.installation.custody
    lease, _ = made_lease(int(name[4:], 16), submission=name, not_before=now, expires=now + timedelta(days=3))
    custody.leases.issue(lease, now)
    upload = open_upload(custody.uploads().store, name, now).upload
    grant = Grant(
        id=f"gra-{name[4:12]}", consent="con-1", object="pap-1", data_class=DataClass.P,
        actions=frozenset({Action.READ}),
        organisation="agency-x", role=Role.AGENCY_READER, purpose=Purpose.INQUIRY, not_before=now,
        expires=now + timedelta(days=3),
    )  # fmt: skip
    served.house.permissions.grant(_owner(), name, grant)
    row = AccessRow(f"cal-{name}", lease.id, name, now, "chat/completions", "heron-7", 200, Ending.WHOLE)
    SqliteAccessStore(custody.file).add(row)
    wanted = review_of(name, Request(model="heron-7", tier="ci", participants=()), by="lin", plan="sha256:" + "b" * 64)
    unit = served.house.jobs.enqueue(Viewer.of("lin", "bureau", Role.EVALUATOR_LEAD), wanted, now).id
    for kind, value in (("lease", lease.id), ("upload", upload), ("grant", grant.id), ("unit", unit)):
        known.objects.setdefault(kind, []).append(value)


def tokens(served: Served, known: Known) -> dict[str, dict[str, str]]:
    """Headers of each caller; `nobody` sends none, `looking` a token that reads only."""
    registry, now = Registry(served.house), datetime.now(UTC)
    made: dict[str, dict[str, str]] = {"nobody": {}}
    for name, person, organisation, role in CALLERS:
        by = Membership(person, organisation, role, now)
        _, secret = registry.issue_token(by, name, ("read", "act"), now)
        made[name] = {"Authorization": f"Bearer {secret}"}
        known.roles[f"Bearer {secret}"] = str(role)
    _, secret = registry.issue_token(Membership("ada", "lab-a", Role.DEVELOPER_OWNER, now), "looking", ("read",), now)
    known.roles[f"Bearer {secret}"] = str(Role.DEVELOPER_OWNER)
    return made | {"looking": {"Authorization": f"Bearer {secret}"}}


def fuzzed(served: Served, app: Any, known: Known, headers: dict[str, str], *, examples: int, seeded: int) -> list[str]:
    """Every operation, with good data and bad; what was answered otherwise than the document says."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    schema.config.generation.update(with_security_parameters=False)  # the caller's own stands in its place
    faults: list[str] = []
    for number, found in enumerate(schema.get_all_operations()):
        operation = found.ok()
        many = examples if _answers(operation, headers, known) else 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            chance = random.Random(f"{seeded} {number} {mode}")
            faults += _each(served, operation, mode, known, headers, chance, many)
    return faults


def _answers(operation: Any, headers: dict[str, str], known: Known) -> bool:
    """Whether its line of the table names the caller; to anybody else it is not there, which one request shows."""
    role = known.roles.get(headers.get("Authorization", ""))
    words = operation.definition.raw["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
    return words == ["anybody"] or role in words


def _each(
    served: Served,
    operation: Any,
    mode: Any,
    known: Known,
    headers: dict[str, str],
    chance: random.Random,
    examples: int,
) -> list[str]:
    faults: dict[str, str] = {}

    @seed(chance.randrange(2**32))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), named=st.booleans())
    def ask(case: Any, named: bool) -> None:  # noqa: FBT001 - hypothesis calls by name
        if named:
            _named(served, case, known, chance)
        response = case.call(headers=headers)
        known.statuses[response.status_code] += 1
        known.reached[f"{operation.method.upper()} {operation.path} {response.status_code // 100}"] += 1
        try:
            case.validate_response(response, checks=CHECKS[:-1] if named else CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                faults.setdefault(f"{type(failure).__name__} {response.status_code}", _told(case, failure, response))

    with suppress(Unsatisfiable):  # bad data where there is none to send
        ask()
    return list(faults.values())


def _told(case: Any, failure: BaseException, response: Any) -> str:
    what = f"{case.method} {case.path} {case.path_parameters} {case.query} {case.headers} {str(case.body)[:200]}"
    return f"{type(failure).__name__}: {failure}\n  {what}\n  {response.status_code} {response.text[:300]}"


def _named(served: Served, case: Any, known: Known, chance: random.Random) -> None:
    """Let a request name what is there; nested names belong to the same submission."""
    at = chance.randrange(SUBMISSIONS)
    for parameter in re.findall(r"{(\w+)}", case.path):
        values = known.objects.get(parameter, [])
        if parameter == "name" and "/packs/" in case.path:
            values = ["minimal"]
        elif parameter == "name" and len(case.path_parameters or {}) > 1:
            values = values[1::2]
        if values and case.path_parameters is not None:
            case.path_parameters[parameter] = values[at % len(values)]
    name = (case.path_parameters or {}).get("name")
    if case.headers is not None and "If-Match" in case.headers and str(name).startswith("sub_"):
        version = served.house.submissions.load(Viewer.house("a test's version"), str(name)).version
        case.headers["If-Match"] = f'"{version}"'
