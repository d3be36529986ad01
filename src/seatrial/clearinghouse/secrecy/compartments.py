"""The exploit compartment: each root cause's proofs under a key of their own, opened by two people, shredded.

- A data key for each cluster, wrapped under two halves that custody keeps apart. Either half gone, nothing opens.
- Opening takes two people of the case, neither of them the one who asks, each bound to the very bytes
  (`OPEN_EXPLOIT` of the two-key rules). Advisories draw on nothing here.
- Once a fix is verified the proofs are kept for `RETENTION_DAYS` (a regression is shown with them), then the key is
  destroyed on both sides, and shown to be gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.clearinghouse.finding import Compartment
from seatrial.custody.keys import KeyScope, Purpose
from seatrial.custody.seal import seal, unseal
from seatrial.custody.shred import shred_key
from seatrial.framework.two_key import RULES, KeyAction, KeyRequest, KeyRule, Vote

if TYPE_CHECKING:
    from seatrial.custody.secret import Secret
    from seatrial.custody.shred import EndedKey
    from seatrial.custody.vault import Vault

RETENTION_DAYS = 90
"""After a verified fix: two release cycles of most projects, in which a regression would show."""


class StaysShut(ValueError):
    """What is sealed is not opened, or not shredded yet: says who or what is missing."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One proof: the root cause it is of, the SHA-256 of its bytes, and the sealed bytes."""

    cluster: str
    address: str
    sealed: bytes


def scope(compartment: Compartment, cluster: str) -> KeyScope:
    """The key of one cluster's compartment, as custody knows it: by an id that says nothing of either."""
    name = hashlib.sha256(f"seatrial/compartment/1\0{compartment}\0{cluster}".encode()).hexdigest()
    return KeyScope(f"sub_{name[:32]}", Purpose.RECORDS)


def object_id(cluster: str) -> str:
    """A cluster as a request for two keys names it."""
    return cluster.lower()


@dataclass(frozen=True, slots=True)
class Compartments:
    """Both halves' vault, and the rule that two people fulfil."""

    vault: Vault
    rule: KeyRule = RULES[KeyAction.OPEN_EXPLOIT]
    retention_days: int = RETENTION_DAYS

    def put(self, cluster: str, plain: bytes, now: datetime, compartment: Compartment = Compartment.EXPLOIT) -> Sealed:
        """Seal one proof under its cluster's key."""
        address = hashlib.sha256(plain).hexdigest()
        where = scope(compartment, cluster)
        dek = self.vault.open_or_create(where, now)
        return Sealed(cluster, address, seal(dek, where, plain, label=address))

    def open(self, kept: Sealed, request: KeyRequest, votes: Iterable[Vote], now: datetime) -> Secret:
        """One proof, for two people together.

        Raises:
            StaysShut: the request is about something else, or a person is missing.
            KeyGone: it was shredded.
        """
        if (request.object, request.digest) != (object_id(kept.cluster), f"sha256:{kept.address}"):
            raise StaysShut(f"{kept.cluster}: the two keys were asked for something else")
        missing = self.rule.missing(request, votes, now)
        if missing:
            raise StaysShut(
                f"{kept.cluster}: {len(missing)} of two people still to turn a key; neither is the one who asked"
            )
        where = scope(Compartment.EXPLOIT, kept.cluster)
        return unseal(self.vault.open(where, now), where, kept.sealed, label=kept.address)

    def shred_due(self, fix_verified_at: datetime | None) -> datetime | None:
        """When a cluster's proofs go; None while no fix is verified."""
        return fix_verified_at and fix_verified_at + timedelta(days=self.retention_days)

    def shred(self, cluster: str, fix_verified_at: datetime | None, now: datetime) -> EndedKey:
        """Destroy a cluster's key on both sides, and show that it is gone.

        Raises:
            StaysShut: no fix is verified, or the retention lasts.
            NotShredded: something still opens.
        """
        due = self.shred_due(fix_verified_at)
        if due is None or now < due:
            raise StaysShut(f"{cluster}: its proofs are kept until {due.isoformat() if due else 'a fix is verified'}")
        return shred_key(self.vault, scope(Compartment.EXPLOIT, cluster), now)
