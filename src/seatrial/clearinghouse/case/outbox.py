"""The outbox: drafts, and the one door through which a draft becomes a file that a person sends. Nothing is sent here.

- A draft is bytes under their digest. Whoever changes a word makes another draft, and another sign-off.
- `release` looks, at that moment, at all of it: the draft is of the case and not let go yet; a sign-off covers rating,
  representatives, these very bytes and these recipients; every thing's label reaches every recipient; the contact has a
  place. Only then the place is taken, the file is written and the act is recorded.
- A proof is in no draft. What lies in the exploit compartment does not go through this door.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.clearinghouse.case.draft_forms import ENDINGS, FORMS
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.finding import Compartment
from seatrial.clearinghouse.secrecy.tlp import Labelled, Recipient, check_export
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.case.acts import Step
    from seatrial.clearinghouse.case.book import CaseBook
    from seatrial.clearinghouse.case.case import Case, DraftRef
    from seatrial.clearinghouse.case.draft_forms import Form
    from seatrial.clearinghouse.case.notice import Notice
    from seatrial.clearinghouse.case.pace_book import PaceBook
    from seatrial.clearinghouse.case.pacing import Override
    from seatrial.clearinghouse.case.signoff import SignOffs, Subject
    from seatrial.clearinghouse.event import Actor
    from seatrial.framework.data_class import Tlp


class NotReleased(ValueError):
    """A draft that does not leave: says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Going:
    """All that a release looks at beside the case: as it is at that moment, made anew by whoever asks.

    Attributes:
        subject: What a sign-off has to cover; its recipients are the addresses that the file is for.
        signed: The cluster's sign-offs.
        recipients: The same people, with their organisations.
        label: The label of the file.
        things: What it draws on, with labels and audiences.
    """

    subject: Subject
    signed: SignOffs
    recipients: Sequence[Recipient]
    label: Tlp
    things: Sequence[Labelled] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """A file that a person may send now: to whom is in the case."""

    draft: str
    path: Path
    sha256: str


class Outbox:
    """The drafts of a book of cases, their bytes, and the folder that files are written to."""

    def __init__(
        self,
        book: CaseBook,
        paces: PaceBook,
        blobs: Blobs,
        folder: Path,
        forms: Mapping[str, Form] = FORMS,
    ) -> None:
        self._book, self._paces, self._blobs, self._folder, self._forms = book, paces, blobs, folder, forms

    def make(self, notice: Notice, form: str, organisation: str, actor: Actor, at: datetime) -> DraftRef:
        """Make a draft for one participant of a case.

        Raises:
            NotReleased: the form is unknown.
            CaseError: the organisation or the cluster is not of the case.
        """
        if form not in self._forms:
            raise NotReleased(f"draft: no form {form!r}; there are {', '.join(self._forms)}")
        content = self._forms[form](notice)
        [digest] = self._blobs.put([(str(Compartment.ADVISORY), content)])
        name = hashlib.sha256(f"{notice.cluster}\0{form}\0{organisation}\0{digest}".encode()).hexdigest()
        body = {
            "draft": f"dr-{name[:12]}",
            "form": form,
            "organisation": organisation,
            "cluster": notice.cluster,
            "digest": digest,
        }
        known = self._book.case(notice.case_id).drafts
        if body["draft"] in known:
            return known[body["draft"]]
        case = self._book.act(notice.case_id, [(EventType.DRAFT_MADE, body)], actor, at)
        return case.drafts[body["draft"]]

    def content(self, draft: DraftRef) -> bytes:
        """A draft's bytes. Raises `NoBlob`, `Spoilt`."""
        return self._blobs.get(str(Compartment.ADVISORY), draft.digest)

    def text(self, draft: DraftRef) -> dict[str, str]:
        """A draft as a sign-off is bound to it: by its form, the text itself."""
        return {draft.form: self.content(draft).decode("utf-8")}

    def release(
        self,
        case_id: str,
        draft_id: str,
        going: Going,
        person: Actor,
        at: datetime,
        override: Override | None = None,
    ) -> Released:
        """Let one draft go, and write its file.

        Raises:
            NotReleased: no such draft, gone already, not by a person, or not what was signed off.
            NotSigned: no sign-off covers it.
            NotForThem: a label is in the way.
            OverPace: the contact has no place.
        """
        case = self._book.case(case_id)
        draft = self._checked(case, draft_id, going, person)
        content = self.content(draft)
        check_export([*going.things, _of_case(case, going)], going.label, going.recipients)
        contact = case.participant(draft.organisation).contact
        self._paces.take(contact, draft.cluster, person, at, override)
        path = self._write(draft, case_id, content)
        digest = hashlib.sha256(content).hexdigest()
        body = {"draft": draft.id, "digest": draft.digest, "file_sha256": digest}
        steps: list[Step] = [(EventType.DRAFT_RELEASED, body)]
        self._book.act(case_id, steps, person, at)
        return Released(draft.id, path, digest)

    def _checked(self, case: Case, draft_id: str, going: Going, person: Actor) -> DraftRef:
        draft = case.drafts.get(draft_id)
        if draft is None:
            known = ", ".join(case.drafts) or "none"
            raise NotReleased(f"case {case.case_id}: no draft {draft_id}; there are {known}")
        if draft.released_at is not None:
            raise NotReleased(f"draft {draft.id}: it was let go already, by {draft.released_by}")
        if not person.is_person:
            raise NotReleased(f"draft {draft.id}: a person lets it go, not {person.id}")
        subject, contact = going.subject, case.participant(draft.organisation).contact
        if not contact:
            raise NotReleased(f"draft {draft.id}: {draft.organisation} has no contact in this case; add one")
        if subject.cluster != draft.cluster or self.content(draft).decode() != subject.texts.get(draft.form):
            raise NotReleased(f"draft {draft.id}: its text is not the one that is to be signed off")
        names = {recipient.name for recipient in going.recipients}
        if names != set(subject.recipients) or contact not in names:
            raise NotReleased(
                f"draft {draft.id}: it is for {', '.join(sorted(names)) or 'nobody'}, the case's contact is {contact}"
            )
        strangers = {one.organisation for one in going.recipients} - case.participants.keys()
        if strangers:
            raise NotReleased(f"draft {draft.id}: {', '.join(sorted(strangers))} takes no part in {case.case_id}")
        going.signed.covering(subject)
        return draft

    def _write(self, draft: DraftRef, case_id: str, content: bytes) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{case_id}_{draft.id}_{draft.form}.{ENDINGS.get(draft.form, 'json')}"
        waiting = path.with_suffix(".new")
        with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(path)
        sync_folder(self._folder)
        return path


def _of_case(case: Case, going: Going) -> Labelled:
    """The case itself as a thing with a label: its audience are those who take part."""
    named = frozenset(case.participants) | {recipient.name for recipient in going.recipients}
    return Labelled(case.case_id, case.tlp, named)


def waiting(case: Case) -> tuple[DraftRef, ...]:
    """The drafts of a case that have not been let go."""
    return tuple(one for one in case.drafts.values() if one.released_at is None)
