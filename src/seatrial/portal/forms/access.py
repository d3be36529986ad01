"""The forms of access: until when it is open, and who stops it for what reason."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms

from seatrial.framework.submission import PAUSE_REASONS
from seatrial.portal.forms.step import words


class UntilForm(forms.Form):
    """The agreed end of access."""

    until = forms.DateTimeField(
        label="Access ends at (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    @property
    def end(self) -> datetime:
        """In UTC."""
        given: datetime = self.cleaned_data["until"]
        return given.astimezone(UTC)


class PauseForm(forms.Form):
    """A pause, and whose fault it is for."""

    reason = forms.ChoiceField(choices=[(one, words(one)) for one in PAUSE_REASONS], widget=forms.RadioSelect)
