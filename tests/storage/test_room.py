"""The room itself: what it loads and when, what it asks of the database, and that its migrations are complete."""

from __future__ import annotations

import doctest
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.db import connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from seatrial.framework import viewer
from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act
from seatrial.framework.submission import SUBMISSION
from seatrial.framework.viewer import Viewer
from seatrial.framework.vocabulary import Form, Surface, Wording, check
from seatrial.storage import Address, BadAddress, address, codec
from seatrial.storage.codec import decode, encode
from seatrial.storage.session import Database
from seatrial.storage.stores.participants import ParticipantTables
from seatrial.storage.upgrade import pending
from support.framework import BUREAU, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.house import open_house

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from seatrial.house import House

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)


def test_the_migrations_make_the_models(tmp_path: Path) -> None:
    opened = Database(Address.of(tmp_path))
    assert pending(opened)
    opened.prepare()
    assert not pending(opened)
    loader = MigrationLoader(None)
    wanted = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    assert wanted.changes(loader.graph) == {}


@pytest.mark.parametrize(
    "asked", ["seatrial", "seatrial.cli", "seatrial.ledger.folder", "seatrial.framework.lifecycles", "seatrial.storage"]
)
def test_django_is_not_loaded_until_an_installation_is_opened(asked: str) -> None:
    program = f"import sys, {asked}; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_stores_load_in_any_order() -> None:
    for first in ("stores.papers", "upgrade", "tables", "stores.log"):
        program = f"import seatrial.storage.{first}, seatrial.house"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("module", [address, codec, viewer])
def test_the_worked_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def drafts(house: House, count: int) -> str:
    name = ""
    for number in range(count):
        name = house.new_id()
        act = full_act("open_draft", actor("developer_owner"), T0, about=name, request_digest="")
        house.begin(fresh(about=name), act, T0 + number * HOUR)
    return name


def test_the_number_of_queries_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    asked = []
    for count in (1, 6):
        drafts(house, count)
        connection = connections[house.database.alias(writing=False)]
        with CaptureQueriesContext(connection) as captured:
            house.submissions.list(OWNER)
        asked.append(len([one for one in captured if one["sql"].startswith("SELECT")]))
    assert asked == [1, 1]


def test_an_act_asks_the_database_a_bounded_number_of_times(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafts(house, 3)
    for count in range(2):
        connection = connections[house.database.alias(writing=True)]
        date = Act("record_release_date", actor("developer_owner"), T0 + (9 + count) * HOUR, date=T0)
        with CaptureQueriesContext(connection) as captured:
            house.act(name, date, date.at)
        assert len(captured) <= 70


def test_a_rival_lab_learns_nothing_from_any_store(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafts(house, 2)
    share = full_act(
        "submit", actor("developer_owner"), T0 + 9 * HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER)
    )
    house.act(name, share, share.at)
    digest = house.papers.put(OWNER, name, next(iter(share.documents)).data_class, b"a dossier of lab-a")
    stranger = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
    assert house.submissions.list(stranger) == ()
    assert house.permissions.grants(stranger, name) == ()
    assert house.orders.open(stranger) == ()
    assert house.due(stranger, T0 + 999 * HOUR) == ()
    assert [one.id for one in house.participants.organisations(stranger)] == [RIVAL]
    assert house.participants.memberships(stranger, "per-developer-owner", T0) == ()
    answers = set()
    for about in (name, "sub_" + "f" * 32):
        for ask in (
            lambda about=about: house.submissions.load(stranger, about),
            lambda about=about: house.papers.get(stranger, about, digest),
            lambda about=about: house.permissions.asked(stranger, about),
        ):
            with pytest.raises(LookupError) as answer:
                ask()
            answers.add(str(answer.value).replace(about, "it"))
    assert len(answers) == 2
    assert house.papers.get(OWNER, name, digest) == b"a dossier of lab-a"
    with pytest.raises(LookupError):
        ParticipantTables(house.database).add(stranger, house.participants.organisations(OWNER)[0])


def test_names_of_tables_columns_and_states_pass_the_word_list() -> None:
    names = {model._meta.db_table for model in apps.get_models()}
    names |= {field.name for model in apps.get_models() for field in model._meta.get_fields()}
    assert check(Wording(Surface.STORED, name, name, Form.IDENTIFIER) for name in sorted(names)) == ()


def test_an_address_holds_no_password(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="PASSWORD_FILE"):
        Address.of(tmp_path, "postgresql://app:secret@db/seatrial")
    for wrong in ("mysql://db/x", "postgresql://db", "x"):
        with pytest.raises(BadAddress, match="SEATRIAL_DATABASE"):
            Address.of(tmp_path, wrong)
    (tmp_path / "password").write_text("tide\n")
    address = Address.of(tmp_path, "postgresql://app@db:5433/seatrial", tmp_path / "password")
    assert (address.settings(writing=True)["PASSWORD"], "tide" in repr(address)) == ("tide", False)


def test_two_installations_in_one_process_do_not_meet(tmp_path: Path) -> None:
    one, other = open_house(tmp_path / "one"), open_house(tmp_path / "other")
    drafts(one, 2)
    assert (len(one.submissions.list(OWNER)), other.submissions.list(OWNER)) == (2, ())


@dataclass(frozen=True)
class Older:
    """A record as an older version wrote it."""

    name: str


@dataclass(frozen=True)
class Newer:
    """The same record today."""

    name: str
    number: int = 7


def test_records_of_an_older_form_read_and_of_a_newer_form_do_not() -> None:
    assert decode(Newer, encode(Older("tide"))) == Newer("tide")
    with pytest.raises(TypeError, match="Older"):
        decode(Older, encode(Newer("tide")))
    with pytest.raises(TypeError, match=r"Newer\.number"):
        decode(Newer, {"name": "tide", "number": "seven"})
    with pytest.raises(TypeError, match="object"):
        encode(object())


def test_every_standing_of_a_walk_reads_back_equal() -> None:
    assert SUBMISSION.states
    standing = fresh(about="sub_" + "0" * 32, consents=tuple(consent(one, to=BUREAU) for one in Activity))
    assert decode(type(standing), encode(standing)) == standing
