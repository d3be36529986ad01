"""What anybody may read: no sign-in, no row of a submission; and a check of what somebody holds."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from seatrial.custody.home import make_signing_key, signer_of
from seatrial.desk import Desk
from seatrial.disclosed import LEAST_SUBMISSIONS, statistics
from seatrial.framework.document import Document
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Actor, Kind, Standing
from seatrial.framework.vocabulary import Form, Surface, Wording, check
from seatrial.framework.wordings import of_page
from seatrial.ledger import merkle
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.note import Note
from seatrial.ledger.tiles import Tile, tiled_nodes, tiles
from seatrial.offering import Offering
from seatrial.portal import pages
from seatrial.portal.routes import ROUTES
from seatrial.publication import KEY_FILE
from seatrial.report import bundle
from seatrial.shipped import load_shipped
from support.published import published_folder

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served

PAGES = (
    "/",
    "/participants/",
    "/packs/eo-14409/",
    "/statistics/",
    "/reports/",
    "/commitments/",
    "/verify/",
    "/record/",
    "/keys/",
)


def drafted(portal: Served, code_name: str = "heron") -> str:
    """A draft of lab-a, which is in the record."""
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    who = Actor("ada", "lab-a", Role.DEVELOPER_OWNER)
    digest = "sha256:" + "a" * 64
    offer = Offering(who, datetime.now(UTC), load_shipped("minimal"), "bureau", code_name, digest)
    return offer.draft(portal.house)


def uploaded(client: Client, content: bytes, **more: str) -> str:
    answer = client.post("/verify/", {"file": SimpleUploadedFile("file", content), **more})
    assert answer.status_code == 200
    return answer.content.decode()


def receipt(portal: Served) -> bytes:
    name = drafted(portal)
    record = Desk(portal.house, Actor("ada", "lab-a", Role.DEVELOPER_OWNER), datetime.now(UTC)).record(name)
    return portal.house.receipt(record.history[0]).encode()


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_needs_nobody_and_names_no_submission(portal: Served, path: str) -> None:
    name = drafted(portal, "heron-of-lab-a")
    answer = portal.client().get(path)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert name not in page
    assert "heron-of-lab-a" not in page


def test_the_five_agreements_stand_with_their_date_and_their_source(portal: Served) -> None:
    page = portal.client().get("/participants/").content.decode()
    for name in ("Google DeepMind", "Microsoft", "xAI", "OpenAI", "Anthropic"):
        assert name in page
    assert page.count("announcement of 5 May 2026") == 5


def test_a_policy_that_is_not_there_is_not_there(portal: Served) -> None:
    assert portal.client().get("/packs/none/").content == portal.client().get("/nowhere/").content


def test_a_count_under_five_is_withheld_and_the_quarter_that_runs_is_not_counted(portal: Served) -> None:
    assert statistics(portal.house, datetime.now(UTC)) == ()
    for _ in range(LEAST_SUBMISSIONS):
        _withdrawn(portal)
    later = datetime.now(UTC) + timedelta(days=100)
    counts = [one.counts for one in statistics(portal.house, later) if any(one.counts)]
    assert counts == [(None, None, None, LEAST_SUBMISSIONS)]
    assert statistics(portal.house, datetime.now(UTC)) == ()


def test_four_are_withheld(portal: Served) -> None:
    for _ in range(LEAST_SUBMISSIONS - 1):
        _withdrawn(portal)
    later = statistics(portal.house, datetime.now(UTC) + timedelta(days=100))
    assert later
    assert all(count is None for one in later for count in one.counts)


def _withdrawn(portal: Served) -> None:
    name = drafted(portal)
    now = datetime.now(UTC)
    portal.house.act(name, Act("withdraw", Actor("ada", "lab-a", Role.DEVELOPER_OWNER), now), now)


def test_a_commitment_to_a_finding_is_listed_and_tells_nothing_of_it(portal: Served) -> None:
    name = taken_in(portal)
    page = portal.client().get("/commitments/").content.decode()
    assert "commit:" in page
    assert name not in page
    assert "works" not in page


def taken_in(portal: Served) -> str:
    """A finding that the clearinghouse has taken in."""
    portal.enter("ana", "house-ops", Role.ANALYST)
    now, name = datetime.now(UTC), portal.house.new_id("fin")
    papers = tuple(
        Document(kind, 1, "sha256:" + digit * 64, "house-ops", ("ana",), now)
        for kind, digit in (("provenance", "1"), ("commitment", "2"))
    )
    marks = (("tlp", "TLP:AMBER+STRICT"), ("vendor", "works"))
    act = Act("intake", Actor("ana", "house-ops", Role.ANALYST), now, documents=papers, marks=marks)
    portal.house.begin(Standing(name, Kind.FINDING, evaluator="house-ops"), act, now)
    return name


def test_the_root_follows_from_the_published_tiles(portal: Served) -> None:
    for _ in range(3):
        drafted(portal)
    client = portal.client()
    checkpoint = Checkpoint.parse(Note.parse(client.get("/ledger/checkpoint").content).text)
    fetched = {tile: client.get(f"/ledger/{tile}").content for tile in tiles(checkpoint.size)}
    assert checkpoint.size == 3
    assert merkle.root(tiled_nodes(lambda tile: fetched[tile], 3), 3) == checkpoint.root
    assert set(fetched) == {Tile(0, 0, 3)}


@pytest.mark.parametrize("path", ["0/000", "x", "0/000.p/9", "9/000"])
def test_a_tile_that_there_is_not_is_not_there(portal: Served, path: str) -> None:
    drafted(portal)
    assert portal.client().get(f"/ledger/tile/{path}").status_code == 404


def test_a_receipt_is_checked_step_by_step_and_not_kept(portal: Served) -> None:
    page = uploaded(portal.client(), receipt(portal))
    assert page.count("st-state--done") == 3
    assert "no witness is named" in page
    assert "submission.open_draft" in page
    assert not list(portal.home.rglob("*.tlog-proof"))


def test_a_changed_receipt_is_false_at_the_step_that_was_changed(portal: Served) -> None:
    content = receipt(portal)
    lines = content.split(b"\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("— ".encode()))
    lines[at] = lines[at][:-8] + b"AAAAAAA="
    page = uploaded(portal.client(), b"\n".join(lines))
    assert "Something is false" in page


def test_a_receipt_of_another_log_is_not_checked_and_is_not_called_true(portal: Served) -> None:
    other = "agency.example/log+f59743ca+AXSr"
    answer = portal.client().post("/verify/", {"file": SimpleUploadedFile("f", receipt(portal)), "key": other})
    assert answer.status_code == 422
    known = "seatrial.example/log+daa868e8+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    page = uploaded(portal.client(), receipt(portal), key=known)
    assert "no public key of that log was given" in page
    assert "Every check verified" not in page


@pytest.mark.parametrize(
    "content", [b"nothing", b"{}", b"PK\x03\x04broken", b"[" * 5000, b"c2sp.org/tlog-proof@v1\n\n"]
)
def test_what_is_none_is_said_to_be_none(portal: Served, content: bytes) -> None:
    assert "Something is false" in uploaded(portal.client(), content)


def test_a_bundle_that_would_fill_the_memory_is_not_unpacked(portal: Served) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as packing:
        packing.writestr("b/assessment.json", bytes(80 * 2**20))
    assert "unpacks to more than" in uploaded(portal.client(), packed.getvalue())


def signed_bundle(portal: Served, changed: bytes = b"") -> bytes:
    """A bundle of two files, signed with this installation's key; one of them changed afterwards."""
    files = {"assessment.json": b'{"schema": "seatrial.assessment/2026"}', "report.md": b"# Report"}
    make_signing_key(portal.home / "keys" / KEY_FILE)
    envelope = bundle.signed(files, {"submission": "sub"}, signer_of(portal.home / "keys" / KEY_FILE))
    return bundle.archive({**files, "report.md": changed or files["report.md"], bundle.ENVELOPE: envelope})


