"""`seatrial calendar`: what is due on submissions, by when and by whom, as text or as an iCalendar feed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.custodial import spoken
from seatrial.installation import Installation, now
from seatrial.shipped import shipped_pack

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seatrial.framework.obligation import Obligation


@click.command()
@click.argument("submissions", nargs=-1, required=True)
@click.option("--ics", type=click.Path(path_type=Path, dir_okay=False), help="Write an iCalendar file here.")
def calendar(submissions: tuple[str, ...], ics: Path | None) -> None:
    """Show what is due on SUBMISSIONS, soonest first: when, who owes it, what."""
    from seatrial.report.calendar import calendar as feed

    at = now()
    with spoken():
        owed = _owed(submissions, at)
        if ics is not None:
            ics.write_bytes(feed(owed, at))
    for line in lines(owed):
        click.echo(line)


def _owed(submissions: Iterable[str], at: datetime) -> tuple[Obligation, ...]:
    from seatrial.framework.obligation import due

    installation = Installation.open()
    standings = [installation.record(name).standing for name in submissions]
    found = [owed for one in standings for owed in due(one, shipped_pack(one.pack), at)]
    return tuple(sorted(found, key=lambda owed: (owed.by is None, owed.by or at, owed.object, owed.name)))


def lines(owed: Iterable[Obligation]) -> list[str]:
    """One line for each obligation; `open` where no clock runs."""
    return [
        f"{'open' if one.by is None else f'{one.by:%Y-%m-%dT%H:%M:%SZ}':20}  {one.owner:20}  {one.object}  {one.what}"
        + (" (reminder)" if one.expectation else "")
        for one in owed
    ]
