"""The public edition of a signed report: what both sides agree on, and the folder in which everybody finds it.

- An edition names its files by digest, the signed report that it follows from, the day from which it is public, and
  what it lacks. Both sides turn their keys on the digest of that.
- Its files are made of the signed assessment here, and held against the edition's digests: whatever somebody else wrote
  into an edition never becomes public.
- `settle` makes the folder agree with where the submission stands, and may run any number of times. An edition whose
  day has not come goes with its consent, with a stop, and with a withdrawal; one that is public stays, and a later
  withdrawal is written beside it.
- A folder is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from seatrial.custody.home import make_signing_key, signer_of
from seatrial.framework.consent import Activity
from seatrial.framework.instant import instant
from seatrial.framework.instant import text as moment
from seatrial.framework.submission_records import PUBLIC_FROM
from seatrial.report import brief, bundle, html
from seatrial.report.assessment import Assessment, ReportError, to_json
from seatrial.report.edition import public

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing

EDITION, SIGNED, SIGNED_ASSESSMENT = "public_edition", "report", "assessment"
"""Kinds of papers: the edition, the signed report's envelope, the assessment that was signed with it."""
PUBLISHED = "published"
ASSESSMENT, PAGE, BRIEF, TERMS, WHOLE = "assessment.json", "report.html", "brief.txt", "edition.json", "bundle.zip"
WITHDRAWN = "withdrawn"
"""A file beside a public edition: the time at which its developer withdrew the submission."""
KEY_FILE = "report.pem"
VERSION = 1
NAME_DIGITS = 8
"""Of the signed report's digest in an edition's name: two reports of one code name are told apart, and no more."""
_SLUG = re.compile(r"[^a-z0-9]+")


class BadEdition(ValueError):
    """An edition that does not follow from its signed report."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What both sides agree on.

    Attributes:
        name: Of the published report; its code name and some digits.
        number: 1 for the first that both sides agree on, one more for each after a stop.
        report: The digest of the signed report's envelope.
        public_from: From when on everybody may read it.
        files: The digest of each file, by its name.
        withheld: What the edition lacks: (path, class, what, how many).
    """

    name: str
    number: int
    report: str
    public_from: datetime
    files: Mapping[str, str]
    withheld: tuple[tuple[str, str, str, int], ...]

    @property
    def content(self) -> bytes:
        """Its one spelling (RFC 8785)."""
        lacks = [{"path": path, "class": one, "what": what, "count": n} for path, one, what, n in self.withheld]
        said: dict[str, Any] = {
            "v": VERSION,
            "name": self.name,
            "number": self.number,
            "report": self.report,
            "public_from": moment(self.public_from),
            "files": dict(self.files),
            "withheld": lacks,
        }
        return rfc8785.dumps(said)

    @property
    def digest(self) -> str:
        """What keys are turned on."""
        return _sha256(self.content)

    @classmethod
    def parse(cls, content: bytes) -> Edition:
        """Read one. Raises `BadEdition`."""
        try:
            said = json.loads(content)
            lacks = tuple((one["path"], one["class"], one["what"], one["count"]) for one in said["withheld"])
            day = instant(said["public_from"], "public_from")
            found = cls(said["name"], said["number"], said["report"], day, said["files"], lacks)
        except (ValueError, KeyError, TypeError) as error:
            raise BadEdition("this is no public edition of a report") from error
        if said.get("v") != VERSION or found.content != content:
            raise BadEdition("this is no public edition in the form in which both sides agree on one")
        return found


def made(standing: Standing, assessment: bytes, public_from: datetime, number: int) -> tuple[Edition, dict[str, bytes]]:
    """The edition of a submission's signed report, and its files. Raises `BadEdition` or `ReportError`."""
    report = newest(standing, SIGNED)
    if report is None:
        raise BadEdition("there is no signed report yet")
    shown, withheld = public(Assessment.model_validate_json(assessment))
    content = to_json(shown)
    files = {
        ASSESSMENT: content,
        PAGE: html.render(shown, hashlib.sha256(content).hexdigest()).encode(),
        BRIEF: brief.text(brief.brief(shown)).encode(),
    }
    digests = {name: _sha256(files[name]) for name in sorted(files)}
    lacks = tuple((one.path, str(one.data_class), one.what, one.count) for one in withheld)
    return Edition(_named(shown, report), number, report.digest, public_from, digests, lacks), files


