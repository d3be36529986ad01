"""The horizon of a typical task: an exact line, its guards, and that it says what it is."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.measurement import Bank, Calibration, Estimate, NotIdentifiable
from seatrial.measurement.ability import POINTS
from seatrial.measurement.typical import typical_horizon

FAMILIES = 12


def ability(logits: float, half: float, quantity: str = "Q5") -> Estimate:
    return Estimate(
        quantity=quantity,
        estimand="ability",
        unit="points",
        value=POINTS * logits,
        lower=POINTS * (logits - half),
        upper=POINTS * (logits + half),
        level=0.95,
        method="by hand",
        method_version="1",
        n_runs=60,
        n_tasks=60,
        n_families=FAMILIES,
        budget="1,000 tokens a run",
        bank_version="toy",
        qualifiers=frozenset(),
    )


def scene(noise: float, families: int = FAMILIES) -> tuple[Calibration, Bank]:
    """Difficulties of theta-scale 0.5 · x - 2 and discrimination 2."""
    rng = np.random.default_rng(1)
    x = np.tile(np.arange(10.0), families)
    names = [f"t{number}" for number in range(len(x))]
    bank = Bank.of(names, [f"f{number // 10}" for number in range(len(x))], minutes=np.exp2(x))
    b = 0.5 * x - 2 + noise * rng.normal(0, 1, families)[np.arange(len(x)) // 10]
    calibration = Calibration(
        item=tuple(names),
        a=(2.0,) * len(x),
        b=tuple(b.tolist()),
        sd=(0.1,) * len(x),
        intercept=-2.0,
        slope=0.5,
        spread=noise,
        axis="minutes",
        usable=12,
        largest_theta=2.0,
        multipliers={60: 2.0},
        horizon_multipliers={60: 2.0},
        replay_errors={60: 0.03},
        comparison_key="",
        bank_version="toy",
    )
    return calibration, bank


def test_an_exact_line_leaves_the_ability_s_own_error() -> None:
    found = typical_horizon(*scene(0.0), ability(1.0, 0.4))  # theta 0.5 ± 0.2, so x = 5 ± 0.4 octaves
    assert isinstance(found, Estimate)
    assert (found.lower, found.value, found.upper) == pytest.approx((2**4.6, 2**5, 2**5.4), rel=1e-6)
    assert "exploratory" in found.qualifiers
    assert "typical task" in found.estimand


def test_families_that_differ_widen_it() -> None:
    exact, varied = (typical_horizon(*scene(noise), ability(1.0, 0.4)) for noise in (0.0, 0.6))
    assert isinstance(exact, Estimate)
    assert isinstance(varied, Estimate)
    assert varied.upper is not None
    assert exact.upper is not None
    assert varied.upper / (varied.lower or 1) > exact.upper / (exact.lower or 1) * 1.1


def test_guards() -> None:
    with pytest.raises(ValueError, match="Q1"):
        typical_horizon(*scene(0.0), ability(1.0, 0.4, quantity="Q1"))
    one = typical_horizon(*scene(0.0, families=1), ability(1.0, 0.4))
    assert isinstance(one, NotIdentifiable)
    assert one.reason.startswith("fewer than two families")
    few = typical_horizon(*scene(0.0, families=4), ability(1.0, 0.4))
    assert isinstance(few, NotIdentifiable)
    assert few.reason == "no horizon from 4 families, 7 needed"
