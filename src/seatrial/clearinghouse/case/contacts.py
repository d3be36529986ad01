"""Whom to tell: the ways to a maintainer, in order, from what lies in a snapshot of the repository. No network.

Order: the scope of a CVE numbering authority, the repository's own private reports, SECURITY.md, security.txt, the
package's registered owner, a coordinator's form, nobody.

- Every way that is looked at is one attempt, with what came of it: a case keeps them all.
- A file says only what it says: an address is taken from it if it stands there as one, and never put together.
- Whether a repository takes private reports cannot be seen in its files; it is known or it is not (None).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.clearinghouse.case import security_txt

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.cna_list import CnaList

MAX_FILE_BYTES = 256 * 1024
"""A security policy is a page or two; more is no policy, and is read no further."""
SECURITY_MD = ("SECURITY.md", ".github/SECURITY.md", "docs/SECURITY.md", "security.md", "SECURITY.rst", "SECURITY.txt")
"""Where hosts look for a policy, in their order."""
SECURITY_TXT = (".well-known/security.txt", "security.txt", "public/.well-known/security.txt", "static/security.txt")
COORDINATOR = "https://kb.cert.org/vince/comm/report/"
_MAIL = re.compile(r"(?<![\w.+/-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w-])")
_ADVISORY = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/security/advisories/new")
_TAKES_NO_MAIL = re.compile(r"noreply|no-reply|example\.(?:com|org|net)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Way:
    """One way that was looked at.

    Attributes:
        way: `cna`, `private_report`, `security_md`, `security_txt`, `registry`, `coordinator`, `absent`.
        outcome: `found`, `absent`, `expired`, `unknown`.
        address: Where to write, if it was found.
        said: What the attempt rests on: a file, a list, and what was wrong with it.
    """

    way: str
    outcome: str
    address: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a project without asking anybody: a snapshot of its files, its addresses, its owners."""

    snapshot: Path | None = None
    repository: str = ""
    purl: str = ""
    private_reports: bool | None = None
    owners: Sequence[str] = field(default_factory=tuple)


def ways(source: Source, cnas: CnaList, now: datetime) -> tuple[Way, ...]:
    """Every way, in order, with what came of it; the last is always there."""
    found = [_cna(source, cnas), _private(source), *_files(source, now), _registry(source)]
    usable = any(way.outcome == "found" for way in found)
    found.append(Way("coordinator", "found", COORDINATOR, "the coordinator's form takes any project"))
    if not usable:
        found.append(Way("absent", "absent", "", "no way to the maintainers themselves"))
    return tuple(found)


def best(found: Sequence[Way]) -> Way:
    """The first way that leads somewhere."""
    return next(way for way in found if way.outcome == "found")


def body(organisation: str, way: Way) -> Mapping[str, str]:
    """A way that was looked at, as the event `contact_tried` of a case holds it.

    Finding an address reaches nobody: it is an attempt without an answer until a person says more.
    """
    outcome = "no_answer" if way.outcome == "found" else "absent"
    return {"organisation": organisation, "way": way.way, "address": way.address, "outcome": outcome}


def _cna(source: Source, cnas: CnaList) -> Way:
    authority = cnas.covering(source.repository, source.purl)
    if authority is None:
        return Way("cna", "absent", said="no authority's scope names this repository or package")
    address = next(iter((*authority.emails, *authority.pages)), "")
    return Way("cna", "found" if address else "absent", address, f"in the scope of {authority.name}")


def _private(source: Source) -> Way:
    if source.private_reports is None:
        return Way("private_report", "unknown", said="whether the repository takes private reports was not looked up")
    if not source.private_reports or not source.repository:
        return Way("private_report", "absent", said="the repository takes no private reports")
    page = source.repository.rstrip("/").removesuffix(".git") + "/security/advisories/new"
    return Way("private_report", "found", page, "the repository takes private reports")


def _files(source: Source, now: datetime) -> Iterator[Way]:
    policies = ((name, _policy(text)) for name, text in _texts(source, SECURITY_MD))
    named = (Way("security_md", "found", address, name) for name, address in policies if address)
    yield next(named, Way("security_md", "absent", said="no file, or none with an address"))
    texts = [_believed(name, text, now) for name, text in _texts(source, SECURITY_TXT)]
    usable = (way for way in texts if way.outcome == "found")
    yield next(usable, texts[0] if texts else Way("security_txt", "absent", said="no file"))


def _policy(text: str) -> str:
    """The address that a policy names: private reports first, else the first mail address that takes mail."""
    if page := _ADVISORY.search(text):
        return page[0]
    mails = (mail for mail in _MAIL.findall(text) if not _TAKES_NO_MAIL.search(mail))
    return next(mails, "")


def _believed(name: str, text: str, now: datetime) -> Way:
    read = security_txt.parse(text)
    if read.usable(now):
        return Way("security_txt", "found", read.contacts[0].removeprefix("mailto:"), name)
    if read.expires is not None and read.contacts:
        return Way("security_txt", "expired", said=f"{name}: expired {read.expires.isoformat()}, so it is not used")
    return Way("security_txt", "absent", said=f"{name}: without a contact or without its one expiry it is unusable")


def _registry(source: Source) -> Way:
    owner = next(iter(source.owners), "")
    return Way("registry", "found" if owner else "absent", owner, "the package's registered owner")


def _texts(source: Source, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if source.snapshot is None:
        return
    root = source.snapshot.resolve()
    for name in names:
        path = root / name
        if path.is_file() and path.resolve().is_relative_to(root):
            with path.open("rb") as file:
                yield name, file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
