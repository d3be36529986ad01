"""The form of a consent: one activity, for which purposes, to whom, of which classes, from when until when."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import RegexValidator

from seatrial.framework.access import SUBJECT_CLASSES
from seatrial.framework.consent import Activity, BadConsent, Consent, Recipient
from seatrial.framework.data_class import CONTENT, DataClass
from seatrial.framework.identifier import ID, ID_LENGTH
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.paperwork import subject_of, terms_digest
from seatrial.portal.forms.once import Once
from seatrial.portal.forms.step import words

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.portal.about import About

READERS = (
    Role.EVALUATOR,
    Role.EVALUATOR_LEAD,
    Role.DESIGNATION_LIAISON,
    Role.AGENCY_READER,
    Role.TRUSTED_PARTNER,
    Role.RUNNER,
)
WORDS = {
    Activity.INQUIRE: "be asked a question",
    Activity.SHARE_DOSSIER: "read the dossier",
    Activity.EVALUATE: "evaluate while access is open",
    Activity.EVALUATE_REDUCED_SAFEGUARDS: "evaluate with reduced safeguards",
    Activity.HOLD_WEIGHTS: "hold sealed weights",
    Activity.ANALYSIS_AFTER_WINDOW: "analyse results after access has ended",
    Activity.SHARE_RESULTS: "receive results",
    Activity.PARTNER_ACCESS: "use the model as a trusted partner",
    Activity.SEND_TO_FOREIGN_GRADER: "be sent to a grader of another developer",
    Activity.PUBLISH_REPORT: "publish the report, with two keys",
}
"""What whoever is named may do, as a person reads it."""
PUBLISHING: dict[str, object] = {
    "activity": Activity.PUBLISH_REPORT.value,
    "purposes": [Purpose.REPORT.value],
    "classes": [DataClass.R.value],
}
"""What a form begins with that a page on a publication leads to."""


class ConsentForm(Once):
    """A consent that is given."""

    activity = forms.ChoiceField(
        label="They may", choices=[(one.value, said) for one, said in WORDS.items()], widget=forms.RadioSelect
    )
    organisation = forms.CharField(
        max_length=ID_LENGTH,
        validators=[RegexValidator(rf"\A(?:{ID.pattern})\Z", "Use lowercase letters, digits and - between words.")],
        help_text="By its id.",
    )
    roles = forms.MultipleChoiceField(
        label="In these roles",
        choices=[(one.value, words(one)) for one in READERS],
        widget=forms.CheckboxSelectMultiple,
    )
    purposes = forms.MultipleChoiceField(label="For these purposes", widget=forms.CheckboxSelectMultiple)
    classes = forms.MultipleChoiceField(
        label="Of these classes of data",
        choices=[(one.value, f"{one.value}: {CONTENT[one]}") for one in sorted(SUBJECT_CLASSES)],
        widget=forms.CheckboxSelectMultiple,
    )
    expires = forms.DateTimeField(label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))

    def __init__(self, here: About, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        self._here = here
        subject = subject_of(here.standing)
        self.fields["purposes"].choices = [(one.value, words(one)) for one in sorted(subject.purposes)]  # type: ignore[attr-defined]
        first: dict[str, object] = {
            "activity": Activity.EVALUATE.value,
            "organisation": here.standing.evaluator,
            "roles": [Role.EVALUATOR.value, Role.EVALUATOR_LEAD.value],
            "purposes": sorted(subject.purposes & {Purpose.EVALUATE, Purpose.REPORT}),
            "classes": [DataClass.M.value, DataClass.P.value, DataClass.T.value, DataClass.S.value, DataClass.K.value],
            "expires": subject.expires.astimezone(UTC),
        }
        if here.request.GET.get("activity") == Activity.PUBLISH_REPORT:
            first |= PUBLISHING
        for name, value in first.items():
            self.fields[name].initial = value

    def consent(self, name: str, now: datetime) -> Consent:
        """The consent. Raises `BadConsent`, which says what does not fit."""
        given, here = self.cleaned_data, self._here
        subject = subject_of(here.standing)
        expires = given["expires"].astimezone(UTC)
        if expires > subject.expires:
            raise BadConsent("the consent would outlast the offer; choose an earlier end")
        return Consent(
            id=name,
            subject=subject.id,
            activity=Activity(given["activity"]),
            purposes=frozenset(Purpose(one) for one in given["purposes"]),
            recipients=frozenset(Recipient(given["organisation"], Role(one)) for one in given["roles"]),
            classes=frozenset(DataClass(one) for one in given["classes"]),
            not_before=now,
            expires=expires,
            terms_digest=terms_digest(here.pack),
            signer=here.desk.actor.person,
            given_at=now,
        )
