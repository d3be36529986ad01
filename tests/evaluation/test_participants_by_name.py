import doctest
import math

import pytest

from seatrial.evaluation import participants
from seatrial.evaluation.participants import Simulated, check_participant, kind


def test_the_worked_example() -> None:
    assert doctest.testmod(participants).failed == 0


def test_a_simulated_participant_solves_at_its_rate() -> None:
    simulated, level = Simulated(0.5), 3
    tries = 4000
    solved = sum(simulated.solves(bytes(32), f"instance-{number}", 0, level) for number in range(tries))
    expected = simulated.probability(level)
    assert abs(solved / tries - expected) < 4 * math.sqrt(expected * (1 - expected) / tries)


def test_equal_arguments_give_equal_answers_and_epochs_differ() -> None:
    simulated = Simulated(0.0)
    answers = [simulated.solves(bytes(32), "instance", epoch, 3) for epoch in range(64)]
    assert answers == [simulated.solves(bytes(32), "instance", epoch, 3) for epoch in range(64)]
    assert len(set(answers)) == 2


@pytest.mark.parametrize("name", ["simulated:", "simulated:strong", "simulated:nan", "simulated:inf"])
def test_an_ability_that_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="simulated"):
        check_participant(name, ())


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ValueError, match="reference"):
        check_participant("refrence", ())


def test_kinds() -> None:
    assert (kind("reference"), kind("null"), kind("simulated:1"), kind("textbook")) == (
        "reference",
        "floor",
        "simulated",
        "tool",
    )
