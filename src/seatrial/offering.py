"""A developer's offer, by whatever door it comes: the subject it describes, and the acts that open and share it.

- A code name stands for the model everywhere; its real name is asked for nowhere, and no date of a release is.
- A draft is the developer's own and seen by nobody else. Sharing it is one act: the consent, the dossier, the step.
- An inquiry goes to the organisations that its consent names, and to nobody else.
"""

from __future__ import annotations

import hashlib
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import rfc8785

from seatrial.framework.consent import Activity, Consent, Recipient
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document, render
from seatrial.framework.papers import bullets, cell
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Act, Kind, Standing
from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, DigestBasis, Subject, Variant
from seatrial.framework.submission_store import Stale
from seatrial.house import Beside
from seatrial.paperwork import sha256, subject_of, terms_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Actor
    from seatrial.house import House

DAYS = 90
"""How long an offer stands unless its developer says otherwise."""
PURPOSES = frozenset({Purpose.EVALUATE, Purpose.REPORT})
SELF_TEST = "self_test"
"""The assessment of a review that a developer ran itself: its own word, and read as such."""
DEFAULT_ACCESS = AccessProfile(AccessForm.HOSTED_ENDPOINT, AccessLevel.AL1)


@dataclass(frozen=True, slots=True)
class Offering:
    """What a developer offers, to whom, under which pack, until when."""

    actor: Actor
    at: datetime
    policy: PolicyPack
    evaluator: str
    code_name: str
    digest: str
    variant: Variant = Variant.PRODUCT
    access: AccessProfile = DEFAULT_ACCESS
    purposes: frozenset[Purpose] = PURPOSES
    days: int = DAYS
    served_as: str = ""

    def subject(self, submission: str) -> Subject:
        """What is assessed. Raises `ValueError`, naming the field, for what cannot be."""
        if self.evaluator == self.actor.organisation:
            raise ValueError("evaluator: a developer never evaluates itself; name another organisation")
        return Subject(
            id=submission.replace("sub_", "sbj_"),
            developer=self.actor.organisation,
            code_name=self.code_name,
            variant=self.variant,
            digest=self.digest,
            digest_basis=DigestBasis.DECLARED,
            access=self.access,
            purposes=self.purposes,
            not_before=self.at,
            expires=self.at + timedelta(days=self.days),
            served_model_id=self.served_as or self.code_name,
        )

    def draft(self, house: House, once: str = "") -> str:
        """Open a draft; its id. The same `once` again opens no second one."""
        standing = self._standing(self._id(house, once))
        with suppress(Stale) if once else nullcontext():
            house.begin(standing, Act("open_draft", self.actor, self.at), self.at)
        return standing.object

    def inquire(self, house: House, recipients: Sequence[str], form: bytes, once: str = "") -> str:
        """Ask these organisations; the id of the inquiry. The same `once` again asks nobody a second time."""
        standing = self._standing(self._id(house, once))
        consent = given(
            house.new_id("con"),
            standing,
            Activity.INQUIRE,
            [Recipient(name, Role.DESIGNATION_LIAISON) for name in recipients],
            self.policy,
            self.actor,
            self.at,
            frozenset({Purpose.INQUIRY}),
        )
        paper = sha256(form)
        document = Document("inquiry_form", 1, paper, self.actor.organisation, (self.actor.person,), self.at)
        act = Act("open_inquiry", self.actor, self.at, documents=(document,), consent=consent)
        with suppress(Stale) if once else nullcontext():
            house.begin(standing, act, self.at, Beside(papers=((DataClass.P, form),)))
        return standing.object

    def inquiry_form(self, recipients: Sequence[str], shared: str, contact: str) -> bytes:
        """The form of the pack, filled in; the id of who asks stands for its name."""
        values = {
            "developer": cell(self.actor.organisation),
            "recipients": ", ".join(recipients),
            "code_name": self.code_name,
            "shared": shared.strip() or bullets(()),
            "contact": contact.strip() or bullets(()),
        }
        return render(self.policy.template("inquiry_form"), values).encode()

    def _id(self, house: House, once: str) -> str:
        """A new id; of a request that can be sent again, always the same one for the same people."""
        if not once:
            return house.new_id()
        said = f"{self.actor.organisation} {self.actor.person} {once}"
        return "sub_" + hashlib.sha256(said.encode()).hexdigest()[:32]

    def _standing(self, submission: str) -> Standing:
        return Standing(
            submission,
            Kind.SUBMISSION,
            subject=self.subject(submission),
            developer=self.actor.organisation,
            evaluator=self.evaluator,
            pack=self.policy.ref,
        )


def share(house: House, standing: Standing, actor: Actor, at: datetime, self_test: bytes = b"") -> None:
    """Share a draft's dossier with its evaluator, by one act; and its developer's own review, where there is one."""
    pack, content = house.packs(standing.pack), dossier(subject_of(standing))
    consent = given(
        house.new_id("con"),
        standing,
        Activity.SHARE_DOSSIER,
        [Recipient(standing.evaluator, Role.EVALUATOR_LEAD), Recipient(standing.evaluator, Role.EVALUATOR)],
        pack,
        actor,
        at,
    )
    viewer, papers = house.viewer(actor, standing.object, at), [("dossier", DataClass.M, content)]
    papers += [(SELF_TEST, DataClass.P, self_test)] if self_test else []
    documents = tuple(
        Document(kind, 1, house.papers.put(viewer, standing.object, of, paper), actor.organisation, (actor.person,), at)
        for kind, of, paper in papers
    )
    house.act(standing.object, Act("submit", actor, at, documents=documents, consent=consent), at)


def dossier(subject: Subject) -> bytes:
    """What is shared of a subject: canonical JSON, known by its digest."""
    access = subject.access
    return rfc8785.dumps(
        {
            "code_name": subject.code_name,
            "digest": subject.digest,
            "digest_basis": subject.digest_basis.value,
            "variant": subject.variant.value,
            "access": {"form": access.form.value, "level": access.level.value, "hours": access.hours},
            "purposes": sorted(subject.purposes),
            "expires": subject.expires.isoformat(),
        }
    )


def given(
    name: str,
    standing: Standing,
    activity: Activity,
    recipients: Sequence[Recipient],
    pack: PolicyPack,
    actor: Actor,
    at: datetime,
    purposes: frozenset[Purpose] = frozenset(),
) -> Consent:
    """A consent for as long as the offer stands, to model facts and papers, under the pack's terms."""
    subject = subject_of(standing)
    return Consent(
        id=name,
        subject=subject.id,
        activity=activity,
        purposes=purposes or subject.purposes - {Purpose.INQUIRY},
        recipients=frozenset(recipients),
        classes=frozenset({DataClass.M, DataClass.P}),
        not_before=at,
        expires=subject.expires,
        terms_digest=terms_digest(pack),
        signer=actor.person,
        given_at=at,
    )
