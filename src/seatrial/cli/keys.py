"""Two keys at the command line: what a request is for, whose key is missing, and until when both are turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatrial.desk import Keys
    from seatrial.framework.standing import Standing
    from seatrial.installation import Installation

WEIGHTS = "use_weights"
ACTIONS = ("adopt_pack", "agree", "resume_after_incident", WEIGHTS)
"""What keys are turned for here."""


def asked_for(
    installation: Installation, name: str, action: str, digest: str, upload: str, lease: str
) -> tuple[str, str]:
    """The object and the digest that a request is bound to. Weights: the upload, under this lease and manifest."""
    if action != WEIGHTS:
        if upload or lease or not digest:
            raise ValueError(f"{action}: give --digest, the digest of what is agreed to")
        return name, digest
    if not (upload and lease):
        raise ValueError(f"{WEIGHTS}: give --upload and --lease; custody knows the digest")
    found = weights_digest(installation, name, upload, lease)
    if digest not in ("", found):
        raise ValueError(f"--digest: what is asked for has the digest {found}")
    return upload, found


def weights_digest(installation: Installation, name: str, upload: str, lease: str) -> str:
    """What two people turn their keys for when they let weights be opened."""
    from seatrial.custody.weights import asked
    from seatrial.installation import now

    custody = installation.custody
    uploads = custody.uploads()
    kept = uploads.store.get(upload)
    if kept.submission != name or custody.leases.get(lease).submission != name:
        raise LookupError(f"{upload}, {lease}: not an upload and a lease of {name}")
    return asked(upload, lease, uploads.commitment(kept, now()))


def state_of(standing: Standing, keys: Keys) -> tuple[str, ...]:
    """Whose key is missing; when none is, until when both are turned."""
    from seatrial.framework.instant import text

    if keys.missing:
        return tuple(f"missing: the key of {_holders(side, standing.sides)}" for side in keys.missing)
    return (f"both keys are turned until {text(keys.until)}" if keys.until else "both keys are turned",)


def _holders(side: Iterable[str], sides: Mapping[str, str]) -> str:
    return " or ".join(f"{role} of {sides[role]}" if role in sides else str(role) for role in sorted(side))
