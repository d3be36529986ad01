"""The forms of a draft: one pure function each, from a notice to the bytes that a person sends.

`mail` is text; `github` the body of a private report (`POST /repos/{owner}/{repo}/security-advisories/reports`);
`vince` the report of CERT/CC's VINCE, whose interface has no idempotency key, so that ours stands in the tracking
field, and which takes 10 MiB of attachments. `csaf` and others are given by who has them (`Form`).

All Markdown that came with a finding stands as an indented block: it is shown and never rendered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from seatrial.clearinghouse.case.clocks import shown
from seatrial.clearinghouse.case.notice import ORIGIN_WORDS, Notice, NotTellable
from seatrial.clearinghouse.finding import AiOrigin

VINCE_BYTES: Final = 10 * 2**20
"""What VINCE takes with a report."""
GITHUB_SUMMARY: Final = 1024
"""The longest summary of an advisory; a title here has 200 characters."""
GITHUB_ECOSYSTEMS: Final[Mapping[str, str]] = {
    "cargo": "rust",
    "composer": "composer",
    "gem": "rubygems",
    "github": "actions",
    "golang": "go",
    "hex": "erlang",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "pub": "pub",
    "pypi": "pip",
    "swift": "swift",
}
"""Types of package addresses, as the advisory form names their ecosystems; any other is `other`."""

Form = Callable[[Notice], bytes]


def mail(notice: Notice) -> bytes:
    """Text for a mail: subject and body, UTF-8."""
    return f"Subject: [{notice.tlp}] {notice.case_id}: {_line(notice.title)}\n\n{text(notice)}".encode()


def text(notice: Notice) -> str:
    """The body that all forms share."""
    parts = [
        f"This is about one root cause in {_line(notice.product)}, under {notice.case_id}. {notice.tlp}.",
        f"Affected: {_line(notice.versions)}",
        f"What is wrong:\n\n{_block(notice.root)}",
        *_shown(notice),
        *([f"The same root cause, seen elsewhere:\n\n{_list(notice.variants)}"] if notice.variants else []),
        _rating(notice),
        *_fix(notice),
        _origin(notice),
        _dates(notice),
        f"Pace: {_line(notice.pace)}\nAnswer to: {_line(notice.reply_to)}",
        *([f"Credit: {', '.join(map(_line, notice.credit))}"] if notice.credit else []),
        *([f"See also:\n\n{_list(notice.references)}"] if notice.references else []),
    ]
    return "\n\n".join(parts) + "\n"


def github(notice: Notice) -> bytes:
    """The JSON body of a private report to a repository; severity by vector if there is one, as the form asks."""
    body: dict[str, Any] = {
        "summary": _line(notice.title)[:GITHUB_SUMMARY],
        "description": text(notice),
        "vulnerabilities": [
            {
                "package": {
                    "ecosystem": GITHUB_ECOSYSTEMS.get(notice.package.get("type", ""), "other"),
                    "name": notice.package.get("name") or notice.product,
                },
                "vulnerable_version_range": notice.versions,
            }
        ],
        "start_private_fork": False,
    }
    if notice.rated.cwe:
        body["cwe_ids"] = [notice.rated.cwe]
    if notice.rated.cvss_4 or notice.rated.cvss_3:
        body["cvss_vector_string"] = notice.rated.cvss_4 or notice.rated.cvss_3
    elif notice.rated.severity in {"critical", "high", "medium", "low"}:
        body["severity"] = notice.rated.severity
    return _json(body)


def vince(notice: Notice) -> bytes:
    """The JSON of a report to VINCE.

    Raises:
        NotTellable: it is larger than VINCE takes.
    """
    body = {
        "contact_org": "",
        "contact_email": notice.reply_to,
        "share_release": True,
        "credit_release": bool(notice.credit),
        "vendor_name": notice.project,
        "product_name": notice.product,
        "product_version": notice.versions,
        "vul_description": text(notice),
        "vul_exploit": "Steps are in the description; the proof is handed over separately when it is asked for.",
        "vul_impact": f"{notice.rated.severity}: {notice.rated.cvss_4 or notice.rated.cvss_3}".rstrip(": "),
        "vul_discovery": ORIGIN_WORDS[notice.origin],
        "vul_public": False,
        "vul_exploited": False,
        "vul_disclose": True,
        "disclosure_plans": _dates(notice),
        "tracking": key(notice),
    }
    made = _json(body)
    if len(made) > VINCE_BYTES:
        raise NotTellable(f"{notice.cluster}: {len(made)} bytes; VINCE takes {VINCE_BYTES}: shorten steps or patch")
    return made


def key(notice: Notice) -> str:
    """What makes two sendings of one notice the same: of the case and the cluster, and of nothing that may change."""
    digest = hashlib.sha256(f"{notice.case_id}\0{notice.cluster}".encode()).hexdigest()
    return f"{notice.case_id}/{notice.cluster}/{digest[:16]}"


FORMS: Mapping[str, Form] = {"mail": mail, "github": github, "vince": vince}
ENDINGS: Mapping[str, str] = {"mail": "eml.txt"}


def _shown(notice: Notice) -> list[str]:
    parts = []
    if notice.steps:
        harness = " The harness is the finder's own." if notice.own_harness else ""
        parts.append(f"How to see it:{harness}\n\n{_block(notice.steps)}")
    if notice.reviewers:
        parts.append(f"Read and confirmed by {len(set(notice.reviewers))} reviewers.")
    if notice.proof:
        parts.append(f"The proof ({notice.proof}) is not in this message; ask for it at the address below.")
    return parts


def _rating(notice: Notice) -> str:
    rated = notice.rated
    lines = [f"Severity: {rated.severity}, decided by a person"]
    lines += [line for line in (rated.cvss_4, rated.cvss_3, rated.cwe) if line]
    lines += [f"proposed: {_line(proposal)}" for proposal in rated.proposals]
    return "\n".join(lines)


def _fix(notice: Notice) -> list[str]:
    if notice.fix is None:
        return []
    head = f"A fix that helps ({_line(notice.fix.backed_by)}). The patch: {ORIGIN_WORDS[notice.fix.origin]}."
    return [f"{head}\n\n{_block(notice.fix.diff)}"]


def _origin(notice: Notice) -> str:
    label = "AI" if notice.origin is not AiOrigin.NONE else "origin"
    return f"Label ({label}): this finding: {ORIGIN_WORDS[notice.origin]}."


def _dates(notice: Notice) -> str:
    dates = notice.dates
    named = (
        ("others are told", dates.advisory),
        ("details follow", dates.details),
        ("embargo ends", dates.embargo_end),
    )
    lines = [f"{what}: {shown(at, dates.zone)}" for what, at in named if at is not None]
    return "\n".join([f"Policy: {dates.policy}", *(lines or ["its clock starts when this reaches you"])])


def _block(said: str) -> str:
    return "\n".join(f"    {line}" for line in _plain(said).splitlines())


def _list(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {_line(item)}" for item in items)


def _line(said: str) -> str:
    return " ".join(_plain(said).split())


def _plain(said: str) -> str:
    """Without control characters, so that nothing in it steers a terminal or adds a header."""
    return "".join(char for char in said if char in "\n\t" or char.isprintable())


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True).encode() + b"\n"
