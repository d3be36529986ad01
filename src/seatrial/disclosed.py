"""What anybody may know of an installation: public facts with their sources, counts, commitments, the record, its keys.

- No row of a submission comes out of here: counts are over whole quarters that are over, and one under
  `LEAST_SUBMISSIONS` is withheld, zero included. There are no sums, from which a withheld one could be worked out.
- Whoever takes part in this installation is not listed: that is each organisation's own to say. The agreements are
  public facts from a shipped file, each with its source.
- A published report is a folder below `published/`, put there by a publication. From the day on which both sides agreed
  it is there, and not before; a folder without that agreement is not there at all.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from seatrial.framework.finding import embargo
from seatrial.framework.instant import text as moment
from seatrial.framework.standing import Kind
from seatrial.framework.viewer import Viewer
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.note import Note
from seatrial.ledger.policy import Policy
from seatrial.publication import ASSESSMENT, BRIEF, PAGE, PUBLISHED, TERMS, WHOLE, WITHDRAWN, BadEdition, Edition
from seatrial.shipped import load_shipped, names, shipped
from seatrial.storage.stores.figures import MOST, FigureTables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seatrial.framework.pack import PolicyPack, Source
    from seatrial.framework.standing import Standing
    from seatrial.house import House
    from seatrial.storage.stores.figures import Commitment

LEAST_SUBMISSIONS = 5  # our decision: a smaller count could be told to be somebody's
COUNTED = {
    "submit": "dossiers shared",
    "grant_access": "accesses opened",
    "sign_report": "reports signed",
    "withdraw": "withdrawn by their developers",
}
"""The steps that are counted, and what a count of each says. The table is fixed: another one could be subtracted."""
__all__ = ["MOST"]
ADVISED = ("advisory_published", "details_published")
REPORT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
FILES = {
    PAGE: ("the report as a page", "text/html"),
    BRIEF: ("what was measured, in short", "text/plain"),
    ASSESSMENT: ("the report as data", "application/json"),
    TERMS: ("what both sides agreed to publish, and what it lacks", "application/json"),
    WHOLE: ("all of it with its signature, for a check", "application/zip"),
}
"""What a published report may consist of, and what each file is."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A public fact: a developer has an agreement with somebody, from a day or a year on, as a source says."""

    id: str
    name: str
    counterpart: str
    date: str
    note: str
    source: Source


@dataclass(frozen=True, slots=True)
class Quarter:
    """The counts of a quarter; None where one is withheld."""

    year: int
    quarter: int
    counts: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A published report: its name, what it says of itself, and its files.

    Attributes:
        since: From when on it is public.
        withheld: What it lacks: (path, class, what, how many).
        withdrawn: When its developer withdrew the submission, which takes back nothing that is public; empty if never.
    """

    name: str
    subject: str
    issued: str
    notices: tuple[str, ...]
    files: tuple[tuple[str, int], ...]
    since: str
    withheld: tuple[tuple[str, str, str, int], ...]
    withdrawn: str = ""


@dataclass(frozen=True, slots=True)
class Advisory:
    """What those who run a software are told: whose it is, how it is rated, what fixes it, when the details follow."""

    name: str
    vendor: str
    rating: str
    fixed_version: str
    published: datetime | None
    details_due: datetime | None
    exploited: bool


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The record as it stands: the newest checkpoint, what it says, and who of the witnesses has signed one."""

    number: int
    key: str
    note: bytes
    checkpoint: Checkpoint
    witnesses: tuple[tuple[str, str, bool], ...]
    quorum_met: bool | None


@cache
def participants() -> tuple[Participant, ...]:
    """The agreements that are publicly known, from the shipped file."""
    from seatrial.framework.pack import Source, SourceKind  # noqa: PLC0415 - a type above, made only here

    told = tomllib.loads(shipped().joinpath("examples", "participants.toml").read_text(encoding="utf-8"))
    sources = {one["id"]: Source(**{**one, "kind": SourceKind(one["kind"])}) for one in told["source"]}
    return tuple(
        Participant(
            one["id"], one["name"], one["counterpart"], str(one["date"]), one.get("note", ""), sources[one["source"]]
        )
        for one in told["participant"]
    )


def packs() -> tuple[PolicyPack, ...]:
    """The shipped policies, each in its newest version."""
    return tuple(load_shipped(name) for name in names())


