"""Mail: who is told of what, once, whatever the server or a killed process does; and what no mail ever says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import AuthResult

import seatrial.portal as portal_package
from portal.conftest import KINDS
from seatrial.framework.consent import Activity
from seatrial.framework.obligation import Obligation
from seatrial.framework.participant import Membership, Organisation, Role
from seatrial.framework.standing import Act, Kind
from seatrial.framework.viewer import Viewer
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.notices import digest, handing
from seatrial.notices.chore import kinds
from seatrial.notices.handing import Went, wait_after
from seatrial.notices.post import Post
from seatrial.notices.server import BadMail, MailServer, ServerTrouble
from seatrial.notices.seven import due_day, zones
from seatrial.registry import Registry
from seatrial.storage.stores.changes import Change
from seatrial.storage.stores.mail import Contact, Letter, MailTables
from support.framework import BUREAU, DAY, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.mail_server import HANG, HANG_UP, mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.conftest import Served
    from seatrial.house import House
    from support.mail_server import Mailbox

HOUSE = Viewer.house("a test looks at everything")
OWNER, LEAD, STRANGER = "per-developer-owner", "per-evaluator-lead", "riv-developer-owner"
CANARIES = ("heron-7", "lab-a", "lab-b", "bureau", "capacity", "sha256:", "con-share")
URL = "https://seatrial.example"
MINUTE = timedelta(minutes=1)
KNOWN = (b"seatrial", b"canary-password")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as served:
        yield served


def server(box: Mailbox, **more: str) -> MailServer:
    found = MailServer.of({"SEATRIAL_MAIL": f"smtp://127.0.0.1:{box.port}", "SEATRIAL_URL": URL, **more})
    assert found is not None
    return replace(found, timeout_s=1.0)


def peopled(house: House) -> House:
    """The parties, each with an address that they have shown to be theirs."""
    for organisation, person, role in (
        (LAB, OWNER, Role.DEVELOPER_OWNER),
        (RIVAL, STRANGER, Role.DEVELOPER_OWNER),
        (BUREAU, LEAD, Role.EVALUATOR_LEAD),
    ):
        body = Organisation(organisation, organisation, KINDS[organisation])
        Registry(house).enter(body, Membership(person, organisation, role, T0 - DAY))
        MailTables(house.database).put(HOUSE, contact(person))
    return house


def contact(person: str, zone: str = "UTC", **more: object) -> Contact:
    made = Contact(person, f"{person}@mail.example", zone, "2026-11-30", T0, digest=False, confirmed_at=T0)
    return replace(made, **more)  # type: ignore[arg-type]


def shared(house: House) -> str:
    """A submission that the lead knows of, and is told something of."""
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    act = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(act, request_digest=""), T0 + HOUR)
    incident(house, name, T0 + HOUR)
    return name


def incident(house: House, name: str, at: datetime) -> None:
    act = full_act("record_incident", actor("developer_owner"), at, about=name)
    house.act(name, replace(act, request_digest=""), at)


def declined(house: House, name: str, at: datetime = T0 + 2 * HOUR) -> None:
    house.act(name, Act("decline", actor("evaluator_lead"), at, reason="capacity"), at)


def round_at(post: Post, at: datetime) -> Went:
    return post.round(lambda: at)


def letters(house: House, person: str = OWNER) -> tuple[Letter, ...]:
    found = MailTables(house.database)
    about = {one.object for one in house.submissions.list(HOUSE)} | {""}
    return tuple(letter for name in sorted(about) for letter in found.about(HOUSE, person, name))


def test_the_other_side_is_told_once_and_nothing_of_the_submission(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    post = Post(house, server(box))
    name = shared(house)
    assert round_at(post, T0 + HOUR).sent == 1
    declined(house, name)
    assert round_at(post, T0 + 2 * HOUR).sent == 1
    assert round_at(post, T0 + 3 * HOUR) == Went()
    assert [one["To"] for one in box.taken] == [f"{LEAD}@mail.example", f"{OWNER}@mail.example"]
    assert f"{URL}/submissions/{name}/" in box.text()
    for canary in CANARIES:
        assert canary not in box.text()
    assert check([Wording(Surface.NOTICE, "mail", box.text())]) == ()
    assert house.notices.waiting(HOUSE) == ()


def test_about_one_object_a_person_gets_one_letter_an_hour_and_misses_none(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    post, name = Post(house, server(box)), shared(house)
    begun = T0 + 2 * HOUR
    round_at(post, begun)
    for number in range(3):
        at = begun + (number + 1) * MINUTE
        incident(house, name, at)
        round_at(post, at)
    house.act(name, Act("withdraw", actor("developer_owner"), begun + 5 * MINUTE), begun + 5 * MINUTE)
    assert round_at(post, begun + 5 * MINUTE).sent == 0
    assert round_at(post, begun + 59 * MINUTE).sent == 0
    assert round_at(post, begun + 60 * MINUTE).sent == 1
    assert round_at(post, begun + DAY).sent == 0
    assert len(box.taken) == 2


def test_whoever_left_or_never_showed_the_address_to_be_theirs_is_not_written_to(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    post, name = Post(house, server(box)), shared(house)
    MailTables(house.database).put(HOUSE, contact(OWNER, confirmed_at=None))
    post.sort(T0 + HOUR)
    declined(house, name)
    Registry(house).leave(Membership(LEAD, BUREAU, Role.EVALUATOR_LEAD, T0), T0 + 2 * HOUR)
    assert round_at(post, T0 + 3 * HOUR) == Went(dropped=1)
    assert box.taken == []


def test_a_rival_is_told_nothing(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    everything = contact(STRANGER, digest=True, digest_day="2026-10-01")
    MailTables(house.database).put(HOUSE, everything)
    shared(house)
    round_at(Post(house, server(box)), T0 + DAY)
    assert [one for one in box.taken if STRANGER in one["To"]] == []
    viewer = Viewer.of(STRANGER, RIVAL, Role.DEVELOPER_OWNER)
    assert digest.part(house, viewer, T0 - DAY, T0 + DAY).empty
    assert MailTables(house.database).contact(viewer, OWNER) is None
    assert MailTables(house.database).contacts(viewer) == (
        replace(everything, digest_day="2026-11-03", digest_until=T0 + DAY),
    )


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        *(("to_recipients", answer) for answer in ("451 later", "421 busy", HANG, HANG_UP)),
        *(("to_letters", answer) for answer in ("451 later", "421 busy")),
    ],
)
def test_what_is_not_taken_now_is_tried_again_later(portal: Served, box: Mailbox, answer: str, place: str) -> None:
    house = peopled(portal.house)
    post, at = Post(house, server(box)), T0 + HOUR
    shared(house)
    getattr(box, place).append(answer)
    assert round_at(post, at).later == 1
    assert round_at(post, at + MINUTE - timedelta(seconds=1)) == Went()
    assert round_at(post, at + MINUTE).sent == 1
    assert len(box.taken) == 1


@pytest.mark.parametrize("place", ["to_recipients", "to_letters"])
def test_what_is_never_taken_is_given_up_and_said(portal: Served, box: Mailbox, place: str) -> None:
    house = peopled(portal.house)
    shared(house)
    getattr(box, place).append("550 no such box")
    assert round_at(Post(house, server(box)), T0 + HOUR).given_up == 1
    last = MailTables(house.database).last_to(HOUSE, LEAD)
    assert last is not None
    assert (last.state, last.reason) == ("given_up", "550")


def test_tries_are_bounded_and_last_longer_than_four_days(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    post, at = Post(house, server(box)), T0 + HOUR
    shared(house)
    box.to_recipients += ["451 later"] * handing.MOST_TRIES
    for tries in range(1, handing.MOST_TRIES):
        assert round_at(post, at).later == 1
        at += wait_after(tries)
    assert round_at(post, at).given_up == 1
    assert at - T0 > timedelta(days=4)
    assert round_at(post, at + DAY) == Went()


def test_while_the_server_is_away_nothing_is_lost_and_no_try_counts(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    name = shared(house)
    away = Post(house, replace(server(box), port=1))
    for hours in range(1, 50):
        with pytest.raises(ServerTrouble):
            round_at(away, T0 + hours * HOUR)
    [letter] = letters(house, LEAD)
    assert (letter.object, letter.tries, letter.state) == (name, 0, "waiting")
    assert round_at(Post(house, server(box)), T0 + 50 * HOUR).sent == 1


def test_lines_that_go_in_a_row_end_the_round_and_the_rest_keeps_its_tries(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    for _ in range(5):
        shared(house)
    box.to_recipients += [HANG_UP] * 3
    with pytest.raises(ServerTrouble, match="in a row"):
        round_at(Post(house, server(box)), T0 + HOUR)
    assert sorted(one.tries for one in letters(house, LEAD)) == [0, 0, 1, 1, 1]
    assert round_at(Post(house, server(box)), T0 + 2 * HOUR).sent == 5


KILLED = """
import os, sys
from datetime import datetime
from seatrial.notices.post import Post
from seatrial.notices.server import MailServer
from seatrial.house import House
from seatrial.shipped import shipped_pack
post = Post(House.open(packs=shipped_pack), MailServer.of(os.environ))
at = datetime.fromisoformat(sys.argv[1])
print("ready", flush=True)
post.round(lambda: at)
"""


def test_a_process_that_is_killed_after_the_server_took_it_sends_the_same_message_again(
    portal: Served, box: Mailbox
) -> None:
    house = peopled(portal.house)
    shared(house)
    at = T0 + HOUR
    environment = {**os.environ, "SEATRIAL_HOME": str(portal.home), "SEATRIAL_MAIL": f"smtp://127.0.0.1:{box.port}"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, at.isoformat()], env=environment, stdout=subprocess.PIPE)
    box.then = lambda: os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    box.then = lambda: None
    post = Post(house, server(box))
    assert round_at(post, at + handing.TAKEN - MINUTE) == Went()
    assert round_at(post, at + handing.TAKEN).sent == 1
    assert round_at(post, at + DAY) == Went()
    first, second = box.taken
    assert first["Message-ID"].partition("@")[0] == second["Message-ID"].partition("@")[0]


def test_starttls_is_used_where_it_is_offered_and_verified(
    portal: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = peopled(portal.house)
    shared(house)
    context, authority = certified(tmp_path)
    with mail_server(tls=context) as box:
        post = Post(house, replace(server(box), host="localhost"))
        with pytest.raises(ServerTrouble, match="CERTIFICATE_VERIFY_FAILED"):
            round_at(post, T0 + HOUR)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert round_at(post, T0 + HOUR).sent == 1
        assert box.over_tls == [True]


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # the library does not see TLS from the first byte
def test_a_user_signs_in_over_tls_from_the_first_byte_or_begun_later(
    portal: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = peopled(portal.house)
    context, authority = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    password = tmp_path / "password"
    password.write_text("canary-password\n")
    password.chmod(0o600)

    def known(_server: object, _session: object, _envelope: object, _how: str, given: Any) -> AuthResult:  # noqa: ANN401
        return AuthResult(success=(given.login, given.password) == KNOWN, handled=False)

    signs_in = {"authenticator": known, "auth_required": True}
    for scheme, how in (
        ("smtp", {"tls": context, "auth_require_tls": True}),
        ("smtps", {"ssl_context": context, "auth_require_tls": False}),
    ):
        shared(house)
        with mail_server(**how, **signs_in, auth_exclude_mechanism=()) as box:
            setting = {"SEATRIAL_MAIL": f"{scheme}://seatrial@localhost:{box.port}"}
            found = MailServer.of({**setting, "SEATRIAL_MAIL_PASSWORD_FILE": str(password)})
            assert found is not None
            assert round_at(Post(house, found), T0 + HOUR).sent == 1
            assert "canary-password" not in box.text()
            password.write_text("wrong")
            with pytest.raises(ServerTrouble, match="535"):
                found.line()
            password.write_text("canary-password")


def certified(folder: Path) -> tuple[object, Path]:
    """A server's context for `localhost`, and the file of the authority that vouches for it."""
    import ssl  # noqa: PLC0415 - with the test that needs it

    key, chain = folder / "key.pem", folder / "chain.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-keyout", key, "-out", chain, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, chain


