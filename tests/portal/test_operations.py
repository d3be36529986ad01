from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.test import Client, RequestFactory

from seatrial.framework.participant import Role
from seatrial.framework.submission_store import NotHere
from seatrial.portal import demo_door, logs
from seatrial.portal.access import ANYBODY
from seatrial.portal.health import open_to_others, ready
from seatrial.portal.routes import ROUTES
from seatrial.portal.serving import BODY_BYTES, Pages
from seatrial.portal.settings import PortalSettings
from seatrial.portal.urls import urlpatterns
from seatrial.work import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpResponse

    from portal.conftest import Served
    from seatrial.house import House

STATIC = Path(logs.__file__).parent / "static"
CANARY = "canary-6f1d20"
CHECKS = ["database", "migrations", "ledger", "keys", "disk", "worker"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that this process logs."""
    root, out = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    logs.log_to(out)
    yield out
    root.handlers[:], root.level = before, level
    logs._saying.clear()


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_it_lives_without_a_database(portal: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: object, **_named: object) -> None:
        raise OSError(CANARY)

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection", away)
    assert portal.client().get("/healthz").json() == {"lives": True}
    answer = portal.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] is False
    assert CANARY not in answer.content.decode()


def test_readiness_names_each_check_and_tells_the_operator_more(portal: Served) -> None:
    answer = portal.client().get("/readyz")
    assert list(answer.json()["checks"]) == CHECKS
    assert answer.json()["checks"] == dict.fromkeys(CHECKS, True) | {"worker": False}
    assert answer.status_code == 503
    for who in (portal.client("ada"), portal.client("lin", "bureau", Role.EVALUATOR_LEAD)):
        assert who.get("/readyz").json() == answer.json()
    told = portal.client("ola", "house-ops", Role.OPERATOR).get("/readyz").json()["checks"]
    assert told["worker"] == {"holds": False, "seen": "none was ever seen; run: seatrial worker"}
    assert told["database"] == {"holds": True, "seen": "sqlite3"}


def test_a_key_that_others_can_read_and_a_lost_record_are_seen(portal: Served) -> None:
    (portal.home / "keys" / "portal.secret").chmod(0o644)
    (portal.home / "ledger" / "log.checkpoint").unlink()
    checks = portal.client().get("/readyz").json()["checks"]
    assert (checks["keys"], checks["ledger"], checks["database"]) == (False, False, True)
    assert next(open_to_others(portal.home)).endswith(f"run: chmod go= {portal.home}/keys/portal.secret")


def test_a_worker_that_beats_makes_it_ready(portal: Served) -> None:
    now = datetime.now(UTC)
    portal.house.jobs.seen("wrk_" + "0" * 32, place.this_process(), now)
    assert all(check.holds for check in ready(portal.house, now + timedelta(seconds=60)))
    late = ready(portal.house, now + timedelta(seconds=61))
    assert [check.name for check in late if not check.holds] == ["worker"]


def test_no_text_of_a_request_reaches_the_log(portal: Served, log: io.StringIO) -> None:
    client = portal.client("ada")
    headers = {"User-Agent": CANARY, "X-Other": CANARY, "Referer": f"http://testserver/{CANARY}"}
    for path in ("/", f"/{CANARY}/", f"/submissions/{CANARY}/", f"/readyz?q={CANARY}", f"/api/v1/{CANARY}"):
        client.get(path, {"next": CANARY}, headers=headers)
        client.post(path, {"username": CANARY, "note": CANARY}, headers=headers)
    client.generic(CANARY.upper(), "/")
    client.get("/", headers={"Host": f"{CANARY}.example"})
    client.post("/account/login/", {"login": CANARY, "password": CANARY})
    assert len(lines(log)) >= 13
    assert CANARY not in log.getvalue().lower()
    assert {name for line in lines(log) for name in line} <= logs.FIELDS
    asked = [line for line in lines(log) if line["event"] == "request"]
    assert {"home", "submission", "ready"} <= {str(line["page"]) for line in asked}
    assert {str(line["role"]) for line in asked} >= {"developer_owner"}


@pytest.mark.usefixtures("portal")
def test_an_exception_is_its_type_and_place_and_the_page_has_its_number(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_house: House, _now: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("seatrial.portal.pages.health.ready", breaks)
    client = Client(raise_request_exception=False)
    answer = client.get(f"/readyz?q={CANARY}")
    assert answer.status_code == 500
    [fault] = [line for line in lines(log) if line["event"] == "library"]
    assert (fault["error"], fault["file"], fault["status"]) == ("RuntimeError", "test_operations.py", 500)
    assert str(fault["request"]) in answer.content.decode()
    assert CANARY not in log.getvalue()
    assert CANARY not in answer.content.decode()


def test_what_ends_a_process_is_a_line_without_text() -> None:
    code = f"from seatrial.portal.logs import log_to, log_what_ends; log_what_ends(log_to()); int('{CANARY}')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    [line] = done.stderr.splitlines()
    assert done.returncode == 1
    assert (json.loads(line)["error"], json.loads(line)["file"]) == ("ValueError", "<string>")
    assert CANARY not in line


@pytest.mark.parametrize("name", ["uvicorn.error", "django.security.csrf", "allauth", "asyncio", "anything"])
def test_libraries_log_without_their_text(log: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("%s said %s", CANARY, CANARY, extra={"request": CANARY, "args_of_it": CANARY})
    [line] = lines(log)
    assert (line["logger"], line["level"]) == (name, "warning")
    assert CANARY not in log.getvalue()


@pytest.mark.usefixtures("portal")
def test_the_server_sends_files_in_parts_and_takes_no_body_larger_than_a_paper() -> None:
    pages = Pages()

    async def asked(method: str, path: str, content: bytes = b"") -> httpx.Response:
        transport = httpx.ASGITransport(pages)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, content=content)

    sheet = asyncio.run(asked("GET", "/static/uswds/uswds.css"))
    assert sheet.content == (STATIC / "uswds" / "uswds.css").read_bytes()
    assert asyncio.run(asked("GET", "/healthz")).json() == {"lives": True}
    assert asyncio.run(asked("POST", "/healthz", b"x" * 1000)).status_code == 403
    assert asyncio.run(asked("POST", "/healthz", b"x" * (BODY_BYTES + 1))).status_code == 413


def test_static_files_are_served_compressed_and_kept_for_a_minute(portal: Served) -> None:
    answer = portal.client().get("/static/uswds/uswds.css", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "max-age=60, public"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert portal.client().get("/static/../settings.py").status_code == 404


def test_without_a_demonstration_its_door_does_not_exist(portal: Served) -> None:
    assert "demonstration/" not in {str(pattern.pattern) for pattern in urlpatterns}
    for client in (portal.client(), portal.client("ada")):
        nothing = client.get("/nowhere/")
        assert (client.get("/demonstration/").content, nothing.status_code) == (nothing.content, 404)
        assert client.post("/demonstration/", {"player": "ada:halcyon:developer_owner"}).status_code == 404


def test_the_door_itself_is_not_there_for_another_host_or_without_a_demonstration(portal: Served) -> None:
    def knock(address: str) -> HttpResponse:
        return demo_door.door(_asked(address))

    assert portal.home.is_dir()
    with pytest.raises(NotHere):
        knock("127.0.0.1")
    demonstration = PortalSettings.of(portal.home, {}, demonstration=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo_door, "place", lambda: demonstration)
        with pytest.raises(NotHere):
            knock("192.0.2.7")


def _asked(address: str) -> WSGIRequest:
    return RequestFactory().get("/demonstration/", REMOTE_ADDR=address)


def test_the_first_page_leads_the_first_operator(portal: Served) -> None:
    assert "Nobody has an account here yet" in portal.client().get("/").content.decode()
    portal.enter("ola", "house-ops", Role.OPERATOR)
    assert "Nobody has an account here yet" not in portal.client().get("/").content.decode()


def test_everything_that_settings_lack_is_said_at_once(tmp_path: Path) -> None:
    environment = {"SEATRIAL_MODE": "production", "SEATRIAL_HOST": "x", "SEATRIAL_SECRET_KEY_FILE": ""}
    made, faults = PortalSettings.read(tmp_path, environment)
    assert made is not None
    assert [fault.partition(":")[0] for fault in faults] == [
        *("SEATRIAL_HOST", "SEATRIAL_DATABASE", "SEATRIAL_HOSTS", "SEATRIAL_URL", "SEATRIAL_TRUSTED_PROXY"),
        "SEATRIAL_SECRET_KEY_FILE",
    ]
    assert PortalSettings.read(tmp_path, {"SEATRIAL_DATABASE": "mysql://x"}) == (
        None,
        ["SEATRIAL_DATABASE: must be postgresql://user@host:port/name; leave it out for SQLite"],
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SEATRIAL_MAIL": "http://mail.example"}, "write smtp://host:port or smtps://user@host:port"),
        ({"SEATRIAL_MAIL": "smtp://a:b@mail.example"}, "holds a password"),
        ({"SEATRIAL_MAIL": "smtp://mail.example", "SEATRIAL_MAIL_FROM": "seatrial"}, "write an address"),
        ({"SEATRIAL_MAIL": "smtp://a@mail.example", "SEATRIAL_MAIL_PASSWORD_FILE": "/none"}, "no such file"),
        ({"SEATRIAL_MAIL": "smtp://mail.example", "SEATRIAL_MAIL_PASSWORD_FILE": "/dev/null"}, "names no user"),
    ],
)
def test_a_mail_server_that_cannot_be_one_stops_the_start(tmp_path: Path, given: dict[str, str], said: str) -> None:
    _, faults = PortalSettings.read(tmp_path, given)
    assert any(fault.startswith("SEATRIAL_MAIL") and said in fault for fault in faults), faults
    right = {"SEATRIAL_MAIL": "smtps://a@mail.example", "SEATRIAL_MAIL_FROM": "sea@mail.example"}
    assert PortalSettings.read(tmp_path, right)[1] == []


def test_a_home_that_settings_make_is_its_owners(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        PortalSettings.of(tmp_path / "a" / "home", {}).secret_key()
    finally:
        os.umask(before)
    assert list(open_to_others(tmp_path / "a" / "home")) == []


def test_health_is_for_anybody() -> None:
    assert {route.path for route in ROUTES if route.name in {"lives", "ready"} and route.read == ANYBODY} == {
        "healthz",
        "readyz",
    }
