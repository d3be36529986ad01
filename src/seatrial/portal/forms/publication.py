"""The form of a proposal to publish: from which day on everybody may read the public edition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from seatrial.publishing import DEFAULT_HOURS


class EditionForm(forms.Form):
    """The day of a publication."""

    public_from = forms.DateTimeField(
        label="Public from (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Until then either side stops it alone. A time that has passed: at once with both keys.",
    )

    def __init__(self, now: datetime, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        first = (now + timedelta(hours=DEFAULT_HOURS)).replace(second=0, microsecond=0)
        kwargs.setdefault("initial", {"public_from": first})
        super().__init__(*args, **kwargs)

    @property
    def day(self) -> datetime:
        """The day, in whole seconds."""
        given: datetime = self.cleaned_data["public_from"]
        return given.astimezone(UTC).replace(microsecond=0)
