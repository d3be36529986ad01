"""From the entries of a pack's file to its records, once their shape is known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seatrial.framework.clock import Clock, ClockKind
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import DocumentRule
from seatrial.framework.matrix import CLASSIFIED, Matrix
from seatrial.framework.pack import (
    Course,
    Entry,
    Holding,
    PackRef,
    PackStatus,
    PartnerList,
    PolicyPack,
    Source,
    SourceKind,
)
from seatrial.framework.participant import Organisation, OrganisationKind, Place, Role
from seatrial.framework.purpose import FORBIDDEN_PURPOSES, Purpose, check_purposes
from seatrial.framework.terms import BadTerms, Budget, Terms
from seatrial.framework.two_key import RULES, KeyAction, KeyRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from enum import StrEnum

CHOICES: Mapping[tuple[str, str], type[StrEnum]] = {
    ("pack", "status"): PackStatus,
    ("source", "kind"): SourceKind,
    ("organisation", "kind"): OrganisationKind,
    ("organisation", "place"): Place,
    ("holding", "role"): Role,
    ("clock", "kind"): ClockKind,
    ("clock", "owner"): Role,
    ("clock", "extender"): Role,
    ("course", "partners"): PartnerList,
    ("course", "purposes"): Purpose,
    ("document", "signers"): Role,
    ("two_key", "action"): KeyAction,
    ("two_key", "first"): Role,
    ("two_key", "second"): Role,
}
SAID_BY_CEILINGS = FORBIDDEN_PURPOSES | {"withdraw", "revoke_consent"}  # a rule of principle names these


@dataclass(frozen=True, slots=True)
class Files:
    """What the files that a pack names hold."""

    matrix: Matrix | None
    tables: Mapping[str, str]
    templates: Mapping[str, str]


def unknown_words(table: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Roles, kinds and other words that the code does not know: (rule, what is said)."""
    for key, value in values.items():
        choice = CHOICES.get((table, key))
        for word in (value if isinstance(value, list) else [value]) if choice else ():
            if choice and isinstance(word, str) and word not in set(choice) and word not in SAID_BY_CEILINGS:
                rule = "unknown-role" if choice is Role else "unknown-word"
                yield rule, f"{key} = {word!r} is not known; known: {', '.join(choice)}"
    if table == "document":
        if ("required_at" in values) == ("issued_at" in values):
            yield "missing-key", "give either required_at (the event that needs it) or issued_at (that makes it)"
        if ("template" in values) != ("sha256" in values):
            yield "missing-key", "a template is named with its sha256, and the other way round"


