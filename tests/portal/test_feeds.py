"""What is due and what changed, on a page and by feed, and the brief of a published report: who sees what."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from report import made
from seatrial.framework.consent import Activity
from seatrial.framework.participant import Membership, Role
from seatrial.framework.viewer import Viewer
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.notices import letters
from seatrial.notices.addresses import MOST_CODES, MOST_TRIES, Addresses, NotNow
from seatrial.notices.feeds import Feeds
from seatrial.notices.letters import path
from seatrial.portal.routes import ROUTES
from seatrial.registry import Registry
from seatrial.report import build, numbers
from seatrial.report.assessment import NOTICES, to_json
from seatrial.report.brief import MATTERS, SAID_NOTHING, brief, text
from seatrial.storage.stores.mail import MOST_FEEDS, Letter, MailTables
from support.browser import browser, visits
from support.framework import BUREAU, DAY, LAB, actor, consent, fresh, full_act, subject
from support.portal_server import serving
from support.published import LONG_AGO, published_folder

if TYPE_CHECKING:
    from portal.conftest import Served
    from seatrial.house import House
    from seatrial.report import Assessment
    from support.browser import Visits

__all__ = ["browser", "visits"]

HOUSE = Viewer.house("a test looks at everything")
OWNER, LEAD, STRANGER = "per-developer-owner", "per-evaluator-lead", "riv-developer-owner"
CANARIES = ("heron-7", "lab-a", "lab-b", "bureau", "per-", "sha256:")
ATOM = "{http://www.w3.org/2005/Atom}"
PAGES = ("/digest/", "/notices/settings/")


def shared(house: House) -> str:
    """A submission of a minute ago that both sides know of."""
    at, name = datetime.now(UTC) - timedelta(minutes=1), house.new_id()
    about = replace(subject(), not_before=at - DAY, expires=at + 300 * DAY)
    given = consent(Activity.SHARE_DOSSIER, given=at)
    house.begin(fresh(about=name, of=about), full_act("open_draft", actor("developer_owner"), at, about=name), at)
    act = full_act("submit", actor("developer_owner"), at, about=name, consent=given)
    house.act(name, replace(act, request_digest=""), at)
    return name


def peopled(portal: Served) -> House:
    portal.enter(OWNER, LAB, Role.DEVELOPER_OWNER)
    portal.enter(LEAD, BUREAU, Role.EVALUATOR_LEAD)
    portal.enter(STRANGER, "lab-b", Role.DEVELOPER_OWNER)
    return portal.house


def lead(portal: Served) -> Any:  # noqa: ANN401 - Django's client
    return portal.client(LEAD, BUREAU, Role.EVALUATOR_LEAD)


def titles_of(feed: bytes) -> list[str]:
    """Of a feed's entries, in order."""
    entries = ET.fromstring(feed).iter(f"{ATOM}entry")  # noqa: S314 - our own
    return [str(one.findtext(f"{ATOM}title")) for one in entries]


def secret_of(page: bytes) -> str:
    [found] = set(re.findall(rb"/feeds/(sea_feed_[\w-]+)/due.ics", page))
    return str(found, "ascii")


def test_what_is_due_and_what_changed_stands_on_the_page_for_each_side(portal: Served) -> None:
    name = shared(peopled(portal))
    page = lead(portal).get("/digest/").content.decode()
    assert "Begin terms" in page
    assert f"/submissions/{name}/" in page
    assert "submitted" in page
    owner = portal.client(OWNER, LAB).get("/digest/").content.decode()
    assert "Nothing changed" in owner  # nobody else took a step
    rival = portal.client(STRANGER, "lab-b").get("/digest/").content.decode()
    for word in (name, "heron-7", "submitted"):
        assert word not in rival


def test_feeds_hold_ids_steps_dates_and_roles_and_nothing_else(portal: Served) -> None:
    name = shared(peopled(portal))
    client = lead(portal)
    calendar = client.get("/feeds/due.ics")
    todos = Calendar.from_ical(calendar.content).walk("VTODO")
    assert calendar.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert [str(one["summary"]) for one in todos] == ["begin terms: evaluator lead"]
    feed = client.get("/feeds/changes.atom")
    titles = titles_of(feed.content)
    assert titles[0] == "submit, now submitted"
    for answer in (calendar, feed):
        assert name in answer.content.decode()
        for canary in CANARIES:
            assert canary not in answer.content.decode()
        assert check([Wording(Surface.NOTICE, "feed", answer.content.decode())]) == ()
    assert feed.content == client.get("/feeds/changes.atom").content
    rival = portal.client(STRANGER, "lab-b")
    for at in ("/feeds/due.ics", "/feeds/changes.atom"):
        assert name not in rival.get(at).content.decode()


