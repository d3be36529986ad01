"""The forms of a review's end and of its report: deviations, a draft, a decision on a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from seatrial.drafting import MAX_TEXT
from seatrial.evaluation.scrutiny.rulings import MEANING, Decision
from seatrial.portal.forms.once import Once as Once  # noqa: PLC0414 - the form of a signature is nothing else
from seatrial.portal.forms.step import words

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_REMARKS = 20_000
MAX_REASON = 2_000


class DeviationsForm(Once):
    """What was done otherwise than planned."""

    deviations = forms.CharField(
        label="What was done otherwise than planned",
        max_length=MAX_REMARKS,
        widget=forms.Textarea(attrs={"rows": 14, "class": "st-tall"}),
        help_text="Begins with what the runs themselves tell. Write why, and what it means for the results.",
    )


class DraftForm(Once):
    """A draft's text, from one run."""

    text = forms.CharField(
        label="Text of the draft",
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 24, "class": "st-tall"}),
        help_text="Numbers stand in the run's own files, which go with it by their digests.",
    )
    remarks = forms.CharField(
        label="Remarks on the reading of transcripts",
        max_length=MAX_REMARKS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class RevisionForm(DraftForm):
    """A later draft, with an answer to the developer."""

    remarks = forms.CharField(
        label="Answer to the developer",
        max_length=MAX_REMARKS,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Which comments led to which change, and which did not, with the reason.",
    )


class DeliveryForm(Once):
    """The draft as the lead delivers it."""

    text = forms.CharField(
        label="Text of the draft", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 24, "class": "st-tall"})
    )


class RunChoice(forms.Form):
    """Which finished run a draft is written from."""

    run = forms.ChoiceField(label="Run")

    def __init__(self, runs: Sequence[tuple[str, str]], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's
        super().__init__(*args, **kwargs)
        self.fields["run"].choices = runs  # type: ignore[attr-defined]  # a choice field


class RulingForm(forms.Form):
    """How somebody reads a flagged sample."""

    decision = forms.ChoiceField(
        choices=[(str(one), f"{words(one).capitalize()}: {MEANING[one]}") for one in Decision],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Its developer sees the decision and the reason.",
    )
