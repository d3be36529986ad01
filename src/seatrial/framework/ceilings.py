"""What no pack may do, whatever its policy says: the rules, and how a written pack is held to them.

- Lifecycles are code: a pack adds, drops and re-aims no edge, and it makes no condition for a withdrawal.
- No role is everybody's; a role fits the kind of organisation that holds it.
- Two keys stay two keys, and a window stays within 720 hours.
- There is no class for classified content, and no purpose that nobody can consent to.
- What is fixed in every agreement stays fixed; words are added to the list and none is taken away.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seatrial.framework.matrix import CLASSIFIED
from seatrial.framework.participant import OrganisationKind, Role
from seatrial.framework.purpose import FORBIDDEN_PURPOSES
from seatrial.framework.terms import FIXED_TERMS
from seatrial.framework.two_key import RULES, KeyAction, KeyRule
from seatrial.framework.vocabulary import NEVER, folded
from seatrial.framework.window import CEILING_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RULES_OF_PACKS: Mapping[str, str] = MappingProxyType(
    {
        "lifecycle-is-code": "lifecycles are code: a pack adds, drops or re-aims no step",
        "withdrawal-is-free": "a withdrawal has no condition: no document, key, clock or term stands before it",
        "no-role-for-everyone": "a role is held by a named organisation, never by everybody",
        "role-fits-kind": "an organisation holds only roles of its kind",
        "matrix-ceiling": "a cell goes beyond what the code grants at most",
        "no-classified-class": "there is no class for classified content",
        "two-keys": "fewer keys than the code asks for",
        "window-ceiling": f"access is open for at most {CEILING_HOURS} hours",
        "forbidden-purpose": "a purpose that no consent can have",
        "vocabulary": "a word that never stands anywhere",
        "fixed-term": "a term that stands in every agreement",
        "words-only-added": "a pack may add words to the list; it takes none away",
    }
)

_LIFECYCLE_WORDS = frozenset({"lifecycle", "transition", "state", "event", "edge", "step"})
_EVERYONE = frozenset({"everyone", "everybody", "all", "any", "anyone", "public", "*"})
FREE_EVENTS = frozenset(
    {
        "withdraw",
        "revoke_consent",
        "pause",
        "stop_for_incident",
        "decline",
        "record_release_date",
        "record_partner_date",
        "window_end",
        "lapse",
        "stop_publication",
    }
)  # protective, or the developer's alone: nothing may be demanded before them

_AGENCY_ROLES = frozenset(Role) - {Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL, Role.MAINTAINER, Role.PUBLIC}
_CASE_ROLES = frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.CLEARINGHOUSE_LEAD})
ROLES_OF_KIND: Mapping[OrganisationKind, frozenset[Role]] = MappingProxyType(
    {
        OrganisationKind.DEVELOPER: frozenset({Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL, Role.MAINTAINER}),
        OrganisationKind.EVALUATOR: _AGENCY_ROLES - {Role.CLEARINGHOUSE_LEAD, Role.TRUSTED_PARTNER},
        OrganisationKind.AGENCY: _AGENCY_ROLES - {Role.TRUSTED_PARTNER},
        OrganisationKind.CLEARINGHOUSE: _CASE_ROLES,
        OrganisationKind.PARTNER: frozenset({Role.TRUSTED_PARTNER}),
        OrganisationKind.INFRASTRUCTURE: frozenset({Role.INFRASTRUCTURE_OPERATOR}),
        OrganisationKind.VENDOR: frozenset({Role.MAINTAINER}),
        OrganisationKind.AUDITOR: frozenset({Role.AUDITOR}),
    }
)

Finding = tuple[str, str]  # the rule, and what is said


def of_table(name: str) -> Finding | None:
    """A table that no pack has, for a reason of principle."""
    words = set(folded(name).split())
    if words & {"withdrawal", "withdraw", "withdrawals"}:
        return "withdrawal-is-free", f"[{name}]: a withdrawal has no condition"
    if words & (_LIFECYCLE_WORDS | {f"{word}s" for word in _LIFECYCLE_WORDS}):
        return "lifecycle-is-code", f"[{name}]: lifecycles are code; a pack asks for documents at events that exist"
    return None


def of_key(table: str, name: str, value: Any) -> Finding | None:  # noqa: ANN401 - whatever the file says
    """A key that no entry has, for a reason of principle."""
    if table == "terms" and name in FIXED_TERMS:
        return None if value is True else ("fixed-term", f"{name} stands in every agreement; it cannot be {value!r}")
    if set(folded(name).split()) & {"withdrawal", "withdraw"}:
        return "withdrawal-is-free", f"{name}: a withdrawal has no condition"
    if table == "vocabulary" and name != "extra":
        return "words-only-added", f"{name}: a pack may add words under `extra` and takes none away"
    return None


def of_holding(values: Mapping[str, Any], kind: OrganisationKind | None) -> Iterator[Finding]:
    """A role for everybody, or one that its holder cannot have."""
    organisation, role = str(values.get("organisation", "")), str(values.get("role", ""))
    if organisation in _EVERYONE or role == Role.PUBLIC:
        yield "no-role-for-everyone", f"{role} for {organisation}: name the organisation that holds it"
    elif kind is not None and role in set(Role) and Role(role) not in ROLES_OF_KIND[kind]:
        fitting = ", ".join(sorted(ROLES_OF_KIND[kind]))
        yield "role-fits-kind", f"{organisation} is of kind {kind} and cannot be {role}; it can be {fitting}"


def of_event(event: str, *, demanded: bool) -> Iterator[Finding]:
    """A document demanded before a step that is free."""
    if demanded and event in FREE_EVENTS:
        rule = "withdrawal-is-free" if event in {"withdraw", "revoke_consent"} else "lifecycle-is-code"
        yield rule, f"required_at = {event!r}: nothing can be demanded before it"


def of_clock(values: Mapping[str, Any]) -> Iterator[Finding]:
    """A window beyond the ceiling, or one that is none."""
    if values.get("id") != "access_window":
        return
    hours = values.get("hours")
    if isinstance(hours, int) and hours > CEILING_HOURS:
        yield "window-ceiling", f"hours = {hours}: at most {CEILING_HOURS}"
    if values.get("kind") != "ceiling":
        yield "window-ceiling", "the window of access is of kind ceiling: it never pauses and never grows"


def of_terms(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Access beyond the ceiling, or retention of a class that does not exist."""
    hours = values.get("access_hours")
    if isinstance(hours, int) and hours > CEILING_HOURS:
        yield "window-ceiling", f"access_hours = {hours}: at most {CEILING_HOURS}"
    retention = values.get("retention_hours")
    if isinstance(retention, dict) and CLASSIFIED in retention:
        yield "no-classified-class", f"retention_hours.{CLASSIFIED}: there is no class for classified content"


