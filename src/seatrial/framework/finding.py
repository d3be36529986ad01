"""The lifecycle of a finding: from a candidate to a published fix, or to the reason why it is none.

- Nobody but a person signs off; high and critical ratings take two, neither of whom found it.
- Whoever found it does not verify it: `finder` is a mark of every finding, and no row of a verifier is open to it.
- No state lets anybody keep a finding: one that waits shows a reason and a day of review at most 14 days away.
- The withdrawal of a submission moves no finding. It strips it, and what is left is followed to its end.
- Every intake is in exactly one state.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.disclosure import Embargo
from seatrial.framework.lifecycle import Asked, Case, Lifecycle, rows
from seatrial.framework.participant import Role
from seatrial.framework.requirement import brought, mark, reason, when
from seatrial.framework.standing import Actor, Effect, Kind, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

REVIEW_DAYS = 14  # our decision: a finding that waits is looked at again within two weeks
SERIOUS = ("high", "critical")
RATINGS = ("none", "low", "medium", *SERIOUS)

STATES: Mapping[str, str] = MappingProxyType(
    {
        "candidate": "Something was reported that may be a vulnerability; nobody has reproduced it.",
        "reproduced": "It was shown again in a fresh box, or proved without a crash, by somebody who did not find it.",
        "not_reproduced": "It could not be shown again; new evidence reopens it.",
        "known": "It is already public under a number or a fix.",
        "out_of_scope": "It is no vulnerability of other people's software, for a stated reason.",
        "clustered": "It is grouped with the findings that share its root cause.",
        "duplicate": "It is the same as another one, which keeps the credit of both.",
        "rated": "An analyst has rated it; a high or critical rating is provisional.",
        "signed_off": "People have taken responsibility for the rating.",
        "queued": "It waits to be sent, for a reason and until a day of review that both are visible.",
        "reported": "It has reached somebody who can fix it; from this day the clocks run.",
        "acknowledged": "The maintainer has answered.",
        "escalated": "Nobody answered, so an external coordinator has it.",
        "disputed": "The maintainer holds that it is none; it is verified again.",
        "fix_in_progress": "The maintainer works on a fix.",
        "wont_fix": "The maintainer will not fix it.",
        "fix_available": "A fix is public.",
        "fix_verified": "The same reproducer triggers before the fix and not after it.",
        "advisory_published": "Those who run the software have been told.",
        "details_published": "All is public; nothing is left to do.",
        "retracted": "It was mistaken, and whoever was told has been told so.",
    }
)
FINAL = frozenset({"details_published"})
SENT = "reported acknowledged escalated disputed fix_in_progress wont_fix fix_available fix_verified"
_BEFORE_ADVISORY = (
    "candidate reproduced not_reproduced known out_of_scope clustered duplicate rated signed_off queued " + SENT
)
_OPEN = " ".join(state for state in STATES if state not in FINAL)

ANALYST, VERIFIER, COORDINATOR, MAINTAINER = "analyst", "verifier", "coordinator", "maintainer"


def belongs(standing: Standing, actor: Actor) -> bool:
    """Whether somebody may act on this finding: a maintainer on those about its own product only."""
    if actor.role == Role.MAINTAINER:
        return bool(standing.mark("vendor")) and actor.organisation == standing.mark("vendor")
    return True


def embargo(standing: Standing) -> Embargo | None:
    """Its clocks, once it has reached somebody; None before."""
    day0 = standing.date("day0")
    if day0 is None:
        return None
    return Embargo(day0, standing.date("exploited"), standing.date("fix_public"), standing.date("public"))


def told(standing: Standing) -> str:
    """The organisation that this finding was reported to because the product is its own; empty before that."""
    reached = standing.kind is Kind.FINDING and standing.date("day0") is not None
    return standing.mark("vendor") if reached else ""


def _not_finder(case: Case) -> bool:
    return case.act.actor.person != case.standing.mark("finder")


def _two_writers(case: Case) -> bool:
    """An oracle script, or two written reviews by two people, none of them the finder."""
    if case.act.brings("oracle_script"):
        return True
    reviews = [document for document in case.act.documents if document.kind == "written_review"]
    writers = {signer for document in reviews for signer in document.signers}
    return len(reviews) >= 2 and len(writers - {case.standing.mark("finder")}) >= 2


def _people_responsible(case: Case) -> bool:
    """Two analysts for a serious rating, one for any other; the finder counts for none."""
    signers = {
        signer for document in case.act.documents if document.kind == "decision_record" for signer in document.signers
    } | {case.act.actor.person}
    needed = 2 if case.standing.mark("rating") in SERIOUS else 1
    return len(signers - {case.standing.mark("finder")}) >= needed


def _review_near(case: Case) -> bool:
    date = case.act.date
    return date is not None and case.now < date <= case.now + timedelta(days=REVIEW_DAYS)


def _paced(case: Case) -> bool:
    """A token of the maintainer's capacity; what is exploited needs none."""
    return case.act.brings("pacing_token") or case.standing.date("exploited") is not None


