"""The papers that an act brings, written from what the house knows: an agreement with its annexes, an access receipt.

- Whoever signs an agreement signs its annexes with it: the text ends with their digests.
- An access receipt states the window that the act will open, found by taking the step without recording it.
- Terms that a pack leaves open are settled here; what it states, and the fixed terms, nobody changes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.framework import lifecycles, papers
from seatrial.framework.document import Document
from seatrial.framework.participant import Organisation, OrganisationKind
from seatrial.framework.standing import Act
from seatrial.framework.terms import Budget, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Actor, Standing
    from seatrial.framework.subject import Subject

AGREEMENT, SCHEDULE, INCIDENT_PLAN, RECEIPT = "agreement", "data_use_schedule", "incident_plan", "access_receipt"
_ANNEXES = "\n## Papers that belong to this agreement\n\n"
_ANNEX = re.compile(r"^\| ([a-z_]+) \| (sha256:[0-9a-f]{64}) \|$", re.MULTILINE)


def sha256(content: bytes) -> str:
    """The digest by which a paper is known."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def terms_digest(pack: PolicyPack) -> str:
    """The digest of a pack's terms, which a consent is given under."""
    return sha256(repr(pack.terms).encode())


def subject_of(standing: Standing) -> Subject:
    """Its subject. Raises `LookupError` once that is forgotten."""
    if standing.subject is None:
        raise LookupError(f"{standing.object}: has no subject any more")
    return standing.subject


def parties(pack: PolicyPack, standing: Standing) -> papers.Parties:
    """Whose papers they are; an organisation that the pack does not know stands by its id."""
    developer = _named(pack, standing.developer, OrganisationKind.DEVELOPER)
    evaluator = _named(pack, standing.evaluator, OrganisationKind.EVALUATOR)
    return papers.Parties(pack, developer, evaluator, subject_of(standing))


def left_open(terms: Terms) -> tuple[str, ...]:
    """The amounts of the budget that a pack leaves to the two sides."""
    return tuple(name for name in ("tokens", "microdollars", "calls") if getattr(terms.budget, name) is None)


def settled(terms: Terms, amounts: Mapping[str, int | None], funding: str = "") -> Terms:
    """The terms with what was left open; an amount that the pack states stays. Raises `BadTerms`."""
    opened = {name: amounts[name] for name in left_open(terms) if amounts.get(name) is not None}
    stated = {name: getattr(terms.budget, name) for name in ("tokens", "microdollars", "calls")}
    return replace(terms, budget=Budget(**{**stated, **opened}), funding=funding.strip() or terms.funding)


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement as it is proposed: its text and the papers that belong to it, by kind."""

    text: bytes
    annexes: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """What both sides turn their keys for."""
        return sha256(self.text)

    @property
    def papers(self) -> tuple[tuple[str, bytes], ...]:
        """As an act brings them."""
        return ((AGREEMENT, self.text), *self.annexes.items())


def proposed(
    pack: PolicyPack, standing: Standing, terms: Terms, incident_plan: bytes, now: datetime, **more: bytes
) -> Agreement:
    """The agreement of a submission, with its schedule of data use, its plan for incidents, and whatever else."""
    whose = parties(pack, standing)
    given = [consent for consent in standing.consents if consent.active(now)]
    annexes = {
        SCHEDULE: papers.data_use_schedule(whose, terms, given).encode(),
        INCIDENT_PLAN: incident_plan,
        **more,
    }
    listed = papers.table(("paper", "digest"), [(kind, sha256(content)) for kind, content in annexes.items()])
    text = papers.agreement(whose, terms).rstrip("\n") + "\n" + _ANNEXES + listed + "\n"
    return Agreement(text.encode(), annexes)


def annexed(text: bytes) -> dict[str, str]:
    """The digests of the papers that belong to an agreement, by kind, as its text states them."""
    _, _, listed = text.decode().rpartition(_ANNEXES)
    return dict(_ANNEX.findall(listed))


def access_receipt(pack: PolicyPack, standing: Standing, actor: Actor, now: datetime) -> bytes:
    """The receipt of an access that this act opens. Raises `NotPossible` with what is missing."""
    draft = Document(RECEIPT, 1, sha256(b""), actor.organisation, (actor.person,), now)
    after, _ = lifecycles.apply(standing, Act("grant_access", actor, now, documents=(draft,)), pack, now)
    consents = [consent for consent in standing.consents if consent.active(now)]
    window = after.window
    ends_at = window.end if window else max(consent.expires for consent in consents)
    text = papers.access_receipt(
        parties(pack, standing),
        consents,
        serial=window.serial if window else 1,
        opened_at=now,
        ends_at=ends_at,
        ends_by=window.ends_by if window else "consent",
    )
    return text.encode()


def _named(pack: PolicyPack, name: str, kind: OrganisationKind) -> Organisation:
    return pack.organisations.get(name) or Organisation(name, name, kind)
