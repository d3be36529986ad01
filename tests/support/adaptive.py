"""Run directories of adaptive reviews without boxes: a plan, manifests, and outcomes that a test makes up."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.plan import PlannedFamily, PlannedInstance, Rounds
from seatrial.evaluation.rounds import CALIBRATION
from seatrial.evaluation.rundir import RunDirectory
from support.plans import made_plan

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = 5


def adaptive_run(path: Path, instances: int = 24, *, calibration: str = "", **sampling: Any) -> RunDirectory:  # noqa: ANN401
    """A registered adaptive review of `instances` instances over three techniques and five levels."""
    run = RunDirectory.create(path)
    names = [f"crypto-v1-L{1 + place % LEVELS}-{place:012x}" for place in range(instances)]
    for place, name in enumerate(names):
        manifest = {"family": "crypto", "version": "1", "level": 1 + place % LEVELS, "technique": f"t{place % 3}"}
        run.write(f"manifests/{name}.json", manifest)
    if calibration:
        run.write_text(CALIBRATION, calibration)
        sampling["calibration_sha256"] = hashlib.sha256(calibration.encode()).hexdigest()
    rounds = {"order_seed": "7" * 64, "precision": "0.05", "first": 6, "block": 4, "cap": 18, **sampling}
    run.register(
        made_plan(
            participants=("null",),
            families=(
                PlannedFamily(id="crypto", version="1", levels=tuple(range(1, 1 + LEVELS)), instances_per_level=5),
            ),
            instances=tuple(
                PlannedInstance(
                    id=name,
                    family="crypto",
                    level=1 + place % LEVELS,
                    index=place // LEVELS,
                    epochs=1,
                    manifest_sha256="0" * 64,
                )
                for place, name in enumerate(names)
            ),
            sampling=Rounds(**rounds),
        )
    )
    return run
