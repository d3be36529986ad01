"""A portal over a fresh installation for each test. Django is set up once a process: these tests run by themselves."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.portal.opening import serve, set_up
from seatrial.portal.settings import PortalSettings

_FIRST = Path(tempfile.mkdtemp(prefix="seatrial-portal-"))
os.environ["SEATRIAL_HOME"] = str(_FIRST)
set_up(PortalSettings.of(_FIRST, {}))

from django.contrib.auth import get_user_model  # noqa: E402 - models, once Django is set up
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.db import connections  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client  # noqa: E402

from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Role  # noqa: E402
from seatrial.installation import Installation  # noqa: E402
from seatrial.portal.identity.assurance import proved  # noqa: E402
from seatrial.registry import Registry  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.house import House

LAB, RIVAL, BUREAU, AGENCY, OPERATOR = "lab-a", "lab-b", "bureau", "agency-x", "house-ops"
KINDS = {
    LAB: OrganisationKind.DEVELOPER,
    RIVAL: OrganisationKind.DEVELOPER,
    BUREAU: OrganisationKind.EVALUATOR,
    "bureau-b": OrganisationKind.EVALUATOR,
    AGENCY: OrganisationKind.AGENCY,
    OPERATOR: OrganisationKind.CLEARINGHOUSE,
    "works": OrganisationKind.VENDOR,
    "grid": OrganisationKind.INFRASTRUCTURE,
    "watch": OrganisationKind.AUDITOR,
    "nsa": OrganisationKind.AGENCY,
}


@dataclass(frozen=True)
class Served:
    """The installation behind the pages, and browsers of its people."""

    installation: Installation
    home: Path

    @property
    def house(self) -> House:
        return self.installation.house

    def enter(self, person: str, organisation: str, role: Role) -> None:
        """Enter somebody in the registry, and give them an account."""
        since = datetime.now(UTC) - timedelta(days=1)
        body = Organisation(organisation, organisation, KINDS[organisation])
        Registry(self.house).enter(body, Membership(person, organisation, role, since))
        get_user_model().objects.get_or_create(username=person)

    def client(self, person: str = "", organisation: str = LAB, role: Role = Role.DEVELOPER_OWNER) -> Client:
        """A browser of somebody signed in, entered first where they are new; without a name, of nobody."""
        client = Client()
        if person:
            self.enter(person, organisation, role)
            user = get_user_model().objects.get(username=person)
            client.force_login(user)
            session = client.session
            signed = HttpRequest()
            signed.session = session
            proved(signed, user, "webauthn")
            session.save()
        return client


@pytest.fixture(scope="session")
def made() -> Path:
    """An installation with all tables, to be copied: making them takes longer than a test."""
    os.environ["SEATRIAL_HOME"] = str(_FIRST)
    Installation.open()
    for connection in connections.all():
        connection.close()
    return _FIRST


@pytest.fixture
def portal(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A portal over a copy."""
    home = tmp_path / "home"
    shutil.copytree(made, home)
    monkeypatch.setenv("SEATRIAL_HOME", str(home))
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1)  # half a second each, which shows nothing of the portal
    connections["default"].close()
    del connections["default"]
    connections.settings["default"]["NAME"] = str(home / "seatrial.sqlite3")
    installation = Installation.open()
    serve(installation)
    yield Served(installation, home)
    for connection in connections.all():
        connection.close()
