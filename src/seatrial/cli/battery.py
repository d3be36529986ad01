"""`seatrial battery`: look at the challenge families, build and verify instances, play one, check a reveal."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.errors import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.battery.family import Family
    from seatrial.battery.gate import Verified
    from seatrial.battery.instance import InstanceKey
    from seatrial.battery.seeds import SeedEntry

TIMES = Path("runs/play.jsonl")


@click.group()
def battery() -> None:
    """Generated challenge families: list, build, verify, play."""


@battery.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(*, as_json: bool) -> None:
    """List the families, built-in and private."""
    from seatrial.battery.packs import PackError, load, sources

    rows: list[dict[str, Any]] = []
    broken = []
    with spoken():
        for source in sources().values():
            try:
                family = load(source)
            except PackError as error:
                broken.append(str(error))
                continue
            rows.append(
                {
                    "id": family.id,
                    "version": family.version,
                    "visibility": family.visibility,
                    "domain": family.tags.domain,
                    "side": family.tags.side,
                    "techniques": len(family.techniques),
                    "summary": family.summary,
                }
            )
    if as_json:
        click.echo(json.dumps({"schema": "seatrial.battery-list/1", "families": rows, "broken": broken}, indent=2))
    else:
        for row in rows:
            head = f"{row['id']:<11} v{row['version']:<3} {row['domain']} {row['side']:<8}"
            click.echo(f"{head} {row['techniques']:>2} techniques  {row['summary']}")
    for line in broken:
        click.echo(f"seatrial: {line}", err=True)
    sys.exit(2 if broken else 0)


@battery.command()
@click.argument("family")
@click.option("--times", type=click.Path(path_type=Path), default=TIMES, help="People's times, as `play` writes them.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(family: str, times: Path, *, as_json: bool) -> None:
    """Show what a family asks, its techniques, and its knobs level by level."""
    from seatrial.battery.calibration import Calibration, read_fits
    from seatrial.battery.ladder import HEADROOM, LEVELS, caps
    from seatrial.battery.packs import family_by_id

    with spoken():
        chosen = family_by_id(family)
        fits = read_fits(times) if times.exists() else {}
        levels: dict[int, dict[str, Any]] = {}
        for level in (*LEVELS, HEADROOM):
            rung = caps(level)
            fit = fits.get((chosen.id, chosen.version, level), Calibration())
            levels[level] = {
                "knobs": dict(chosen.knobs(level)),
                "tokens": rung.tokens,
                "working_s": rung.working_s,
                "design_minutes": rung.minutes,
                "people": fit.words(),
            }
    facts = {
        "id": chosen.id,
        "version": chosen.version,
        "title": chosen.title,
        "summary": chosen.summary,
        "visibility": chosen.visibility,
        "domain": chosen.tags.domain,
        "side": chosen.tags.side,
        "cwe": list(chosen.tags.cwe),
        "attack_tactics": list(chosen.tags.attack_tactics),
        "techniques": list(chosen.techniques),
        "submission": chosen.intake.describe() or "nothing to hand in",
        "submissions": chosen.submissions,
        "participants": sorted(chosen.participants),
    }
    if as_json:
        click.echo(json.dumps({"schema": "seatrial.battery-show/1", **facts, "levels": levels}, indent=2))
        return
    click.echo(f"{facts['title']} ({chosen.id} version {chosen.version}, {chosen.visibility})\n{chosen.summary}\n")
    for name in ("domain", "side", "submission", "submissions"):
        click.echo(f"{name:<13}{facts[name]}")
    click.echo(f"{'techniques':<13}{', '.join(chosen.techniques)}")
    if chosen.participants:
        click.echo(f"{'naive ones':<13}{', '.join(sorted(chosen.participants))}")
    for level, row in levels.items():
        minutes = f"{row['design_minutes'][0]}-{row['design_minutes'][1]} min" if row["design_minutes"] else "open"
        name = f"L{level}" if level < HEADROOM else f"L{level}+"
        click.echo(f"\n{name:<4} target {minutes}, people: {row['people']}, cap {row['tokens']:,} tokens")
        click.echo("     " + ", ".join(f"{knob} {value}" for knob, value in row["knobs"].items()))


@battery.command()
@click.argument("family")
@click.option("--level", required=True, help="1 to 5, and further on.")
@click.option("--seed", required=True, help="64 hex digits, or a whole number as shorthand.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A folder that is empty or new.")
@click.option("--sealed", is_flag=True, help="Write the hidden half as well: witness, solver, twin, services, secrets.")
@click.option("--verify", "verified", is_flag=True, help="Run the gate too, and write manifest.json.")
def build(family: str, level: str, seed: str, out: Path, *, sealed: bool, verified: bool) -> None:
    """Build one instance into a folder, armed for a demonstration."""
    from seatrial.battery import gate, handout
    from seatrial.battery.packs import family_by_id
    from seatrial.sandbox import SealedBoxes

    manifest = None
    with spoken():
        chosen = family_by_id(family)
        instance = chosen.generate(_key(chosen, level, seed))
        armed = handout.write(out, chosen, instance, sealed=sealed)
        if verified:
            with SealedBoxes() as boxes:
                manifest = gate.verify(chosen, instance.key, boxes)
            handout.write_json(out / "manifest.json", manifest.sealed(instance) if sealed else manifest.public())
    click.echo(f"{instance.key.id} ({instance.technique}) in {out}")
    if armed.services:
        click.echo("its services run in boxes of their own: `seatrial battery play` sets them up")
    if manifest is not None:
        click.echo("qualified" if manifest.qualified else f"rejected: {manifest.first_broken}")
        sys.exit(0 if manifest.qualified else 1)


@battery.command()
@click.argument("family", default="")
@click.option("--level", default="", help="One level; default: 1 to 5.")
@click.option("--seeds", default="1", show_default=True, help="Instances per family and level.")
@click.option("--seed", default="", help="What the instances are drawn from; default: a fresh one, which is printed.")
@click.option("--full", is_flag=True, help="Every hostile submission and many more guesses, as for a release.")
@click.option("--jobs", default="", help="Instances at a time; default: one a core. CPU by guarantee needs 1.")
@click.option("--out", type=click.Path(path_type=Path), help="Write every manifest into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifests and counts as JSON.")
def verify(
    family: str, level: str, seeds: str, seed: str, jobs: str, out: Path | None, *, full: bool, as_json: bool
) -> None:
    """Generate instances and try all ten guarantees on each.

    Exit code 0: all qualified; 1: some were not; 2: something asked for is not there.
    """
    from seatrial.battery import gate, handout
    from seatrial.battery.gate.meter import cpu_seconds
    from seatrial.sandbox import SealedBoxes

    with spoken():
        base = _seed(seed) if seed else secrets.token_bytes(32)
        families, broken = _families(family)
        levels = [_number(level, "level")] if level else [1, 2, 3, 4, 5]
        entries = _entries(base, families, levels, _number(seeds, "seeds"))
        width = _number(jobs, "jobs") if jobs else len(os.sched_getaffinity(0))
        if not as_json:
            click.echo(f"{len(entries)} instances, drawn from --seed {base.hex()}")
        started, before = time.monotonic(), cpu_seconds()
        results: list[Verified] = []
        with SealedBoxes() as boxes, _progress("verifying") as tell:
            for result in gate.verify_all(families, entries, boxes, jobs=width, depth="full" if full else "standard"):
                results.append(result)
                tell(len(results), len(entries))
            cost = {
                "cpu_ms_per_instance": round(1000 * (cpu_seconds() - before) / max(1, len(results))),
                "wall_ms": round(1000 * (time.monotonic() - started)),
            }
        manifests = [result.manifest.public() for result in results if result.manifest is not None]
        for manifest in manifests if out is not None else ():
            handout.write_json(Path(out or ".", f"{manifest['instance']}.json"), manifest)
    rejected = {result.entry.key.id: result.reason for result in results if result.reason}
    if as_json:
        found = {
            "schema": "seatrial.battery-verify/1",
            "seed": base.hex(),
            "depth": "full" if full else "standard",
            "instances": len(results),
            "qualified": len(results) - len(rejected),
            "rejected": rejected,
            "unavailable": broken,
            **cost,
            "counts": gate.table(manifests),
            "manifests": manifests,
        }
        click.echo(json.dumps(found, indent=1))
    else:
        _print_verified(results)
        click.echo(f"{cost['cpu_ms_per_instance']} CPU-ms an instance, {cost['wall_ms'] / 1000:.1f} s in all")
    for line in broken:
        click.echo(f"seatrial: {line}", err=True)
    sys.exit(2 if broken else 1 if rejected else 0)


@battery.command()
@click.argument("family")
@click.option("--level", required=True, help="1 to 5, and further on.")
@click.option("--seed", default="", help="64 hex digits, or a whole number; default: a fresh one.")
@click.option("--times", type=click.Path(path_type=Path), default=TIMES, show_default=True, help="Where times go.")
def play(family: str, level: str, seed: str, times: Path) -> None:
    """Try a challenge yourself, in the box and with the prompt that a model gets; your time is recorded."""
    from seatrial.battery import gate
    from seatrial.battery.instance import Attempt
    from seatrial.battery.packs import family_by_id
    from seatrial.battery.play import Session, consent
    from seatrial.sandbox import SealedBoxes

    with spoken():
        chosen = family_by_id(family)
        key = _key(chosen, level, seed or secrets.token_bytes(32).hex())
        terminal = _Terminal()
        person = consent(terminal)
        if person is None:
            return
        click.echo("Preparing and verifying the challenge ...", err=True)
        with SealedBoxes() as boxes:
            key, manifest = gate.qualified(chosen, key, boxes, redraws=0 if seed else gate.REDRAWS)
            attempt = Attempt(secrets.token_bytes(32), secrets.token_bytes(16))
            session = Session(chosen, chosen.generate(key), attempt, boxes, terminal, time.monotonic)
            record = session.play(person, manifest, datetime.now(UTC).isoformat(timespec="seconds"))
        record.append_to(times)
    click.echo(f"recorded in {times}")


@battery.command("reveal-check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--manifests", type=click.Path(path_type=Path), help="Folder of manifests; default: beside the file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def reveal_check(path: Path, manifests: Path | None, *, as_json: bool) -> None:
    """Open the commitments of a finished run and make every instance again.

    PATH is a run directory or a reveal file. Exit code 0: all agrees; 1: something does not; 2: nothing to check.
    """
    from seatrial.battery import reveal

    with spoken(), _progress("making instances again") as tell:
        report = reveal.check(path, manifests, tell=tell)
    if as_json:
        found = {"schema": "seatrial.reveal-check/1", "instances": report.instances, "manifests": report.manifests}
        found |= {"problems": list(report.problems), "notes": list(report.notes)}
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"{report.instances} instances made again, {report.manifests} compared with their manifests")
        for line in report.notes:
            click.echo(f"note: {line}")
        for line in report.problems:
            click.echo(f"does not agree: {line}")
        if not report.problems:
            click.echo("all agrees")
    sys.exit(1 if report.problems else 0)


class _Terminal:
    """The person's own terminal."""

    def say(self, text: str) -> None:
        """Show a text."""
        click.echo(text)

    def ask(self, question: str) -> str | None:
        """One line, or None at the end of input and on Ctrl-C at the prompt."""
        try:
            return input(question)
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return None


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) <= 9):
        raise ValueError(f"{what} {text!r}: use a whole number from 1")
    return int(text)


