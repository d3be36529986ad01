"""What a model is called leaves the texts of a finding before its id is made: nothing can be taken out afterwards.

- Names that the origin knows (of at least three characters) become `[model]` in every text, and in artefacts that are
  text, where they stand as words.
- Bytes that trigger a vulnerability are never altered. Where a name stands in them, the item is not taken.

>>> Names(("Heron-7",)).out_of("found by heron-7, twice")
'found by [model], twice'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seatrial.clearinghouse.finding import EXPLOITS
from seatrial.clearinghouse.intake.item import Draft, File, Unreadable
from seatrial.clearinghouse.record import Record

SHORTEST = 3
"""Shorter names stand in too many words of code."""
WORD = "[model]"


@dataclass(frozen=True)
class Names:
    """What is taken out."""

    names: tuple[str, ...]

    @cached_property
    def _form(self) -> re.Pattern[str] | None:
        known = sorted({one.strip() for one in self.names if len(one.strip()) >= SHORTEST}, key=len, reverse=True)
        words = "|".join(map(re.escape, known))
        return re.compile(rf"(?<![0-9A-Za-z_])(?:{words})(?![0-9A-Za-z_])", re.IGNORECASE) if known else None

    @cached_property
    def _bytes(self) -> re.Pattern[bytes] | None:
        return re.compile(self._form.pattern.encode(), re.IGNORECASE) if self._form else None

    def out_of(self, text: str) -> str:
        """The text without them."""
        return self._form.sub(WORD, text) if self._form else text

    def out_of_draft(self, draft: Draft) -> Draft:
        """The draft without them.

        Raises:
            Unreadable: One stands in bytes that may not be altered.
        """
        if self._form is None:
            return draft
        changed: dict[str, Any] = {
            name: self._record(getattr(draft, name))
            for name in ("target", "claim", "recipe", "severity", "references", "evidence", "unread")
        }
        return replace(draft, **changed, files=tuple(self._file(one) for one in draft.files))

    def _record(self, value: Any) -> Any:  # noqa: ANN401 - any field of a record
        if isinstance(value, Record):
            found = {name: self._record(getattr(value, name)) for name in type(value).model_fields}
            return value.model_copy(update=found)
        if isinstance(value, tuple):
            return tuple(self._record(one) for one in value)
        if isinstance(value, dict):
            return {key: self._record(one) for key, one in value.items()}
        return self.out_of(value) if type(value) is str else value

    def _file(self, file: File) -> File:
        named = replace(file, name=self.out_of(file.name))
        if self._bytes is None or not self._bytes.search(file.data):
            return named
        if file.role in EXPLOITS:
            raise Unreadable(file.name, "holds a name of the model", "Take the name out and hand it in again")
        return replace(named, data=self._bytes.sub(WORD.encode(), file.data))
