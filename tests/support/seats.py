"""People of a portal, each at a browser of their own: signed in by its pages where scripts run, by a session where not.

A passkey needs scripts; without them somebody who has to sign is given the session of whoever has shown one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from portal.test_identity_steps import PASSWORD, account, code

if TYPE_CHECKING:
    from portal.conftest import Served
    from seatrial.framework.participant import Role
    from support.browser import Visit, Visits


@dataclass
class Seats:
    """Opens a browser for somebody and keeps it."""

    portal: Served
    server: str
    visits: Visits
    script: bool = True
    taken: dict[str, Visit] = field(default_factory=dict)

    def sit(self, person: str, organisation: str, role: Role, *, signs: bool = False) -> Visit:
        """A browser of theirs, signed in; `signs`: with a passkey."""
        if person in self.taken:
            return self.taken[person]
        if self.script:
            visit = self.by_pages(person, organisation, role)
            if signs:
                with_a_passkey(visit)
        else:
            visit = self.visits(script=False, base_url=self.server)
            session = self.portal.client(person, organisation, role).cookies["seatrial"].value
            visit.context.add_cookies([{"name": "seatrial", "value": session, "url": self.server}])
        self.taken[person] = visit
        return visit

    def by_pages(self, person: str, organisation: str, role: Role) -> Visit:
        """Signed in with a password and the code of an authenticator app."""
        secret = account(self.portal, person, role, organisation)
        visit = self.visits(base_url=self.server)
        visit.page.goto("/account/login/")
        visit.page.get_by_label("Login name").fill(person)
        visit.page.get_by_label("Password").fill(PASSWORD)
        visit.page.get_by_role("button", name="Sign in", exact=True).click()
        visit.page.get_by_label("Code of your authenticator app").fill(code(secret))
        visit.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(visit.page.get_by_text(f"Acting as {role.replace('_', ' ')}, {organisation}")).to_be_visible()
        return visit

    def everybody(self) -> list[Visit]:
        """All that were opened."""
        return list(self.taken.values())


def with_a_passkey(visit: Visit) -> None:
    """Make one, and sign in anew with it."""
    page = visit.page
    visit.passkey()
    page.goto("/account/passkeys/add/")
    page.get_by_role("button", name="Make the passkey").click()
    page.get_by_role("link", name="I have kept them").or_(page.get_by_role("button", name="Sign out")).first.wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Acting as")).to_be_visible()
