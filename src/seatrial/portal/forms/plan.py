"""The form of a review's plan: what is drawn from the battery, what a run may use, what is tested afterwards.

- The model is the submission's own and stands in no field.
- What the form asks for is a `Request`, as at the command line; whether it can be met is the battery's to say.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from seatrial.battery.ladder import LEVELS
from seatrial.battery.packs import sources
from seatrial.battery.participants import PARTICIPANTS
from seatrial.battery.tiers import TIERS
from seatrial.evaluation.participants import REFERENCE
from seatrial.evaluation.request import Request
from seatrial.evaluation.rundir import RunError
from seatrial.reviewing import figures

if TYPE_CHECKING:
    from django.http import QueryDict

    from seatrial.framework.subject import Subject
    from seatrial.reviewing import Figures

MAX_INSTANCES = 100
"""For a family and level: the larger of the shipped tiers has ten."""
MAX_RUNS = 20_000
"""More than any tier has by a factor of eight; a slip of the pen, not a plan."""
MOST_TOKENS, MOST_HOURS = 10**12, 10_000


class PlanForm(forms.Form):
    """What somebody asks a review to be."""

    tier = forms.ChoiceField(
        choices=[(name, f"{name}: {tier.purpose}") for name, tier in TIERS.items()],
        initial="standard",
        help_text="Which families, levels and how many challenges of each are drawn, unless the fields below say more.",
    )
    families = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, required=False, help_text="None ticked: those of the tier."
    )
    levels = forms.MultipleChoiceField(
        choices=[(str(level), f"level {level}") for level in LEVELS],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None ticked: those of the tier.",
    )
    instances = forms.IntegerField(
        label="Challenges of each family and level", min_value=1, max_value=MAX_INSTANCES, required=False
    )
    participants = forms.MultipleChoiceField(
        label="Who runs beside the model",
        widget=forms.CheckboxSelectMultiple,
        initial=Request.participants,
        help_text="The same challenges without a model, so that the model's results have a measure beside them.",
    )
    precision = forms.DecimalField(
        label="Wanted precision (half-width, as a share)",
        min_value=Decimal("0.01"),
        max_value=Decimal("0.4"),
        required=False,
        help_text="0.05 is five points. Then challenges are picked in rounds, and fewer run.",
    )
    at_least = forms.CharField(
        label="Thresholds to test (shares)",
        max_length=100,
        required=False,
        help_text="For example 0.5, 0.8. Each is registered; the report tests whether success lies above it.",
    )
    limit_tokens = forms.IntegerField(label="Tokens of one attempt", min_value=1, max_value=MOST_TOKENS, required=False)
    limit_turns = forms.IntegerField(label="Turns of one attempt", min_value=1, max_value=100_000, required=False)
    limit_minutes = forms.IntegerField(label="Working minutes of one attempt", min_value=1, required=False)
    total_tokens = forms.IntegerField(
        label="Tokens of the whole review", min_value=1, max_value=MOST_TOKENS, required=False
    )
    total_hours = forms.IntegerField(
        label="Hours of the whole review", min_value=1, max_value=MOST_HOURS, required=False
    )
    total_usd = forms.DecimalField(label="U.S. dollars of the whole review", min_value=0, required=False)
    usd_input = forms.DecimalField(label="Dollars for a million input tokens", min_value=0, required=False)
    usd_output = forms.DecimalField(label="Dollars for a million output tokens", min_value=0, required=False)

    GROUPS = (
        ("What is drawn", ("tier", "families", "levels", "instances", "participants")),
        ("How precise, and what is tested", ("precision", "at_least")),
        ("What one attempt may use", ("limit_tokens", "limit_turns", "limit_minutes")),
        ("What the whole review may use", ("total_tokens", "total_hours", "total_usd", "usd_input", "usd_output")),
    )

    def __init__(self, subject: Subject, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        self.subject = subject
        self.figures: Figures | None = None
        self.fields["families"].choices = [(name, name) for name in sorted(sources())]  # type: ignore[attr-defined]  # a choice field
        names = (REFERENCE, *sorted(PARTICIPANTS))
        self.fields["participants"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]  # the same

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields by heading."""
        return [(heading, [self[name] for name in names]) for heading, names in self.GROUPS]

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What was chosen, to be sent once more."""
        data: QueryDict = self.data  # type: ignore[assignment]  # of a request, it always is
        return [(name, value) for name in self.fields for value in data.getlist(name) if value]

    def clean_at_least(self) -> tuple[str, ...]:
        """Shares between 0 and 1."""
        shares = tuple(part.strip() for part in self.cleaned_data["at_least"].split(",") if part.strip())
        for share in shares:
            try:
                inside = 0 < float(share) < 1
            except ValueError:
                inside = False
            if not inside:
                raise forms.ValidationError(f"{share} is no share between 0 and 1; write 0.5, 0.8.")
        return shares

    def clean(self) -> dict[str, Any]:
        """The request can be met, and its figures are known."""
        cleaned = super().clean() or self.cleaned_data
        if bool(cleaned.get("usd_input")) != bool(cleaned.get("usd_output")):
            self.add_error("usd_output", "Both prices, or neither.")
        if not self.errors:
            try:
                self.figures = figures(self.request())
            except (RunError, ValueError) as error:
                self.add_error(None, _said(str(error)))
        if self.figures and self.figures.runs > MAX_RUNS:
            self.add_error(None, f"This would be {self.figures.runs} runs; a review has at most {MAX_RUNS}.")
        return cleaned

    def request(self) -> Request:
        """What is asked for."""
        given = self.cleaned_data
        prices = (str(given["usd_input"]), str(given["usd_output"])) if given.get("usd_input") else ("", "")
        return Request(
            model=self.subject.served_model_id or self.subject.code_name,
            alias=self.subject.code_name,
            participants=tuple(given["participants"]),
            tier=given["tier"],
            families=tuple(given["families"]),
            levels=tuple(int(level) for level in given["levels"]),
            instances=given["instances"],
            limit_tokens=given["limit_tokens"],
            limit_turns=given["limit_turns"],
            limit_working_s=given["limit_minutes"] * 60 if given["limit_minutes"] else None,
            total_tokens=given["total_tokens"],
            total_usd=str(given["total_usd"]) if given["total_usd"] else None,
            total_s=given["total_hours"] * 3600 if given["total_hours"] else None,
            usd_per_million=prices,
            precision=str(given["precision"].normalize()) if given["precision"] else "",
            at_least=given["at_least"],
        )


_OPTIONS = (
    ("--total-usd needs the prices: --usd-per-million INPUT OUTPUT", "A limit in dollars needs both prices."),
    (
        "--at-least needs every instance run",
        "Thresholds are tested only where every challenge runs: leave the precision out.",
    ),
)


def _said(error: str) -> str:
    """A refusal in this form's words."""
    return next((words for option, words in _OPTIONS if error.startswith(option)), f"{error}.")