def statistics(house: House, now: datetime) -> tuple[Quarter, ...]:
    """The counts of every quarter that is over since the first submission, newest first."""
    began = datetime(now.year, 1 + 3 * ((now.month - 1) // 3), 1, tzinfo=now.tzinfo)
    viewer = Viewer.house("counts for everybody, of quarters that are over")
    found = FigureTables(house.database).by_quarter(viewer, tuple(COUNTED), began)
    if not found:
        return ()
    first = min((year, quarter) for year, quarter, _ in found)
    return tuple(
        Quarter(year, quarter, tuple(_shown(found.get((year, quarter, event), 0)) for event in COUNTED))
        for year, quarter in _back(began, first)
    )


def commitments(house: House, before: tuple[int, int] | None = None) -> tuple[Commitment, ...]:
    """The newest commitments to findings, before an entry of the record where one is named."""
    viewer = Viewer.house("commitments to findings, which tell nothing of them")
    return FigureTables(house.database).commitments(viewer, before)


def advisories(house: House, after: str = "") -> tuple[tuple[Advisory, ...], str]:
    """Advisories that were published, in the order of opening, and where the next page begins."""
    viewer = Viewer.house("advisories, which are published")
    found, more = house.submissions.page(viewer, Kind.FINDING, ADVISED, after)
    return tuple(_advisory(house, one) for one in found), more


def advisory(house: House, name: str) -> tuple[Advisory, str]:
    """One advisory and its text. Raises `LookupError`."""
    viewer = Viewer.house("an advisory, which is published")
    standing = house.submissions.load(viewer, name).standing
    papers = [one for one in standing.documents if one.kind == "advisory"]
    if standing.kind is not Kind.FINDING or standing.state not in ADVISED or not papers:
        raise LookupError(f"{name}: no such advisory")
    return _advisory(house, standing), house.papers.get(viewer, name, papers[-1].digest).decode("utf-8", "replace")


def record_head(house: House) -> RecordHead:
    """The record's newest checkpoint, once the store is shown to hold it. Raises `NotTheSameLog`."""
    log, number = house.log, house.ledger.number
    raw = log.checkpoint()
    policy = witness_policy(house)
    with log.store.reading() as tx:
        seen = tx.latest_checkpoint(cosigned=True)
    note, cosigned = Note.parse(raw), Note.parse(seen) if seen else None
    signed = policy.cosigned_by(cosigned) if policy and cosigned else ()
    known = policy.witnesses.items() if policy else ()
    return RecordHead(
        number,
        log.signer.verifier.text,
        raw,
        Checkpoint.parse(note.text),
        tuple((name, key.text, name in signed) for name, key in known),
        policy.quorum_met(cosigned) if policy and cosigned else None,
    )


def witness_policy(house: House) -> Policy | None:
    """Whose cosignatures count here; None where no witness is named."""
    file = house.ledger.path / "policy"
    return Policy.parse(file.read_bytes()) if file.is_file() else None


def log_keys(house: House) -> tuple[str, ...]:
    """The public keys of the logs of this installation, the newest last."""
    files = [house.ledger.file(number, "vkey") for number in range(1, house.ledger.number + 1)]
    return tuple(file.read_text("utf-8").strip() for file in files if file.is_file())


def reports(home: Path, now: datetime) -> tuple[Published, ...]:
    """The reports that are published at `now`, newest first."""
    folder = home / PUBLISHED
    found = (_report(one, now) for one in folder.iterdir()) if folder.is_dir() else ()
    return tuple(sorted((one for one in found if one), key=lambda one: (one.since, one.name), reverse=True))


def report(home: Path, name: str, now: datetime) -> Published:
    """One published report. Raises `LookupError`."""
    found = _report(home / PUBLISHED / name, now) if REPORT.fullmatch(name) else None
    if found is None:
        raise LookupError(f"{name}: no such report is published here")
    return found


def report_file(home: Path, name: str, file: str, now: datetime) -> bytes:
    """One of its files. Raises `LookupError`."""
    if file not in dict(report(home, name, now).files):
        raise LookupError(f"{name}: has no file {file}")
    return (home / PUBLISHED / name / file).read_bytes()


def published_as(home: Path, content: bytes, now: datetime) -> tuple[Published, str] | None:
    """The published report that a file is of, and its name there; None where it is of none, byte for byte."""
    for one in reports(home, now):
        for name, size in one.files:
            if size == len(content) and (home / PUBLISHED / one.name / name).read_bytes() == content:
                return one, name
    return None


def _report(folder: Path, now: datetime) -> Published | None:
    source, terms, withdrawn = folder / ASSESSMENT, folder / TERMS, folder / WITHDRAWN
    if not (REPORT.fullmatch(folder.name) and source.is_file() and terms.is_file()):
        return None
    try:
        edition = Edition.parse(terms.read_bytes())
    except BadEdition:
        return None
    if edition.public_from > now:
        return None
    said = json.loads(source.read_bytes())
    return Published(
        folder.name,
        said["subject"]["alias"],
        said["issued"],
        tuple(said["notices"]),
        tuple((name, (folder / name).stat().st_size) for name in FILES if (folder / name).is_file()),
        moment(edition.public_from),
        edition.withheld,
        withdrawn.read_text("utf-8") if withdrawn.is_file() else "",
    )


def _advisory(house: House, standing: Standing) -> Advisory:
    clocks = embargo(standing)
    due = clocks.details_due(house.packs(standing.pack)) if clocks and standing.state == ADVISED[0] else None
    return Advisory(
        standing.object,
        standing.mark("vendor"),
        standing.mark("rating"),
        standing.mark("fixed_version"),
        standing.date("advisory"),
        due,
        standing.date("exploited") is not None,
    )


def _shown(count: int) -> int | None:
    return count if count >= LEAST_SUBMISSIONS else None


def _back(now: datetime, first: tuple[int, int]) -> Sequence[tuple[int, int]]:
    """The quarters before the one that `now` is in, down to the first."""
    year, quarter, found = now.year, (now.month - 1) // 3 + 1, []
    while (year, quarter) > first:
        year, quarter = (year, quarter - 1) if quarter > 1 else (year - 1, 4)
        found.append((year, quarter))
    return found
