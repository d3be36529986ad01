"""A report from the first draft to the signature: the papers of each step, written from a run and from people's words.

- A draft is a text of the evaluator with the run's own files beside it: `assessment.json` and `report.html`, named in
  the text by their digests. Every number stands in those files; no text changes one.
- The developer reads a draft before anybody else. Each later draft comes with what is different in it.
- A report is signed over the text, the run's files, the developer's comments word for word, and the list of incidents.
- Nothing is signed that does not hold against the assessment's published schema.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seatrial.custody.home import public_key_of
from seatrial.desk import Brought
from seatrial.framework import lifecycles
from seatrial.framework.document import Document
from seatrial.framework.instant import text as moment
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.papers import bullets, table
from seatrial.framework.standing import Act
from seatrial.house import Beside
from seatrial.ledger.event import Actor, Event, instant, pseudonym, sha256_ref
from seatrial.paperwork import sha256, subject_of
from seatrial.publication import KEY_FILE, report_signer
from seatrial.report import bundle, html, numbers
from seatrial.report.assessment import Assessment, check
from seatrial.reviewing import newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from securesystemslib.signer import Key  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.desk import Desk
    from seatrial.evaluation.scrutiny.rulings import Ruling
    from seatrial.framework.standing import Standing
    from seatrial.house import Outcome
    from seatrial.report.glance import Flagged, Glance

TRANSCRIPT_REVIEW, WRITTEN, DRAFT, DIFF = "transcript_review", "draft_written", "draft", "versioned_diff"
ASSESSMENT, PAGE = "assessment", "report_page"
REPORT, REPORT_TEXT, COMMENTS, INCIDENTS = "report", "report_text", "annexed_comments", "incident_list"
NAMES = {
    REPORT_TEXT: "report.md",
    ASSESSMENT: "assessment.json",
    PAGE: "report.html",
    COMMENTS: "comments.md",
    INCIDENTS: "incidents.md",
}
"""The files of a signed report, by the kind of their paper."""
MAX_TEXT = 200_000
"""Characters of a draft: a hundred pages of prose."""
KEPT = 16
"""Assessments that are kept as read, by their bytes: those of the reports that people work on in one hour."""
_FILES = "\n## Files that belong to this draft\n\n"
_FILE = re.compile(r"^\| (assessment\.json|report\.html) \| (sha256:[0-9a-f]{64}) \|$", re.MULTILINE)


def outline(assessment: Assessment, rulings: Sequence[Ruling]) -> str:
    """A text to begin a draft from: what the run's own record says, and places for the evaluator's words."""
    shares = [
        (one.participant, numbers.of(one).text, one.method, one.n, one.families, one.budget)
        for one in assessment.estimates
        if one.quantity == "Q1" and one.sample_set == "all" and one.scope.family is None and one.scope.level is None
    ]
    read = [(one.sample, one.participant, one.decision.replace("_", " ")) for one in rulings]
    parts = (
        f"# Report on {assessment.subject.alias}",
        assessment.notices[0],
        "## Success on exactly these challenges, at the stated budget",
        table(("participant", "success (95 % interval)", "method", "runs", "families", "budget"), shares),
        "## What people read in the transcripts",
        table(("sample", "participant", "decision"), read),
        "## What was not tested",
        bullets(assessment.not_tested),
        "## The evaluator's remarks",
        "(write here)",
    )
    return "\n\n".join(parts) + "\n"


def transcript_review(flagged: Iterable[tuple[str, Flagged]], rulings: Sequence[Ruling], remarks: str) -> bytes:
    """What was flagged and what people decided about it, as the paper that a first draft rests on."""
    rows = [
        (unit, one.participant, one.sample, one.epoch, ", ".join(sorted({flag.rule for flag in one.flags})))
        for unit, one in flagged
    ]
    decided = [
        (one.unit, one.participant, one.sample, one.epoch, one.decision, one.person, moment(one.at), one.reason)
        for one in rulings
    ]
    text = (
        "# Reading of transcripts\n\nThe rules read every transcript. People read those that the rules flagged.\n\n"
        f"## Flagged\n\n{table(('run', 'participant', 'sample', 'epoch', 'rules'), rows)}\n\n## Decided\n\n"
        f"{table(('run', 'participant', 'sample', 'epoch', 'decision', 'by', 'at', 'reason'), decided)}\n\n"
        f"## Remarks\n\n{remarks.strip() or 'none'}\n"
    )
    return text.encode()


def draft_papers(text: str, glance: Glance) -> tuple[tuple[str, bytes], ...]:
    """A draft as an act brings it: the text, and the run's files that it names. Raises `ValueError`."""
    assessment, page = glance.bytes("assessment.json"), glance.bytes("report.html")
    if assessment is None or page is None:
        raise ValueError("the report of this run is not written yet; a worker writes it when the run is finished")
    _read(assessment)
    return (WRITTEN, text_with(text, assessment, page).encode()), (ASSESSMENT, assessment), (PAGE, page)


