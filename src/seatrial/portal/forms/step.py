"""The form of one step of a lifecycle, made from what the step asks for; the same for every step there is.

- A paper is a file, or text written into the page; one of the two.
- A hidden number makes a form sent twice one act: the house answers the repeat as it answered the first.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC
from typing import TYPE_CHECKING, Any

from django import forms

from seatrial.desk import Brought
from seatrial.framework.lifecycle import Asked
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.desk import Offer

MAX_REASON = 2000
FILE, TEXT = "file", "text"
ASKED = {"candidates": "What was found in other people's software and still has to be handed over"}
SAID = {"0": "nothing"}
"""Of marks, what the rules' own words would not tell whoever reads them here."""

BESIDE = {
    "send_report": ("pacing_token",),
    "confirm_logic": ("oracle_script",),
    "publish_advisory": ("agreement_of_all_parties",),
}
"""Papers that a step rests on in some cases and not in others: each may be brought, none has to be."""


def words(name: str) -> str:
    """A word of the rules as a person reads it."""
    return name.replace("_", " ")


class StepForm(forms.Form):
    """What one step brings."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, offer: Offer, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        kwargs.setdefault("initial", {"once": secrets.token_hex(16)})
        super().__init__(*args, **kwargs)
        self.offer = offer
        for asked in offer.asks:
            self.fields.update(_fields(asked))
        for kind in self._beside():
            self.fields.update(_fields(Asked("document", (kind,))))

    def clean(self) -> dict[str, Any]:
        """Each paper is there once, as a file or as text."""
        cleaned = super().clean() or self.cleaned_data
        for kind in (*self._kinds(), *self._beside()):
            file, text = cleaned.get(f"{FILE}-{kind}"), cleaned.get(f"{TEXT}-{kind}")
            if bool(file) == bool(text) and (file or kind not in self._beside()):
                self.add_error(f"{FILE}-{kind}", "Choose a file or write the text below; one of the two.")
            if file and file.size > MAX_PAPER_BYTES:
                self.add_error(f"{FILE}-{kind}", f"A paper has at most {MAX_PAPER_BYTES // 2**20} MiB.")
        return cleaned

    @property
    def request_digest(self) -> str:
        """The same for a form that is sent again."""
        return "sha256:" + hashlib.sha256(f"form {self.cleaned_data['once']}".encode()).hexdigest()

    def brought(self) -> Brought:
        """What the person brings to the step."""
        given = self.cleaned_data
        papers = []
        for kind in (*self._kinds(), *self._beside()):
            file, text = given.get(f"{FILE}-{kind}"), given.get(f"{TEXT}-{kind}")
            if file or text:
                papers.append((kind, file.read() if file else str(text).encode()))
        date = given.get("date")
        marks = tuple((name, given[f"mark-{name}"]) for name in self._marks() if given[f"mark-{name}"])
        return Brought(
            papers=tuple(papers),
            reason=given.get("reason", ""),
            date=date.astimezone(UTC) if date else None,
            marks=marks,
        )

    def _kinds(self) -> Iterator[str]:
        yield from (asked.names[0] for asked in self.offer.asks if asked.kind == "document")

    def _beside(self) -> tuple[str, ...]:
        return BESIDE.get(self.offer.event, ())

    def _marks(self) -> Iterator[str]:
        yield from (asked.names[0] for asked in self.offer.asks if asked.kind == "mark")


def _fields(asked: Asked) -> dict[str, forms.Field]:
    if asked.kind == "document":
        kind = asked.names[0]
        return {
            f"{FILE}-{kind}": forms.FileField(label=f"{words(kind).capitalize()} (file)", required=False),
            f"{TEXT}-{kind}": forms.CharField(
                label=f"{words(kind).capitalize()} (text)",
                required=False,
                max_length=MAX_PAPER_BYTES,
                widget=forms.Textarea(attrs={"rows": 6}),
            ),
        }
    if asked.kind == "reason":
        return {"reason": _choice("Reason", asked.names) or forms.CharField(label="Reason", max_length=MAX_REASON)}
    if asked.kind == "date":
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
        return {"date": forms.DateTimeField(label="Date and time (UTC)", widget=widget)}
    if asked.kind == "mark":
        name, *known = asked.names
        label = ASKED.get(name) or words(name).capitalize()
        return {f"mark-{name}": _choice(label, tuple(known)) or forms.CharField(label=label, max_length=200)}
    return {}


def _choice(label: str, known: tuple[str, ...]) -> forms.Field | None:
    if not known:
        return None
    return forms.ChoiceField(
        label=label, choices=[(name, SAID.get(name) or words(name)) for name in known], widget=forms.RadioSelect
    )
