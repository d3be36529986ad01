"""The forms of access: until when it is open, who stops it for what reason, and what custody is sent."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms

from seatrial.custody.credential import DIALECTS
from seatrial.custody.deposit import MAX_KEY_BYTES
from seatrial.framework.submission import PAUSE_REASONS
from seatrial.portal.forms.once import Once
from seatrial.portal.forms.step import words

LONGEST_URL = 2048


class UntilForm(Once):
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


class DepositForm(forms.Form):
    """What the browser sends to custody's process; no page of the portal ever reads it."""

    token = forms.CharField(widget=forms.HiddenInput)
    submission = forms.CharField(widget=forms.HiddenInput)
    base_url = forms.CharField(
        label="Address of the endpoint",
        max_length=LONGEST_URL,
        widget=forms.URLInput,
        help_text="Begins with https://; no user, password or query in it.",
    )
    dialect = forms.ChoiceField(
        label="The shape of its requests",
        choices=[(one, one) for one in DIALECTS],
        initial=DIALECTS[0],
        widget=forms.RadioSelect,
    )
    key = forms.CharField(
        max_length=MAX_KEY_BYTES,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="One line. It is sealed at once and shown to nobody again.",
    )