def test_a_signed_bundle_is_checked_file_by_file(portal: Served) -> None:
    page = uploaded(portal.client(), signed_bundle(portal))
    assert page.count("is the file that was signed") == 2
    assert "Whoever signed it</th><td><span" in page
    assert page.count("st-state--done") == 4  # unpacked, the signature, two files; the assessment has no field else


def test_a_changed_file_of_a_signed_bundle_is_false(portal: Served) -> None:
    assert "its bytes are others" in uploaded(portal.client(), signed_bundle(portal, b"# Another"))


def test_another_signer_is_not_taken_for_the_one_that_is_trusted(portal: Served) -> None:
    content = signed_bundle(portal)
    make_signing_key(portal.home / "keys" / "other.pem")
    other = (portal.home / "keys" / "other.pub.pem").read_text("utf-8")
    assert "it is not of the key that was given" in uploaded(portal.client(), content, signer=other)
    answer = portal.client().post("/verify/", {"file": SimpleUploadedFile("f", content), "signer": "no key"})
    assert (answer.status_code, "no public key in the form PEM" in answer.content.decode()) == (422, True)


def test_a_published_report_is_listed_and_its_files_are_saved_not_shown(portal: Served) -> None:
    said = b'{"subject": {"alias": "heron"}, "issued": "2026-10-01T09:00:00Z", "notices": ["n"]}'
    folder = published_folder(portal.home, "heron-1", said)
    published_folder(portal.home, "heron-2", said, datetime.now(UTC) + timedelta(hours=1))
    (portal.home / "published" / "heron-3").mkdir()
    (portal.home / "published" / "heron-3" / "assessment.json").write_bytes(said)
    (folder / "other.txt").write_text("not one of a report's files")
    client = portal.client()
    listed = client.get("/reports/").content.decode()
    assert ("heron-1" in listed, "heron-2" in listed, "heron-3" in listed) == (True, False, False)
    page = client.get("/reports/heron-1/").content.decode()
    assert "assessment.json" in page
    assert "Each run by itself" in page
    assert "It was published here" in uploaded(client, said)
    assert "attachment" in client.get("/reports/heron-1/assessment.json").headers["Content-Disposition"]
    for path in (
        "/reports/heron-2/",
        "/reports/heron-3/",
        "/reports/heron-2/assessment.json",
        "/reports/heron-1/other.txt",
        "/reports/heron-1/report.pdf",
    ):
        assert client.get(path).status_code == 404


TEMPLATES = Path(pages.__file__).parents[1] / "templates"


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_no_template_says_what_never_stands_anywhere(file: Path) -> None:
    """Text between tags, labels and titles: what a template itself says, whatever is put into it."""
    written = file.read_text("utf-8")
    text = re.sub(r"{#.*?#}|{%.*?%}", " ", written)
    said = re.findall(r"{% (?:alert|card|empty|state|summary_box|table|accordion|post_button|clock)\b(.*?)%}", written)
    labels = [label for one in said for label in re.findall(r'"([^"]*)"', one)]
    assert check(of_page(re.sub(r"{{.*?}}", "x", text), file.name)) == ()
    assert check([Wording(Surface.PAGE, file.name, label, Form.LABEL) for label in labels]) == ()


def test_no_route_says_so_either() -> None:
    names = [one for route in ROUTES for one in (route.name, re.sub(r"<[^>]*>", "x", route.path))]
    assert check([Wording(Surface.API, "routes", name, Form.IDENTIFIER) for name in names]) == ()