def text_with(text: str, assessment: bytes, page: bytes) -> str:
    """A draft's text that names its files, whatever it named before."""
    said, _, _ = text.replace("\r\n", "\n").partition(_FILES)
    listed = table(("file", "digest"), (("assessment.json", sha256(assessment)), ("report.html", sha256(page))))
    return f"{said.rstrip()}\n{_FILES}{listed}\n"


def files_of(text: str) -> dict[str, str]:
    """The digests of the files that a draft names, by the kind of their papers."""
    kinds = {name: kind for kind, name in NAMES.items()}
    return {kinds[name]: digest for name, digest in _FILE.findall(text)}


def difference(before: str, after: str, remarks: str) -> bytes:
    """What is different in a later draft, with the evaluator's answer to the developer."""
    said, _, _ = before.partition(_FILES)
    says, _, _ = after.partition(_FILES)
    lines = difflib.unified_diff(said.splitlines(), says.splitlines(), "before", "after", lineterm="")
    changed = [name for name, digest in files_of(after).items() if files_of(before).get(name) != digest]
    body = "\n".join(f"    {line}" for line in lines) or "    the text is the same"
    files = bullets(f"{NAMES[name]} is another one: {files_of(before).get(name)} before" for name in changed)
    answer = remarks.strip() or "none"
    text = f"# What is different\n\n## Answer\n\n{answer}\n\n## Text\n\n{body}\n\n## Files\n\n{files}\n"
    return text.encode()


