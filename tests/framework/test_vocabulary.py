from __future__ import annotations

import importlib
import pkgutil
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import seatrial.framework
from seatrial.cli import main
from seatrial.evaluation.campaign import LIMITS
from seatrial.framework import terms
from seatrial.framework.data_class import CONTENT
from seatrial.framework.papers import DELETION_LIMIT, WORDS_OF_TERMS
from seatrial.framework.vocabulary import STANDING_NOTICES, Form, Surface, Wording, check
from seatrial.framework.wordings import (
    names_in_code,
    of_document,
    of_enum,
    of_help,
    of_page,
    of_schema,
    of_source,
)
from seatrial.report import published_schema
from seatrial.report.assessment import NOTICES
from support.packs import NAMES, read, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = Path(seatrial.framework.__file__).parent
ROOMS = [ROOM.parent / room for room in ("framework", "ledger", "custody", "storage")]
DOCS = ROOM.parents[2] / "docs"

LABELS = """Approve;Approved;APPROVAL;disapprove;Reject;rejected;Cleared;clearance_level;preclearance;certify;certified;
certification;Certificate;veto;greenlight;licensure;go/no-go
GoNoGo;is_covered;covered_model;designated;Designation;

Pass;PASSED;fail;Failed;Blocked;block;Clear;permit;Permission;licence;License;
Authorised;authorize;Allowed;deny;Denied;
Refuse;refused;Hold;HELD;delay;Gate;eligible;compliant;Safe;unsafe;secure;Verdict"""
SENTENCES = """fit for release;ready for launch;safe to deploy;The model is cleared.;It was approved by the agency.
The launch can be blocked by this.;Nothing delays the release.;release_gate;isSafeToShip;releaseAllowed;launch_permit;
deployment-denied;A pass is needed before rollout.;This holds the general availability.;go live only if compliant;
hold the launch;publish model if eligible;open weights are permitted;release.verdict;not ready for launch yet;
covered models;
pre-cleared;vetoed;The certificate of the model;safe for deployment;ﬁt for release;
\uff41\uff50\uff50\uff52\uff4f\uff56\uff45\uff44"""
ALLOWED = """clearinghouse;Clearinghouse;clearing house;clearinghouse_lead;send to the clearinghouses;TLP:CLEAR;
tlp_clear;TLP_CLEAR;pass@k;pass@5;Pass@1 was 0.3;designation_liaison;designation_inquiry_reference;DesignationLiaison;
a password;passive;passage;compass;blockchain;aggregate;delegate;investigate;navigate;mitigate;unsolved;release_date;
record_release_date;partner_release;resume_after_incident;incident_hold;withdrawn;declined;calls are checked;
holding pattern;A run failed.;The probe found it closed;secured by a key;the gate showed it;tool call denied by policy;
permission bits of a file;a released report;launcher;shipped packs"""


def split(texts: str) -> list[str]:
    return [text.strip() for text in re.split(r"[;\n]", texts) if text.strip()]


@pytest.mark.parametrize("text", split(LABELS))
def test_every_seeded_label_is_found(text: str) -> None:
    assert check([Wording(Surface.PAGE, "x", text, Form.LABEL)])


@pytest.mark.parametrize("text", split(SENTENCES))
def test_every_seeded_sentence_or_name_is_found(text: str) -> None:
    assert check([Wording(Surface.CODE, "x", text, Form.IDENTIFIER)])
    assert check([Wording(Surface.NOTICE, "x", f"First. {text}")])


@pytest.mark.parametrize("text", [*split(ALLOWED), *STANDING_NOTICES, *NOTICES])
def test_phrases_that_may_stand(text: str) -> None:
    assert check([Wording(Surface.DOCUMENT, "x", text)]) == ()
    assert check([Wording(Surface.PAGE, "x", text, Form.LABEL)]) == ()


def test_the_lists_are_long_enough() -> None:
    assert len(split(LABELS)) + len(split(SENTENCES)) >= 60
    assert len(split(ALLOWED)) >= 30


def test_phrases_hold_on_their_surfaces_only() -> None:
    tls = "the TLS certificate of the server"
    assert check([Wording(Surface.OPERATOR, "x", tls)]) == ()
    assert check([Wording(Surface.REPORT, "x", tls)])
    assert check([Wording(Surface.PROVENANCE, "x", "licence", Form.LABEL)]) == ()
    assert check([Wording(Surface.PAGE, "x", "licence", Form.LABEL)])


def test_a_quotation_of_law_may_say_it() -> None:
    law = '<p>The order says <q cite="91 FR 34565">mandatory licensing, preclearance</q>.</p>'
    assert check(of_page(law, "x")) == ()
    assert check(of_page("<p>preclearance</p>", "x"))


def test_a_pack_adds_words() -> None:
    text = [Wording(Surface.PAGE, "x", "The seal of quality")]
    assert check(text) == ()
    assert [hit.word for hit in check(text, ["seal of quality"])] == ["seal of quality"]


def commands(group: click.Command, path: str = "seatrial") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, f"{path} {name}")


X509 = {"credential.py", "upstream.py", "model_signature.py"}  # TLS and signature files that an operator names
OPERATORS = "seatrial custody"


def helps() -> Iterator[Wording]:
    for path, command in commands(main):
        options = [(option.name or "", getattr(option, "help", None) or "") for option in command.params]
        surface = Surface.OPERATOR if path.startswith(OPERATORS) else Surface.HELP
        yield from of_help(path, command.help or "", options, surface)


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted(room.rglob("*.py"))


