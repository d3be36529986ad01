"""What one developer's model said may reach another developer's model only if both are the same developer.

- Text of unreleased models goes to a judge or a scanner only when every owner of that text is the judge's owner.
- Text of two private owners together goes to nobody. Whatever is unknown is refused, and the refusal says what.
- Readers of an artefact are the intersection of the readers of every model in it; an unknown model leaves none.

Two places enforce it: when a judge's lease is issued, and at each of its calls in the gateway.

>>> may_send(frozenset({"lab-a"}), "lab-a").allowed
True
>>> print(may_send(frozenset({"lab-a", "lab-b"}), "lab-a").why)
text of more than one owner goes to nobody
>>> print(may_send(None, "lab-a").why)
it is unknown whose text this is
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN_WORDS = frozenset({"evaluate", "reproduce"})
"""Purposes of a lease whose requests carry no other model's words. Every other purpose states the owners."""
READS_OTHERS = frozenset({"judge", "scan"})
"""Purposes of a lease whose requests carry the words of other models."""
PURPOSES = OWN_WORDS | READS_OTHERS
"""All that the gateway serves; a lease for anything else calls nothing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may be sent; `why` names no organisation."""

    allowed: bool
    why: str = ""


def may_send(owners: frozenset[str] | None, receiver: str | None) -> Decision:
    """Whether text of `owners` (nobody: no private text at all) may be sent to a model of `receiver`."""
    if owners is None:
        return Decision(allowed=False, why="it is unknown whose text this is")
    if not receiver:
        return Decision(allowed=False, why="it is unknown whose model would read it")
    if not all(owners):
        return Decision(allowed=False, why="one of the owners of this text is unknown")
    if len(owners) > 1:
        return Decision(allowed=False, why="text of more than one owner goes to nobody")
    if owners - {receiver}:
        return Decision(allowed=False, why="this text and the model that would read it have different owners")
    return Decision(allowed=True)


def may_call(purpose: str, content_owners: Iterable[str] | None, receiver: str | None) -> Decision:
    """The rule for one call under a lease: its purpose, whose text it may hold, and who owns the endpoint.

    A lease that states owners is held to them; one that states none may only be for the model's own words.

    >>> may_call("evaluate", None, "lab-a").allowed, may_call("judge", None, "lab-a").allowed
    (True, False)
    """
    if purpose not in PURPOSES:
        return Decision(allowed=False, why="the lease is for a purpose that the gateway does not serve")
    owners = None if content_owners is None else frozenset(content_owners)
    if owners is None and purpose in OWN_WORDS:
        return Decision(allowed=True)
    return may_send(owners, receiver)


def readers(of_each_model: Iterable[frozenset[str] | None]) -> frozenset[str]:
    """Who may read an artefact with these models in it; `None` is a model whose readers are unknown.

    >>> sorted(readers([frozenset({"lab-a", "evaluator"}), frozenset({"evaluator"})]))
    ['evaluator']
    >>> readers([frozenset({"evaluator"}), None])
    frozenset()
    """
    found: frozenset[str] | None = None
    for these in of_each_model:
        if these is None:
            return frozenset()
        found = these if found is None else found & these
    return found or frozenset()
