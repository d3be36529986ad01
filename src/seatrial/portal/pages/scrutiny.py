"""Scrutiny: the samples that the rules flagged, the transcript of one, and what a person decides about it.

- A transcript is class T: that it was opened, by whom and when, is written down before a word of it is shown, and its
  developer sees it.
- Whatever a model, a program under test or a tool wrote is shown as text and as nothing else.
- A decision is never changed; whoever asks for a second person is not that person.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.utils.http import urlencode

from seatrial.evaluation.queued import each_run, run_id
from seatrial.evaluation.scrutiny.rulings import MEANING, Ruling, settled, why_not
from seatrial.framework.data_class import DataClass
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.assigned import TRANSCRIPTS, assigned, number, page, pages, runs
from seatrial.portal.forms.drafting import RulingForm
from seatrial.portal.opening import house
from seatrial.report.transcript import WHO
from seatrial.storage.reads import ReadTables
from seatrial.storage.stores.rulings import RulingTables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.http import HttpResponse

    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.evaluation.transcripts import Entry, Transcript
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest
    from seatrial.report.glance import Flagged

QUEUE = 50
ENTRIES = 20
CHARS = 10_000
"""Of one entry at once: some 150 lines. The rest is a page further."""
AROUND = 300
"""Characters before what was searched for."""
MOST_QUERY = 200
READING = frozenset(
    {
        *("access_open", "preflight", "running", "paused", "incident_hold"),
        *("review", "draft_report", "developer_comment", "expired"),
    }
)
"""States in which somebody reads transcripts."""


def index(request: PortalRequest) -> HttpResponse:
    """What waits to be read, of all reviews: flagged samples that nobody has settled, newest runs first."""
    viewer = request.who.viewer
    mine = {
        one.object: one
        for one in house().submissions.list(viewer, Kind.SUBMISSION)
        if one.evaluator == request.who.organisation and one.state in READING
    }
    units = [unit for unit in runs().of(viewer) if unit.wanted.submission in mine and not unit.open]
    waiting = (line for line in _lines(units, RulingTables(house().database).of(viewer)) if line["settled"] is None)
    begin = number(request.GET.get("from", ""))
    lines = list(islice(waiting, begin, begin + QUEUE + 1))
    context: dict[str, Any] = {
        "lines": [{**line, "standing": mine[line["unit"].wanted.submission]} for line in lines[:QUEUE]],
        "before": f"?from={max(0, begin - QUEUE)}" if begin else "",
        "after": f"?from={begin + QUEUE}" if len(lines) > QUEUE else "",
        "marking": TRANSCRIPTS,
    }
    return render(request, "scrutiny/index.html", context)


def of_review(request: PortalRequest, name: str) -> HttpResponse:
    """The flagged samples of one review, settled and not."""
    here = assigned(request, name)
    units = [unit for unit in runs().of(here.desk.viewer, name) if not unit.open]
    rulings = RulingTables(house().database).of(here.desk.viewer, name)
    lines = list(_lines(units, rulings))
    begin = number(request.GET.get("from", ""))
    context: dict[str, Any] = {
        "lines": lines[begin : begin + QUEUE],
        "pages": pages(len(lines), begin, QUEUE),
        "left": sum(line["settled"] is None for line in lines),
        "runs": len(units),
        "marking": TRANSCRIPTS,
    }
    return page(here, "scrutiny/review.html", **context)


def transcript(request: PortalRequest, name: str, unit: str, key: str) -> HttpResponse:
    """One transcript, some entries at a time, or those that hold what is searched for."""
    here, found = _found(request, name, unit)
    return _page(here, found, key, RulingForm())


def decide(request: PortalRequest, name: str, unit: str, key: str) -> HttpResponse:
    """Write down how this person reads the sample."""
    here, found = _found(request, name, unit)
    read = _transcript(found, key)
    form = RulingForm(request.POST)

    def act() -> None:
        given, actor = form.cleaned_data, here.desk.actor
        names = (run_id(found), read.participant, read.sample, read.epoch)
        ruling = Ruling(*names, given["decision"], given["reason"], actor.person, actor.organisation, request.now)
        RulingTables(house().database).add(here.desk.viewer, name, ruling)

    if form.is_valid() and here.tried(act, "Your decision is written down.", form):
        return redirect("review-sample", name=name, unit=unit, key=key)
    return _page(here, found, key, form)


def _found(request: PortalRequest, name: str, unit: str) -> tuple[About, PlanUnit]:
    here = assigned(request, name)
    return here, runs().one(here.desk.viewer, name, unit)


def _transcript(unit: PlanUnit, key: str) -> Transcript:
    found = None if unit.open else runs().glance(unit).transcript(key)
    if found is None:
        raise NotHere(key)
    return found


def _page(here: About, unit: PlanUnit, key: str, form: RulingForm) -> HttpResponse:
    request, viewer = here.request, here.desk.viewer
    read = _transcript(unit, key)
    ReadTables(house().database).note(viewer, here.name, f"{unit.id}/{key}", DataClass.T, request.now)
    rulings = [one for one in RulingTables(house().database).of(viewer, here.name, run_id(unit)) if one.key == key]
    flagged = next((one for one in runs().glance(unit).flagged() if one.key == key), None)
    context: dict[str, Any] = {
        "unit": unit,
        "key": key,
        "read": read,
        "flagged": flagged,
        "rulings": [{"of": one, "meaning": MEANING[one.decision]} for one in rulings],
        "settled": settled(rulings),
        "why_not": why_not(rulings, here.desk.actor.person),
        "form": form,
        **_shown(read.entries, request.GET),
        "marking": TRANSCRIPTS,
    }
    return page(here, "scrutiny/transcript.html", status=422 if form.errors else 200, **context)


def _shown(entries: Sequence[Entry], asked: Mapping[str, str]) -> dict[str, Any]:
    """One entry further on, those that hold a word, or a page of all."""
    query = asked.get("q", "")[:MOST_QUERY]
    one = number(asked.get("entry", ""), default=0)
    if 0 < one <= len(entries):
        piece = number(asked.get("piece", ""))
        return {"query": "", "entries": [_entry(one, entries[one - 1], piece * CHARS)], "alone": one}
    begin = number(asked.get("from", ""))
    found = [
        (place, entry, at)
        for place, entry in enumerate(entries, 1)
        if (at := entry.text.casefold().find(query.casefold())) >= 0
    ]
    shown = [_entry(place, entry, max(0, at - AROUND) if query else 0) for place, entry, at in found]
    listed = pages(len(shown), begin, ENTRIES, urlencode({"q": query}) if query else "")
    return {"query": query, "entries": shown[begin : begin + ENTRIES], "pages": listed, "found": len(found)}


def _entry(place: int, entry: Entry, begin: int) -> dict[str, Any]:
    end = begin + CHARS
    who = WHO.get(entry.kind, entry.kind)
    title = "" if entry.title.casefold() == who.casefold() else entry.title
    piece = begin // CHARS
    return {
        "place": place,
        "who": who,
        "title": title,
        "text": entry.text[begin:end],
        "begin": begin,
        "left": max(0, len(entry.text) - end),
        "following": f"?entry={place}&piece={piece + 1}" if len(entry.text) > end else "",
        "before": f"?entry={place}&piece={max(0, piece - 1)}" if begin else "",
        "label": f"{place}. {who}",
    }


def _lines(units: Iterable[PlanUnit], rulings: Iterable[Ruling]) -> Iterator[dict[str, Any]]:
    """Flagged samples, run by run, with what was decided; looked for as far as they are asked for."""
    known: dict[tuple[str, str], list[Ruling]] = {}
    for one in rulings:
        known.setdefault((one.unit, one.key), []).append(one)
    for unit in each_run(units):
        for flagged in runs().glance(unit).flagged():
            yield _line(unit, flagged, known.get((run_id(unit), flagged.key), []))


def _line(unit: PlanUnit, flagged: Flagged, rulings: list[Ruling]) -> dict[str, Any]:
    last = rulings[-1] if rulings else None
    return {"unit": unit, "flagged": flagged, "settled": settled(rulings), "last": last}
