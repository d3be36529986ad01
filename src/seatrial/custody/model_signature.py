"""A developer's own signature over a model (OpenSSF Model Signing), verified where a bundle is present.

- It says who signed which files. That a bundle is missing is said too, and nothing follows from it: signing is the
  developer's choice.
- Only a key or certificates that were agreed beforehand count; a bundle that brings its own proves nothing.
- Offline: public keys and certificate chains. Bundles of a transparency service would need the network and are not
  read here.
- The library is the optional extra `signing`; without it a bundle is reported as not looked at, never as verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from seatrial.custody.keys import CustodyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUNDLE_NAMES: Final = ("model.sig", "model.sigstore.json", "claims.jsonl.sig")
"""Names under which the library's tools write a bundle, the usual one first."""


class SignatureFalse(CustodyError):
    """A bundle is there and does not verify: another key, or other files than were signed."""


class Verdict(StrEnum):
    """What is known of a developer's signature."""

    VERIFIED = "verified"
    ABSENT = "absent"
    NOT_LOOKED_AT = "not_looked_at"
    """A bundle is there, but the optional library is not, or no key was agreed."""


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """What is known, and in one line why."""

    verdict: Verdict
    said: str


def look_at_signature(
    directory: Path, *, public_key: Path | None = None, certificates: Sequence[Path] = (), bundle: Path | None = None
) -> ModelSignature:
    """Verify the bundle in `directory` (or `bundle`) against an agreed key or certificate chain.

    Raises:
        SignatureFalse: It is there and does not verify.
    """
    found = bundle or next((directory / name for name in BUNDLE_NAMES if (directory / name).is_file()), None)
    if found is None:
        return ModelSignature(Verdict.ABSENT, "the developer sent no signature of its own")
    if public_key is None and not certificates:
        return ModelSignature(Verdict.NOT_LOOKED_AT, f"{found.name}: no key was agreed to verify it with")
    try:
        import model_signing  # noqa: PLC0415 - an optional extra
    except ImportError:
        return ModelSignature(Verdict.NOT_LOOKED_AT, f"{found.name}: install seatrial[signing] to verify it")
    _verify(model_signing, directory, found, public_key, certificates)
    by = "the agreed key" if public_key else "the agreed certificates"
    return ModelSignature(Verdict.VERIFIED, f"{found.name}: all files are as {by} signed them")


def _verify(
    library: Any,  # noqa: ANN401 - an optional module
    directory: Path,
    bundle: Path,
    public_key: Path | None,
    certificates: Sequence[Path],
) -> None:
    config = library.verifying.Config()
    try:
        if public_key is not None:
            config.use_elliptic_key_verifier(public_key=public_key)
        else:
            config.use_certificate_verifier(certificate_chain=certificates)
        config.verify(directory, bundle)
    except Exception as error:  # noqa: BLE001 - the library raises what its parsers raise; every one means: not verified
        raise SignatureFalse(f"{bundle.name}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
