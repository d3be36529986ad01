"""`seatrial operators`: what applies to the software that an operator runs. Offline; the inventory never leaves."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.errors import bounded, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.clearinghouse.operators import Row

MOST = 256 * 2**20
"""Bytes of an inventory or of a catalogue: the largest inventories known are tens of megabytes."""


@click.group()
def operators() -> None:
    """For those who run software that others depend on: what applies to them, and by when."""


@operators.command("match")
@click.option("--inventory", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CycloneDX or SPDX.")
@click.option(
    "--feed", type=click.Path(path_type=Path), required=True, help="Folder of CSAF, OpenVEX or OSV documents."
)
@click.option(
    "--kev", type=click.Path(path_type=Path, dir_okay=False), help="CISA's catalogue of exploited ones, JSON."
)
@click.option("--exposed", multiple=True, metavar="GROUP=yes|no", help="Whether the public can reach an asset group.")
@click.option("--detected", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Known since, UTC; else now.")
@click.option("--sectors", is_flag=True, help="Rows under the sectors that their documents name.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def match_(
    *,
    inventory: Path,
    feed: Path,
    kev: Path | None,
    exposed: Sequence[str],
    detected: datetime | None,
    sectors: bool,
    as_json: bool,
) -> None:
    """List what applies to an inventory, most urgent first: due instant, reason, what to do."""
    from seatrial.clearinghouse.operators import Kev, by_sector, match, read_feed, read_inventory

    with spoken():
        components = read_inventory(bounded(inventory, MOST), str(inventory))
        told = read_feed(_documents(feed))
        catalogue = Kev.read(bounded(kev, MOST)) if kev else None
        since = (detected or datetime.now(UTC)).replace(tzinfo=UTC)
        found = match(components, told, detected=since, exposed=_answers(exposed), kev=catalogue)
    for name, why in told.unread:
        click.echo(f"not read: {name}: {why}", err=True)
    if as_json:
        listed = {
            "components": len(components),
            "without_name": found.without_name,
            "unread": [{"document": name, "why": why} for name, why in told.unread],
            "rows": [row.fields() for row in found.rows],
        }
        click.echo(json.dumps(listed, indent=2))
    else:
        click.echo(f"{len(components)} components, {len(told.statements)} statements, {len(found.rows)} rows")
        if found.without_name:
            click.echo(f"{found.without_name} components have neither a package URL nor a CPE and were not matched")
        for sector, rows in by_sector(found.rows).items() if sectors else [("", found.rows)]:
            if sector:
                click.echo(f"\n{sector}")
            for row in rows:
                _say(row)
    if told.unread and not told.statements:
        sys.exit(1)


def _say(row: Row) -> None:
    due = f"{row.due:%Y-%m-%d %H:%M} UTC" if row.due else "next upgrade"
    click.echo(f"\n{due:20}  {row.vulnerability}  {row.product}  {', '.join(row.versions)}")
    if row.title:
        click.echo(f"    {row.title}")
    click.echo(f"    {row.reason}")
    click.echo(f"    {row.status} (matched by {row.fit}) in {', '.join(row.groups)}; {row.document}")
    if row.remedy:
        click.echo(f"    to do: {row.remedy}")


def _documents(feed: Path) -> Iterator[tuple[str, bytes]]:
    from seatrial.clearinghouse.operators.advisories import DOCUMENT_BYTES

    if not feed.is_dir():
        raise ValueError(f"{feed}: no folder; give the folder of a provider, or one with its documents")
    for path in sorted(feed.rglob("*.json")):
        if path.name not in {"provider-metadata.json", "aggregator.json"} and "feed" not in path.name:
            yield str(path.relative_to(feed)), bounded(path, DOCUMENT_BYTES + 1)


def _answers(given: Sequence[str]) -> dict[str, bool]:
    answers = {}
    for text in given:
        group, _, answer = text.rpartition("=")
        if not group or answer not in {"yes", "no"}:
            raise ValueError(
                f"--exposed {text}: must be GROUP=yes or GROUP=no, for example `--exposed 'all assets=no'`"
            )
        answers[group] = answer == "yes"
    return answers