def _silent(case: Case) -> bool:
    """Nobody answered in time, or there is nobody to ask."""
    clock, day0 = case.pack.clock("no_response"), case.standing.date("day0")
    attempted = case.standing.date("first_attempt") or day0
    if case.standing.mark("no_contact"):
        return True
    return attempted is not None and case.now >= attempted + timedelta(hours=clock.hours)


def _basis(case: Case) -> bool:
    """Why others may be told: the fix is public, the clock is due, it is public already, or all parties agree."""
    clocks = embargo(case.standing)
    due = clocks is not None and case.now >= clocks.advisory_due(case.pack)
    known = case.standing.date("fix_public") is not None or case.standing.date("public") is not None
    return due or known or case.act.brings("agreement_of_all_parties")


def _details_due(case: Case) -> bool:
    clocks = embargo(case.standing)
    return clocks is not None and case.now >= clocks.details_due(case.pack)


def _taken_in(case: Case) -> Standing:
    standing = case.standing.with_mark("finder", case.act.actor.person)
    for name in ("vendor", "origin"):
        standing = standing.with_mark(name, case.act.mark(name))
    return standing


def _marked(name: str, case: Case) -> Standing:
    return case.standing.with_mark(name, case.act.mark(name))


def _dated(name: str, case: Case, date: datetime | None = None) -> Standing:
    return case.standing.with_date(name, case.standing.date(name) or date or case.now)


def _fixed(case: Case) -> Standing:
    dated = _dated("fix_public", case, case.act.date)
    return dated.with_mark("fixed_version", case.act.mark("fixed_version"))


def _queued(case: Case) -> Standing:
    standing = case.standing.with_mark("wait_reason", case.act.reason).with_date("review_by", case.act.date)
    return standing.with_mark("no_contact", case.act.mark("no_contact"))


def _sent(case: Case) -> Standing:
    standing = case.standing.with_date("first_attempt", case.standing.date("first_attempt") or case.now)
    return standing.with_date("review_by", None).with_mark("wait_reason", "").with_date("day0", case.now)


_NOT_FINDER = when("somebody who did not find it", _not_finder)
_SOON = when(f"a day of review within {REVIEW_DAYS} days", _review_near, Asked("date"))