@pytest.mark.parametrize(
    "setting",
    ["mail.example", "http://mail.example", "smtp://", "smtp://u:secret@mail.example", "smtp://m:x", "smtp://m/a"],
)
def test_a_setting_that_names_no_server_is_refused_and_repeats_no_secret(setting: str) -> None:
    with pytest.raises(BadMail) as refused:
        MailServer.of({"SEATRIAL_MAIL": setting})
    assert "secret" not in str(refused.value)


def test_a_password_goes_to_no_other_host_without_tls(tmp_path: Path, box: Mailbox) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    signing = replace(server(box), user="seatrial", password_file=file)
    with pytest.raises(ServerTrouble, match="chmod 600"):
        signing.line()
    file.chmod(0o600)
    elsewhere = replace(signing, host="127.0.0.2")
    with mail_server() as _, pytest.raises(ServerTrouble, match=r"no TLS|refused"):
        elsewhere.line()


def test_without_a_server_notices_are_kept() -> None:
    assert MailServer.of({}) is None


@pytest.mark.parametrize(
    ("zone", "night", "seven"),
    [
        ("America/New_York", "2026-03-08", datetime(2026, 3, 8, 11, tzinfo=UTC)),  # clocks set forward at two
        ("America/New_York", "2026-11-01", datetime(2026, 11, 1, 12, tzinfo=UTC)),  # and back
        ("Europe/Berlin", "2026-10-25", datetime(2026, 10, 25, 6, tzinfo=UTC)),
        ("Asia/Kathmandu", "2026-06-01", datetime(2026, 6, 1, 1, 15, tzinfo=UTC)),
        ("Australia/Lord_Howe", "2026-04-05", datetime(2026, 4, 4, 20, 30, tzinfo=UTC)),
        ("Pacific/Kiritimati", "2026-06-01", datetime(2026, 5, 31, 17, tzinfo=UTC)),
    ],
)
def test_seven_is_seven_on_the_readers_clock(zone: str, night: str, seven: datetime) -> None:
    there = ZoneInfo(zone)
    assert due_day(there, "2026-01-01", seven - timedelta(seconds=1)) == ""
    assert due_day(there, "2026-01-01", seven) == night
    assert due_day(there, night, seven) == due_day(there, night, seven + 16 * HOUR) == ""


