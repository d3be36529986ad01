"""The form of a proposed text of the framework: a file, or what is written into the page."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms

from seatrial.adopted import MAX_TEXT_BYTES


class TextForm(forms.Form):
    """A policy pack."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64)
    file = forms.FileField(label="Policy (TOML file)", required=False, help_text="Copy the one in force and change it.")
    text = forms.CharField(
        label="Or its text",
        required=False,
        strip=False,
        max_length=MAX_TEXT_BYTES,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own
        kwargs.setdefault("initial", {"once": secrets.token_hex(16)})
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """A file, or a text; the file counts where both are there."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file and file.size > MAX_TEXT_BYTES:
            self.add_error("file", f"A policy has at most {MAX_TEXT_BYTES // 1024} KiB.")
        elif not file and not cleaned.get("text"):
            self.add_error("file", "Choose a file, or write the text below.")
        return cleaned

    @property
    def raw(self) -> bytes:
        """Its bytes; a browser sends a text with other ends of lines than a file has."""
        file = self.cleaned_data.get("file")
        if file:
            file.seek(0)
            return bytes(file.read())
        return str(self.cleaned_data["text"]).replace("\r\n", "\n").encode()

    def shown(self, raw: bytes) -> TextForm:
        """The same with the text in the page, so that it can be sent as it was looked at."""
        text = raw.decode("utf-8", "replace")
        return TextForm(initial={"once": self.cleaned_data["once"], "text": text})