def test_a_secret_address_reads_for_its_pair_until_it_is_revoked(portal: Served) -> None:
    name = shared(peopled(portal))
    client = lead(portal)
    answer = client.post("/notices/feeds/", {"name": "phone"})
    secret = secret_of(answer.content)
    stranger, nothing = portal.client(), portal.client().get("/nowhere/").content
    for at in ("due.ics", "changes.atom"):
        found = stranger.get(f"/feeds/{secret}/{at}")
        assert name in found.content.decode()
        assert secret not in found.content.decode()
        assert stranger.post(f"/feeds/{secret}/{at}").status_code == 405
        assert stranger.get(f"/feeds/{secret[:-1]}x/{at}").content == nothing
    assert secret.encode() not in client.get("/notices/settings/").content
    [feed] = MailTables(portal.house.database).feeds(HOUSE, LEAD)
    rival = portal.client(STRANGER, "lab-b")
    assert rival.post(f"/notices/feeds/{feed.id}/revoke/").status_code == 404
    assert client.post(f"/notices/feeds/{feed.id}/revoke/").status_code == 302
    gone = stranger.get(f"/feeds/{secret}/due.ics")
    assert (gone.status_code, gone.content) == (404, nothing)


def test_nothing_is_at_a_secret_address_once_its_person_left_the_pair(portal: Served) -> None:
    house = peopled(portal)
    now = datetime.now(UTC)
    _, secret = Feeds(house).open(Viewer.of(LEAD, BUREAU, Role.EVALUATOR_LEAD), "phone", now)
    assert portal.client().get(f"/feeds/{secret}/due.ics").status_code == 200
    portal.enter(LEAD, BUREAU, Role.EVALUATOR)
    Registry(house).leave(Membership(LEAD, BUREAU, Role.EVALUATOR_LEAD, now), datetime.now(UTC))
    for at in ("due.ics", "changes.atom"):
        assert portal.client().get(f"/feeds/{secret}/{at}").status_code == 404


def test_a_person_has_so_many_feeds_and_the_database_no_secret(portal: Served) -> None:
    house, client = peopled(portal), lead(portal)
    secrets = [secret_of(client.post("/notices/feeds/", {"name": f"{one}"}).content) for one in range(MOST_FEEDS)]
    assert client.post("/notices/feeds/", {"name": "more"}).status_code == 422
    content = Path(house.database.address.name).read_bytes()
    assert not any(secret.encode() in content for secret in secrets)


def test_an_address_is_a_persons_own_once_its_code_came_back(portal: Served) -> None:
    house, client = peopled(portal), lead(portal)
    wish = {"address": "lin@mail.example", "zone": "Europe/Berlin", "notices": "on", "digest": "on"}
    assert client.post("/notices/settings/", wish).status_code == 302
    tables = MailTables(house.database)
    kept = tables.contact(HOUSE, LEAD)
    assert kept is not None
    assert kept.code.encode() not in client.get("/notices/settings/").content
    assert tables.contacts(HOUSE) == ()
    assert client.post("/notices/confirm/", {"code": "0"}).status_code == 422
    assert client.post("/notices/confirm/", {"code": kept.code}).status_code == 302
    assert [(one.person, one.zone) for one in tables.contacts(HOUSE)] == [(LEAD, "Europe/Berlin")]
    changed = {**wish, "address": "other@mail.example"}
    client.post("/notices/settings/", changed)
    assert tables.contacts(HOUSE) == ()
    client.post("/notices/remove/")
    assert tables.contact(HOUSE, LEAD) is None
    wrong = client.post("/notices/settings/", {**wish, "address": "l\u00efn@mail.example", "zone": "Mars/Olympus"})
    assert wrong.status_code == 422


def test_a_code_is_good_for_a_day_and_a_few_tries_and_few_are_sent(portal: Served) -> None:
    house = peopled(portal)
    viewer, now = Viewer.of(LEAD, BUREAU, Role.EVALUATOR_LEAD), datetime.now(UTC)
    addresses = Addresses(house, code=lambda: "12345678")
    addresses.give(viewer, "a@mail.example", "UTC", notices=True, digest=True, now=now)
    assert not addresses.confirm(viewer, "12345678", now + DAY)
    for _ in range(MOST_TRIES):
        assert not addresses.confirm(viewer, "00000000", now)
    assert not addresses.confirm(viewer, "12345678", now)
    for number in range(1, MOST_CODES):
        addresses.again(viewer, now + timedelta(seconds=number))
    with pytest.raises(NotNow):
        addresses.again(viewer, now + timedelta(seconds=MOST_CODES))
    assert addresses.confirm(viewer, "12345678", now + timedelta(minutes=1))
    addresses.remove(viewer)
    with pytest.raises(NotNow):
        addresses.give(viewer, "b@mail.example", "UTC", notices=True, digest=True, now=now + timedelta(hours=1))


@cache
def assessments() -> dict[str, Assessment]:
    folder = Path(tempfile.mkdtemp(prefix="seatrial-briefs-"))
    makers = (made.with_model, made.without_model, made.with_extras, made.in_rounds)
    return {one.__name__: build(one(folder / one.__name__)) for one in makers}


NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
FIXED = re.compile("|".join(map(re.escape, (*MATTERS, SAID_NOTHING, *NOTICES))))