def newest(standing: Standing, kind: str) -> Document | None:
    """The newest paper of a kind."""
    return next((one for one in reversed(standing.documents) if one.kind == kind), None)


def report_signer(home: Path) -> CryptoSigner:
    """The key that reports of this installation are signed with, made at its first use."""
    path = home / "keys" / KEY_FILE
    if not path.exists():
        make_signing_key(path)
    return signer_of(path)


@dataclass(frozen=True)
class Publications:
    """The published editions of one installation; `paper` gives the bytes of a paper, by its submission and digest."""

    home: Path
    paper: Callable[[str, str], bytes]

    def settle(self, standing: Standing, now: datetime) -> None:
        """Make the folder agree with the submission. Raises `BadEdition` or `LookupError`: then nothing is public."""
        document = newest(standing, EDITION)
        if document is None:
            return
        edition = Edition.parse(self.paper(standing.object, document.digest))
        folder = self._folder(edition)
        if not _stands(standing, edition):
            if folder.is_dir() and not _public(folder, now):
                shutil.rmtree(folder)
            return
        if not folder.is_dir():
            self._write(standing, edition, folder)
        withdrawn = standing.date("withdrawn")
        if withdrawn is not None and not (folder / WITHDRAWN).exists():
            _put(folder / WITHDRAWN, moment(withdrawn).encode())

    def _folder(self, edition: Edition) -> Path:
        if _slug(edition.name) != edition.name:
            raise BadEdition("the name of the edition is none that a folder can have")
        return self.home / PUBLISHED / edition.name

    def _write(self, standing: Standing, edition: Edition, folder: Path) -> None:
        signed = newest(standing, SIGNED_ASSESSMENT)
        if signed is None:
            raise BadEdition("the assessment of the signed report is not kept here")
        again, files = made(standing, self.paper(standing.object, signed.digest), edition.public_from, edition.number)
        if again != edition:
            raise BadEdition("the edition does not follow from the signed report")
        files[TERMS] = edition.content
        about = {"edition": edition.digest, "report": edition.report, "public_from": moment(edition.public_from)}
        files[bundle.ENVELOPE] = bundle.signed(files, about, report_signer(self.home))
        files[WHOLE] = bundle.archive(files)
        del files[bundle.ENVELOPE]
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        new = folder.with_name(f".{folder.name}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        for name, content in files.items():
            _put(new / name, content)
        new.rename(folder)
        _synced(folder.parent)


def _stands(standing: Standing, edition: Edition) -> bool:
    """Whether both sides' agreement on this edition still holds, or held when its day came."""
    day = standing.date(PUBLIC_FROM)
    withdrawn = standing.date("withdrawn")
    if day is None or day < edition.public_from or (withdrawn is not None and withdrawn < day):
        return False
    given = (one for one in standing.consents if one.activity is Activity.PUBLISH_REPORT)
    return any(one.revoked_at is None or one.revoked_at >= day for one in given)


def _public(folder: Path, now: datetime) -> bool:
    return Edition.parse((folder / TERMS).read_bytes()).public_from <= now


def _named(shown: Assessment, report: Document) -> str:
    digits = report.digest.removeprefix("sha256:")[:NAME_DIGITS]
    return f"{_slug(shown.subject.alias)[: 63 - NAME_DIGITS]}-{digits}"


def _slug(name: str) -> str:
    return _SLUG.sub("-", name.lower()).strip("-") or "report"


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _synced(path.parent)


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


__all__ = ["BadEdition", "Edition", "Publications", "ReportError", "made", "newest", "report_signer"]
