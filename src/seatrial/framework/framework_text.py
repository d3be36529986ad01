"""The lifecycle of the framework's own text: a new version of a policy pack is proposed, commented on and adopted.

- Nobody adopts alone: two people of two organisations turn their keys on the digest of the very text, after two
  organisations or more other than the proposer's have commented on it.
- Whoever proposed it may revise it, and may withdraw it for as long as it is not adopted.
- Adopting a text changes no submission: each keeps the version that it pins.
- A text is nobody's secret: every organisation in a role that has a step here sees it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.lifecycle import Asked, Case, Lifecycle, rows
from seatrial.framework.participant import Role
from seatrial.framework.requirement import brought, when
from seatrial.framework.standing import Effect, Kind, Standing
from seatrial.framework.two_key import KeyAction, KeyRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.standing import Actor

LEAST_COMMENTERS = 2  # our decision: organisations other than the proposer's; "several" begins at two
_LEADING = frozenset({Role.EVALUATOR_LEAD, Role.CLEARINGHOUSE_LEAD, Role.DESIGNATION_LIAISON})
TEXT_KEYS = KeyRule(KeyAction.ADOPT_PACK, _LEADING, _LEADING)

STATES: Mapping[str, str] = MappingProxyType(
    {
        "proposed": "An agency has proposed a new text; others comment on it.",
        "revised": "Its proposer has answered comments with a new version, which is open to comments again.",
        "adopted": "Two organisations have adopted it; new submissions may choose it.",
        "superseded": "A later text has taken its place; submissions that pin it keep it.",
        "withdrawn": "Its proposer has taken it back.",
    }
)
FINAL = frozenset({"superseded", "withdrawn"})
_PROPOSERS = " ".join(sorted(_LEADING))
_COMMENTERS = f"{_PROPOSERS} agency_reader auditor developer_owner developer_counsel"
_OPEN = "proposed revised"


def belongs(standing: Standing, actor: Actor) -> bool:
    """Everybody whose role has a row may comment; what is the proposer's alone, its row says."""
    return bool(actor.organisation) and standing.kind is Kind.FRAMEWORK_TEXT


def commenters(standing: Standing) -> frozenset[str]:
    """The organisations that have commented."""
    return frozenset(standing.mark("commenters").split())


def current(standing: Standing) -> str:
    """The digest of the text as it stands; empty before there is one."""
    return next((document.digest for document in reversed(standing.documents) if document.kind == "pack_text"), "")


def _by_proposer(case: Case) -> bool:
    return case.act.actor.organisation == case.standing.mark("proposer")


def _commented(case: Case) -> bool:
    return len(commenters(case.standing) - {case.standing.mark("proposer")}) >= LEAST_COMMENTERS


def _turned(case: Case) -> bool:
    asked = case.act.key_request
    return (
        asked is not None
        and asked.object == case.standing.object
        and asked.digest == current(case.standing)
        and TEXT_KEYS.turned(asked, case.act.votes, case.now)
    )


def _proposed(case: Case) -> Standing:
    return case.standing.with_mark("proposer", case.act.actor.organisation)


def _noted(case: Case) -> Standing:
    names = commenters(case.standing) | {case.act.actor.organisation}
    return case.standing.with_mark("commenters", " ".join(sorted(names)))


_PROPOSER = when("its proposer's own act", _by_proposer)

# fmt: off
_ROWS = (
    *rows("-", "propose", _PROPOSERS, "proposed", *brought("pack_text"), effects=(Effect.NOTIFY,), records=_proposed),
    *rows(_OPEN, "comment", _COMMENTERS, "same", *brought("comment"), records=_noted),
    *rows(_OPEN, "revise", _PROPOSERS, "revised", _PROPOSER, *brought("pack_text", "versioned_diff"),
          effects=(Effect.VOID_VOTES, Effect.NOTIFY)),
    *rows(_OPEN, "adopt", _PROPOSERS, "adopted",
          when(f"comments of {LEAST_COMMENTERS} organisations beside the proposer's", _commented),
          when("two keys of two organisations on this very text", _turned, Asked("keys", (KeyAction.ADOPT_PACK,))),
          effects=(Effect.NOTIFY,)),
    *rows("adopted", "supersede", _PROPOSERS, "superseded", *brought("successor"), effects=(Effect.NOTIFY,)),
    *rows(_OPEN, "withdraw", _PROPOSERS, "withdrawn", _PROPOSER, effects=(Effect.VOID_VOTES, Effect.NOTIFY),
          protective=True),
)
# fmt: on

READERS = frozenset(Role(actor) for row in _ROWS for actor in row.actors)
"""Who sees every text there is, of whatever organisation: whoever has a step in its lifecycle."""

FRAMEWORK_TEXT = Lifecycle(Kind.FRAMEWORK_TEXT, _ROWS, STATES, FINAL, belongs)
