"""The forms of an agreement: what its pack leaves open, and the papers that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from seatrial.paperwork import left_open
from seatrial.portal.forms.step import words
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.framework.terms import Terms

AMOUNTS = {
    "tokens": "The review may use at most (tokens)",
    "microdollars": "The review may use at most (millionths of a dollar)",
    "calls": "The review may use at most (calls)",
}
LARGEST = 2**53 - 1


class ProposalForm(forms.Form):
    """What one side proposes to the other."""

    funding = forms.CharField(label="Who pays", max_length=200)
    incident_plan = forms.CharField(
        label="Plan for incidents",
        max_length=MAX_PAPER_BYTES,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="Whom each side tells, how fast, and who may stop the runs. Both sides sign it with the agreement.",
    )

    def __init__(self, terms: Terms, more: Sequence[str], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's
        super().__init__(*args, **kwargs)
        self.fields["funding"].initial = terms.funding
        self.more = tuple(more)
        for name in left_open(terms):
            self.fields[name] = forms.IntegerField(
                label=AMOUNTS[name], min_value=1, max_value=LARGEST, required=False, help_text="Left out: not agreed."
            )
        for kind in self.more:
            self.fields[f"paper-{kind}"] = forms.CharField(
                label=words(kind).capitalize(),
                max_length=MAX_PAPER_BYTES,
                widget=forms.Textarea(attrs={"rows": 6}),
                help_text="This pack asks for this paper as well.",
            )

    @property
    def amounts(self) -> dict[str, int | None]:
        """The budget, where it was left open."""
        return {name: self.cleaned_data.get(name) for name in AMOUNTS}

    @property
    def papers(self) -> dict[str, bytes]:
        """The further papers, by kind."""
        return {kind: self.cleaned_data[f"paper-{kind}"].encode() for kind in self.more}