def in_report(found: object) -> set[str]:
    """Every number of an assessment as it is written: the digits in its texts, its counts, its shares in percent."""
    if isinstance(found, dict):
        return set().union(*map(in_report, found.values()))
    if isinstance(found, list):
        return set().union(*map(in_report, found))
    if isinstance(found, float):
        return {f"{100 * found:.0f}", f"{found:g}"}
    return set(NUMBER.findall(str(found)))


@pytest.mark.parametrize("name", ["with_model", "without_model", "with_extras", "in_rounds"])
def test_every_number_of_a_brief_stands_in_its_report_and_no_estimate_without_its_interval(name: str) -> None:
    report = assessments()[name]
    written = FIXED.sub("", re.sub(r"\s+", " ", text(brief(report)).replace("\n", " ")))
    written = FIXED.sub("", written)
    shown = {numbers.of(one).text for one in _estimates(report)}
    left = written
    for one in sorted(shown, key=len, reverse=True):
        left = left.replace(re.sub(r"\s+", " ", one), "")
    known = in_report(json.loads(to_json(report)))
    assert set(NUMBER.findall(left)) <= known
    points = [one for one in brief(report).points if not one.number.startswith("no number")]
    assert points
    assert {one.number for one in points} <= shown
    assert all(re.search(r"to|at least|at most|between", one.number) for one in points)


def test_the_check_of_numbers_would_find_a_made_up_one() -> None:
    report = assessments()["with_model"]
    assert not {"31.7"} <= in_report(json.loads(to_json(report)))


def _estimates(report: Assessment) -> list[Any]:
    placed = [*report.comparisons, *report.elicitation, *(point for one in report.horizons for point in one.points)]
    points = [one.points for one in report.abilities]
    return [*report.estimates, *(one.estimate for one in placed if one.estimate), *(one for one in points if one)]


@pytest.mark.parametrize("name", ["with_model", "without_model", "in_rounds"])
def test_a_brief_keeps_to_the_words(name: str) -> None:
    written = re.sub(r"\s+", " ", text(brief(assessments()[name])))
    for notice in NOTICES:
        assert notice in written.replace("- ", "")
        written = written.replace(notice, "")
    assert check([Wording(Surface.PAGE, "brief", written)]) == ()


def published(portal: Served, name: str = "heron-7-2026") -> str:
    published_folder(portal.home, name, to_json(assessments()["with_model"]))
    return f"/reports/{name}/brief/"


def test_a_published_report_has_its_brief_and_stands_in_everybodys_feed(
    portal: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.portal import opening  # noqa: PLC0415 - once the portal is set up

    monkeypatch.setattr(opening, "_place", [replace(opening.place(), home=portal.home)])
    at, client = published(portal), portal.client()
    page, plain = client.get(at), client.get(f"{at}text")
    assert "55.7" in page.content.decode()
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert client.get("/reports/none/brief/").status_code == 404
    shared(peopled(portal))
    assert titles_of(client.get("/feeds/published.atom").content) == ["A report was published: heron-7"]


def test_a_link_leads_only_where_its_reader_gets_in() -> None:
    for start, place in (("sub_", "submission"), ("txt_", "text")):
        read = next(route.read for route in ROUTES if route.name == place)
        for role in Role:
            assert bool(path(f"{start}1", role)) == (role in read), (place, role)
    waits = Letter("let-1", "tia", "waits", LONG_AGO, LONG_AGO, "bureau", Role.TASK_OWNER, "sub_1")
    assert "https://x/digest/" in letters.waits(waits, "https://x")[1]
    assert "https://x/submissions/sub_1/" in letters.waits(replace(waits, role=Role.AUDITOR), "https://x")[1]


def test_the_number_of_queries_does_not_grow_with_what_is_due(portal: Served) -> None:
    house, asked = peopled(portal), []
    client = lead(portal)
    for count in (1, 5):
        for _ in range(count):
            shared(house)
        with CaptureQueriesContext(connections[house.database.alias(writing=False)]) as captured:
            assert client.get("/digest/").status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1]


@pytest.mark.slow
def test_the_pages_are_accessible_and_fit(portal: Served, visits: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.portal import opening  # noqa: PLC0415 - once the portal is set up

    monkeypatch.setattr(opening, "_place", [replace(opening.place(), home=portal.home)])
    shared(peopled(portal))
    client = lead(portal)
    client.post("/notices/settings/", {"address": "lin@mail.example", "zone": "UTC", "notices": "on"})
    made_feed = client.post("/notices/feeds/", {"name": "phone"})
    assert made_feed.status_code == 200
    at = published(portal)
    with serving() as server:
        for width in (1280, 320):
            visit = visits(width=width, base_url=server)
            cookie = {"name": "seatrial", "value": client.cookies["seatrial"].value, "url": server}
            visit.context.add_cookies([cookie])  # type: ignore[list-item]
            for page in (*PAGES, at):
                visit.page.goto(page)
                visit.picture(page)
                assert visit.axe() == [], page
                assert visit.fits(), page
