"""What anybody may read: what this is, agreements, counts, what was published; and a check of what one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render

from seatrial import disclosed
from seatrial.checking import checked
from seatrial.custody.home import public_key_of
from seatrial.framework.pack_words import plain
from seatrial.framework.submission_store import NotHere
from seatrial.portal.forms.verify import VerifyForm
from seatrial.portal.opening import house
from seatrial.publication import KEY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from securesystemslib.signer import Key  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.framework.pack import Entry, PolicyPack
    from seatrial.portal.acting import PortalRequest

FLOWS = (
    {
        "heading": "Share",
        "text": "A developer asks, shows a dossier, signs an agreement and opens access, each by an act of its own. "
        "Every step before the next can be taken back.",
    },
    {
        "heading": "Measure",
        "text": "The model is called through a gateway with a budget. Challenges run in boxes that were just shown "
        "closed. The plan is recorded before the first run, and each estimate has its interval.",
    },
    {
        "heading": "Findings",
        "text": "What the model found in other people's software is reproduced by somebody else, rated by people, and "
        "goes to those who can fix it first.",
    },
)
FACTS_OF_TABLES = ("organisation", "holding", "clock", "two_key")


def home(request: PortalRequest) -> HttpResponse:
    """The first page."""
    context = {"flows": FLOWS, "participants": disclosed.participants(), "packs": disclosed.packs()}
    return render(request, "public/home.html", context)


def accessibility(request: PortalRequest) -> HttpResponse:
    """How the pages were checked, and whom to tell."""
    return render(request, "public/accessibility.html")


def participants(request: PortalRequest) -> HttpResponse:
    """The agreements that are publicly known, and the organisations that policies name, each with its source."""
    packs = [{"pack": one, "lines": list(_organisations(one))} for one in disclosed.packs()]
    return render(request, "public/participants.html", {"participants": disclosed.participants(), "packs": packs})


def pack(request: PortalRequest, name: str) -> HttpResponse:
    """A shipped policy as it stands, with sources and dates."""
    found = next((one for one in disclosed.packs() if one.ref.id == name), None)
    if found is None:
        raise NotHere(name)
    tables = [
        {"name": table, "entries": [_entry(one) for one in found.entries if one.table == table]}
        for table in FACTS_OF_TABLES
    ]
    return render(request, "public/pack.html", {"pack": found, "tables": tables, "sources": found.sources.values()})


def statistics(request: PortalRequest) -> HttpResponse:
    """Counts over many submissions, in a fixed table."""
    context = {
        "columns": tuple(disclosed.COUNTED.values()),
        "quarters": disclosed.statistics(house(), request.now),
        "least": disclosed.LEAST_SUBMISSIONS,
    }
    return render(request, "public/statistics.html", context)


def reports(request: PortalRequest) -> HttpResponse:
    """The reports that were published."""
    return render(request, "public/reports.html", {"reports": disclosed.reports(house().home, request.now)})


def report(request: PortalRequest, name: str) -> HttpResponse:
    """One published report and its files."""
    try:
        found = disclosed.report(house().home, name, request.now)
    except LookupError as error:
        raise NotHere(name) from error
    files = [
        {"url": f"{request.path}{file}", "name": file, "what": disclosed.FILES[file][0], "size": size}
        for file, size in found.files
    ]
    return render(request, "public/report.html", {"report": found, "files": files})


def report_file(request: PortalRequest, name: str, file: str) -> HttpResponse:
    """A file of a published report, always to be saved: it is not shown under this site's own address."""
    try:
        content = disclosed.report_file(house().home, name, file, request.now)
    except LookupError as error:
        raise NotHere(name) from error
    answer = HttpResponse(content, content_type=disclosed.FILES[file][1])
    answer["Content-Disposition"] = f'attachment; filename="{name}-{file}"'
    return answer


def commitments(request: PortalRequest) -> HttpResponse:
    """Commitments to findings that nobody is told of yet."""
    log, _, index = request.GET.get("before", "").partition(".")
    before = (int(log), int(index)) if log.isdecimal() and index.isdecimal() else None
    found = disclosed.commitments(house(), before)
    older = f"?before={found[-1].log}.{found[-1].index}" if len(found) == disclosed.MOST else ""
    return render(request, "public/commitments.html", {"commitments": found, "older": older})


def verify(request: PortalRequest) -> HttpResponse:
    """Check a receipt or a report; nothing of it is kept."""
    form = VerifyForm(request.POST or None, request.FILES or None)
    result = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        keys = (given["key"],) if given["key"] else disclosed.log_keys(house())
        policy = given["policy"] or (None if given["key"] else disclosed.witness_policy(house()))
        signer = given["signer"] or _key_of(KEY_FILE.removesuffix(".pem"))
        content, proof = given["file"].read(), given["proof"].read() if given["proof"] else None
        custody = tuple(one for one in (given["signer"], _key_of("custody")) if one is not None)
        result = {
            "checked": checked(content, keys, policy, signer, custody, proof),
            "own": not given["key"],
            "published": disclosed.published_as(house().home, content, request.now),
        }
    status = 422 if form.errors else 200
    return render(request, "public/verify.html", {"form": form, "result": result}, status=status)


def _key_of(what: str) -> Key | None:
    """The key that reports, or receipts of ends, are signed with here; None before the first one."""
    file = house().home / "keys" / f"{what}.pub.pem"
    return public_key_of(file) if file.is_file() else None


def _organisations(found: PolicyPack) -> Iterator[dict[str, object]]:
    for body in found.organisations.values():
        roles = sorted(role.replace("_", " ") for role in found.roles_of(body.id))
        yield {"body": body, "roles": ", ".join(roles), "source": found.sources[body.source]}


def _entry(entry: Entry) -> dict[str, object]:
    left_out = {"id", "source", "effective_from", "unverified"}
    values = plain(dict(entry.values))
    said = "; ".join(f"{key.replace('_', ' ')}: {_words(one)}" for key, one in values.items() if key not in left_out)
    return {"entry": entry, "said": said}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
