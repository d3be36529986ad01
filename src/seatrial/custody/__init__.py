"""Sealed credentials, weights and records; leases instead of keys; withdrawal and shredding.

| what | for |
|---|---|
| `Secret` | bytes that no log, error or pickle gives away |
| `KeyHolder`, `DeveloperHalf`, `Vault` | data keys that need both sides' halves |
| `Endpoint`, `CredentialStore` | what a developer deposits, sealed |
| `Lease`, `LeaseToken`, `LeaseStore` | the right to call, with its budget |

Beside them, imported by module: `gateway` and `dialects` (the only way to a submitted endpoint), `upload`, `chunks` and
`weights` (sealed weights), `inference` (serving them), `withdrawal`, `shred` and `receipt` (how it all ends), and
`home`, which opens everything over one directory.
"""

from seatrial.custody.budget import Amount, Call, Reason, Refusal, Reservation, Settled, Spend, Usage
from seatrial.custody.credential import (
    CredentialStore,
    Endpoint,
    MemoryCredentialStore,
    SealedCredential,
    opened_endpoint,
    sealed_endpoint,
)
from seatrial.custody.developer_half import DeveloperHalf, HalfAwaited, HeldInMemory, SuppliedHalf
from seatrial.custody.keys import (
    CustodyError,
    Destroyed,
    KeyGone,
    KeyHolder,
    KeyId,
    KeyScope,
    MemoryKeyHolder,
    Purpose,
    WrongHalf,
)
from seatrial.custody.lease import (
    Lease,
    LeaseRefused,
    LeaseState,
    LeaseToken,
    Limits,
    NoSuchLease,
    Prices,
    ScopeEnded,
)
from seatrial.custody.lease_store import LeaseStore, MemoryLeaseStore
from seatrial.custody.seal import NotThisSeal, seal, unseal
from seatrial.custody.secret import Secret
from seatrial.custody.vault import KeyTable, MemoryKeyTable, Vault, WrappedKey

__all__ = [
    "Amount",
    "Call",
    "CredentialStore",
    "CustodyError",
    "Destroyed",
    "DeveloperHalf",
    "Endpoint",
    "HalfAwaited",
    "HeldInMemory",
    "KeyGone",
    "KeyHolder",
    "KeyId",
    "KeyScope",
    "KeyTable",
    "Lease",
    "LeaseRefused",
    "LeaseState",
    "LeaseStore",
    "LeaseToken",
    "Limits",
    "MemoryCredentialStore",
    "MemoryKeyHolder",
    "MemoryKeyTable",
    "MemoryLeaseStore",
    "NoSuchLease",
    "NotThisSeal",
    "Prices",
    "Purpose",
    "Reason",
    "Refusal",
    "Reservation",
    "ScopeEnded",
    "SealedCredential",
    "Secret",
    "Settled",
    "Spend",
    "SuppliedHalf",
    "Usage",
    "Vault",
    "WrappedKey",
    "WrongHalf",
    "opened_endpoint",
    "seal",
    "sealed_endpoint",
    "unseal",
]
