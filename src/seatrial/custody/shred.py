"""Crypto-shredding: destroy the halves, and what they sealed opens no more, wherever a copy of it lies.

Order: end the scope's leases, write down what there is, destroy both halves of each key, drop the wrapped keys, drop
what was sealed and any plain copies, and prove by unwrapping, which must raise `KeyGone` on both sides.

- Every step may run any number of times; a shredding that was killed goes on from what it wrote down.
- What is written down (ids, digests, counts) is durable before the first half is destroyed: a receipt can follow.
- No receipt without proof: if anything still opens, `NotShredded` says what.
- Basis: NIST SP 800-88 Rev. 2, cryptographic erase. Overwriting on flash or copy-on-write storage is not relied on.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.keys import HALF_BYTES, WRAPPED_BYTES, CustodyError, KeyGone, KeyId
from seatrial.custody.receipt import LIMITS
from seatrial.custody.records import Measure
from seatrial.custody.secret import Secret
from seatrial.framework.papers import NO_BACKUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.custody.credential import CredentialStore
    from seatrial.custody.keys import KeyScope
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.vault import Vault, WrappedKey

SHRED_WITHIN = timedelta(hours=24)
"""After withdrawal or the end of a term."""


class NotShredded(CustodyError):
    """Something still opens, or is still there; no receipt is made."""


class Holding(Protocol):
    """Something held of a submission that goes with it: sealed chunks, records, plain copies of a worker."""

    @property
    def name(self) -> str:
        """What it is, in one or two words."""
        ...

    def measure(self, submission: str) -> Measure:
        """How much there is."""
        ...

    def drop(self, submission: str) -> None:
        """Remove it; again is no fault."""
        ...


@dataclass(frozen=True, slots=True)
class EndedKey:
    """A key that is destroyed, or about to be: ids and digests only."""

    key: KeyId
    scope: str
    wrapped_digest: str


@dataclass(frozen=True, slots=True)
class Shredding:
    """What is to be, and was, shredded of one submission. `manifests` are commitments, not digests."""

    submission: str
    due_at: datetime
    begun_at: datetime | None = None
    keys: tuple[EndedKey, ...] = ()
    held: tuple[tuple[str, Measure], ...] = ()
    manifests: tuple[str, ...] = ()
    done_at: datetime | None = None
    credentials: int | None = None
    """How many sealed credentials; `None` until they are counted."""

    def to_json(self) -> str:
        """As it is stored."""
        fields = asdict(self)
        for name in ("due_at", "begun_at", "done_at"):
            fields[name] = fields[name].isoformat() if fields[name] else None
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Shredding:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        begun, done = fields["begun_at"], fields["done_at"]
        return cls(
            submission=fields["submission"],
            due_at=datetime.fromisoformat(fields["due_at"]),
            begun_at=datetime.fromisoformat(begun) if begun else None,
            keys=tuple(EndedKey(**key) for key in fields["keys"]),
            held=tuple((name, Measure(**measure)) for name, measure in fields["held"]),
            manifests=tuple(fields["manifests"]),
            done_at=datetime.fromisoformat(done) if done else None,
            credentials=fields.get("credentials"),
        )


class ShredStore(Protocol):
    """Shreddings by submission, durable on return."""

    def save(self, shredding: Shredding) -> None:
        """Keep it in place of its former state."""
        ...

    def load(self, submission: str) -> Shredding | None:
        """The one of a submission."""
        ...

    def unfinished(self) -> tuple[str, ...]:
        """Submissions whose shredding is due or begun, and not done."""
        ...


class MemoryShredStore:
    """Shreddings of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Shredding] = {}

    def save(self, shredding: Shredding) -> None:
        """Keep it."""
        with self._lock:
            self._kept[shredding.submission] = shredding

    def load(self, submission: str) -> Shredding | None:
        """The one of a submission."""
        return self._kept.get(submission)

    def unfinished(self) -> tuple[str, ...]:
        """Due or begun, and not done."""
        return tuple(shredding.submission for shredding in self._kept.values() if shredding.done_at is None)


