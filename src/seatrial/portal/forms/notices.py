"""The forms of notices: where one reads mail and what of it one wants, the code that came, and a new feed."""

from __future__ import annotations

from django import forms

from seatrial.notices.addresses import DIGITS
from seatrial.notices.seven import zones

ADDRESS_LENGTH = 254
NAME_LENGTH = 40


class ContactForm(forms.Form):
    """Where and when one reads mail."""

    address = forms.EmailField(
        label="Mail address",
        max_length=ADDRESS_LENGTH,
        help_text="Seen by nobody else. A code is sent there first.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    zone = forms.ChoiceField(
        label="Time zone",
        choices=[(name, name.replace("_", " ")) for name in zones()],
        help_text="Where seven is seven.",
    )
    notices = forms.BooleanField(
        label="When something waits for me", required=False, help_text="At most one mail an hour about one submission."
    )
    digest = forms.BooleanField(
        label="A digest at seven in the morning",
        required=False,
        help_text="What is due and what changed; none on a day with neither.",
    )

    def clean_address(self) -> str:
        """An address in plain letters, which every mail server takes."""
        address = str(self.cleaned_data["address"])
        if not address.isascii():
            raise forms.ValidationError("Write the address in plain letters (ASCII); others may not reach you.")
        return address


class CodeForm(forms.Form):
    """The code that came by mail."""

    code = forms.CharField(
        label="Code",
        max_length=DIGITS,
        help_text=f"The {DIGITS} digits from the mail.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class FeedForm(forms.Form):
    """What a feed is for, in one's own words."""

    name = forms.CharField(
        label="For which calendar or reader", max_length=NAME_LENGTH, help_text="So that you know which one to revoke."
    )
