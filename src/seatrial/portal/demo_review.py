"""A finished review for the demonstration, run for real: sealed boxes, a made-up model, two participants, a report.

The steps before it lie in the past; it runs now, by the worker's own kinds of work, and its report is signed after.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.custody.credential import Endpoint
from seatrial.custody.deposit import AddressRules, deposit
from seatrial.custody.secret import Secret
from seatrial.drafting import Reports, draft_papers, outline, transcript_review
from seatrial.evaluation.jobs import Lane, UnitState
from seatrial.evaluation.queued import shown
from seatrial.evaluation.request import Request
from seatrial.framework.consent import Activity
from seatrial.portal.demo_course import HOUR, Course
from seatrial.portal.demo_model import made_up_model
from seatrial.portal.demo_parties import ADA, CARL, EVE, LIN
from seatrial.portal.demo_scenes import WAY
from seatrial.publishing import Publishing
from seatrial.reviewing import ReviewRuns, plan_papers
from seatrial.work.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seatrial.evaluation.jobs import Kind, PlanUnit
    from seatrial.installation import Installation

CODE_NAME = "heron-7"
REQUEST = Request(
    model=CODE_NAME,
    alias=CODE_NAME,
    participants=("reference", "null"),
    tier="screen",
    families=("crypto",),
    levels=(1,),
    instances=2,
    limit_turns=6,
)
"""Six attempts: enough for every page to have something, and over in less than a minute on two cores."""
OPEN_SINCE_H = 3.0
WAITS_S = 1.0
COMMENT = b"# Comment\n\nThe model was reached through the endpoint that we serve to nobody else; nothing to add.\n"
REMARKS = "The model of this demonstration is a script; its figures say nothing of any model."


@dataclass
class RealReview:
    """One submission, from its offer to its signed report."""

    installation: Installation
    kinds: Iterable[Kind]
    say: Callable[[str], None]

    def run(self, now: datetime) -> str:
        """Let it happen; the submission's id."""
        course = self._opened(now)
        with made_up_model() as url:
            self._deposited(course, url, now)
            course.at = datetime.now(UTC)
            course.act(EVE, "start_preflight")
            unit = self._worked(course)
        if unit.state is not UnitState.COMPLETE:
            raise RuntimeError(f"the review of the demonstration is {unit.state}: {unit.reason}")
        self._reported(course, unit)
        return course.name

    def _opened(self, now: datetime) -> Course:
        """The way to an open window, with the plan that will run."""
        last = [name for _, name in WAY].index("opened")
        steps = WAY[: last + 1]
        course = Course(self.installation.house, now - (OPEN_SINCE_H + sum(h for h, _ in steps)) * HOUR, CODE_NAME)
        for hours, name in steps:
            course.later(hours)
            if name == "planned":
                course.act(LIN, "register_plan", papers=plan_papers(course.standing(), REQUEST))
            else:
                getattr(course, name)()
        return course

    def _deposited(self, course: Course, url: str, now: datetime) -> None:
        custody = self.installation.custody
        endpoint = Endpoint(url, "openai", Secret(b"no-secret-of-anybody"), ADA.organisation, on_site=True)
        rules = AddressRules(frozenset({"127.0.0.1"}), on_site=True)
        deposit(course.name, endpoint, rules, vault=custody.vault, credentials=custody.credentials, now=now)

    def _worked(self, course: Course) -> PlanUnit:
        """Ask for the run and work until it is over, saying how far it is."""
        house = self.installation.house
        viewer = course.desk(EVE).viewer
        runs, over = ReviewRuns(house), threading.Event()
        unit = runs.ask(viewer, course.standing(), course.at)
        worker = Worker(house.jobs, self.kinds, {Lane.REVIEWS: 1, Lane.CHORES: 1}, say=_silent)
        thread = threading.Thread(target=worker.work, args=(over,))
        thread.start()
        told = ""
        while (unit := house.jobs.unit(viewer, unit.id)).open:
            if (line := shown(unit).line) != told:
                self.say(told := line)
            over.wait(WAITS_S)
        over.set()
        thread.join()
        return unit

    def _reported(self, course: Course, unit: PlanUnit) -> None:
        """From the end of the runs to the signature, each by whoever does it."""
        course.at = datetime.now(UTC)
        glance = ReviewRuns(course.house).glance(unit)
        course.act(EVE, "end_runs")
        reading = transcript_review((), (), "Nothing in them was out of the ordinary.")
        written = _text(glance, REMARKS)
        course.act(EVE, "send_draft", papers=(("transcript_review", reading), *draft_papers(written, glance)))
        course.act(LIN, "deliver_draft", papers=_draft(course))
        course.act(CARL, "comment", papers=(("comment", COMMENT),))
        reports = Reports(course.desk(LIN), course.standing())
        reports.sign(reports.text("draft"), course.house.home)
        self._published(course)

    @staticmethod
    def _published(course: Course) -> None:
        """Both sides agree on a public edition, from now on."""
        course.consent(Activity.PUBLISH_REPORT, classes="R")
        course.at = datetime.now(UTC)
        edition = Publishing(course.desk(LIN), course.standing()).propose(course.at)
        Publishing(course.desk(ADA), course.standing()).turn(edition.digest)


def _draft(course: Course) -> tuple[tuple[str, bytes], ...]:
    reports = Reports(course.desk(LIN), course.standing())
    return (("draft", reports.text("draft_written").encode()),)


def _text(glance: object, remarks: str) -> str:
    import json  # noqa: PLC0415

    from seatrial.report.assessment import Assessment  # noqa: PLC0415

    assessment = Assessment.model_validate(json.loads(glance.bytes("assessment.json")))  # type: ignore[attr-defined]
    return outline(assessment, ()).replace("(write here)", remarks)


def _silent(event: str, **fields: object) -> None:
    """The worker of the demonstration's first review says nothing."""
