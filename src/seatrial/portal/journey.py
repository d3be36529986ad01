"""A submission's way as a picture: what is behind it, where it stands, what is usually to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.framework.submission_store import Step

WAY: tuple[tuple[str, frozenset[str]], ...] = (
    ("Draft", frozenset({"inquiry", "draft"})),
    ("Submitted", frozenset({"submitted"})),
    ("Terms", frozenset({"terms"})),
    ("Agreed", frozenset({"agreed"})),
    ("Access and runs", frozenset({"access_open", "preflight", "running", "paused", "incident_hold"})),
    ("Review", frozenset({"review", "draft_report"})),
    ("Comment", frozenset({"developer_comment"})),
    ("Report", frozenset({"report_issued", "handoff"})),
    ("Closed", frozenset({"closed"})),
)


def way(history: Sequence[Step], state: str) -> list[dict[str, str]]:
    """The steps of the picture; one that left the usual way ends where it stands."""
    here = _place(state)
    if here is None:
        reached = max((place for step in history if (place := _place(step.entry.target)) is not None), default=-1)
        ended = [{"label": state.replace("_", " ").capitalize(), "status": "current"}]
        return [{"label": label, "status": "complete"} for label, _ in WAY[: reached + 1]] + ended
    return list(_shown(here))


def _place(state: str) -> int | None:
    return next((number for number, (_, states) in enumerate(WAY) if state in states), None)


def _shown(here: int) -> Iterator[dict[str, str]]:
    for number, (label, _) in enumerate(WAY):
        status = "complete" if number < here else "current" if number == here else "upcoming"
        yield {"label": label, "status": status}
