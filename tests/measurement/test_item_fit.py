import numpy as np
import pytest

from seatrial.measurement.bank import Bank
from seatrial.measurement.difficulties import fit_difficulties
from seatrial.measurement.item_fit import MISFIT, outfit

SEED = 11


def simulated(calibrators: int, tasks: int) -> tuple[np.ndarray, Bank]:
    rng = np.random.default_rng(SEED)
    theta, b = rng.normal(0, 1.5, calibrators)[:, None], np.linspace(-1.5, 1.5, tasks)
    scores = (rng.random((calibrators, tasks)) < 1 / (1 + np.exp(-(theta - b)))).astype(float)
    return scores, Bank.of([f"t{place}" for place in range(tasks)], ["f"] * tasks)


def test_outcomes_of_the_model_have_mean_squares_about_one() -> None:
    scores, bank = simulated(60, 40)
    squares = outfit(scores, bank, fit_difficulties(scores, bank))
    assert 0.8 < np.median(squares) < 1.2, f"seed {SEED}"
    assert np.mean(squares > MISFIT) <= 0.1, f"seed {SEED}"


def test_an_item_solved_by_the_weak_and_missed_by_the_strong_stands_out() -> None:
    scores, bank = simulated(40, 30)
    strong = scores.sum(axis=1) > np.median(scores.sum(axis=1))
    scores[:, 7] = ~strong
    squares = outfit(scores, bank, fit_difficulties(scores, bank, discriminations=False))
    assert int(np.argmax(squares)) == 7, f"seed {SEED}"
    assert squares[7] > MISFIT, f"seed {SEED}"


def test_an_item_that_nobody_ran_has_none_and_a_wrong_shape_is_refused() -> None:
    scores, bank = simulated(12, 10)
    scores[:, 3] = np.nan
    scores[2, 4] = np.nan
    squares = outfit(scores, bank, fit_difficulties(scores, bank))
    assert np.isnan(squares[3])
    assert np.isfinite(np.delete(squares, 3)).all()
    with pytest.raises(ValueError, match="9 columns, the bank has 10"):
        outfit(scores[:, :9], bank, fit_difficulties(scores, bank))
