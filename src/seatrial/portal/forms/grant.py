"""The form of a grant: who reads the signed report, in which role, what for, until when."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import RegexValidator

from seatrial.framework.identifier import ID, ID_LENGTH
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.granting import Wanted, readers
from seatrial.paperwork import subject_of
from seatrial.portal.forms.once import Once
from seatrial.portal.forms.step import words

if TYPE_CHECKING:
    from seatrial.portal.about import About

DEFAULT_DAYS = 30
"""Of a grant: as long as somebody needs to read a report and ask."""


class GrantForm(Once):
    """A grant of the newest signed report."""

    organisation = forms.CharField(
        max_length=ID_LENGTH,
        validators=[RegexValidator(rf"\A(?:{ID.pattern})\Z", "Use lowercase letters, digits and - between words.")],
        help_text="By its id.",
    )
    role = forms.ChoiceField(label="Whoever acts there as", widget=forms.RadioSelect)
    purpose = forms.ChoiceField(label="For this purpose", widget=forms.RadioSelect)
    expires = forms.DateTimeField(
        label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def __init__(self, here: About, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        super().__init__(*args, **kwargs)
        subject = subject_of(here.standing)
        self.fields["role"].choices = [(one.value, words(one)) for one in readers(here.pack)]  # type: ignore[attr-defined]
        self.fields["purpose"].choices = [(one.value, words(one)) for one in sorted(subject.purposes)]  # type: ignore[attr-defined]
        self.fields["role"].initial = Role.AGENCY_READER.value
        self.fields["purpose"].initial = Purpose.REPORT.value
        first = min(here.desk.now + timedelta(days=DEFAULT_DAYS), subject.expires)
        self.fields["expires"].initial = first.astimezone(UTC).replace(second=0, microsecond=0)

    @property
    def wanted(self) -> Wanted:
        """What is granted."""
        given = self.cleaned_data
        until = given["expires"].astimezone(UTC)
        return Wanted(given["organisation"], Role(given["role"]), Purpose(given["purpose"]), until)
