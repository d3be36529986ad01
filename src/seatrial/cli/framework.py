"""`seatrial framework`: look at a policy pack, check one, compare two."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.errors import bounded, spoken

if TYPE_CHECKING:
    from seatrial.framework.pack import PolicyPack

NAME = re.compile(r"([a-z0-9-]+)(?:@(\d{4}\.\d{1,4}))?")
MAX_PACK_BYTES = 4 << 20
"""Of a pack's file; the shipped ones have less than 40 KiB."""
PACK = click.argument("pack", metavar="PACK")


@click.group()
def framework() -> None:
    """Policy packs: who takes part, in which roles, with which clocks, papers and keys."""


@framework.command()
@PACK
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(pack: str, *, as_json: bool) -> None:
    """Show a pack: a shipped one by name, as `eo-14409` or `eo-14409@2026.1`, or a file."""
    from seatrial.framework.pack_words import lines, record

    with spoken():
        found = load(pack)
        click.echo(json.dumps(record(found), indent=2) if as_json else "\n".join(lines(found)))


@framework.command()
@PACK
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(pack: str, *, as_json: bool) -> None:
    """Check a pack: say everything that is wrong with it and where; exit 0 when nothing is, 2 otherwise."""
    from seatrial.framework.pack_problem import PackError

    said, problems = "", []
    with spoken():
        try:
            found = load(pack)
            said = f"{found.ref}: nothing wrong in {len(found.entries)} entries"
        except PackError as error:
            problems = list(error.problems)
    if as_json:
        keys = ("file", "line", "table", "entry", "rule", "said")
        rows = [{key: getattr(problem, key) for key in keys} for problem in problems]
        click.echo(json.dumps({"schema": "seatrial.framework-check/1", "pack": pack, "problems": rows}, indent=2))
    else:
        click.echo("\n".join(map(str, problems)) or said)
    sys.exit(2 if problems else 0)


@framework.command()
@PACK
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def diff(pack: str, other: str | None, *, as_json: bool) -> None:
    """Compare PACK with OTHER, or a file with the shipped pack of the same name."""
    from seatrial.framework.pack_words import changes

    with spoken():
        second = load(other or pack)
        first = load(pack if other else second.ref.id)
        found = changes(first, second)
        if as_json:
            rows = [{key: getattr(item, key) for key in ("table", "entry", "key", "before", "after")} for item in found]
            head = {"schema": "seatrial.framework-diff/1", "from": str(first.ref), "to": str(second.ref)}
            click.echo(json.dumps({**head, "changes": rows}, indent=2))
        else:
            click.echo(f"{first.ref} {first.ref.sha256}\n{second.ref} {second.ref.sha256}")
            click.echo("\n".join(map(str, found)) or "no entry differs")


def load(name: str) -> PolicyPack:
    """The pack of that name or at that path; files that it names lie beside it or among the shipped ones.

    Raises:
        ValueError: no such pack, or one with problems.
    """
    from seatrial.framework.pack_reading import parse_pack
    from seatrial.shipped import load_shipped, names, reader

    found = NAME.fullmatch(name)
    if found and not Path(name).is_file():
        return load_shipped(found[1], found[2])
    path = Path(name)
    try:
        raw = bounded(path, MAX_PACK_BYTES)
    except OSError as error:
        raise ValueError(f"{name}: cannot be read: {error.strerror or error}; shipped: {', '.join(names())}") from error
    return parse_pack(raw, reader(path.parent), name)
