"""What waits for a second person: every open request for two keys, whose turn it is, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse

from seatrial.framework.standing import Kind
from seatrial.framework.two_key import KeyAction
from seatrial.portal.about import PAPERS
from seatrial.portal.assigned import number, pages
from seatrial.portal.forms.step import words
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from seatrial.framework.standing import Standing
    from seatrial.framework.two_key import KeyRequest, Vote
    from seatrial.portal.acting import PortalRequest

SHOWN = 25


def index(request: PortalRequest) -> HttpResponse:
    """The open requests of all submissions that this organisation assesses; the role's own turn first."""
    viewer, now = request.who.viewer, request.now
    mine = {
        one.object: one
        for one in house().submissions.list(viewer, Kind.SUBMISSION)
        if one.evaluator == viewer.organisation
    }
    asked = house().permissions.asked_everywhere(viewer)
    lines = [_line(mine[name], one, votes, now) for name, one, votes in asked if name in mine]
    waiting = [line for line in lines if line["missing"]]
    for line in waiting:
        line["turn"] = any(viewer.role in side for side in line["missing"]) and viewer.person not in line["turned"]
    waiting.sort(key=lambda line: (not line["turn"], line["ends"] is None, line["ends"] or now))
    begin = number(request.GET.get("from", ""))
    context = {
        "lines": waiting[begin : begin + SHOWN],
        "pages": pages(len(waiting), begin, SHOWN),
        "turns": sum(line["turn"] for line in waiting),
        "marking": PAPERS,
    }
    return render(request, "reviews/countersign.html", context)


def _line(standing: Standing, asked: KeyRequest, votes: tuple[Vote, ...], now: datetime) -> dict[str, Any]:
    rule = house().packs(standing.pack).key_rule(asked.action)
    live = rule.live(asked, votes, now)
    ends = min((vote.at + timedelta(hours=rule.vote_hours) for vote in live), default=None)
    page = "submission-agreement" if asked.action is KeyAction.AGREE else "submission-key"
    where = (standing.object,) if asked.action is KeyAction.AGREE else (standing.object, asked.action)
    return {
        "standing": standing,
        "asked": asked,
        "what": words(asked.action),
        "missing": rule.missing(asked, votes, now),
        "turned": {vote.person for vote in live},
        "sides": [_side(side, live) for side in (rule.first, rule.second)],
        "ends": ends,
        "url": reverse(page, args=where),
    }


def _side(side: frozenset[Any], live: tuple[Vote, ...]) -> dict[str, Any]:
    vote = next((vote for vote in live if vote.role in side), None)
    label = " or ".join(sorted(words(role) for role in side)).capitalize()
    who, at = (f"{vote.person}, {vote.organisation}", vote.at) if vote else ("", None)
    return {"side": label, "turned": vote is not None, "who": who, "at": at}
