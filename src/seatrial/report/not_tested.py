"""What a reader might take for granted and a review did not show, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.report.table import MODEL, Tables, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.report.collection import Numbers

TIMED = ("completion", "first_blood")  # sources of minutes that somebody took the time of


def not_tested(tables: Tables, found: Numbers) -> Iterator[str]:
    """From what lies outside the battery to what was planned and did not happen."""
    yield from _outside(tables, found)
    for name in tables.participants:
        yield from _absent(tables, name)
    yield from _subject(tables)
    if not any(tables.kind(name) == "tool" for name in tables.participants):
        yield "What today's tools without AI reach on these instances: none was run beside."
    if not any(row.minutes_source in TIMED for row in tables.files.rows):
        yield "People: no human has been timed on these instances."
    if any(item.quantity == "Q2" for item in found.missing):
        yield "Whether the shares hold beyond these instances, where no number for tasks like these is given."


def _outside(tables: Tables, found: Numbers) -> Iterator[str]:
    if tables.levels:
        yield f"Levels above {tables.levels[-1]}: nothing harder was run."
    if found.rounds is not None:
        left = found.rounds.battery - found.rounds.picked
        yield f"{counted(left, 'challenge')} of the battery's {found.rounds.battery}: the rounds did not pick them."
    techniques = {item.cluster for item in tables.planned}
    yield (
        f"Anything beyond {counted(len(tables.families), 'family', 'families')} with "
        f"{counted(len(techniques), 'technique')}: real software, social engineering, evasion of live defenders, "
        "hardware."
    )


def _absent(tables: Tables, name: str) -> Iterator[str]:
    missing, rows = tables.not_run(name), tables.rows(name)
    if missing:
        yield f"{name}: {len(missing)} of {len(missing) + len(rows)} planned runs did not take place."
    absent = [row for row in rows if row.outcome == "unavailable"]
    if absent:
        reasons = "; ".join(dict.fromkeys(row.reason for row in absent))
        yield f"{name}: not available on {len(absent)} of {len(rows) + len(missing)} instances ({reasons})."


def _subject(tables: Tables) -> Iterator[str]:
    subject = tables.participants[0]
    if tables.kind(subject) != MODEL:
        yield "Any AI model: only participants without AI took part."
        return
    arms = len(tables.arms(subject))
    used = "one scaffold was used" if arms < 2 else f"{arms} arms were run"
    yield f"Other scaffolds, tools or prompts: {used}, and a better one may solve more."
    if not any(row.epoch for row in tables.rows(subject)):
        yield "How much a second attempt at the same instance would change: every instance was run once."