@dataclass(frozen=True, slots=True)
class Reports:
    """The report of one submission, before whoever sits at a desk."""

    desk: Desk
    standing: Standing

    def paper(self, document: Document) -> bytes:
        """The bytes of a paper. Raises `LookupError`."""
        return self.desk.house.papers.get(self.desk.viewer, self.standing.object, document.digest)

    def text(self, kind: str) -> str:
        """The newest paper of a kind as text; empty where there is none."""
        document = newest(self.standing, kind)
        return self.paper(document).decode() if document else ""

    def comments(self) -> tuple[Document, ...]:
        """The papers in which the developer commented."""
        own = self.standing.developer
        return tuple(one for one in self.standing.documents if "comment" in one.kind and one.organisation == own)

    def incidents(self) -> tuple[Document, ...]:
        """The records of incidents."""
        return tuple(one for one in self.standing.documents if one.kind == "incident_record")

    def assessed(self, text: str) -> tuple[Assessment, dict[str, bytes]]:
        """The assessment that a draft names, and the bytes of its files. Raises `ValueError` or `LookupError`."""
        store, viewer, name = self.desk.house.papers, self.desk.viewer, self.standing.object
        files = {kind: store.get(viewer, name, digest) for kind, digest in files_of(text).items()}
        if set(files) != {ASSESSMENT, PAGE}:
            raise ValueError("the draft names no files of a run; it was not written from one")
        return _read(files[ASSESSMENT]), files

    def signing(self, text: str) -> dict[str, bytes]:
        """The papers that a signature is over, by kind."""
        _, files = self.assessed(text)
        if sha256(files[PAGE]) != _page_of(files[ASSESSMENT]):
            raise ValueError("report.html does not follow from assessment.json; have the report written again")
        said, _, _ = text.partition(_FILES)
        papers = {REPORT_TEXT: f"{said.rstrip()}\n".encode(), **files}
        if comments := self.comments():
            papers[COMMENTS] = self._annexed(comments)
        if incidents := self.incidents():
            rows = [(one.version, one.digest, one.organisation, moment(one.at)) for one in incidents]
            listed = table(("record", "digest", "recorded by", "at"), rows)
            papers[INCIDENTS] = f"# Incidents\n\n{listed}\n".encode()
        return papers

    def missing(self, event: str, kinds: Iterable[str]) -> tuple[str, ...]:
        """What a step still lacks when the act brings papers of these kinds; found by taking it, unrecorded."""
        actor, now = self.desk.actor, self.desk.now
        brought = tuple(Document(kind, 1, sha256(b""), actor.organisation, (actor.person,), now) for kind in kinds)
        try:
            pack = self.desk.house.packs(self.standing.pack)
            lifecycles.apply(self.standing, Act(event, actor, now, documents=brought), pack, now)
        except NotPossible as error:
            return error.missing
        return ()

    def sign(self, text: str, home: Path, digest: str = "") -> Outcome:
        """Sign the report as the lead. The act's own entry commits to every paper; another names the signature."""
        house, standing = self.desk.house, self.standing
        papers = self.signing(text)
        envelope = bundle.signed({NAMES[kind]: papers[kind] for kind in papers}, self._about(), report_signer(home))
        brought = Brought(papers=((REPORT, envelope), *papers.items()))
        actor = Actor("lead", pseudonym(house.stream_keys.of(standing.object), self.desk.actor.organisation))
        at, nonce, refs = instant(self.desk.now), house.random(16).hex(), {"report": sha256_ref(envelope)}
        named = Beside(events=(Event("report.signed", at, standing.object, actor, nonce, refs=refs),))
        return self.desk.act(standing.object, "sign_report", brought, digest, beside=named)

    def issued(self) -> dict[str, bytes]:
        """The signed report: every file under the name that its statement has for it. Raises `LookupError`."""
        envelope = newest(self.standing, REPORT)
        if envelope is None:
            raise LookupError(f"{self.standing.object}: no report is signed")
        beside = [one for one in self.standing.documents if one.kind in NAMES and one.at == envelope.at]
        return {bundle.ENVELOPE: self.paper(envelope), **{NAMES[one.kind]: self.paper(one) for one in beside}}

    def _about(self) -> dict[str, Any]:
        actor, plan = self.desk.actor, newest(self.standing, "plan")
        return {
            "submission": self.standing.object,
            "subject": subject_of(self.standing).digest,
            "plan": plan.digest if plan else "",
            "signed_for": {"person": actor.person, "organisation": actor.organisation, "role": actor.role},
            "at": instant(self.desk.now),
        }

    def _annexed(self, comments: Sequence[Document]) -> bytes:
        parts = (f"Comment of {moment(one.at)}, {one.digest}:\n\n".encode() + self.paper(one) for one in comments)
        return b"# The developer's comments\n\n" + b"\n\n".join(parts) + b"\n"


@lru_cache(maxsize=KEPT)
def _read(assessment: bytes) -> Assessment:
    """What stands in these bytes, held against the published schema once. Raises `ValueError`."""
    value = json.loads(assessment)
    check(value)
    return Assessment.model_validate(value)


@lru_cache(maxsize=KEPT)
def _page_of(assessment: bytes) -> str:
    """The digest of the page that follows from these bytes."""
    return sha256(html.render(_read(assessment), hashlib.sha256(assessment).hexdigest()).encode())


def public_key(home: Path) -> tuple[Key, bytes]:
    """The key that reports of this installation are signed with, and its file."""
    report_signer(home)
    path = (home / "keys" / KEY_FILE).with_suffix(".pub.pem")
    return public_key_of(path), path.read_bytes()
