"""What every record of the room is: frozen, closed to unknown fields, and one canonical text.

- Canonical bytes are the RFC 8785 form of the fields that differ from their defaults. A field that a later version adds
  with a default changes no id of an older record.
- Addresses and other 64-bit values are hex texts: RFC 8785 knows no integer beyond 2^53 - 1.
- A text holds whole Unicode characters; a lone surrogate has no canonical form and is refused.
"""

from __future__ import annotations

from typing import Any

import rfc8785
from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record. Two of equal content are equal, and so are their bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def fields(self) -> dict[str, Any]:
        """The JSON form, without what is as it is by default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of `fields`."""
        return rfc8785.dumps(self.fields())
