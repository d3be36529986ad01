"""Endpoints and the credentials to them, sealed: what a developer deposits and only the gateway opens.

- The address is sealed together with the key: an address names its developer.
- A stored row holds ids, sealed bytes and instants, nothing else.
- One submission has one live credential; a new deposit replaces it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.keys import KeyScope, Purpose
from seatrial.custody.lease import refuse_ended
from seatrial.custody.seal import seal, unseal
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.custody.vault import Vault

DIALECTS = ("openai", "anthropic", "google")
"""Shapes of request that the gateway speaks."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint and how to enter it. `owner` is the developer's organisation, for the cross-lab rule."""

    base_url: str
    dialect: str
    key: Secret
    owner: str
    client_certificate: Secret | None = None
    """PEM: the certificate and its key."""
    authority: str = ""
    """PEM of the certificate authority, where it is not a public one."""
    on_site: bool = False
    """Whether the pack allows this endpoint an address of a private network."""

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect {self.dialect!r}: one of {', '.join(DIALECTS)}")

    def __repr__(self) -> str:
        return f"Endpoint({self.dialect}, sealed)"

    def to_bytes(self) -> bytes:
        """As JSON; only ever to be sealed."""
        certificate = self.client_certificate
        return json.dumps(
            {
                "base_url": self.base_url,
                "dialect": self.dialect,
                "key": self.key.reveal().decode(),
                "owner": self.owner,
                "client_certificate": certificate.reveal().decode() if certificate else None,
                "authority": self.authority,
                "on_site": self.on_site,
            }
        ).encode()

    @classmethod
    def from_secret(cls, opened: Secret) -> Endpoint:
        """Read what `to_bytes` wrote, once unsealed."""
        fields = json.loads(opened.reveal())
        certificate = fields.pop("client_certificate")
        key = Secret(fields.pop("key").encode())
        return cls(key=key, client_certificate=Secret(certificate.encode()) if certificate else None, **fields)


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A deposited endpoint, sealed."""

    id: str
    submission: str
    sealed: bytes
    deposited_at: datetime


class CredentialStore(Protocol):
    """Sealed credentials by submission."""

    def put(self, credential: SealedCredential) -> None:
        """Keep it in place of the submission's former one. Raises `ScopeEnded`."""
        ...

    def get(self, submission: str) -> SealedCredential:
        """The live one. Raises `LookupError`."""
        ...

    def drop(self, submission: str) -> int:
        """Remove all of the submission; how many."""
        ...


class MemoryCredentialStore:
    """Credentials of one process; `ended` tells which scopes take none any more."""

    def __init__(self, ended: Callable[[str], datetime | None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._ended = ended
        self._kept: dict[str, SealedCredential] = {}

    def put(self, credential: SealedCredential) -> None:
        """Keep it."""
        with self._lock:
            refuse_ended(self._ended, credential.submission)
            self._kept[credential.submission] = credential

    def get(self, submission: str) -> SealedCredential:
        """The live one."""
        try:
            return self._kept[submission]
        except KeyError:
            raise LookupError("no credential is deposited for this submission") from None

    def drop(self, submission: str) -> int:
        """Remove it."""
        with self._lock:
            return int(self._kept.pop(submission, None) is not None)


def sealed_endpoint(
    vault: Vault, credential: str, submission: str, endpoint: Endpoint, now: datetime
) -> SealedCredential:
    """Seal an endpoint under the submission's credentials key."""
    scope = KeyScope(submission, Purpose.CREDENTIALS)
    dek = vault.open_or_create(scope, now)
    return SealedCredential(credential, submission, seal(dek, scope, endpoint.to_bytes(), label=credential), now)


def opened_endpoint(vault: Vault, credential: SealedCredential, now: datetime) -> Endpoint:
    """Unseal it. Raises `KeyGone`, `HalfAwaited` or `NotThisSeal`."""
    scope = KeyScope(credential.submission, Purpose.CREDENTIALS)
    dek = vault.open(scope, now)
    return Endpoint.from_secret(unseal(dek, scope, credential.sealed, label=credential.id))
