"""Putting a new calibration onto an older scale, through items that both hold in common.

- An anchor is an item that every review runs outside its adaptive picks, neither too easy nor too hard for the
  calibrators, so that its difficulty is well known on both sides.
- Items that drifted (leaked, broken, re-worded) are dropped by a robust rule. Too many drops, or too few anchors left,
  and the two scales are not the same scale: then there is a new scale version and no comparison across.
- The error of the link is part of every ability on the linked scale; it is never left out.

The rule is that of mean-mean linking with a median filter (Kolen and Brennan, Test Equating, Scaling, and Linking).

>>> old = {f"i{n}": float(n) for n in range(24)}
>>> new = {name: value + 0.5 for name, value in old.items()} | {"i3": 9.0}
>>> found = link(old, new)
>>> found.shift, found.se, found.dropped
(0.5, 0.0, ('i3',))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.measurement.estimate import NotIdentifiable

ANCHORS = 40  # with 20 calibrators on each side they bring the linking error to 0.15 logits, 27 points
MIN_ANCHORS = 20  # below, the linking error is larger than the differences between models it should serve
MAX_DROPPED = 0.25  # share of the anchors: beyond, it is the scale that moved and not single items
OUTLIER = 3.0  # robust standard deviations from the median
MAD_TO_SD = 1.4826  # median absolute deviation of a normal variable, inverted
SOLVE_RATES = (0.1, 0.9)  # of the calibrators: outside, a difficulty is mostly its prior
ROUNDS = 2  # outliers hide outliers once
ESTIMAND = "ability on the scale of an earlier calibration"


@dataclass(frozen=True)
class Link:
    """How many logits the new scale lies above the old one: subtract `shift` from new difficulties and abilities."""

    shift: float
    se: float
    kept: tuple[str, ...]
    dropped: tuple[str, ...]


def link(old: Mapping[str, float], new: Mapping[str, float]) -> Link | NotIdentifiable:
    """The shift between two sets of anchor difficulties in logits (discrimination times difficulty), by item.

    Anchors that only one side holds are no anchors.
    """
    common = sorted(old.keys() & new.keys())
    differences = np.array([new[item] - old[item] for item in common])
    kept = np.ones(len(common), dtype=bool)
    for _ in range(ROUNDS):
        if kept.any():
            kept &= _near(differences, differences[kept])
    dropped = tuple(item for item, keep in zip(common, kept, strict=True) if not keep)
    counts = {"anchors": len(common), "kept": int(kept.sum()), "dropped": len(dropped)}
    reason = ""
    if counts["kept"] < MIN_ANCHORS:
        reason = f"{counts['kept']} anchors agree, {MIN_ANCHORS} needed: a new scale, not comparable with the old one"
    elif len(dropped) > MAX_DROPPED * len(common):
        reason = f"{len(dropped)} of {len(common)} anchors drifted: a new scale, not comparable with the old one"
    if reason:
        return NotIdentifiable(quantity="Q5", estimand=ESTIMAND, reason=reason, counts=counts)
    chosen = differences[kept]
    pulled_in = np.clip(differences, chosen.min(), chosen.max())  # a dropped anchor still counts as spread (Yuen 1974)
    se = float(pulled_in.std(ddof=1) * np.sqrt(len(common) - 1) / np.sqrt(len(chosen) * (len(chosen) - 1)))
    names = tuple(item for item, keep in zip(common, kept, strict=True) if keep)
    return Link(float(chosen.mean()), se, names, dropped)


def anchors(
    solve_rate: Mapping[str, float], difficulty: Mapping[str, float], *, count: int = ANCHORS
) -> tuple[str, ...]:
    """`count` items spread evenly over the difficulties of those whose solve rate lies in `SOLVE_RATES`.

    Fewer when there are not as many. Equal arguments give equal anchors; ties go by name.
    """
    low, high = SOLVE_RATES
    fit: Sequence[str] = sorted(
        (item for item, rate in solve_rate.items() if low <= rate <= high), key=lambda item: (difficulty[item], item)
    )
    if len(fit) <= count:
        return tuple(fit)
    places = np.round(np.linspace(0, len(fit) - 1, count)).astype(int)
    return tuple(fit[place] for place in places)


def _near(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Within the robust spread of the reference; a spread of zero keeps what equals the median."""
    centre = np.median(reference)
    spread = OUTLIER * MAD_TO_SD * np.median(np.abs(reference - centre))
    return np.asarray(np.abs(values - centre) <= max(float(spread), 1e-9))
