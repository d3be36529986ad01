from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.battery import calibration, ladder, tiers
from seatrial.battery.calibration import Calibration, Timing, fit

if TYPE_CHECKING:
    from pathlib import Path


def test_caps_only_rise() -> None:
    rungs = [ladder.caps(level) for level in range(1, 12)]
    for lower, higher in itertools.pairwise(rungs):
        assert lower.tokens <= higher.tokens
        assert lower.working_s <= higher.working_s
        assert lower.turns <= higher.turns
    assert [ladder.design_minutes(level) for level in (1, 5, 6)] == [5, 588, None]
    with pytest.raises(ValueError, match="levels start at 1"):
        ladder.caps(0)


def test_tiers_have_the_sizes_of_the_design() -> None:
    sizes = {name: len(tiers.expand(name)) for name in tiers.TIERS}
    assert sizes == {"ci": 14, "screen": 35, "standard": 280, "extended": 350}
    assert tiers.repeat_share("standard") == 0.2
    with pytest.raises(ValueError, match="there are ci"):
        tiers.expand("huge")


def test_a_tier_is_narrowed_and_takes_private_families() -> None:
    cells = tiers.expand("screen", families=["web", "mine"], levels=[5, 1], instances=2)
    assert [(cell.family, cell.level, cell.index) for cell in cells[:4]] == [
        ("web", 1, 0),
        ("web", 1, 1),
        ("web", 5, 0),
        ("web", 5, 1),
    ]
    assert len(cells) == 8


def test_the_median_is_that_of_kaplan_and_meier() -> None:
    # Freireich et al. (1963), 6-MP arm: the textbook median of remission is 23 weeks.
    solved = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    rows = [Timing(str(n), 60.0 * t, solved=True) for n, t in enumerate(solved)]
    rows += [Timing(f"c{n}", 60.0 * t, solved=False) for n, t in enumerate(censored)]
    found = fit(rows)
    assert (found.n, found.n_solved, found.median_minutes) == (21, 9, 23.0)
    assert found.interval == (13.0, None)  # log-log interval as R's survfit(conf.type="log-log") prints it


def test_nobody_timed_means_uncalibrated() -> None:
    assert fit([]) == Calibration()
    assert fit([]).words() == "uncalibrated"
    assert fit([Timing("a", 60.0, solved=False)]).words() == "median not reached (0 of 1 solved)"


@given(st.lists(st.tuples(st.floats(1, 1e5), st.booleans()), min_size=1, max_size=40))
def test_the_interval_holds_the_median(rows: list[tuple[float, bool]]) -> None:
    found = fit([Timing(str(n), seconds, solved=solved) for n, (seconds, solved) in enumerate(rows)])
    low, high = found.interval
    if found.median_minutes is not None:
        assert low is not None
        assert low <= found.median_minutes
        assert high is None or high >= found.median_minutes


def line(**change: object) -> str:
    record = {
        "schema": calibration.SCHEMA,
        "family": "toy",
        "version": "1",
        "level": 1,
        "instance": "i",
        "pseudonym": "p",
        "working_ms": 60_000,
        "outcome": "solved",
    }
    return json.dumps(record | change)


def test_a_first_try_counts_and_void_does_not(tmp_path: Path) -> None:
    path = tmp_path / "times.jsonl"
    path.write_text(
        "\n".join(
            [
                line(outcome="void", working_ms=1),
                line(),
                line(working_ms=1),
                line(pseudonym="q", outcome="gave-up", working_ms=600_000),
                "",
            ]
        )
    )
    found = calibration.read_fits(path)
    assert found == {("toy", "1", 1): Calibration(2, 1, 1.0, (1.0, None))}


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "times.jsonl"
    path.write_text(line() + "\n" + line(schema="other"))
    with pytest.raises(ValueError, match=r"times\.jsonl, line 2"):
        calibration.read_fits(path)