@dataclass(frozen=True, slots=True)
class Shredder:
    """All that a shredding reaches."""

    vault: Vault
    leases: LeaseStore
    credentials: CredentialStore
    shreddings: ShredStore
    holdings: Sequence[Holding] = ()

    def shred(self, submission: str, now: datetime, *, manifests: tuple[str, ...] = ()) -> Shredding:
        """Shred all of a submission, or go on with it; once done, the same answer again.

        Raises:
            NotShredded: Something still opens or is still there.
        """
        known = self.shreddings.load(submission)
        if known is not None and known.done_at is not None:
            return known
        self.leases.end_scope(submission, now)
        known = known or Shredding(submission, now)
        shredding = self._noted(replace(known, begun_at=known.begun_at or now, manifests=known.manifests or manifests))
        for ended in shredding.keys:
            destroy_key(self.vault, ended.key)
            self.vault.keys.drop(ended.key)
        self.credentials.drop(submission)
        for holding in self.holdings:
            holding.drop(submission)
        self._prove(shredding, now)
        done = replace(shredding, done_at=now)
        self.shreddings.save(done)
        return done

    def resume(self, now: datetime) -> tuple[Shredding, ...]:
        """Do every shredding that is due, and go on with those that were begun: at start, and every so often."""
        waiting = [self.shreddings.load(submission) for submission in self.shreddings.unfinished()]
        return tuple(self.shred(one.submission, now) for one in waiting if one and (one.begun_at or one.due_at <= now))

    def start_clock(self, submission: str, now: datetime) -> datetime:
        """Start the deletion clock, unless it runs already: when the shredding is due at the latest."""
        known = self.shreddings.load(submission)
        if known is None:
            known = Shredding(submission, now + SHRED_WITHIN)
            self.shreddings.save(known)
        return known.due_at

    def _noted(self, shredding: Shredding) -> Shredding:
        """Write down what is there now, added to what was written down before."""
        known = {ended.key for ended in shredding.keys}
        found = [ended_key(key) for key in self.vault.keys.of_submission(shredding.submission)]
        new = tuple(ended for ended in found if ended.key not in known)
        if not shredding.held:
            held = tuple((holding.name, holding.measure(shredding.submission)) for holding in self.holdings)
            shredding = replace(shredding, held=held)
        if shredding.credentials is None:
            shredding = replace(shredding, credentials=_deposited(self.credentials, shredding.submission))
        noted = replace(shredding, keys=(*shredding.keys, *new))
        self.shreddings.save(noted)
        return noted

    def _prove(self, shredding: Shredding, now: datetime) -> None:
        for ended in shredding.keys:
            prove_gone(self.vault, ended.key, now)
        if self.vault.keys.of_submission(shredding.submission):
            raise NotShredded(f"{shredding.submission}: a wrapped key is still there; run it again")
        for holding in self.holdings:
            left = holding.measure(shredding.submission)
            if left.count:
                raise NotShredded(
                    f"{shredding.submission}: {left.count} of {holding.name} are still there; run it again"
                )


def shred_key(vault: Vault, scope: KeyScope, now: datetime) -> EndedKey:
    """Shred one scope's key alone, e.g. of one upload: both halves, the wrapped key, and the proof."""
    ended = ended_key(vault.keys.get(scope))
    destroy_key(vault, ended.key)
    vault.keys.drop(ended.key)
    prove_gone(vault, ended.key, now)
    return ended


def ended_key(key: WrappedKey) -> EndedKey:
    """What a receipt says of a key."""
    return EndedKey(key.key, key.scope.text, key.digest)


def destroy_key(vault: Vault, key: KeyId) -> None:
    """Destroy both halves; one of them gone is enough, both is what is asked for."""
    vault.developer.drop(key)
    vault.holder.destroy(key)


def prove_gone(vault: Vault, key: KeyId, now: datetime) -> None:
    """Show that neither side has its half: unwrapping must raise `KeyGone`, and so must the developer's side."""
    try:
        vault.holder.unwrap(key, Secret(bytes(HALF_BYTES)), bytes(WRAPPED_BYTES))
    except KeyGone:
        pass
    except CustodyError:
        raise NotShredded(f"{key}: the government's half is still there") from None
    else:
        raise NotShredded(f"{key}: the government's half is still there")
    try:
        vault.developer.get(key, now)
    except KeyGone:
        return
    except HalfAwaited:
        raise NotShredded(f"{key}: the developer's side would still take a half for it") from None
    raise NotShredded(f"{key}: the developer's half is still there")


def _deposited(credentials: CredentialStore, submission: str) -> int:
    """A submission has one live credential, or none."""
    try:
        credentials.get(submission)
    except LookupError:
        return 0
    return 1


@dataclass(frozen=True, slots=True)
class Known:
    """What the house and the ledger know of a submission that is shredded; custody itself does not.

    `manifests` are the commitments of its weights as the ledger holds them.
    """

    code_name: str = ""
    subject_digests: tuple[str, ...] = ()
    pack: str = ""
    manifests: tuple[str, ...] = ()


def deletion_statement(
    shredding: Shredding, *, signers: dict[str, str], oldest_backup: datetime | None, known: Known | None = None
) -> dict[str, Any]:
    """What a deletion receipt says.

    Args:
        shredding: One that is done.
        signers: Who signs: name to key id.
        oldest_backup: The oldest backup that may hold sealed bytes; `None` when no backup is known.
        known: What custody does not know by itself.
    """
    if shredding.done_at is None:
        raise NotShredded(f"{shredding.submission}: the shredding is not done")
    known = known or Known()
    return {
        "v": 2,
        "pack": known.pack,
        "code_name": known.code_name,
        "subject_digests": list(known.subject_digests),
        "begun_at": (shredding.begun_at or shredding.done_at).isoformat(),
        "done_at": shredding.done_at.isoformat(),
        "keys": [asdict(ended) for ended in shredding.keys],
        "credentials": shredding.credentials or 0,
        "held": {name: {"count": measure.count, "bytes": measure.size} for name, measure in shredding.held},
        "manifests": list(dict.fromkeys((*shredding.manifests, *known.manifests))),
        "oldest_backup": oldest_backup.isoformat() if oldest_backup else None,
        "backups": NO_BACKUP if oldest_backup is None else "the oldest that may hold sealed bytes is named",
        "signers": signers,
        "basis": "NIST SP 800-88 Rev. 2, cryptographic erase",
        "limits": LIMITS,
        "nonce": secrets.token_hex(32),
    }
