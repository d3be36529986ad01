"""What agencies do: read what was granted, answer inquiries, and write the framework's text together with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatrial.adopted import any_pack, choosable
from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind
from seatrial.framework.viewer import Viewer
from seatrial.shipped import shipped

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served

NEXT = shipped().joinpath("minimal", "2026.1.toml").read_text("utf-8").replace("2026.1", "2026.9", 1)
LONGER = NEXT.replace("hours = 72\n", "hours = 96\n", 1)


def liaison(portal: Served) -> Client:
    return portal.client("lia", "agency-x", Role.DESIGNATION_LIAISON)


def lead(portal: Served) -> Client:
    return portal.client("eva", "bureau", Role.EVALUATOR_LEAD)


def proposed(portal: Served, text: str = LONGER) -> str:
    """The address of a text that agency-x proposes."""
    answer = liaison(portal).post("/framework/propose/", {"once": "1", "text": text, "propose": "1"})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def test_a_text_is_looked_at_and_its_faults_are_said_with_line_and_rule(portal: Served) -> None:
    broken = NEXT.replace("role = ", "role = 'public' # ", 1)
    answer = liaison(portal).post("/framework/propose/", {"once": "1", "text": broken, "propose": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "no-role-for-everyone" in page
    assert portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT) == ()


def test_what_a_text_changes_is_shown_in_words_before_it_is_proposed(portal: Served) -> None:
    page = liaison(portal).post("/framework/propose/", {"once": "1", "text": LONGER, "check": "1"}).content.decode()
    assert "What it changes in minimal 2026.1" in page
    assert "<td>72</td><td>96</td>" in page
    assert portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT) == ()


def test_a_version_is_taken_once(portal: Served) -> None:
    taken = NEXT.replace("2026.9", "2026.1", 1)
    page = liaison(portal).post("/framework/propose/", {"once": "1", "text": taken, "propose": "1"})
    assert (page.status_code, "raise the version" in page.content.decode()) == (422, True)


def test_a_form_sent_twice_proposes_once(portal: Served) -> None:
    assert proposed(portal) == proposed(portal)
    assert len(portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)) == 1


@pytest.mark.parametrize("role", sorted(READERS & {Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL}))
def test_a_developer_reads_and_comments_and_does_not_adopt(portal: Served, role: Role) -> None:
    at = proposed(portal)
    rival = portal.client("riv", "lab-b", role)
    assert "Who must act" not in rival.get(at).content.decode()
    answer = rival.post(f"{at}steps/comment/", {"once": "2", "text-comment": "Ninety-six hours are long.\u202e"})
    assert answer.headers["Location"] == at
    page = portal.client("ada").get(at).content.decode()
    assert "Ninety-six hours are long." in page
    assert "\\u202e" in page
    assert rival.post(f"{at}key/", {"digest": "x"}).status_code == 404
    assert rival.get("/framework/propose/").content == rival.get("/nowhere/").content


def test_a_role_without_a_step_finds_no_text(portal: Served) -> None:
    at = proposed(portal)
    analyst = portal.client("ana", "house-ops", Role.ANALYST)
    assert analyst.get(at).content == analyst.get("/nowhere/").content
    assert lead(portal).get("/framework/txt_" + "0" * 32 + "/").status_code == 404


def adopted(portal: Served) -> str:
    at = proposed(portal)
    for person, organisation, role in (
        ("ada", "lab-a", Role.DEVELOPER_OWNER),
        ("eva", "bureau", Role.EVALUATOR_LEAD),
    ):
        form = {"once": person, "text-comment": "Seen."}
        assert portal.client(person, organisation, role).post(f"{at}steps/comment/", form).status_code == 302
    digest = _digest(portal)
    for client in (liaison(portal), lead(portal)):
        assert client.post(f"{at}key/", {"digest": digest}).status_code == 302
    assert lead(portal).post(f"{at}adopt/").status_code == 302
    return at


def _digest(portal: Served) -> str:
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    return standing.documents[0].digest


def test_two_organisations_adopt_and_new_submissions_may_choose_it(portal: Served) -> None:
    at = adopted(portal)
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    assert standing.state == "adopted"
    pack = choosable(portal.house)["minimal"]
    assert pack.ref.version == "2026.9"
    assert any_pack(portal.house, pack.ref).ref == pack.ref
    assert portal.house.packs(pack.ref).clock("comment").hours in {72, 96}
    assert "adopted" in lead(portal).get(at).content.decode()
    assert portal.house.disagreements() == ()


def test_one_organisation_does_not_adopt(portal: Served) -> None:
    at = proposed(portal)
    digest = _digest(portal)
    for person in ("lia", "leo"):
        portal.client(person, "agency-x", Role.DESIGNATION_LIAISON).post(f"{at}key/", {"digest": digest})
    page = liaison(portal).post(f"{at}adopt/", follow=True).content.decode()
    assert "not possible yet" in page
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    assert standing.state == "proposed"


def test_a_revision_voids_the_keys_and_brings_its_own_diff(portal: Served) -> None:
    at = proposed(portal)
    old = _digest(portal)
    lead(portal).post(f"{at}key/", {"digest": old})
    assert "turned by eva" in lead(portal).get(at).content.decode()
    form = {"once": "3", "text": NEXT, "propose": "1"}
    assert lead(portal).post(f"{at}revise/", form).status_code == 404
    assert liaison(portal).post(f"{at}revise/", form).status_code == 302
    page = lead(portal).get(at).content.decode()
    assert "turned by eva" not in page
    assert "revised" in page
    assert "The text has changed" in lead(portal).post(f"{at}key/", {"digest": old}, follow=True).content.decode()


def test_the_file_is_given_as_it_was_proposed(portal: Served) -> None:
    at = proposed(portal)
    assert lead(portal).get(f"{at}text/").content == LONGER.encode()
