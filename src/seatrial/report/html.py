"""The page that people read: one file, no script, nothing loaded from anywhere.

`render` is a pure function of an `Assessment`. The view turns the record into what the template shows: tables, words
and pictures. No estimate is computed on the way; every number that is printed stands in the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.report import charts, numbers, pictures, words
from seatrial.report.pages import environment, style
from seatrial.report.table import count, counted, levels_in_words, span
from seatrial.report.view import View

if TYPE_CHECKING:
    from seatrial.report.assessment import Assessment


def render(assessment: Assessment, digest: str) -> str:
    """The page; `digest` is the SHA-256 of assessment.json."""
    page = environment().get_template("report.html.j2")
    return page.render(
        v=View(assessment, digest),
        a=assessment,
        style=style("report.css"),
        kinds=words.KINDS,
        outcomes=words.OUTCOMES,
        reasons=words.REASONS,
        modes=words.MODES,
        quantities=words.QUANTITIES,
        key=charts.key,
        of=numbers.of,
        shown=numbers.shown,
        tenth=numbers.tenth,
        chance=numbers.chance,
        pictures=pictures,
        qualifiers=numbers.words,
        percent=numbers.percent,
        budget_share=words.budget_share,
        count=count,
        counted=counted,
        span=span,
        spoken=words.spoken,
        listed=words.listed,
        levels_in_words=levels_in_words,
        money=words.money,
        minutes=words.minutes,
        period=words.period,
        when=words.when,
    )
