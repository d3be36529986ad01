"""Opening sealed weights: on an active lease, with two persons' keys, into memory only, every byte checked.

- Two keys: the developer's and the evaluators', for this upload, this lease and this manifest; another lease or other
  files need new ones.
- The place is a file system in memory (tmpfs or ramfs), so that no disk ever holds a plain byte. While the machine has
  swap, a tmpfs must be mounted with `noswap`, because its pages could be written out.
- A file gets its name only after its seal and its digest were right. On any fault, and when the lease ends meanwhile,
  all that was written is removed.
- `begun` hears of the place before its first plain byte: there it is written down and recorded, or nothing opens.
- `wipe` removes the place. Pages that were freed are the kernel's: what was in them is not overwritten by this room.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rfc8785

from seatrial.custody.keys import CustodyError
from seatrial.custody.opened import empty, holds
from seatrial.framework.two_key import RULES, KeyAction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.manifest import WeightsFile
    from seatrial.custody.upload import Uploads
    from seatrial.custody.upload_store import Upload
    from seatrial.framework.two_key import KeyRequest, KeyRule, Vote

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


class NotOpened(CustodyError):
    """The weights are not opened, and why; nothing plain is left."""


@dataclass(frozen=True, slots=True)
class OpenedWeights:
    """Weights that lie plain in memory; `executing` are files that may run code when loaded."""

    upload: str
    submission: str
    lease: str
    commitment: str
    """To the manifest, as the ledger names it."""
    directory: Path
    files: int
    total_bytes: int
    executing: tuple[str, ...]

    def wipe(self) -> None:
        """Remove them; again is no fault."""
        if self.directory.is_dir():
            empty(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class TwoKeys:
    """What two persons said to `KeyAction.USE_WEIGHTS`; `rule` is the pack's, at least as strict as the framework's."""

    request: KeyRequest
    votes: Sequence[Vote]
    rule: KeyRule = RULES[KeyAction.USE_WEIGHTS]


def asked(upload: str, lease: str, commitment: str) -> str:
    """The digest that a request to use weights is bound to: `sha256:` and hex."""
    plain = {"action": KeyAction.USE_WEIGHTS.value, "upload": upload, "lease": lease, "manifest": commitment}
    return "sha256:" + hashlib.sha256(rfc8785.dumps(plain)).hexdigest()


def open_weights(
    uploads: Uploads,
    leases: LeaseStore,
    upload: Upload,
    directory: Path,
    *,
    lease: str,
    keys: TwoKeys,
    now: Callable[[], datetime],
    begun: Callable[[OpenedWeights], None] = lambda _: None,
) -> OpenedWeights:
    """Open all files of a complete upload into `directory`, which must not exist yet.

    `begun` is told of the place when it is made and still empty; what it raises, opens nothing.

    Raises:
        NotOpened: No active lease for this submission, no two keys, not in memory, no room, or not complete.
        NotThisSeal: A chunk was altered.
    """
    _leased(leases, lease, upload, now())
    _two_persons(uploads, upload, lease, keys, now())
    manifest = uploads.manifest(upload, now())
    if not uploads.completed(upload, now()):
        raise NotOpened(f"{upload.id}: the upload is not complete")
    check_place(directory.parent, manifest.total_bytes)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        raise NotOpened(f"{directory}: it exists already; name a directory that does not") from None
    opened = OpenedWeights(
        upload.id,
        upload.submission,
        lease,
        uploads.commitment(upload, now()),
        directory,
        len(manifest.files),
        manifest.total_bytes,
        manifest.executing,
    )
    try:
        begun(opened)
        for file in manifest.files:
            _write(uploads, leases, upload, file, directory / file.path, lease, now)
    except BaseException:
        opened.wipe()
        raise
    return opened


def check_place(
    place: Path, size: int, *, mounts: Path = Path("/proc/self/mounts"), swaps: Path = Path("/proc/swaps")
) -> None:
    """Refuse a place on a disk, one that may be swapped out, or one without room for `size` bytes."""
    if not place.is_dir():
        raise NotOpened(f"{place}: there is no such directory")
    kind, options = _mount(place.resolve(), mounts)
    if kind not in IN_MEMORY:
        raise NotOpened(f"{place}: this is {kind}, not memory; mount one: mount -t tmpfs -o noswap,mode=700 tmpfs DIR")
    swapping = len(swaps.read_text().splitlines()) > 1
    if swapping and kind == "tmpfs" and "noswap" not in options:
        raise NotOpened(f"{place}: this machine has swap; turn it off, or mount the tmpfs with -o noswap")
    free = shutil.disk_usage(place).free
    if kind == "tmpfs" and free < size:
        raise NotOpened(f"{place}: {size} bytes are needed, {free} are free")


def _leased(leases: LeaseStore, lease: str, upload: Upload, now: datetime) -> None:
    if leases.get(lease).submission != upload.submission or not holds(leases, lease, now):
        raise NotOpened(f"{lease}: this is no active lease for these weights")
    if leases.suspended(upload.submission) is not None:
        raise NotOpened(f"{upload.submission}: it is paused; its leases hold again once it goes on")


def _two_persons(uploads: Uploads, upload: Upload, lease: str, keys: TwoKeys, now: datetime) -> None:
    digest = asked(upload.id, lease, uploads.commitment(upload, now))
    if (
        keys.request.action is not KeyAction.USE_WEIGHTS
        or keys.request.object != upload.id
        or keys.request.digest != digest
    ):
        raise NotOpened(
            f"{upload.id}: the request is for other weights or another lease; the digest to ask for is {digest}"
        )
    if not keys.rule.at_least(RULES[KeyAction.USE_WEIGHTS]):
        raise NotOpened(f"{upload.id}: the rule asks for less than two persons of both sides")
    missing = keys.rule.missing(keys.request, keys.votes, now)
    if missing:
        sides = " and ".join("/".join(sorted(role.value for role in side)) for side in missing)
        raise NotOpened(f"{upload.id}: a key is missing: {sides}")


def _write(
    uploads: Uploads,
    leases: LeaseStore,
    upload: Upload,
    file: WeightsFile,
    path: Path,
    lease: str,
    now: Callable[[], datetime],
) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:32]}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400), "wb") as out:  # noqa: PTH123
        for digest in file.chunks:
            _leased(leases, lease, upload, now())
            out.writelines(uploads.opened_chunk(upload, digest, now()))
    part.rename(path)


def _mount(place: Path, mounts: Path) -> tuple[str, frozenset[str]]:
    best, found = -1, ("unknown", frozenset[str]())
    for line in mounts.read_text().splitlines():
        _, point, kind, options, *_ = line.split(" ")
        mounted = Path(point.encode().decode("unicode_escape"))
        if place.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, found = len(mounted.parts), (kind, frozenset(options.split(",")))
    return found
