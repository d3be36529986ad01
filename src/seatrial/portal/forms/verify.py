"""The form of a check: a file, and where one has them, the public key and the witnesses that one trusts."""

from __future__ import annotations

from typing import Any

from django import forms

from seatrial.ledger.errors import LedgerError
from seatrial.ledger.note import read_verifier
from seatrial.ledger.policy import Policy
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

MAX_POLICY_CHARACTERS = 20_000


class VerifyForm(forms.Form):
    """What one holds."""

    file = forms.FileField(
        label="The file",
        help_text="A receipt (.tlog-proof), an assessment.json, or a bundle (.zip) with one. At most 16 MiB.",
    )
    key = forms.CharField(
        label="Public key of the log",
        required=False,
        max_length=300,
        help_text="One line, from somewhere else than the file. Without it, this installation's own key is used.",
    )
    policy = forms.CharField(
        label="Witness policy",
        required=False,
        max_length=MAX_POLICY_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The lines of a tlog-policy file: whose cosignatures count for you, and how many.",
    )

    def clean_file(self) -> Any:  # noqa: ANN401 - Django's own
        """Not too long to be looked at here."""
        file = self.cleaned_data["file"]
        if file.size > MAX_PAPER_BYTES:
            raise forms.ValidationError("The file is longer than 16 MiB; check it offline.")
        return file

    def clean_key(self) -> str:
        """A key that can be read."""
        text = str(self.cleaned_data["key"]).strip()
        if text:
            try:
                read_verifier(text)
            except LedgerError as error:
                raise forms.ValidationError(str(error)) from error
        return text

    def clean_policy(self) -> Policy | None:
        """A policy that can be read; None without one."""
        text = str(self.cleaned_data["policy"]).strip()
        try:
            return Policy.parse(f"{text}\n".encode()) if text else None
        except LedgerError as error:
            raise forms.ValidationError(str(error)) from error