# fmt: off
TRANSITIONS = (
    *rows("-", "intake", f"evaluator runner {ANALYST}", "candidate", *brought("provenance", "commitment"), mark("tlp",
          "TLP:AMBER+STRICT"), records=_taken_in),
    *rows("candidate", "reproduce", VERIFIER, "reproduced", _NOT_FINDER, *brought("replay_record")),
    *rows("candidate", "reproduce_none", VERIFIER, "not_reproduced", _NOT_FINDER, *brought("replay_record")),
    *rows("candidate", "confirm_logic", f"{ANALYST} {VERIFIER}", "reproduced", _NOT_FINDER,
          when("an oracle script or two written reviews, none by the finder", _two_writers)),
    *rows("candidate reproduced clustered", "mark_known", ANALYST, "known", mark("known_as"),
          records=lambda case: _marked("known_as", case)),
    *rows("candidate reproduced clustered", "mark_out_of_scope", ANALYST, "out_of_scope", reason()),
    *rows("reproduced", "cluster", f"runner {ANALYST}", "clustered", mark("cluster"),
          records=lambda case: _marked("cluster", case)),
    *rows("reproduced clustered", "mark_duplicate", f"runner {ANALYST}", "duplicate", mark("dup_of"),
          records=lambda case: _marked("dup_of", case)),
    *rows("duplicate", "unmerge", ANALYST, "reproduced", reason(), records=lambda case: _marked("dup_of", case)),
    *rows("not_reproduced known out_of_scope retracted", "reopen", ANALYST, "candidate", *brought("new_evidence")),
    *rows("clustered", "rate", ANALYST, "rated", mark("rating", *RATINGS), *brought("rating_record"),
          records=lambda case: _marked("rating", case)),
    *rows("rated", "sign_off", ANALYST, "signed_off", _NOT_FINDER, *brought("decision_record"),
          when("two people for a high or critical rating", _people_responsible)),
    *rows("signed_off", "enqueue", COORDINATOR, "queued", *brought("contact_log"), reason(),
          _SOON, records=_queued),
    *rows("queued", "review_wait", COORDINATOR, "queued", reason(), _SOON, records=_queued),
    *rows("queued", "send_report", COORDINATOR, "reported", *brought("report_with_label", "reproducer"),
          when("a pacing token, unless it is exploited", _paced), effects=(Effect.NOTIFY,), records=_sent),
    *rows("reported escalated", "acknowledge", f"{MAINTAINER} {COORDINATOR}", "acknowledged"),
    *rows("reported", "escalate", COORDINATOR, "escalated", *brought("coordinator_reference"),
          when("silence until the clock is due, or no contact", _silent)),
    *rows("acknowledged fix_in_progress", "dispute", MAINTAINER, "disputed", reason()),
    *rows("disputed", "reverify", VERIFIER, "acknowledged", _NOT_FINDER, *brought("replay_record")),
    *rows("acknowledged escalated", "start_fix", MAINTAINER, "fix_in_progress"),
    *rows("acknowledged escalated", "decline_fix", MAINTAINER, "wont_fix", reason()),
    *rows("reported acknowledged escalated fix_in_progress wont_fix disputed", "publish_fix",
          f"{MAINTAINER} {COORDINATOR}", "fix_available", mark("fixed_version"),
          records=_fixed),
    *rows("fix_available", "verify_fix", VERIFIER, "fix_verified", _NOT_FINDER, *brought("replay_record")),
    *rows("fix_available", "fix_incomplete", VERIFIER, "fix_in_progress", _NOT_FINDER, *brought("replay_record"),
          records=lambda case: case.standing.with_date("fix_public", None).with_mark("fixed_version", "")),
    *rows(SENT, "publish_advisory", COORDINATOR, "advisory_published", *brought("advisory"),
          when("a basis: fix public, clock due, public already, or all parties agree", _basis),
          effects=(Effect.NOTIFY,), records=lambda case: _dated("advisory", case)),
    *rows("advisory_published", "publish_details", COORDINATOR, "details_published", *brought("details"),
          when("the clock of the details due, or all public already", _details_due), effects=(Effect.NOTIFY,)),
    *rows(_BEFORE_ADVISORY, "retract", ANALYST, "retracted", reason(), effects=(Effect.NOTIFY,)),
    *rows(_OPEN, "note_exploited", f"{ANALYST} {COORDINATOR}", "same", *brought("exploitation_evidence"),
          effects=(Effect.NOTIFY,), records=lambda case: _dated("exploited", case, case.act.date)),
    *rows(_OPEN, "note_public", f"{ANALYST} {COORDINATOR}", "same", *brought("publication_evidence"),
          records=lambda case: _dated("public", case, case.act.date)),
)
# fmt: on

FINDING = Lifecycle(Kind.FINDING, TRANSITIONS, STATES, FINAL, belongs)
