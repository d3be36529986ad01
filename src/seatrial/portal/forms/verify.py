"""The form of a check: a file, and where one has them, the public key and the witnesses that one trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django import forms
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # public, unmarked

from seatrial.ledger.errors import LedgerError
from seatrial.ledger.note import read_verifier
from seatrial.ledger.policy import Policy
from seatrial.storage.stores.papers import MAX_PAPER_BYTES

if TYPE_CHECKING:
    from securesystemslib.signer import Key  # type: ignore[attr-defined]  # its names are public, unmarked

MAX_POLICY_CHARACTERS, MAX_PEM_CHARACTERS = 20_000, 4_000


class VerifyForm(forms.Form):
    """What one holds."""

    file = forms.FileField(
        label="The file",
        help_text="A receipt (.tlog-proof or .dsse.json), an assessment.json, or a bundle (.zip). At most 16 MiB.",
    )
    proof = forms.FileField(
        label="The proof beside it",
        required=False,
        help_text="For a receipt of a withdrawal or deletion: the .tlog-proof file that came with it.",
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

    signer = forms.CharField(
        label="Public key of a signer (PEM)",
        required=False,
        max_length=MAX_PEM_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Of a report, or of a receipt beside custody. Without it, this installation's own key is used.",
    )

    def clean_signer(self) -> Key | None:
        """A key that can be read; None without one."""
        text = str(self.cleaned_data["signer"]).strip()
        try:
            return SSlibKey.from_crypto(load_pem_public_key(text.encode())) if text else None
        except Exception as error:  # whatever the library finds wrong with foreign bytes, it is no key
            raise forms.ValidationError("This is no public key in the form PEM.") from error

    def clean_file(self) -> Any:  # noqa: ANN401 - Django's own
        """Not too long to be looked at here."""
        file = self.cleaned_data["file"]
        if file.size > MAX_PAPER_BYTES:
            raise forms.ValidationError("The file is longer than 16 MiB; check it offline.")
        return file

    def clean_proof(self) -> Any:  # noqa: ANN401 - Django's own
        """Not too long to be looked at here."""
        file = self.cleaned_data["proof"]
        if file and file.size > MAX_PAPER_BYTES:
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
