"""A made-up submission on its way: real acts of its parties, by their desks, at times that have passed.

Every state is reached as anybody would reach it. What a step asks for and a story does not bring is brought as a paper
that says that it is made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.desk import Brought, Desk
from seatrial.framework.consent import Activity, Recipient
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document
from seatrial.framework.lifecycle import Case
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Act, Actor
from seatrial.framework.two_key import KeyAction
from seatrial.framework.viewer import Viewer
from seatrial.offering import PURPOSES, Offering, given, share
from seatrial.paperwork import access_receipt, left_open, proposed, settled, sha256
from seatrial.portal.demo_parties import ADA, EVE, LIN, Player
from seatrial.shipped import pack_named

if TYPE_CHECKING:
    from seatrial.framework.standing import Standing
    from seatrial.house import House

RUNNER = Actor("runner", "house", Role.RUNNER)
PACK, ASKING_PACK = "minimal", "eo-14409"
"""The second one knows inquiries."""
BUDGET = {"tokens": 5_000_000, "microdollars": 250_000_000, "calls": 40_000}
HOUR = timedelta(hours=1)


def paper(kind: str, name: str) -> bytes:
    """A paper that brings nothing but its kind."""
    words = kind.replace("_", " ").capitalize()
    return f"# {words}\n\nOf {name}. This paper belongs to the demonstration; what it names is made up.\n".encode()


@dataclass
class Course:
    """One submission and its parties, at a time that goes on."""

    house: House
    at: datetime
    code_name: str
    owner: Player = ADA
    name: str = ""
    pack: str = PACK
    agreement: bytes = field(default=b"", repr=False)

    def later(self, hours: float) -> Course:
        """Let time pass."""
        self.at += hours * HOUR
        return self

    def desk(self, who: Player) -> Desk:
        """Somebody's desk at this time."""
        return Desk(self.house, who.actor, self.at)

    def standing(self) -> Standing:
        """Where it stands."""
        return self.house.submissions.load(Viewer.for_submission(self.name), self.name).standing

    def act(self, who: Player, event: str, **brought: object) -> None:
        """Let somebody take a step, with the papers that it asks for."""
        desk, standing = self.desk(who), self.standing()
        offer = next(one for one in desk.offers(standing) if one.event == event)
        kinds = [asked.names[0] for asked in offer.asks if asked.kind == "document"]
        papers = dict(brought.pop("papers", ()))  # type: ignore[call-overload]
        papers = {**{kind: paper(kind, self.code_name) for kind in kinds}, **papers}
        desk.act(self.name, event, Brought(papers=tuple(papers.items()), **brought))  # type: ignore[arg-type]

    def by_runner(self, event: str) -> None:
        """Let the runner take a step."""
        standing, pack = self.standing(), self.house.packs(self.standing().pack)
        row = LIFECYCLES[standing.kind].row(standing.state, event)
        act = Act(event, RUNNER, self.at)
        case = Case(standing, act, pack, self.at)
        asks = [need.asks for need in (row.requires if row else ()) if not need.met(case)]
        kinds = [asked.names[0] for asked in asks if asked is not None and asked.kind == "document"]
        documents = tuple(self._kept(kind) for kind in kinds)
        self.house.act(self.name, Act(event, RUNNER, self.at, documents=documents), self.at)

    def _kept(self, kind: str) -> Document:
        content = paper(kind, self.code_name)
        digest = self.house.papers.put(Viewer.for_submission(self.name), self.name, DataClass.P, content)
        return Document(kind, 1, digest, RUNNER.organisation, (RUNNER.person,), self.at)

    def consent(self, activity: Activity, *recipients: Recipient, classes: str = "MP") -> None:
        """Let the developer consent."""
        standing, desk = self.standing(), self.desk(self.owner)
        named = recipients or (Recipient("bureau", Role.EVALUATOR), Recipient("bureau", Role.EVALUATOR_LEAD))
        policy = self.house.packs(standing.pack)
        made = given(self.house.new_id("con"), standing, activity, named, policy, self.owner.actor, self.at)
        if classes != "MP":
            from dataclasses import replace  # noqa: PLC0415

            made = replace(made, classes=frozenset(map(DataClass, classes)))
        desk.act(self.name, "give_consent", Brought(consent=made))

    def offering(self) -> Offering:
        """What its developer offers."""
        digest = sha256(f"the demonstration's {self.code_name}".encode())
        purposes = PURPOSES | {Purpose.INQUIRY} if self.pack == ASKING_PACK else PURPOSES
        policy = pack_named(self.pack)
        return Offering(self.owner.actor, self.at, policy, "bureau", self.code_name, digest, purposes=purposes)

    def inquiry(self) -> None:
        """A question to two agencies."""
        self.pack = ASKING_PACK
        offer = self.offering()
        form = offer.inquiry_form(("north", "south"), "A model with stronger tool use than the last.", "ada at halcyon")
        self.name = offer.inquire(self.house, ("north", "south"), form)

    def draft(self) -> None:
        """A draft that nobody else sees."""
        self.name = self.offering().draft(self.house)

    def submitted(self) -> None:
        """The dossier is shared."""
        share(self.house, self.standing(), self.owner.actor, self.at)

    def terms(self) -> None:
        """The evaluator has room for it."""
        self.act(LIN, "begin_terms")

    def proposal(self) -> None:
        """The agreement is written, and the developer has turned its key."""
        self.consent(Activity.EVALUATE)
        standing = self.standing()
        policy = self.house.packs(standing.pack)
        terms = settled(policy.terms, {name: BUDGET[name] for name in left_open(policy.terms)})
        self._proposed = proposed(policy, standing, terms, paper("incident_plan", self.code_name), self.at)
        self.desk(self.owner).turn(self.name, KeyAction.AGREE, self._proposed.digest)

    def agreed(self) -> None:
        """Both sides have signed."""
        self.desk(LIN).turn(self.name, KeyAction.AGREE, self._proposed.digest)
        self.act(LIN, "agree", papers=self._proposed.papers)

    def planned(self) -> None:
        """The plan is registered."""
        self.act(LIN, "register_plan")

    def opened(self) -> None:
        """Access is open."""
        policy = self.house.packs(self.standing().pack)
        receipt = access_receipt(policy, self.standing(), self.owner.actor, self.at)
        self.act(self.owner, "grant_access", papers=(("access_receipt", receipt),))

    def preflight(self) -> None:
        """The boundary is looked at."""
        self.act(EVE, "start_preflight")

    def running(self) -> None:
        """The boundary was shown closed."""
        self.by_runner("boundary_closed")

    def ended(self) -> None:
        """Runs are over."""
        self.act(EVE, "end_runs")

    def drafted(self) -> None:
        """The evaluator has a draft."""
        self.act(EVE, "send_draft")

    def delivered(self) -> None:
        """The developer reads it."""
        self.act(LIN, "deliver_draft")

    def signed(self) -> None:
        """The report is signed, after the time to comment."""
        self.act(LIN, "sign_report")

    def handed_over(self) -> None:
        """What was found is handed over."""
        self.act(EVE, "hand_over_complete")

    def closed(self) -> None:
        """All is done."""
        self.act(LIN, "close", marks=(("candidates", "0"),))
