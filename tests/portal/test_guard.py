from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.participant import Role

if TYPE_CHECKING:
    from portal.conftest import Served


def test_the_first_page_is_for_everybody(portal: Served) -> None:
    answer = portal.client().get("/")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_page_with_roles_asks_for_a_sign_in_and_shows_nothing_to_the_wrong_role(portal: Served) -> None:
    assert portal.client().get("/submissions/").status_code == 302
    operator = portal.client("ola", "house-ops", Role.OPERATOR)
    wrong = operator.get("/submissions/")
    nothing = operator.get("/nowhere/")
    assert (wrong.status_code, wrong.content) == (404, nothing.content)
    assert portal.client("ada").get("/submissions/").status_code == 200
