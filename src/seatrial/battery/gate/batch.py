"""Many instances through the gate, several at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.battery.gate.verify import verify
from seatrial.sandbox import SandboxError

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.battery.gate.trial import Depth
    from seatrial.battery.instance import InstanceKey
    from seatrial.battery.manifest import Manifest
    from seatrial.battery.seeds import SeedEntry
    from seatrial.sandbox import Boxes

REDRAWS = 5  # seeds in a row that may be rejected before a family counts as broken


@dataclass(frozen=True)
class Verified:
    """One instance after the gate: its manifest, or what its generator raised."""

    entry: SeedEntry
    manifest: Manifest | None
    fault: str = ""

    @property
    def reason(self) -> str:
        """Why it may not enter a run; empty when it may."""
        return self.fault if self.manifest is None else self.manifest.first_broken


def verify_all(
    families: Mapping[str, Family],
    entries: Sequence[SeedEntry],
    boxes: Boxes,
    *,
    jobs: int = 1,
    depth: Depth = "standard",
) -> Iterator[Verified]:
    """Every entry's instance in the order of the list; what a generator raises is a finding about that entry.

    Raises `SandboxError` when there are no boxes. CPU times by guarantee mean something with one job only.
    """

    def one(entry: SeedEntry) -> Verified:
        try:
            return Verified(entry, verify(families[entry.family], entry.key, boxes, depth=depth))
        except SandboxError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a generator raises
            return Verified(entry, None, f"not generated: {type(error).__name__}: {error}")

    with ThreadPoolExecutor(jobs) as threads:
        try:
            yield from threads.map(one, entries)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def qualified(
    family: Family, key: InstanceKey, boxes: Boxes, *, redraws: int = REDRAWS
) -> tuple[InstanceKey, Manifest]:
    """Key and manifest of the first instance that qualifies: of this key, or of seeds drawn after it.

    Raises `ValueError` when none of them does.
    """
    for _ in range(redraws + 1):
        manifest = verify(family, key, boxes)
        if manifest.qualified:
            return key, manifest
        key = replace(key, seed=hashlib.sha256(key.seed).digest())
    raise ValueError(f"{manifest.instance_id} was rejected by the gate ({manifest.first_broken}); try another seed")
