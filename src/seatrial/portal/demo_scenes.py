"""Made-up submissions in every state of the lifecycle, each by the acts that lead there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.framework.consent import Activity, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.two_key import KeyAction
from seatrial.installation import submitted_runs
from seatrial.portal.demo_course import HOUR, Course
from seatrial.portal.demo_parties import ADA, AMY, CARL, DEE, EVE, LIN, TESS, Player
from seatrial.rounds import go_round
from seatrial.withdrawing.act import withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.installation import Installation

Then = tuple[float, "Callable[[Course, Installation], None]"]
"""Hours that pass, and what somebody does then."""

WAY: tuple[tuple[float, str], ...] = (
    (0, "draft"),
    (6, "submitted"),
    (20, "terms"),
    (24, "proposal"),
    (5, "agreed"),
    (20, "planned"),
    (12, "opened"),
    (2, "preflight"),
    (2, "running"),
    (60, "ended"),
    (30, "drafted"),
    (12, "delivered"),
    (80, "signed"),
    (20, "handed_over"),
    (10, "closed"),
)
"""The way of a submission that nobody stops, in hours from step to step."""
DAY = 24.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One made-up submission: how far it goes on its way, what else happens, and how long ago that was."""

    code_name: str
    upto: str
    ago: float
    then: tuple[Then, ...] = ()
    owner: Player = ADA
    state: str = ""

    def play(self, installation: Installation, now: datetime) -> Course:
        """Let it happen, so that its last act was `ago` hours before `now`."""
        steps = self._steps()
        start = now - (self.ago + sum(hours for hours, _ in steps)) * HOUR
        course = Course(installation.house, start, self.code_name, self.owner)
        for hours, step in steps:
            step(course.later(hours), installation)
        found = course.standing().state
        if self.state and found != self.state:
            raise RuntimeError(f"{self.code_name}: came to {found} and not to {self.state}")
        return course

    def _steps(self) -> list[Then]:
        if self.upto == "inquiry":
            return [(0.0, lambda course, _: course.inquiry()), *self.then]
        last = [name for _, name in WAY].index(self.upto)
        return [*((hours, _by_name(name)) for hours, name in WAY[: last + 1]), *self.then]


def _by_name(name: str) -> Callable[[Course, Installation], None]:
    return lambda course, _: getattr(course, name)()


def _paused(course: Course, _: Installation) -> None:
    course.act(course.owner, "pause", reason="on_request")


def _incident(course: Course, _: Installation) -> None:
    course.act(EVE, "stop_for_incident")


def _half_resumed(course: Course, _: Installation) -> None:
    digest = course.standing().documents[-1].digest
    course.desk(LIN).turn(course.name, KeyAction.RESUME_AFTER_INCIDENT, digest)


def _interim(course: Course, _: Installation) -> None:
    course.act(EVE, "issue_interim")


def _commented(course: Course, _: Installation) -> None:
    words = b"# Comment\n\nThe budget of tokens was half of what we serve to customers; say so beside the figures.\n"
    course.act(CARL, "comment", papers=(("comment", words),))


def _referred(course: Course, _: Installation) -> None:
    course.act(DEE, "record_reference")


def _declined(course: Course, _: Installation) -> None:
    course.act(LIN, "decline", reason="capacity")


def _window_ended(course: Course, _: Installation) -> None:
    course.house.tick(course.name, course.at)


def _withdrawn(course: Course, installation: Installation) -> None:
    who = course.owner.actor
    withdrawn(
        installation.custody,
        submitted_runs(course.house.home),
        lambda: installation,
        course.name,
        course.at,
        lambda _: who,
    )


def _purged(course: Course, installation: Installation) -> None:
    go_round(installation, course.at)


def _shared(course: Course, _: Installation) -> None:
    """The agency's reader is granted the report."""
    course.consent(
        Activity.SHARE_RESULTS, Recipient("bureau", Role.EVALUATOR), Recipient("north", AMY.role), classes="R"
    )
    standing, viewer = course.standing(), course.desk(course.owner).viewer
    consent, report = standing.consents[-1], next(one for one in standing.documents if one.kind == "report")
    grant = Grant(
        id=course.house.new_id("grt"),
        consent=consent.id,
        object=course.name,
        data_class=DataClass.R,
        actions=frozenset({Action.READ}),
        organisation="north",
        role=AMY.role,
        purpose=Purpose.REPORT,
        not_before=course.at,
        expires=min(consent.expires, course.at + timedelta(days=30)),
        object_version=report.version,
    )
    course.house.permissions.grant(viewer, course.name, grant.within(consent))


SCENES = (
    Scene("kestrel-2", "inquiry", 2 * DAY, ((20, _referred),), state="inquiry"),
    Scene("plover-1", "draft", 3 * DAY, state="draft"),
    Scene("sanderling-4", "submitted", 5, owner=TESS, state="submitted"),
    Scene("curlew-3", "proposal", 3, state="terms"),
    Scene("dunlin-5", "planned", 9, state="agreed"),
    Scene("godwit-2", "opened", 6, owner=TESS, state="access_open"),
    Scene("avocet-1", "preflight", 1, state="preflight"),
    Scene("osprey-6", "running", 20, ((70, _interim),), state="running"),
    Scene("petrel-3", "running", 7, ((30, _paused),), state="paused"),
    Scene("fulmar-8", "running", 4, ((40, _incident), (3, _half_resumed)), state="incident_hold"),
    Scene("gannet-2", "ended", 11, state="review"),
    Scene("skua-4", "drafted", 8, owner=TESS, state="draft_report"),
    Scene("tern-7", "delivered", 10, ((20, _commented),), state="developer_comment"),
    Scene("puffin-5", "signed", 2 * DAY, ((10, _shared),), state="report_issued"),
    Scene("razorbill-1", "handed_over", 1 * DAY, state="handoff"),
    Scene("shearwater-2", "closed", 3 * DAY, state="closed"),
    Scene("turnstone-6", "opened", 2 * DAY, ((15 * DAY, _window_ended),), state="expired"),
    Scene("whimbrel-3", "terms", 4 * DAY, ((20, _declined),), state="declined"),
    Scene("phalarope-2", "running", 2, ((12, _withdrawn),), state="withdrawn"),
    Scene("guillemot-4", "closed", 1 * DAY, ((40 * DAY, _purged),), owner=TESS, state="purged"),
)
"""One for each state; the clock of each shows something."""
