r"""Documents: what a step rests on, by digest; and their text, filled in from a template of the pack.

- A `Document` holds no content: a kind, a version, a digest, who signed, and when.
- A template is plain Markdown with `{{name}}` places. Every place must be filled and every value used: a document
  never shows less than was agreed, and never a place that was forgotten.

>>> render("# {{title}}\n", {"title": "Access receipt"})
'# Access receipt\n'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seatrial.framework.participant import Role

_PLACE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_LEFT = re.compile(r"\{\{|\}\}")


class TemplateError(ValueError):
    """A template and its values do not fit: names the places."""


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one paper; `signers` are person ids, `kind` is one that the pack or a lifecycle names."""

    kind: str = field(metadata=classed(DataClass.P))
    version: int = field(metadata=classed(DataClass.P))
    digest: str = field(metadata=classed(DataClass.P))
    organisation: str = field(metadata=classed(DataClass.P))
    signers: tuple[str, ...] = field(metadata=classed(DataClass.P))
    at: datetime = field(metadata=classed(DataClass.P))
    data_class: DataClass = field(default=DataClass.P, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        check_id(self.kind, "document.kind")
        check_id(self.organisation, "document.organisation")
        check_digest(self.digest, "document.digest")
        if self.version < 1:
            raise ValueError(f"document.version: {self.version}; versions count from 1")
        for signer in self.signers:
            check_id(signer, "document.signers")
        object.__setattr__(self, "at", utc(self.at, "document.at"))


@dataclass(frozen=True, slots=True)
class DocumentRule:
    """What a pack says of a kind of document: the event that needs or issues it, who signs, what its text shows."""

    kind: str
    required_at: str
    issued_at: str
    signers: frozenset[Role]
    fields: tuple[str, ...]
    template: str
    source: str
    effective_from: str


def places(template: str) -> frozenset[str]:
    """The names of the places in a template."""
    return frozenset(_PLACE.findall(template))


def render(template: str, values: Mapping[str, str]) -> str:
    """The text of a document.

    Raises:
        TemplateError: a place without a value, a value without a place, or a brace that is no place.
    """
    wanted = places(template)
    if missing := wanted - values.keys():
        raise TemplateError(f"no value for {', '.join(sorted(missing))}")
    if unused := values.keys() - wanted:
        raise TemplateError(f"the template has no place for {', '.join(sorted(unused))}")
    if _LEFT.search(_PLACE.sub("", template)):
        raise TemplateError("a double brace that is no place; places are written {{name}}")
    return _PLACE.sub(lambda found: values[found.group(1)], template)
