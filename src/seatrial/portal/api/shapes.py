"""The shapes of what goes in and out: names, texts, papers, steps, and an object as it stands.

- Unknown fields are refused: a misspelt one never leaves a default in its place unseen.
- Times are UTC with their zone. Papers are base64; what is known of one elsewhere is its digest.
"""

# ruff: noqa: TC001 - the shapes' types are read when the API is made
from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.two_key import KeyAction
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

MOST_WORDS = 2000
MOST_PAPERS = 20
PAGE, MOST_PAGE = 100, 200


def _utf8(text: str) -> str:
    """Half a character is none, and nothing that a database keeps has a NUL in it."""
    if "\x00" in text:
        raise ValueError("has a NUL")
    return text


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64") from None
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["bureau"])]
"""An id."""
ObjectName = Annotated[
    str, Field(pattern=r"^[a-z]{3}_[0-9a-f]{32}$", examples=["sub_000102030405060708090a0b0c0d0e0f"])
]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64])]
Words = Annotated[str, Field(max_length=MOST_WORDS), AfterValidator(_utf8)]
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_utf8)]
Base64 = Annotated[
    str,
    Field(max_length=4 * (MAX_PAPER_BYTES // 3 + 1), json_schema_extra={"format": "byte"}, examples=["cGFwZXI="]),
    AfterValidator(_base64),
]
Cursor = Annotated[str, Field(max_length=120), AfterValidator(_utf8)]


class Given(Schema):
    """Something that is sent."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Given):
    """An empty object: the act needs nothing but its address."""


class PaperGiven(Given):
    """A paper that an act brings."""

    kind: Name = Field(examples=["dossier"])
    content: Base64

    @property
    def bytes(self) -> bytes:
        """What it says."""
        return base64.b64decode(self.content)


class RecipientGiven(Given):
    """An organisation in a role."""

    organisation: Name
    role: Role


class ConsentGiven(Given):
    """A consent, as far as its giver says it; the rest is filled in: who signs, when, for which subject and terms.

    With `id` alone it names a consent that is there, for the act that takes it back.
    """

    id: Name | None = None
    activity: Activity | None = None
    purposes: list[Purpose] = Field(default=[], max_length=len(Purpose))
    recipients: list[RecipientGiven] = Field(default=[], max_length=20)
    classes: list[DataClass] = Field(default=[], max_length=len(DataClass))
    expires: AwareDatetime | None = None


class StepGiven(Given):
    """One step of a lifecycle, with what it brings; `offers` of the object say which are open and what they ask for."""

    event: Name = Field(examples=["begin_terms"])
    papers: list[PaperGiven] = Field(default=[], max_length=MOST_PAPERS)
    consent: ConsentGiven | None = None
    reason: Words = ""
    date: AwareDatetime | None = None
    marks: dict[Name, Word] = Field(default={}, max_length=MOST_PAPERS)

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"event": "begin_terms", "papers": [{"kind": "capacity_note", "content": "cm9vbQ=="}]},
                {"event": "decline", "reason": "capacity"},
                {"event": "record_release_date", "date": "2026-12-01T09:00:00Z"},
            ]
        },
    )


class KeyGiven(Given):
    """A key that is turned: for which action, on which digest."""

    action: KeyAction
    digest: Digest


class Taken(Schema):
    """What an act came to: the state and version now, the entries of the record, and what is not carried out yet."""

    id: str
    state: str
    version: int
    entries: list[int]
    owed: bool = False
    outstanding: list[str] = Field(default=[])


class Asked(Schema):
    """What a step asks for: `document`, `reason`, `date`, `mark` or `keys`, and the names it is asked by."""

    kind: str
    names: list[str]


class Offer(Schema):
    """A step that is open to whoever asks; not possible while anything is missing."""

    event: str
    target: str
    asks: list[Asked]
    missing: list[str]


class Owed(Schema):
    """What is owed on an object, by whom, and by when; without a time, no clock runs."""

    name: str
    what: str
    owner: str
    by: datetime | None


class Turned(Schema):
    """A key that was turned."""

    organisation: str
    role: str
    at: datetime


class Keys(Schema):
    """An action of two keys: who has turned, and the roles of each side that is still to turn."""

    action: str
    digest: str
    at: datetime
    turned: list[Turned]
    missing: list[list[str]]


class Paper(Schema):
    """A paper that was brought, by its digest."""

    kind: str
    version: int
    digest: str
    organisation: str
    at: datetime
    data_class: str


class Recipient(Schema):
    """An organisation in a role."""

    organisation: str
    role: str


class Consent(Schema):
    """A consent of the developer."""

    id: str
    activity: str
    purposes: list[str]
    recipients: list[Recipient]
    classes: list[str]
    not_before: datetime
    expires: datetime
    revoked_at: datetime | None


class Step(Schema):
    """One step of a history; `entry` is its place in the record, none while that is owed."""

    seq: int
    at: datetime
    event: str
    to: str
    role: str
    entry: int | None


class Summary(Schema):
    """An object of a list."""

    id: str
    kind: str
    state: str
    since: datetime | None
    version: int
    code_name: str | None
    evaluator: str
    pack: str | None
    access_ends: datetime | None


class Page(Schema):
    """Objects, and where the next ones begin."""

    items: list[Summary]
    next: str


class Shown(Summary):
    """An object as it stands, for whoever asks."""

    meaning: str
    access_ends_by: str | None
    owed: list[Owed]
    offers: list[Offer]
    keys: list[Keys]
    papers: list[Paper]
    consents: list[Consent]
    steps: list[Step]


Record = dict[str, Any]
