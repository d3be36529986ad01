"""Findings as coordinators, verifiers and maintainers have them; advisories; and what is due for a role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.test_public import drafted, taken_in
from seatrial.desk import Brought, Desk
from seatrial.framework.participant import Role
from seatrial.framework.standing import Actor, Kind
from seatrial.framework.viewer import Viewer
from seatrial.storage.reads import ReadTables

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served

HOUSE = Viewer.house("a test looks at everything")
STEPS = (
    (Role.VERIFIER, "reproduce", (("replay_record", b"replayed"),), (), False),
    (Role.ANALYST, "cluster", (), (("cluster", "clu-1"),), False),
    (Role.ANALYST, "rate", (("rating_record", b"rated"),), (("rating", "low"),), False),
    (Role.ANALYST, "sign_off", (("decision_record", b"decided"),), (), False),
    (Role.COORDINATOR, "enqueue", (("contact_log", b"known"),), (), True),
    (
        Role.COORDINATOR,
        "send_report",
        (("report_with_label", b"An overflow\xe2\x80\xae in parse()."), ("reproducer", b"r"), ("pacing_token", b"t")),
        (),
        False,
    ),
)


def who(role: Role) -> Actor:
    return Actor(f"{role}-1".replace("_", "-"), "house-ops", role)


def step(portal: Served, name: str, role: Role, event: str, brought: Brought) -> None:
    actor = who(role)
    portal.enter(actor.person, actor.organisation, role)
    Desk(portal.house, actor, datetime.now(UTC)).act(name, event, brought)


def reported(portal: Served) -> str:
    """A finding that has reached the maintainers of `works`."""
    name = taken_in(portal)
    for role, event, papers, marks, wait in STEPS:
        date = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2) if wait else None
        step(
            portal, name, role, event, Brought(papers=papers, marks=marks, reason="a queue" if wait else "", date=date)
        )
    return name


def analyst(portal: Served) -> Client:
    return portal.client("analyst-1", "house-ops", Role.ANALYST)


def maintainer(portal: Served) -> Client:
    return portal.client("mia", "works", Role.MAINTAINER)


def test_a_finding_is_listed_by_state_and_shows_whom_it_waits_for(portal: Served) -> None:
    name = taken_in(portal)
    client = analyst(portal)
    assert name[:10] in client.get("/findings/?state=candidate").content.decode()
    assert name[:10] not in client.get("/findings/?state=rated").content.decode()
    page = client.get(f"/findings/{name}/").content.decode()
    assert "Waits for <strong>verifier</strong>" in page


def test_a_step_is_taken_by_its_page(portal: Served) -> None:
    name = taken_in(portal)
    answer = portal.client("verifier-1", "house-ops", Role.VERIFIER).post(
        f"/findings/{name}/steps/reproduce/", {"once": "1", "text-replay_record": "it crashed again"}
    )
    assert answer.headers["Location"] == f"/findings/{name}/"
    assert portal.house.submissions.load(HOUSE, name).standing.state == "reproduced"
    assert analyst(portal).get(f"/findings/{name}/steps/reproduce/").status_code == 404


def test_whoever_found_it_is_told_that_somebody_else_has_to(portal: Served) -> None:
    name = taken_in(portal)
    portal.enter("ana", "house-ops", Role.VERIFIER)
    client = portal.client("ana", "house-ops", Role.VERIFIER)
    client.post("/acting/", {"acting": "house-ops:verifier"})
    page = client.get(f"/findings/{name}/").content.decode()
    assert "somebody who did not find it" in page


def test_a_maintainer_has_its_own_once_reported_and_not_the_papers_of_others(portal: Served) -> None:
    name = taken_in(portal)
    client = maintainer(portal)
    assert client.get(f"/findings/{name}/").content == client.get("/nowhere/").content
    other = reported(portal)
    page = client.get(f"/findings/{other}/").content.decode()
    assert "Report with label" in page
    assert "Rating record" not in page
    assert "house-ops, analyst" not in page
    assert name[:16] not in client.get("/findings/").content.decode()
    stranger = portal.client("ada")
    assert stranger.get(f"/findings/{other}/").content == stranger.get("/nowhere/").content


def test_a_paper_is_shown_escaped_and_its_reading_is_written_down(portal: Served) -> None:
    name = reported(portal)
    standing = portal.house.submissions.load(HOUSE, name).standing
    digest = {one.kind: one.digest for one in standing.documents}
    client = maintainer(portal)
    page = client.get(f"/findings/{name}/papers/{digest['report_with_label']}/").content.decode()
    assert "\\u202e" in page
    [read] = ReadTables(portal.house.database).list(HOUSE, name)
    assert (read.person, read.object) == ("mia", "report_with_label-1")
    for kind in ("reproducer", "rating_record"):
        assert client.get(f"/findings/{name}/papers/{digest[kind]}/").status_code == 404
    assert analyst(portal).get(f"/findings/{name}/papers/{digest['reproducer']}/").status_code == 404


def test_an_advisory_is_there_for_those_who_run_the_software_once_it_is_published(portal: Served) -> None:
    name = reported(portal)
    client = portal.client("olga", "grid", Role.INFRASTRUCTURE_OPERATOR)
    assert client.get(f"/advisories/{name}/").status_code == 404
    step(portal, name, Role.COORDINATOR, "publish_fix", Brought(marks=(("fixed_version", "2.4.1"),)))
    papers = (("advisory", b"Update to 2.4.1."),)
    step(portal, name, Role.COORDINATOR, "publish_advisory", Brought(papers=papers))
    assert "2.4.1" in client.get("/advisories/").content.decode()
    page = client.get(f"/advisories/{name}/").content.decode()
    assert "Update to 2.4.1." in page
    assert "All details" in client.get("/advisories/").content.decode()
    assert client.get(f"/findings/{name}/").content == client.get("/nowhere/").content


def test_what_is_due_is_ones_own_role_first(portal: Served) -> None:
    name = taken_in(portal)
    page = portal.client("verifier-1", "house-ops", Role.VERIFIER).get("/due/").content.decode()
    assert "a replay in a fresh box" in page
    assert name in page
    assert "a replay in a fresh box" not in analyst(portal).get("/due/").content.decode()
    submission = drafted(portal)
    assert submission in portal.client("ada").get("/due/").content.decode()
    assert submission not in portal.client("riv", "lab-b").get("/due/").content.decode()


def test_lists_ask_the_database_as_often_for_many_as_for_one(portal: Served) -> None:
    client = analyst(portal)
    taken_in(portal)
    asked = []
    for more in (0, 12):
        for _ in range(more):
            taken_in(portal)
        for path in ("/findings/", "/due/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            asked.append(len(queries))
    assert asked[:2] == asked[2:]


def test_the_pages_of_a_long_list_follow_each_other(portal: Served) -> None:
    store = portal.house.submissions
    names = [taken_in(portal) for _ in range(5)]
    viewer = Viewer.of("analyst-1", "house-ops", Role.ANALYST)
    seen, after = [], ""
    while True:
        found, after = store.page(viewer, Kind.FINDING, after=after, most=2)
        seen += [one.object for one in found]
        if not after:
            break
    assert seen == names
    assert store.page(viewer, Kind.FINDING, after="nonsense", most=9)[1] == ""