def of_purposes(purposes: Any) -> Iterator[Finding]:  # noqa: ANN401 - whatever the file says
    """A purpose that nobody can consent to."""
    for name in purposes if isinstance(purposes, list) else ():
        if name in FORBIDDEN_PURPOSES:
            yield "forbidden-purpose", f"{name!r} is a purpose that no consent can have"


def of_two_key(values: Mapping[str, Any], rule: KeyRule | None) -> Iterator[Finding]:
    """Keys for a withdrawal, or fewer keys than the code asks for."""
    action = values.get("action")
    if action in {"withdraw", "revoke_consent"}:
        yield "withdrawal-is-free", f"action = {action!r}: the developer withdraws alone"
    elif action in set(KeyAction) and (rule is None or not rule.at_least(RULES[KeyAction(action)])):
        least = RULES[KeyAction(action)]
        sides = " + ".join("/".join(sorted(side)) for side in (least.first, least.second))
        yield "two-keys", f"{action} takes at least {sides}, apart, for at most {least.vote_hours} hours"


def of_extra_words(words: Any) -> Iterator[Finding]:  # noqa: ANN401 - whatever the file says
    """A word that is meant to be taken from the list."""
    for word in words if isinstance(words, list) else ():
        if isinstance(word, str) and word.startswith(("-", "!")):
            known = "is on the list" if folded(word) in NEVER else "is not on the list"
            yield "words-only-added", f"{word!r}: {folded(word)!r} {known}; words are only added"
