"""The forms of an offer and of an inquiry: a code name, digests, what access is given, for what and how long.

Nothing asks for the model's name, and nothing for the date of a release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import RegexValidator

from seatrial.framework.identifier import DIGEST, ID, ID_LENGTH
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, Variant
from seatrial.offering import DAYS, PURPOSES, Offering
from seatrial.portal.forms.once import Once
from seatrial.portal.forms.step import words

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Actor

MOST_DAYS = 3650
MOST_HOURS = 10_000
LONGEST = 4000
_ID = RegexValidator(rf"\A(?:{ID.pattern})\Z", "Use lowercase letters, digits and - between words.")
_DIGEST = RegexValidator(rf"\A{DIGEST.pattern}\Z", "Write sha256: and 64 lowercase hex digits.")
LEVELS = {
    "AL1": "AL1: inputs and outputs",
    "AL2": "AL2: also reasoning text, log-probabilities, system prompt or safeguard switches",
    "AL3": "AL3: weights or activations",
}


class OfferForm(Once):
    """What a developer offers under one pack."""

    code_name = forms.CharField(
        max_length=ID_LENGTH,
        validators=[_ID],
        help_text="Stands for the model everywhere; its real name is asked for nowhere. For example: heron-7",
    )
    digest = forms.CharField(
        max_length=71,
        validators=[_DIGEST],
        label="Digest of its identity record",
        help_text="Over weights, system prompt, safeguards and sampling defaults, as you declare it: sha256: and 64 "
        "hex digits. A new checkpoint, prompt or setting is a new digest and a new offer.",
    )
    evaluator = forms.CharField(max_length=ID_LENGTH, validators=[_ID], help_text="The organisation, by its id.")
    variant = forms.ChoiceField(
        choices=[(one.value, words(one)) for one in Variant], widget=forms.RadioSelect, initial=Variant.PRODUCT.value
    )
    form = forms.ChoiceField(
        label="Form of access", choices=[(one.value, words(one)) for one in AccessForm], widget=forms.RadioSelect
    )
    level = forms.ChoiceField(label="Level of access", choices=list(LEVELS.items()), widget=forms.RadioSelect)
    hours = forms.IntegerField(
        label="Hours of access", min_value=0, max_value=MOST_HOURS, help_text="0 leaves them to the agreement."
    )
    purposes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="What may be done with it; nobody can consent to training on it."
    )
    days = forms.IntegerField(
        label="The offer lapses after (days)", min_value=1, max_value=MOST_DAYS, help_text="Unless you withdraw before."
    )
    served_as = forms.CharField(
        label="The model's id at its endpoint",
        max_length=200,
        required=False,
        help_text="Left out: the code name. Not shown to others than the two sides.",
    )

    def __init__(self, policy: PolicyPack, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        self.policy = policy
        known = policy.holders(Role.EVALUATOR_LEAD)
        self.fields["purposes"].choices = [(one.value, words(one)) for one in sorted(self.open_purposes())]  # type: ignore[attr-defined]
        first: dict[str, object] = {
            "evaluator": known[0] if known else "",
            "form": AccessForm.HOSTED_ENDPOINT.value,
            "level": AccessLevel.AL1.value,
            "hours": 0,
            "purposes": sorted(self.open_purposes() & PURPOSES),
            "days": DAYS,
        }
        for name, value in first.items():
            self.fields[name].initial = value
        self.fields["evaluator"].help_text += f" This pack knows: {', '.join(known)}." if known else ""

    def open_purposes(self) -> frozenset[Purpose]:
        """The purposes of the pack that an offer can have."""
        return self.policy.course.purposes - {Purpose.INQUIRY}

    def offering(self, actor: Actor, at: datetime) -> Offering:
        """The offer, of whoever acts."""
        given = self.cleaned_data
        return Offering(
            actor=actor,
            at=at,
            policy=self.policy,
            evaluator=given["evaluator"],
            code_name=given["code_name"],
            digest=given["digest"],
            variant=Variant(given["variant"]),
            access=AccessProfile(AccessForm(given["form"]), AccessLevel(given["level"]), hours=given["hours"]),
            purposes=frozenset(Purpose(one) for one in given["purposes"]) | self.own_purposes(),
            days=given["days"],
            served_as=given["served_as"],
        )

    def own_purposes(self) -> frozenset[Purpose]:
        """What it is for by being this form."""
        return frozenset()


class InquiryForm(OfferForm):
    """A question to the organisations that are ticked, before anything is offered."""

    recipients = forms.MultipleChoiceField(label="Addressed to", widget=forms.CheckboxSelectMultiple)
    shared = forms.CharField(
        label="What you share for this inquiry",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Goes to the organisations ticked and to nobody else. Nothing classified may be written here.",
    )
    contact = forms.CharField(max_length=200, help_text="Where an answer reaches you.")
    field_order = ("recipients", "shared", "contact")

    def __init__(self, policy: PolicyPack, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(policy, *args, **kwargs)
        asked = policy.holders(Role.DESIGNATION_LIAISON)
        named = [(name, policy.organisations[name].name) for name in asked]
        self.fields["recipients"].choices = named  # type: ignore[attr-defined]
        self.fields["evaluator"].help_text = (
            "Who would evaluate, should you go on; it learns nothing of an inquiry. "
            + str(self.fields["evaluator"].help_text)
        )

    def own_purposes(self) -> frozenset[Purpose]:
        """An inquiry is one of them."""
        return frozenset({Purpose.INQUIRY})
