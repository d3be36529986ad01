"""A form that is one act, however often it is sent: a hidden number by which the house knows the same one again.

Sent without its number, it is an act each time.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django import forms

NUMBER_BYTES = 16  # nobody guesses one, and no two pages get the same


class Once(forms.Form):
    """A form with its number."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        kwargs["initial"] = {"once": secrets.token_hex(NUMBER_BYTES), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    @property
    def request_digest(self) -> str:
        """The same for a form that is sent again; empty without a number."""
        given = self.cleaned_data.get("once")
        return f"sha256:{hashlib.sha256(f'form {given}'.encode()).hexdigest()}" if given else ""
