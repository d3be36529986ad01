"""The gates of the measurement room, one line a figure: figure, target, reached, missed or not run.

    SEATRIAL_LYPTUS=folder python benchmarks/measurement_gates.py --participants 4000   # everything
    python benchmarks/measurement_gates.py published speed                              # only these parts

| part | gates |
|---|---|
| `gates_published.py` | G1: published horizons reproduced; needs the folder named by SEATRIAL_LYPTUS |
| `coverage.py` | G2 and the Q4 of G3: coverage on simulated worlds, `--participants` each |
| `gates_adaptive.py` | G2p, G4, G8: partly run banks (`--reviews` a scene), replay, ranks in posteriors |
| `gates_claims.py` | G3, G6, G9: judge, peeking, integrity, richness |
| here | G7: speed, in CPU seconds of one thread, so that other work on the machine does not count |

What cannot run here is "not run", never reached. 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coverage import SEED
from coverage import figures as coverage_figures
from seatrial.measurement import Bank, calibrate
from seatrial.measurement.calibration import fit_difficulties
from seatrial.measurement.horizon import jackknife
from seatrial.measurement.logistic import family_weights
from seatrial.measurement.worlds import BASE, calibrator_world, review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import gates_adaptive

Figure = tuple[str, str, str, str]  # name, figure, target, reached | missed | not run

ALONE = """
import importlib, pkgutil, sys

class Alone:
    def find_spec(self, name, path=None, target=None):
        known = {*sys.stdlib_module_names, "numpy", "scipy", "seatrial"}
        if name.partition(".")[0] not in known and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Alone())
import seatrial.measurement
for module in pkgutil.iter_modules(seatrial.measurement.__path__):
    importlib.import_module(f"seatrial.measurement.{module.name}")
"""


def published(folder: Path | None) -> Iterator[Figure]:
    """G1, and how long it takes."""
    if folder is None:
        yield "G1 published tables", "SEATRIAL_LYPTUS names no folder", "", "not run"
        return
    gates = importlib.import_module("gates_published")
    started = time.process_time()
    yield from gates.figures(folder, np.random.default_rng(SEED))
    yield _below("G7 both published tables with 1,000 bootstraps", time.process_time() - started, 30)


def simulated(participants: int) -> Iterator[Figure]:
    """G2 and a part of G3."""
    for figure in coverage_figures(participants):
        name = f"{'G3' if figure.name.startswith('Q4') else 'G2'} {figure.name}, {figure.world}"
        yield name, f"{figure.share:.3f} of {figure.of:,}", figure.target, figure.state


def speed() -> Iterator[Figure]:
    """G7 but for the published tables."""
    rng = np.random.default_rng(SEED)
    outcomes, _ = review(BASE, rng, families=60, mean_size=5, runs=1, theta=5.5)
    x, weight = np.log2(outcomes.minutes), family_weights(outcomes.task, outcomes.family)
    seconds = _best(lambda: jackknife(x, outcomes.score, weight, outcomes.family), 20)
    yield _below("G7 jackknife of 60 families of 5", seconds, 0.01)
    scores, bank = _calibrators(rng, 120, 500)
    seconds = _best(lambda: fit_difficulties(scores, bank, discriminations=True), 2)
    yield _below("G7 2PL, 120 by 500", seconds, 2)
    scores, bank = _calibrators(rng, 12, 300)
    seconds = _best(
        lambda: calibrate(scores, bank, comparison_key="speed", bank_version="speed", rng=np.random.default_rng(SEED)),
        1,
    )
    yield _below("G7 multipliers, 12 calibrators by 300 tasks", seconds, 15)
    yield _light()


def adaptive(reviews: int) -> Iterator[Figure]:
    """G2p, G4 and G8."""
    gates = importlib.import_module("gates_adaptive")
    parts = {"G2p": (gates.partly, gates.none, gates.strange_matrices), "G4": (gates.replay,), "G8": (gates.ranks,)}
    for gate, works in parts.items():
        for work in works:
            for found in work(reviews):
                yield _told(gate, found)


def claims(folder: Path | None) -> Iterator[Figure]:
    """G3, G6 and G9."""
    yield from importlib.import_module("gates_claims").figures(folder, np.random.default_rng(SEED))


def _told(gate: str, found: gates_adaptive.Figure) -> Figure:
    """A figure of `gates_adaptive.py` in the words of this file."""
    ends = ((">=", found.low), ("<=", found.high))
    target = " and ".join(f"{sign} {bound:g}" for sign, bound in ends if np.isfinite(bound))
    if found.value is None:
        return f"{gate} {found.name}", found.note, target, "not run"
    state = ("reached" if found.low <= found.value <= found.high else "missed") if target else "no target"
    return f"{gate} {found.name}", f"{found.value:.3f} {found.note}", target or "none", state


def _calibrators(rng: np.random.Generator, persons: int, tasks: int) -> tuple[np.ndarray, Bank]:
    world = calibrator_world(BASE, rng, theta=5.5, families=tasks // 3, mean_size=5, calibrators=persons)
    chosen = np.arange(tasks)
    name = np.char.add("t", chosen.astype(str))
    family = np.char.add("f", world.family[chosen].astype(str))
    return world.calibrators[:, chosen], Bank(name, name, family, world.x[chosen])


def _light() -> Figure:
    """Import every module of the room where no other library can be found."""
    answer = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    figure = "nothing else is needed" if answer.returncode == 0 else answer.stderr.strip().splitlines()[-1]
    return "G7 libraries at run time", figure, "numpy and scipy", "missed" if answer.returncode else "reached"


def _best(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def _below(name: str, seconds: float, bound: float) -> Figure:
    return name, f"{seconds:.3g} CPU s", f"< {bound} s", "reached" if seconds < bound else "missed"


def main() -> int:
    """Print every figure; 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help="published, speed, simulated, adaptive, claims; default all")
    parser.add_argument("--participants", type=int, default=400, help="a simulated world; 4000 is the gate")
    parser.add_argument("--reviews", type=int, default=100, help="of partly run banks, a scene")
    chosen = parser.parse_intermixed_args()
    named = os.environ.get("SEATRIAL_LYPTUS")
    folder = Path(named) if named else None
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "published": lambda: published(folder),
        "speed": speed,
        "simulated": lambda: simulated(chosen.participants),
        "adaptive": lambda: adaptive(chosen.reviews),
        "claims": lambda: claims(folder),
    }
    unknown = set(chosen.parts) - set(parts)
    if unknown:
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; known are {', '.join(parts)}")
    print(f"load {os.getloadavg()[0]:.1f}, seed {SEED}")
    missed = 0
    for part in chosen.parts or parts:
        for name, figure, target, state in parts[part]():
            missed += state == "missed"
            print(f"{name:62} {figure:40} target {target:24} {state}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
