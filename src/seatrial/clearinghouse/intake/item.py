"""What a reader makes of bytes: drafts of findings, and faults that say where, what, and what to do.

- A reader takes one `Source` and gives items one at a time; one bad item never stops the rest.
- A draft holds the bytes of its artefacts. What names the model (`facts`) stands apart: it goes to the origin.
- What a source does not say comes from the `Defaults` that whoever hands it in has given; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.clearinghouse.finding import (
    EXPLOITS,
    AiOrigin,
    ArtefactRole,
    Claim,
    Compartment,
    Evidence,
    FinderSeverity,
    Recipe,
    Reference,
    ReporterKind,
    Target,
    Unread,
)
from seatrial.framework.data_class import Tlp


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes as they were handed in, and the name they had."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What whoever hands findings in says of all of them."""

    target: Target = field(default_factory=Target)
    recipe: Recipe | None = None
    reporter_kind: ReporterKind = ReporterKind.TOOL
    ai_origin: AiOrigin = AiOrigin.NONE
    tlp: Tlp = Tlp.TLP_AMBER_STRICT


@dataclass(frozen=True, slots=True)
class File:
    """One artefact with its bytes."""

    role: ArtefactRole
    name: str
    data: bytes = field(repr=False)
    media_type: str = "application/octet-stream"

    @property
    def compartment(self) -> Compartment:
        """Where its bytes lie: by its role."""
        return Compartment.EXPLOIT if self.role in EXPLOITS else Compartment.ADVISORY


@dataclass(frozen=True, slots=True)
class Facts:
    """What goes to the origin: names of models and tools, the run, pointers into transcripts."""

    model: tuple[str, ...] = ()
    run: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding as a reader found it. `attention`: why a person has to look before anything runs."""

    where: str
    target: Target
    claim: Claim
    files: tuple[File, ...] = ()
    recipe: Recipe | None = None
    severity: FinderSeverity | None = None
    references: tuple[Reference, ...] = ()
    marks: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unread: tuple[Unread, ...] = ()
    reporter_kind: ReporterKind = ReporterKind.TOOL
    ai_origin: AiOrigin = AiOrigin.NONE
    tlp: Tlp = Tlp.TLP_AMBER_STRICT
    attention: str = ""
    facts: Facts = field(default_factory=Facts)

    def under(self, defaults: Defaults) -> Draft:
        """The draft with what its source left open."""
        target = self.target if self.target != Target() else defaults.target
        given = {name: getattr(defaults.target, name) for name in Target.model_fields if not getattr(target, name)}
        same = defaults.target.project in ("", target.project) or not (target.purl or target.product_name)
        return replace(
            self,
            target=target.model_copy(update=given) if same else target,
            recipe=self.recipe or defaults.recipe,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """An item that could not be read."""

    where: str
    what: str
    to_do: str
    whole: bool = True
    """Whether it speaks of the whole source; else of one item in it."""


class Unreadable(ValueError):
    """A source, or a part of it, that is not what it was taken for."""

    def __init__(self, where: str, what: str, to_do: str) -> None:
        super().__init__(f"{where}: {what}. {to_do}")
        self.fault = Fault(where, what, to_do)


Item = Draft | Fault
Reader = Callable[[Source, Defaults], Iterator[Item]]


def as_dict(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The object that JSON holds here. Raises `Unreadable`."""
    if isinstance(value, dict):
        return value
    raise Unreadable(where, f"is {_kind(value)} and must be an object", "Write {...} there")


def as_list(value: Any, where: str) -> list[Any]:  # noqa: ANN401 - JSON
    """The array that JSON holds here; none is an empty one. Raises `Unreadable`."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise Unreadable(where, f"is {_kind(value)} and must be an array", "Write [...] there")


def as_text(value: Any, where: str) -> str:  # noqa: ANN401 - JSON
    """The text that JSON holds here; none is empty. Raises `Unreadable`."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise Unreadable(where, f"is {_kind(value)} and must be a text", 'Write "..." there')


def _kind(value: Any) -> str:  # noqa: ANN401 - JSON
    return {dict: "an object", list: "an array", str: "a text", bool: "true or false", type(None): "null"}.get(
        type(value), "a number"
    )
