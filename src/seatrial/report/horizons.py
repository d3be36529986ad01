"""How far a participant gets (Q6) as records: the lengths or levels at which half and four fifths are solved.

The picture draws the fitted curve and the runs; both stand in the record, so that it needs nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement import Estimate, NotIdentifiable, horizon
from seatrial.report.collection import About
from seatrial.report.records import Horizon, HorizonPlace, HorizonPoint

if TYPE_CHECKING:
    from seatrial.measurement import Outcomes
    from seatrial.measurement.horizon import Horizon as Answer
    from seatrial.report.collection import Numbers

SHARES = (0.5, 0.8)  # half; and four fifths, which says what can nearly be relied on


def add_horizon(found: Numbers, participant: str, outcomes: Outcomes) -> None:
    """Q6 of one participant whose planned runs all count alike."""
    answers = {share: horizon(outcomes, share=share) for share in SHARES}
    first = answers[SHARES[0]]
    points = [_point(found, participant, share, answer) for share, answer in answers.items()]
    if not any(point.estimate for point in points):
        return  # a curve without a limit on where it passes is no answer, so none is drawn
    found.horizons.append(
        Horizon(
            participant=participant,
            axis=first.axis,
            curve=(first.curve.intercept, first.curve.slope) if first.curve else None,
            points=points,
            places=places(outcomes, first.axis),
            without_length=first.without_length,
        )
    )


def places(outcomes: Outcomes, axis: str) -> list[HorizonPlace]:
    """Counted runs by their place on the axis, ascending."""
    counted = outcomes.counted()
    at = counted.minutes if axis == "minutes" else counted.level
    known = np.isfinite(at)
    runs = Counter(at[known].tolist())
    solved = Counter(at[known & (counted.score > 0)].tolist())
    return [HorizonPlace(at=place, solved=solved[place], runs=runs[place]) for place in sorted(runs)]


def _point(found: Numbers, participant: str, share: float, answer: Answer) -> HorizonPoint:
    about = About(participant, suffix=f"p{100 * share:.0f}")
    estimate, reason = found.place(about, answer.answer)
    timed = None
    if isinstance(answer.timed, Estimate):
        timed = found.record(About(participant, suffix=f"{about.suffix} timed"), answer.timed)
    elif isinstance(answer.timed, NotIdentifiable):
        found.miss(about, answer.timed, f"on timed instances alone: {answer.timed.reason}")
    return HorizonPoint(share=share, estimate=estimate, reason=reason, share_longer=answer.share_longer, timed=timed)
