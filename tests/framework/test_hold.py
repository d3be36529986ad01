"""How long evidence of an incident is kept, and from whom it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from seatrial.framework.hold import ROUTINE, held, held_whole, hold_ends
from seatrial.framework.submission import STATES
from seatrial.framework.withdrawal import EVIDENCE_DAYS
from support.framework import T0, fresh

END = T0 + timedelta(days=EVIDENCE_DAYS)


def test_without_an_incident_nothing_is_held() -> None:
    assert hold_ends(fresh()) is None
    assert not held(replace(fresh(), state="closed"), T0)


@pytest.mark.parametrize("state", sorted(STATES))
def test_a_withdrawal_waits_for_no_hold_and_routine_does(state: str) -> None:
    standing = replace(fresh(), state=state).with_date("last_incident", T0)
    assert (hold_ends(standing), held(standing, T0), held(standing, END)) == (END, True, False)
    assert held_whole(standing, T0) is (state in ROUTINE)
    assert "withdrawn" not in ROUTINE
