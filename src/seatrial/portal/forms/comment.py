"""The form of a comment on a draft report."""

from __future__ import annotations

from django import forms

from seatrial.portal.forms.once import Once
from seatrial.storage.stores.papers import MAX_PAPER_BYTES


class CommentForm(Once):
    """The developer's comment, as text or as a file; it is annexed to the report whole."""

    text = forms.CharField(
        label="Your comment",
        required=False,
        max_length=MAX_PAPER_BYTES,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="It is annexed to the report whole and unchanged.",
    )
    file = forms.FileField(label="Or a file", required=False)

    def clean(self) -> dict[str, object]:
        """One of the two."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if bool(cleaned.get("text")) == bool(file):
            self.add_error("text", "Write the comment or choose a file; one of the two.")
        if file and file.size > MAX_PAPER_BYTES:
            self.add_error("file", f"A paper has at most {MAX_PAPER_BYTES // 2**20} MiB.")
        return cleaned

    @property
    def content(self) -> bytes:
        """What was written."""
        given = self.cleaned_data
        return bytes(given["file"].read()) if given.get("file") else str(given["text"]).encode()
