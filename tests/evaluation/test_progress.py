from seatrial.evaluation.campaign import Progress
from seatrial.evaluation.progress import describe, eta_s


def figures(done: int, planned: int = 10, elapsed: float = 20.0, **spend: object) -> dict[str, object]:
    return {
        "participants": {"alpha": {"planned": planned, "running": 1, "done": done, "invalid": 0, "working_s": 5.0}},
        "spend": {"tokens": 0, "usd": None, **spend},
        "elapsed_s": elapsed,
    }


def test_a_stage_without_figures_is_its_name() -> None:
    assert describe(Progress("verifying challenges", 3, 10)) == "verifying challenges"


def test_spend_and_time_left_are_shown() -> None:
    text = describe(Progress("running", 5, 10, figures(5, tokens=12_000, usd="0.40")))
    assert text == "running · alpha 5/10 · 12,000 tokens, 0.40 USD · about 20 s left"


def test_no_time_left_is_guessed_before_the_first_sample_is_done() -> None:
    assert eta_s(figures(0)) is None


def test_how_many_were_solved_is_not_shown_while_it_runs() -> None:
    assert "solved" not in describe(Progress("running", 5, 10, figures(5)))


def test_the_pace_is_that_of_this_worker() -> None:
    now = figures(8, planned=10, elapsed=20.0)
    now["participants"]["alpha"]["before"] = 6
    assert eta_s(now) == 20.0
    now["participants"]["alpha"]["before"] = 8
    assert eta_s(now) is None


def test_an_adaptive_review_counts_the_runs_it_expects_and_shows_its_estimate() -> None:
    rounds = {"round": 2, "about": 3, "expected_runs": 30, "value": 0.54, "half_width": 0.071, "wanted": 0.05}
    now = {**figures(10, planned=20, elapsed=20.0), "rounds": rounds}
    assert eta_s(now) == 40.0
    assert "round 2 of about 3, 54 % ±7.1 points, wanted ±5" in describe(Progress("running", 10, 20, now))
    now["rounds"] = {**rounds, "value": None, "half_width": None}
    assert "round 2 of about 3 ·" in describe(Progress("running", 10, 20, now))
