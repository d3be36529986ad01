"""Publishing a signed report: both sides agree on one edition, each with a key, and the house makes it public.

- Whoever proposes names the day; the edition follows from the signed report. The newest proposal counts.
- The developer's consent to publish comes first, and from it the act follows once both keys are turned.
- Until its day either side stops it alone, without a reason: a key that was turned falls back, an edition that both
  agreed on is not published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.desk import Brought
from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.submission_records import PUBLIC_FROM
from seatrial.framework.two_key import KeyAction
from seatrial.publication import EDITION, SIGNED, SIGNED_ASSESSMENT, BadEdition, Edition, made, newest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seatrial.desk import Desk, Keys
    from seatrial.framework.consent import Consent
    from seatrial.framework.standing import Standing

ACTION = KeyAction.PUBLISH_REPORT
PUBLISH, STOP = "publish_report", "stop_publication"
DEFAULT_HOURS = 72
"""Until a proposed edition is public: as long as a developer has to comment on a draft."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edition that keys are asked for, and where they stand."""

    keys: Keys
    edition: Edition


@dataclass(frozen=True)
class Publishing:
    """The publication of one submission's report, before whoever sits at a desk."""

    desk: Desk
    standing: Standing

    @property
    def possible(self) -> bool:
        """Whether this person may propose an edition now."""
        signed = newest(self.standing, SIGNED) is not None and newest(self.standing, SIGNED_ASSESSMENT) is not None
        offered = any(one.event == PUBLISH for one in self.desk.offers(self.standing))
        return signed and offered and self.day is None

    @property
    def day(self) -> datetime | None:
        """From when on the edition is public that both sides agreed on; None while they have not."""
        return self.standing.date(PUBLIC_FROM)

    @property
    def consents(self) -> tuple[Consent, ...]:
        """The developer's consents to publish that hold now."""
        return self.standing.consenting(self.desk.now, Activity.PUBLISH_REPORT)

    def prepared(self, public_from: datetime, number: int = 0) -> tuple[Edition, Mapping[str, bytes]]:
        """The edition as it would be proposed, or the one of that number, and its files. Raises `BadEdition`."""
        signed = newest(self.standing, SIGNED_ASSESSMENT)
        if signed is None:
            raise BadEdition("there is no signed report with an assessment yet")
        following = 1 + sum(one.kind == EDITION for one in self.standing.documents)
        return made(self.standing, self._paper(signed.digest), public_from, number or following)

    def files(self, edition: Edition) -> Mapping[str, bytes]:
        """The files of an edition. Raises `BadEdition` where it does not follow from the signed report."""
        again, files = self.prepared(edition.public_from, edition.number)
        if again != edition:
            raise BadEdition("the edition does not follow from the signed report; propose it again")
        return files

    def proposal(self) -> Proposal | None:
        """The newest proposal that nobody stopped."""
        for keys in reversed(self.desk.keys(self.standing.object, self.standing)):
            if keys.request.action is ACTION:
                try:
                    return Proposal(keys, Edition.parse(self._paper(keys.request.digest)))
                except (LookupError, BadEdition):  # a digest that was asked for elsewhere
                    continue
        return None

    def agreed(self) -> Edition | None:
        """The edition that both sides agreed on, public or not yet; None without one."""
        document = newest(self.standing, EDITION)
        return Edition.parse(self._paper(document.digest)) if document and self.day else None

    def propose(self, public_from: datetime) -> Edition:
        """Propose an edition and turn this person's key for it.

        Raises:
            BadEdition: there is no signed report.
            ValueError: this person's role holds no key, or an edition was agreed on already.
        """
        if not self.possible:
            raise ValueError("an edition is proposed once a report is signed, and while none was agreed on")
        edition, _ = self.prepared(public_from)
        self.desk.house.papers.put(self.desk.viewer, self.standing.object, DataClass.P, edition.content)
        self.turn(edition.digest)
        return edition

    def turn(self, digest: str) -> bool:
        """Turn this person's key for the newest proposal, and publish once both are turned; whether it was published.

        Raises:
            ValueError: another edition was proposed meanwhile, or the role holds no key.
            NotPossible: both keys are turned, and something else is missing: the consent, above all.
        """
        name = self.standing.object
        rule = self.desk.house.packs(self.standing.pack).key_rule(ACTION)
        mine = [
            vote
            for one in self.desk.keys(name, self.standing)
            if (one.request.action, one.request.digest) == (ACTION, digest)
            for vote in rule.live(one.request, one.votes, self.desk.now)
            if vote.person == self.desk.actor.person
        ]
        if not mine:
            self.desk.turn(name, ACTION, digest)
        proposal = self.proposal()
        if proposal is None or proposal.edition.digest != digest:
            raise ValueError("another edition was proposed meanwhile; read it before you turn a key")
        if proposal.keys.missing or not self.consents:
            return False
        brought = Brought(papers=((EDITION, proposal.edition.content),), date=proposal.edition.public_from)
        self.desk.act(name, PUBLISH, brought)
        return True

    def stop(self) -> bool:
        """Take back what is not public yet, alone; whether there was anything.

        Raises:
            ValueError: it is public, or this person's side holds no key.
        """
        if self.desk.viewer.role not in DEVELOPER_ROLES | {Role.EVALUATOR_LEAD}:
            raise ValueError("only the two sides that publish a report stop it")
        if self.day is not None and self.day <= self.desk.now:
            raise ValueError("it is public; what is public stays public")
        name, permissions = self.standing.object, self.desk.house.permissions
        taken = permissions.take_back(self.desk.viewer, name, ACTION, self.desk.now)
        if self.day is not None:
            self.desk.act(name, STOP)
        return bool(taken) or self.day is not None

    def _paper(self, digest: str) -> bytes:
        return self.desk.house.papers.get(self.desk.viewer, self.standing.object, digest)
