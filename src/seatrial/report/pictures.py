"""The pictures of one report: which numbers of the view go into which chart, and what is told to readers aloud."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seatrial.report import charts, curves, numbers
from seatrial.report.svg import Dot
from seatrial.report.words import budget_share

if TYPE_CHECKING:
    from markupsafe import Markup

    from seatrial.report.assessment import Participant
    from seatrial.report.records import EstimateRecord, Horizon
    from seatrial.report.view import View


def ladder(view: View) -> Markup:
    """Success by level, everybody."""
    series = [_series(view, person) for person in view.a.participants]
    told = "; ".join(filter(None, (_told(view, item) for item in view.a.participants)))
    what = "challenges that were picked" if view.picked else "this battery's challenges"
    desc = f"Share of {what} solved, by level, with 95 % intervals. {told}."
    return charts.ladder(series, view.levels, "Success by level", desc)


def families(view: View) -> list[tuple[str, Markup]]:
    """Success by level of the first participant, a picture for each family that has more than one level."""
    found = []
    for place, family in enumerate(view.families):
        item = _series(view, view.subject, family)
        if len(item.dots) > 1:
            told = _told(view, view.subject, family)
            title = f"{family} by level: {view.subject.name}"
            picture = charts.family(item, view.levels, title, f"{told}, with 95 % intervals.", name=f"family-{place}")
            found.append((family, picture))
    return found


def budget(view: View) -> Markup | None:
    """Success against budget."""
    if not view.a.curves:
        return None
    points = view.a.curves[0].points
    dots = [
        charts.Dot(point.share, point.estimate.value, *point.estimate.interval)
        for point in points
        if point.estimate is not None
    ]
    counts = [(point.share, point.solved / point.runs) for point in points]
    told = ", ".join(f"{budget_share(point)}: {numbers.solved_of(point.solved, point.runs)}" for point in points)
    desc = f"Solved within each share of the token cap, with one 95 % band for the whole curve. {told}."
    return charts.budget(dots, counts, "Success against budget", desc)


def horizon(view: View) -> Markup | None:
    """Fitted success of the subject along minutes or levels."""
    found = view.horizon(view.subject.name)
    if found is None:
        return None
    places = [curves.Place(_axis(found, item.at), item.solved, item.runs) for item in found.places]
    marks = [(point.share, _lying(found, point.estimate)) for point in found.points if point.estimate]
    told = [f"{view.mark_name(found, p)}: {numbers.of(p.estimate).text}" for p in found.points if p.estimate]
    minutes = found.axis == "minutes"
    against = "the time that a person needs" if minutes else "level"
    desc = f"Success of {view.subject.name} against {against}. {'; '.join(told)}."
    title = f"How far {view.subject.name} gets"
    return curves.horizon(found.curve, places, marks, minutes=minutes, title=title, desc=desc)


def abilities(view: View) -> Markup | None:
    """Everybody who has a place on the scale of the calibration."""
    found = [(item.participant, item.points) for item in view.a.abilities if item.points]
    if not found:
        return None
    people = [
        curves.Person(name, view.index[name], Dot(0, item.value, item.interval[0], item.interval[1]))
        for name, item in found
    ]
    told = "; ".join(f"{name} {numbers.of(item).text}" for name, item in found)
    desc = f"Points of the calibration with 95 % intervals. {told}."
    return curves.abilities(people, view.strongest, title="Abilities on one scale", desc=desc)


def narrowing(view: View) -> Markup | None:
    """The share of the battery as it was known round by round."""
    found = view.a.rounds
    rounds = [item for item in found.rounds if item.share is not None] if found else []
    if found is None or not rounds:
        return None
    drawn, told = [], []
    for item in rounds:
        low, high = item.lower, item.upper
        drawn.append(curves.Round(item.number - 1, item.runs, Dot(item.number, item.share, low, high)))
        told.append(f"after {item.runs} runs {numbers.shown(item.share, (low, high)).text if low is not None else ''}")
    desc = f"Share of the whole battery solved, as known after each round. {'; '.join(told)}."
    return curves.narrowing(drawn, found.wanted, title="What was known after each round", desc=desc)


def _series(view: View, person: Participant, family: str | None = None) -> charts.Series:
    dots = []
    for level in view.levels:
        item = view.cell(person.name, family=family, level=level).estimate
        if item is not None:
            dots.append(charts.Dot(level, item.value, *item.interval))
    return charts.Series(person.name, view.index[person.name], tuple(dots), person.kind != "model")


def _told(view: View, person: Participant, family: str | None = None) -> str:
    texts = []
    for level in view.levels:
        cell = view.cell(person.name, family=family, level=level)
        if cell.estimate is not None:
            texts.append(f"level {level} {cell.counts}")
    return f"{person.name}: {', '.join(texts)}" if texts else ""


def _axis(found: Horizon, at: float) -> float:
    return math.log2(at) if found.axis == "minutes" else at


def _lying(found: Horizon, item: EstimateRecord) -> Dot:
    ends = [None if end is None else _axis(found, end) for end in (item.value, *item.interval)]
    return Dot(0, *ends)