def key_rule(values: Mapping[str, Any]) -> KeyRule | None:
    """The rule of a [[two_key]] entry; None where its words are not known."""
    try:
        action = KeyAction(values["action"])
        return KeyRule(
            action,
            frozenset(map(Role, values["first"])),
            frozenset(map(Role, values["second"])),
            distinct_organisations=values["distinct_organisations"] is True,
            requester_votes=values.get("requester_votes", RULES[action].requester_votes) is True,
            vote_hours=int(values["vote_hours"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def assemble(
    ref: PackRef,
    head: Mapping[str, Any],
    made: Mapping[str, list[Any]],
    files: Files,
    entries: tuple[Entry, ...],
) -> PolicyPack:
    """The pack, of records that are all there."""
    if files.matrix is None:
        raise ValueError("a pack is assembled with its matrix")
    extra = next((entry.values["extra"] for entry in entries if entry.table == "vocabulary"), ())
    return PolicyPack(
        ref=ref,
        title=head["title"],
        schema=head["schema"],
        status=PackStatus(head["status"]),
        effective_from=str(head["effective_from"]),
        effective_to=str(head["effective_to"]) if "effective_to" in head else None,
        unverified=tuple(head["unverified"]),
        sources=MappingProxyType({item.id: item for item in made["source"]}),
        organisations=MappingProxyType({item.id: item for item in made["organisation"]}),
        holdings=tuple(made["holding"]),
        clocks=MappingProxyType({item.id: item for item in made["clock"]}),
        documents=MappingProxyType({item.kind: item for item in made["document"]}),
        key_rules=MappingProxyType({**RULES, **{item.action: item for item in made["two_key"]}}),
        terms=made["terms"][0],
        course=made["course"][0],
        matrix=files.matrix,
        tables=MappingProxyType(dict(files.tables)),
        templates=MappingProxyType(dict(files.templates)),
        extra_words=tuple(extra),
        entries=entries,
    )


def _source(values: Mapping[str, Any]) -> Source:
    said = {key: values[key] for key in ("id", "title", "publisher", "locator")}
    return Source(**said, date=str(values["date"]), kind=SourceKind(values["kind"]), quote=values.get("quote", ""))


def _organisation(values: Mapping[str, Any]) -> Organisation:
    return Organisation(
        id=values["id"],
        name=values["name"],
        kind=OrganisationKind(values["kind"]),
        federal_civilian=values["federal_civilian"],
        place=Place(values["place"]),
        source=values["source"],
        effective_from=str(values["effective_from"]),
    )


def _holding(values: Mapping[str, Any]) -> Holding:
    when = str(values["effective_from"])
    return Holding(values["organisation"], Role(values["role"]), values["scope"], values["source"], when)


def _clock(values: Mapping[str, Any]) -> Clock:
    return Clock(
        id=values["id"],
        starts=values["starts"],
        hours=values["hours"],
        kind=ClockKind(values["kind"]),
        owner=values["owner"],
        extra_hours=values.get("extra_hours", 0),
        extra_times=values.get("extra_times", 0),
        extender=values.get("extender", ""),
        pauses_on=tuple(values.get("pauses_on", ())),
    )


def _document(values: Mapping[str, Any]) -> DocumentRule:
    return DocumentRule(
        kind=values["kind"],
        required_at=values.get("required_at", ""),
        issued_at=values.get("issued_at", ""),
        signers=frozenset(map(Role, values["signers"])),
        fields=tuple(values["fields"]),
        template=values.get("template", ""),
        source=values["source"],
        effective_from=str(values["effective_from"]),
    )


def _two_key(values: Mapping[str, Any]) -> KeyRule:
    rule = key_rule(values)
    if rule is None:
        raise ValueError("is no rule of two keys")
    return rule


def _terms(values: Mapping[str, Any]) -> Terms:
    retention = {}
    for name, hours in values["retention_hours"].items():
        if name not in DataClass.__members__ or name == CLASSIFIED:
            raise BadTerms(f"retention_hours.{name}: is no data class")
        if not isinstance(hours, int) or isinstance(hours, bool) or hours < 0:
            raise BadTerms(f"retention_hours.{name} = {hours!r} must be a whole number of hours, 0 or more")
        retention[DataClass(name)] = hours
    budget = values.get("budget", {})
    if unknown := set(budget) - {"tokens", "microdollars", "calls"}:
        raise BadTerms(f"budget.{min(unknown)}: a budget has tokens, microdollars, calls")
    if wrong := [key for key, value in budget.items() if not isinstance(value, int) or isinstance(value, bool)]:
        raise BadTerms(f"budget.{wrong[0]} = {budget[wrong[0]]!r} must be a whole number")
    plain = ("access_hours", "agreed_end_required", "plan_hours", "comment_hours")
    more = ("analysis_after_window", "tos_waiver", "funding")
    return Terms(
        **{key: values[key] for key in (*plain, *more)},
        retention_hours=MappingProxyType(retention),
        budget=Budget(**budget),
    )


def _course(values: Mapping[str, Any]) -> Course:
    return Course(
        inquiry=values["inquiry"],
        partners=PartnerList(values["partners"]),
        findings_to=values["findings_to"],
        purposes=check_purposes(map(Purpose, values["purposes"]), "purposes"),
    )


BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "source": _source,
    "organisation": _organisation,
    "holding": _holding,
    "clock": _clock,
    "document": _document,
    "two_key": _two_key,
    "terms": _terms,
    "course": _course,
}
