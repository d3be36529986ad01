"""Bundles for named recipients: files in one archive, encrypted to each of them with age (X25519 or SSH keys).

- What enters is checked by label and audience first (`tlp.check_export`): there is no way around.
- When the recipients change, the bundle is made again for those who are left or new. The manifest says so, and
  that earlier copies remain readable to whoever had them: encryption takes nothing back.
- The archive is the same for the same files: sorted, without times or owners.

>>> from pyrage import x25519
>>> mine = x25519.Identity.generate()
>>> sealed = sealed_to({"advisory.json": b"{}"}, [str(mine.to_public())])
>>> opened(sealed, mine)
{'advisory.json': b'{}'}
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyrage  # type: ignore[import-untyped]  # it ships no types
from pyrage import ssh, x25519

from seatrial.clearinghouse.secrecy.tlp import Labelled, Recipient, check_export
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from seatrial.framework.data_class import Tlp

EARLIER = "Earlier copies of this bundle remain readable to those who were its recipients then."
BUNDLE_BYTES = 64 * 2**20
"""What a bundle holds at most: it is made in memory."""


class BadBundle(ValueError):
    """A bundle that cannot be made or opened: says what to do."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A recipient and the public key that the bundle is encrypted to."""

    recipient: Recipient
    key: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle was, for the log: digests, label, recipients and their keys' digests; no content."""

    name: str
    generation: int
    made_at: str
    label: str
    files: Mapping[str, str]
    recipients: Mapping[str, str]
    sha256: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As an event holds it."""
        return {key: dict(value) if isinstance(value, Mapping) else value for key, value in asdict(self).items()}


def make(
    name: str,
    files: Mapping[str, bytes],
    things: Sequence[Labelled],
    label: Tlp,
    keyed: Sequence[Keyed],
    at: datetime,
    before: Manifest | None = None,
) -> tuple[bytes, Manifest]:
    """A bundle, and what the log says of it.

    Args:
        name: The bundle's; stays through its generations.
        files: Path in the archive to bytes.
        things: What the files are, by label and audience: one for each file, of that name.
        label: The bundle's own.
        keyed: Who gets it.
        at: When.
        before: The generation that this one follows.

    Raises:
        NotForThem: a label or audience is in the way.
        BadBundle: a file without a label, no recipient, or a key that is none.
    """
    if unlabelled := files.keys() - {thing.name for thing in things}:
        raise BadBundle(f"bundle {name}: {', '.join(sorted(unlabelled))} has no label; give it one")
    check_export(things, label, [one.recipient for one in keyed])
    sealed = sealed_to(files, [one.key for one in keyed])
    recipients = {one.recipient.name: hashlib.sha256(one.key.encode()).hexdigest() for one in keyed}
    changed = before is not None and dict(before.recipients) != recipients
    manifest = Manifest(
        name,
        before.generation + 1 if before else 1,
        text(at),
        str(label),
        {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
        recipients,
        hashlib.sha256(sealed).hexdigest(),
        EARLIER if changed else "",
    )
    return sealed, manifest


def sealed_to(files: Mapping[str, bytes], keys: Sequence[str]) -> bytes:
    """The archive of these files, encrypted to these public keys.

    Raises:
        BadBundle: no key, or one that is neither age's nor SSH's; too much; a path that leaves the archive.
    """
    if not keys:
        raise BadBundle("bundle: nobody could open it; name a recipient's key")
    return bytes(pyrage.encrypt(_archive(files), [_recipient(key) for key in keys]))


def opened(sealed: bytes, identity: x25519.Identity | ssh.Identity) -> dict[str, bytes]:
    """The files of a bundle, for one of its recipients.

    Raises:
        BadBundle: it is not for this key, or was altered.
    """
    try:
        plain = pyrage.decrypt(sealed, [identity])
    except pyrage.DecryptError as error:
        raise BadBundle(f"bundle: it does not open with this key: {error}") from error
    found = {}
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                found[member.name] = file.read()
    return found


def _archive(files: Mapping[str, bytes]) -> bytes:
    if sum(map(len, files.values())) > BUNDLE_BYTES:
        raise BadBundle(f"bundle: more than {BUNDLE_BYTES} bytes; make two")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(files.items()):
            if path.startswith("/") or ".." in path.split("/"):
                raise BadBundle(f"bundle: {path} leaves the archive; give a path below it")
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _recipient(key: str) -> x25519.Recipient | ssh.Recipient:
    try:
        return x25519.Recipient.from_str(key) if key.startswith("age1") else ssh.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise BadBundle(f"bundle: {key[:24]} is no public key of age or SSH: {error}") from error
