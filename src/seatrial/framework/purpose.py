"""Purposes: what a consent or a grant is for. No consent is for everything, and some purposes no consent can have."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Purpose(StrEnum):
    """What a record may be used for; one grant names one."""

    INQUIRY = "inquiry"
    EVALUATE = "evaluate"
    REPORT = "report"
    COMMENT = "comment"
    REPRODUCE = "reproduce"
    REMEDIATE = "remediate"
    NOTIFY = "notify"
    AUDIT = "audit"


FORBIDDEN_PURPOSES = frozenset({"train", "distil", "market", "rank_participation"})  # no pack and no consent adds one


class BadPurpose(ValueError):
    """A purpose that is not known, or that nobody can consent to."""


def purpose(written: str, field: str) -> Purpose:
    """The purpose of that name.

    Raises:
        BadPurpose: unknown, or one of `FORBIDDEN_PURPOSES`.
    """
    if written in FORBIDDEN_PURPOSES:
        raise BadPurpose(f"{field}: {written!r} is a purpose that no consent can have")
    try:
        return Purpose(written)
    except ValueError as error:
        known = ", ".join(Purpose)
        raise BadPurpose(f"{field}: {written!r} is not a purpose; known: {known}") from error


def check_purposes(given: Iterable[Purpose], field: str) -> frozenset[Purpose]:
    """At least one purpose, each known.

    Raises:
        BadPurpose: none at all, or one that is not known.
    """
    found = frozenset(purpose(item, field) for item in given)
    if not found:
        raise BadPurpose(f"{field}: no purpose; name at least one of {', '.join(Purpose)}")
    return found