def _seed(text: str) -> bytes:
    from seatrial.battery.seeds import shorthand

    seed = shorthand(text)
    if text != seed.hex() and text.isdigit():
        click.echo(f"seed {text} is short for {seed.hex()}", err=True)
    return seed


def _key(family: Family, level: str, seed: str) -> InstanceKey:
    from seatrial.battery.instance import InstanceKey

    return InstanceKey(family.id, family.version, _number(level, "level"), _seed(seed))


def _families(wanted: str) -> tuple[dict[str, Family], list[str]]:
    """The family asked for, or all of them and what could not be loaded."""
    from seatrial.battery.packs import PackError, family_by_id, load, sources

    if wanted:
        return {wanted: family_by_id(wanted)}, []
    found, broken = {}, []
    for source in sources().values():
        try:
            found[source.id] = load(source)
        except PackError as error:
            broken.append(str(error))
    return found, broken


def _entries(base: bytes, families: dict[str, Family], levels: list[int], seeds: int) -> list[SeedEntry]:
    from seatrial.battery.seeds import SeedEntry

    return [
        SeedEntry.of(base, family.id, family.version, level, index)
        for family in families.values()
        for level in levels
        for index in range(seeds)
    ]


def _print_verified(results: list[Verified]) -> None:
    cells: dict[tuple[str, int], list[str]] = {}
    for result in results:
        cells.setdefault((result.entry.family, result.entry.level), []).append(result.reason)
    for (family, level), reasons in cells.items():
        click.echo(f"{family:<11} L{level}  {sum(not reason for reason in reasons)} of {len(reasons)} qualified")
    for result in results:
        if result.reason:
            click.echo(f"rejected {result.entry.key.id}: {result.reason}")
    if len(results) == 1 and results[0].manifest is not None:
        for name, item in results[0].manifest.guarantees.items():
            counts = ", ".join(f"{what} {value}" for what, value in item.counts.items())
            reason = f": {item.reason}" if item.reason else ""
            click.echo(f"  {name:<4}{item.state}{reason} ({counts})")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A live line with an estimate at a terminal, a line per ten per cent elsewhere; on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    live = console.is_terminal
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not live, transient=True) as bar:
        task = bar.add_task(what, total=None)
        said = -1

        def tell(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            tenth = 10 * done // max(1, total)
            if not live and total > 1 and tenth != said:
                said = tenth
                console.print(f"{what} {done}/{total}", highlight=False)

        yield tell