def test_every_zone_that_can_be_chosen_has_exactly_one_digest_a_day_in_a_year_of_rounds() -> None:
    for zone in map(ZoneInfo, zones()[::12]):
        last, days, at = "2026-01-01", [], datetime(2026, 1, 2, 12, tzinfo=UTC)
        for _ in range(4 * 24 * 60):
            at += timedelta(minutes=15)
            if day := due_day(zone, last, at):
                last = day
                days.append(at.astimezone(zone))
        assert len(days) == len({f"{one:%Y-%m-%d}" for one in days}) >= 59
        assert {(one.hour, one.minute) for one in days[1:]} == {(7, 0)}


def test_the_digest_comes_once_a_day_also_when_nobody_worked_at_seven(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    reader = contact(LEAD, "America/New_York", digest=True, notices=False, digest_day="2026-11-02", digest_until=T0)
    MailTables(house.database).put(HOUSE, reader)
    name = shared(house)
    post = Post(house, server(box))
    seven = datetime(2026, 11, 3, 12, tzinfo=UTC)
    assert round_at(post, seven - MINUTE).sent == 0
    assert round_at(post, seven + 5 * HOUR).sent == 1  # the first round since noon of the day before
    assert round_at(post, seven + 6 * HOUR).sent == 0
    assert round_at(post, seven + DAY).sent == 1
    text = box.taken[0].get_content()
    assert "submit, now submitted" in text
    assert "by 21 May 2027: begin terms" in text
    assert name in text
    assert box.subjects() == ["Seatrial: 1 due, 2 changed", "Seatrial: 1 due, 0 changed"]
    for canary in CANARIES:
        assert canary not in box.text()
    assert check([Wording(Surface.NOTICE, "digest", box.text())]) == ()


def test_a_full_digest_is_read_in_five_minutes() -> None:
    viewer = Viewer.of(LEAD, BUREAU, Role.EVALUATOR_LEAD)
    about = [f"sub_{number:032x}" for number in range(2000)]
    owed = tuple(
        digest.Owed(Obligation(name, "resume_after_incident", "x", T0 + HOUR, "evaluator_lead"), Kind.SUBMISSION)
        for name in about
    )
    changed = tuple(
        Change(name, Kind.SUBMISSION, 1, "resume_after_incident", "developer_comment", T0, "p") for name in about
    )
    parts = [digest.Part(viewer, owed, changed, more_changed=True)] * 3
    text = digest.text(parts, ZoneInfo("UTC"), URL, T0)
    words = len(re.findall(r"\S+", text))
    assert words <= 5 * 220  # an unhurried reader's words a minute
    assert "and 1,989 more" in text
    assert "and 1,989 more or above" in text


def test_what_is_due_stands_in_the_order_of_urgency(portal: Served) -> None:
    house = peopled(portal.house)
    names = [shared(house) for _ in range(3)]
    viewer = Viewer.of(LEAD, BUREAU, Role.EVALUATOR_LEAD)
    owed = digest.owed_by(house, viewer, T0 + DAY)
    assert {one.obligation.object for one in owed} == set(names)
    dates = [one.by for one in owed if one.by is not None]
    assert dates == sorted(dates)
    assert [one.by is None for one in owed] == sorted(one.by is None for one in owed)


@dataclass
class Held:
    """A claim that nobody stops."""

    stopping: str = ""
    draining: bool = False

    def tell(self, progress: object) -> None:
        pass


def test_the_worker_has_the_post_where_a_server_is_named(portal: Served, box: Mailbox) -> None:
    house = peopled(portal.house)
    shared(house)
    assert kinds(house, {}) == ()
    [kind] = kinds(house, {"SEATRIAL_MAIL": f"smtp://127.0.0.1:{box.port}"})
    unit = house.jobs.enqueue(HOUSE, kind.wanted(), datetime.now(UTC))
    kind.work(unit, Held())
    assert box.subjects() == ["Seatrial: something waits for you"]


@pytest.mark.parametrize("folder", ["mail", "brief"])
def test_the_templates_keep_to_the_words(folder: str) -> None:
    files = sorted((Path(portal_package.__file__).parent / "templates" / folder).glob("*.html"))
    assert files
    for file in files:
        words = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", file.read_text())
        assert check([Wording(Surface.PAGE, file.name, words)]) == ()
