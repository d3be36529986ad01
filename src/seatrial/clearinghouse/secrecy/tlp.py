"""Traffic Light Protocol 2.0 (FIRST, 2022) at the door: how far a thing may travel, enforced when it is exported.

- CLEAR < GREEN < AMBER < AMBER+STRICT < RED. A bundle's label is at least that of everything in it.
- A thing enters a bundle only if its label is at most the bundle's, and its audience covers every recipient.
- RED names its recipients, one by one. AMBER+STRICT stays within the recipients' organisations; AMBER may reach their
  clients; GREEN a community; CLEAR anybody.
- An export to a form that does not know a label is refused. Nothing is relabelled to make it fit.

>>> strictest((Tlp.TLP_GREEN, Tlp.TLP_AMBER)), at_most(Tlp.TLP_AMBER, Tlp.TLP_AMBER_STRICT)
(<Tlp.TLP_AMBER: 'TLP:AMBER'>, True)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from seatrial.framework.data_class import Tlp

ORDER: tuple[Tlp, ...] = (Tlp.TLP_CLEAR, Tlp.TLP_GREEN, Tlp.TLP_AMBER, Tlp.TLP_AMBER_STRICT, Tlp.TLP_RED)
RANK = {label: rank for rank, label in enumerate(ORDER)}
NAMED = frozenset({Tlp.TLP_RED})
"""Labels whose recipients are named one by one."""
ORGANISED = frozenset({Tlp.TLP_AMBER, Tlp.TLP_AMBER_STRICT})
"""Labels whose recipients belong to known organisations."""
OPEN = frozenset({Tlp.TLP_CLEAR, Tlp.TLP_GREEN})
TLP_2_ONLY = frozenset({Tlp.TLP_AMBER_STRICT})
"""What TLP 1.0, and so CSAF 2.0, does not know."""


class NotForThem(ValueError):
    """A thing that may not travel there: says which, its label, and who or what is in the way."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who would get a bundle: a person or address, and the organisation that they belong to."""

    name: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A thing with its label and its audience: organisations, or for RED the names of recipients.

    An empty audience of an open label is everybody; of any other label it is nobody.
    """

    name: str
    label: Tlp
    audience: frozenset[str] = frozenset()

    def reaches(self, recipient: Recipient) -> bool:
        """Whether the recipient is of its audience."""
        if self.label in NAMED:
            return recipient.name in self.audience
        if self.label in ORGANISED:
            return recipient.organisation in self.audience
        return not self.audience or recipient.organisation in self.audience


def at_most(label: Tlp, bound: Tlp) -> bool:
    """Whether `label` is `bound` or less strict."""
    return RANK[label] <= RANK[bound]


def strictest(labels: Iterable[Tlp]) -> Tlp:
    """The strictest of them (the join of the order); of none, CLEAR."""
    return max(labels, key=RANK.__getitem__, default=Tlp.TLP_CLEAR)


def loosest(labels: Iterable[Tlp]) -> Tlp:
    """The least strict of them (the meet); of none, RED."""
    return min(labels, key=RANK.__getitem__, default=Tlp.TLP_RED)


def check_export(
    things: Collection[Labelled], bundle: Tlp, recipients: Collection[Recipient], *, knows: Collection[Tlp] = ORDER
) -> None:
    """Refuse a bundle that one of the things may not enter.

    Args:
        things: What would go out.
        bundle: The bundle's label.
        recipients: Who would get it; nobody is allowed only for an open label.
        knows: The labels that the form of export can say.

    Raises:
        NotForThem: with the first thing and the first recipient in the way.
    """
    if bundle not in knows:
        raise NotForThem(f"{bundle}: this form does not know the label; use one that does, or another form")
    if not recipients and bundle not in OPEN:
        raise NotForThem(f"{bundle}: nobody is named; name the recipients")
    for thing in things:
        if not at_most(thing.label, bundle):
            raise NotForThem(f"{thing.name}: it is {thing.label}, the bundle only {bundle}")
        for recipient in recipients:
            if not thing.reaches(recipient):
                raise NotForThem(f"{thing.name}: {thing.label} does not reach {recipient.name}")
