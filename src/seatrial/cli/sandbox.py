"""`seatrial sandbox`: look at the boundary of a box, and run one command in a box."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from seatrial.sandbox.preflight import PreflightRecord
    from seatrial.sandbox.spec import BoxSpec, RangeSpec

COLOURS = {"closed": "green", "open": "red", "blind": "red", "limited": "yellow", "not_applicable": "bright_black"}
WORDS = {"not_applicable": "n/a"}
USABLE, WITH_LOSS, NONE = 0, 1, 2
TIMED_OUT = 124  # as timeout(1) says it


@click.group()
def sandbox() -> None:
    """Sealed boxes: look at their boundary, run a command in one."""


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print the preflight records as JSON.")
@click.option("--full", is_flag=True, help="Look at every profile and at a private network of three hosts as well.")
def check(*, as_json: bool, full: bool) -> None:
    """Probe the boundary of a box from inside and say whether it is sealed.

    Each probe is first made outside, where it must find a canary of ours, then inside, where it must not.
    Exit code 0: sealed; 1: sealed, with weaker limits or one user only; 2: not sealed, or no box can be made.
    """
    from seatrial.sandbox.engine import choose
    from seatrial.sandbox.errors import SandboxError
    from seatrial.sandbox.preflight import preflight

    records: list[tuple[str, PreflightRecord]] = []
    try:
        engine = choose()
        try:
            for name, spec in _boundaries(full=full):
                records.append((name, preflight(engine, spec)))
                if not as_json:
                    _print_record(*records[-1])
        finally:
            engine.close()
    except SandboxError as error:
        _fail(str(error), as_json=as_json)
    code = max(_code(record) for _, record in records)
    if as_json:
        found = {"schema": "seatrial.sandbox-check/1", "exit_code": code}
        click.echo(
            json.dumps({**found, "records": {name: json.loads(record.to_json()) for name, record in records}}, indent=2)
        )
    sys.exit(code)


@sandbox.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--net", type=click.Choice(["none", "private"]), default="none", help="No network, or a private one without uplink."
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), help="Seconds until the command is killed."
)
@click.option(
    "--memory", "memory_mib", type=click.IntRange(16), default=1024, show_default=True, help="MiB, files included."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result and the box's record as JSON.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(*, net: str, timeout_s: float | None, memory_mib: int, as_json: bool, command: tuple[str, ...]) -> None:
    """Run COMMAND in a fresh sealed box and leave with its exit code.

    What is piped into this command is the command's standard input. Put -- before a command with options of its own.
    """
    from seatrial.sandbox.errors import SandboxError
    from seatrial.sandbox.sealed import SealedBoxes
    from seatrial.sandbox.spec import MIB, BoxSpec, Limits, RangeHost, RangeSpec

    spec = BoxSpec(limits=Limits(memory_bytes=memory_mib * MIB))
    stdin = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
    try:
        with SealedBoxes() as boxes:
            box = boxes.open(spec) if net == "none" else boxes.open_range(RangeSpec((RangeHost("box", spec),)))["box"]
            done = box.exec(list(command), stdin=stdin, timeout_s=timeout_s)
            record = box.record()
    except SandboxError as error:
        _fail(str(error), as_json=as_json)
    if as_json:
        from dataclasses import asdict

        result = {
            "schema": "seatrial.sandbox-run/1",
            "returncode": done.returncode,
            "timed_out": done.timed_out,
            "truncated": done.truncated,
            "duration_ns": done.duration_ns,
            "stdout": done.stdout.decode("utf-8", "replace"),
            "stderr": done.stderr.decode("utf-8", "replace"),
            "record": asdict(record),
        }
        click.echo(json.dumps(result, indent=2))
    else:
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.buffer.flush()
        sys.stderr.buffer.write(done.stderr)
        sys.stderr.buffer.flush()
    if done.truncated:
        click.echo("seatrial: the output was cut at the box's limit", err=True)
    if done.timed_out:
        click.echo(f"seatrial: killed after {timeout_s:g} s", err=True)
        sys.exit(TIMED_OUT)
    sys.exit(done.returncode)


def _boundaries(*, full: bool) -> Iterator[tuple[str, BoxSpec | RangeSpec]]:
    from seatrial.sandbox.spec import BoxSpec, Profile, RangeHost, RangeSpec

    yield "box", BoxSpec()
    if full:
        yield "box without capabilities", BoxSpec(profile=Profile(capabilities="bare"))
        yield "box with raw sockets", BoxSpec(profile=Profile(capabilities="range"))
        hosts = (RangeHost("gate", segments=("office", "plant")), RangeHost("desk", segments=("office",)))
        yield "private network", RangeSpec((*hosts, RangeHost("meter", segments=("plant",))))


def _code(record: PreflightRecord) -> int:
    if not record.sealed:
        return NONE
    return WITH_LOSS if record.limits_mode == "rlimit" or record.users_mode == "one" else USABLE


def _print_record(name: str, record: PreflightRecord) -> None:
    milliseconds = (record.ended_ns - record.started_ns) / 1e6
    click.secho(f"{name}: engine {record.engine} {record.engine_version}, level {record.level}", bold=True)
    users = {"one": "one user", "many": "many users"}.get(record.users_mode, record.users_mode)
    click.echo(f"limits by {record.limits_mode}, {users}, kernel {record.kernel_release}, {milliseconds:.0f} ms")
    click.echo()
    rows = [(f"{result.box}/{result.id}" if result.box else result.id, result) for result in record.results]
    width = max((len(label) for label, _ in rows), default=0)
    for label, result in rows:
        word = click.style(WORDS.get(result.verdict, result.verdict).ljust(8), fg=COLOURS[result.verdict])
        control = {"seen": "canary seen", "blind": "control BLIND"}.get(result.control, "")
        click.echo(f"{word}{label.ljust(width)}  {control.ljust(13)}  {result.observed}")
        if result.verdict in ("open", "blind"):
            click.echo(f"{'':8}{'':{width}}  {'':13}  expected: {result.expected}")
    click.echo()
    if record.sealed:
        click.secho(f"sealed  ({len(record.results)} probes, record {record.digest[:16]})", fg="green", bold=True)
    else:
        click.secho("NOT sealed", fg="red", bold=True)
        for result in record.failures:
            click.echo(f"  {result.id}: {result.verdict}: {result.observed}")
        click.echo("Nothing is started on such a boundary. `seatrial doctor` says what this machine is missing.")
    click.echo()


def _fail(message: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": message, "exit_code": NONE}, indent=2))
    else:
        click.echo(f"seatrial: {message}", err=True)
        click.echo("`seatrial doctor` says what this machine is missing.", err=True)
    sys.exit(NONE)