def enums() -> Iterator[type[Enum]]:
    for info in pkgutil.iter_modules([str(ROOM)], "seatrial.framework."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, type) and issubclass(value, Enum) and value.__members__:
                yield value


def test_no_name_of_these_rooms_says_it() -> None:
    found = []
    for path in modules():
        operators = path.parent.name == "custody" and path.name in X509
        surface = Surface.OPERATOR if operators else Surface.CODE
        found += check(of_source(path.read_text(), f"{path.parent.name}/{path.name}", surface))
    assert list(map(str, found)) == []


def test_no_member_of_an_enumeration_says_it() -> None:
    assert len(set(enums())) > 10
    assert list(map(str, check(text for members in enums() for text in of_enum(members)))) == []


def test_no_help_text_says_it() -> None:
    texts = list(helps())
    assert len(texts) > 150
    assert list(map(str, check(texts))) == []


def test_no_schema_says_it() -> None:
    assert list(map(str, check(of_schema(published_schema())))) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_pack_and_no_template_says_it(name: str) -> None:
    pack = shipped(name)
    templates = [hit for kind, text in pack.templates.items() for hit in check(of_document(text, kind))]
    assert list(map(str, templates)) == []


def test_no_term_and_no_class_says_it() -> None:
    texts = (*terms.FIXED_TERMS.values(), *WORDS_OF_TERMS.values(), *CONTENT.values(), DELETION_LIMIT, *LIMITS)
    assert list(map(str, check(Wording(Surface.NOTICE, "terms", text) for text in texts))) == []


@pytest.mark.parametrize("name", ["framework.md", "lifecycle.md"])
def test_no_document_says_it(name: str) -> None:
    assert list(map(str, check(of_document((DOCS / name).read_text(), name)))) == []


PLANTED = [
    ("an enumeration", lambda: of_enum(Enum("State", {"CLEARED": "open"}))),
    ("a value", lambda: of_enum(Enum("State", {"OPEN": "blocked"}))),
    ("a function", lambda: of_source("def approve_model(): ...", "m.py")),
    ("an argument", lambda: of_source("def f(release_gate): ...", "m.py")),
    ("an attribute", lambda: of_source("self.launch_permit = 1", "m.py")),
    ("a value in source", lambda: of_source("class S(StrEnum):\n    X = 'denied'", "m.py")),
    ("a path", lambda: of_schema({"paths": {"/models/approve": {}}})),
    ("a property", lambda: of_schema({"properties": {"is_covered": {}}})),
    ("an enum value", lambda: of_schema({"enum": ["open", "passed"]})),
    ("a description", lambda: of_schema({"description": "Whether the launch may be blocked."})),
    ("a button", lambda: of_page("<button>Allow</button>", "p")),
    ("a badge", lambda: of_page("<p>The model <span class=badge>Passed</span> here</p>", "p")),
    ("an alternative text", lambda: of_page("<img alt='approved'>", "p")),
    ("a sentence over tags", lambda: of_page("<p>The <b>release</b> is <i>on hold</i></p>", "p")),
    ("a heading", lambda: of_document("# Verdict\n", "d")),
    ("a cell", lambda: of_document("| a | Pass |\n", "d")),
    ("a paragraph", lambda: of_document("One line that was\ncertified.\n", "d")),
    ("a verb", lambda: of_help("seatrial approve", "", [])),
    ("an option", lambda: of_help("seatrial x", "", [("veto", "")])),
    ("a help text", lambda: of_help("seatrial x", "Reject a model.", [])),
]


@pytest.mark.parametrize(("where", "planted"), PLANTED, ids=[where for where, _ in PLANTED])
def test_a_planted_word_is_found_where_it_is_read(where: str, planted: object) -> None:
    assert check(planted()), where  # type: ignore[operator]  # a function that reads


def agencies() -> set[str]:
    packs = [shipped(name) for name in NAMES]
    named = {
        text
        for pack in packs
        for organisation in pack.organisations.values()
        if pack.ref.id != "minimal"
        for text in (organisation.id, organisation.name)
    }
    return (named | {"treasury", "nsa", "cisa", "caisi", "nist", "oncd", "omb", "dhs", "doj", "opm", "aisi"}) - {
        "clearinghouse",
        "war",
    }


def test_no_agency_stands_in_code() -> None:
    found = [
        hit for path in sorted(ROOM.rglob("*.py")) for hit in names_in_code(path.read_text(), path.name, agencies())
    ]
    assert list(map(str, found)) == []


@pytest.mark.parametrize("code", ["NSA_LIAISON = 1", "x = 'send to cisa'", "def ask_caisi(): ...", "f(treasury=1)"])
def test_an_agency_in_code_is_found(code: str) -> None:
    assert names_in_code(code, "m.py", agencies())


def test_an_agency_in_a_docstring_is_a_source() -> None:
    assert names_in_code('"""After CISA."""\n', "m.py", agencies()) == ()


def test_participants_of_the_examples_stand_in_no_code() -> None:
    names = re.findall(r'name = "(.*)"', read("examples/participants.toml").decode())
    assert len(names) == 5
    wanted = [name for name in names if name != "Microsoft"] + ["Microsoft"]
    found = [hit for path in sorted(ROOM.rglob("*.py")) for hit in names_in_code(path.read_text(), path.name, wanted)]
    assert list(map(str, found)) == []
