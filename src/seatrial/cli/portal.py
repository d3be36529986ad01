"""`seatrial portal`: pages, API, custody and a worker over one installation, by one command; and what is missing.

Exit codes: 0 ended as asked, 1 something is missing, 2 bad input.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    from seatrial.installation import Installation
    from seatrial.portal.serving_processes import Service
    from seatrial.portal.settings import PortalSettings

PORT, CUSTODY_PORT, GATEWAY_PORT = 8400, 8401, 8701
PARTS = ("web", "custody", "worker")
ANY_PORT = click.IntRange(0, 65535)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
WAITING = 1024
"""Connections that wait while a server starts again."""
COMMAND = (sys.executable, "-c", "from seatrial.cli import main; main()")


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another one needs SEATRIAL_MODE=production.")
@click.option("--port", default=PORT, show_default=True, type=ANY_PORT, help="Of pages and API; 0 takes a free one.")
@click.option(
    "--custody-port", default=CUSTODY_PORT, show_default=True, type=ANY_PORT, help="Where custody is brought to."
)
@click.option("--gateway-port", default=GATEWAY_PORT, show_default=True, type=ANY_PORT, help="Custody's way to models.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 32), help="Processes that answer pages."
)
@click.option("--only", type=click.Choice(PARTS), help="This part alone; the others run elsewhere.")
@click.option("--demo", is_flag=True, help="Made-up organisations in a home of their own; a visitor picks a role.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The demonstration's; with --demo only.")
@click.pass_context
def portal(context: click.Context, /, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Serve the portal until it is told to end: pages and API, custody, and a worker.

    It makes what is missing (the home, keys, tables) and prints its address. As long as nobody operates the
    installation it prints a link as well, by which the first operator makes an account.
    """
    context.obj = given
    if context.invoked_subcommand is None:
        with spoken():
            _run(given)


def _run(given: dict[str, Any]) -> None:
    from seatrial.portal.logs import log_to
    from seatrial.portal.serving_processes import Watcher

    environment = _environment(given)
    place = _place(environment, demo=given["demo"])
    if given["host"] not in LOOPBACK and not place.production:
        raise ValueError(f"--host {given['host']}: others could reach it; set SEATRIAL_MODE=production first")
    pages = _bound(given["host"], given["port"]) if given["only"] in {None, "web"} else None
    if pages is not None:
        environment.setdefault("SEATRIAL_URL", f"http://localhost:{pages.getsockname()[1]}")
    environment.setdefault("SEATRIAL_CUSTODY_URL", f"http://127.0.0.1:{given['custody_port']}")
    _prepared(given, environment)
    if pages is not None:
        click.echo(f"portal: {environment['SEATRIAL_URL']}")
    Watcher(_services(given, pages), environment, log_to()).watch()


def _environment(given: dict[str, Any]) -> dict[str, str]:
    """What the parts are told; a demonstration hears of no setting of the real installation beside it."""
    from seatrial.installation import home

    for name in ("custody_port", "gateway_port"):
        given[name] = given[name] or _free()
    if not given["demo"]:
        if given["home"]:
            raise ValueError("--home is the demonstration's; name another installation by SEATRIAL_HOME")
        return {**os.environ, "SEATRIAL_HOME": str(home())}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    return {**kept, "SEATRIAL_HOME": str((given["home"] or home() / "demo").absolute())}


def _place(environment: dict[str, str], *, demo: bool) -> PortalSettings:
    from seatrial.portal.settings import PortalSettings

    return PortalSettings.of(Path(environment["SEATRIAL_HOME"]), environment, demonstration=demo)


def _bound(host: str, port: int) -> socket.socket:
    from seatrial.custody.serving import bound

    try:
        return bound(host, port)
    except OSError as error:
        raise ValueError(f"--port {port}: {error.strerror}; end what listens there, or name another port") from error


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepared(given: dict[str, Any], environment: dict[str, str]) -> None:
    """Home, keys and tables, by a process of its own: whoever watches holds nothing open."""
    done = subprocess.run(_own(given, "prepare"), env=environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _own(given: dict[str, Any], *rest: str) -> tuple[str, ...]:
    return (*COMMAND, "portal", *(("--demo",) if given["demo"] else ()), *rest)


def _services(given: dict[str, Any], pages: socket.socket | None) -> list[Service]:
    from seatrial.portal.serving_processes import Service

    found = []
    if pages is not None:
        descriptor = pages.fileno()
        command = _own(given, "pages", "--descriptor", str(descriptor))
        names = ["web"] if given["workers"] == 1 else [f"web {number + 1}" for number in range(given["workers"])]
        found += [Service(name, command, (descriptor,)) for name in names]
    if given["only"] in {None, "custody"}:
        ports = ("--port", str(given["gateway_port"]), "--upload-port", str(given["custody_port"]))
        found.append(Service("custody", (*COMMAND, "custody", "serve", *ports)))
    if given["only"] in {None, "worker"}:
        found.append(Service("worker", (*COMMAND, "worker")))
    return found


@portal.command()
@click.pass_obj
def check(given: dict[str, Any]) -> None:
    """List everything that is missing, and change nothing."""
    with spoken():
        found = _missing(_environment(given), demo=given["demo"])
    for words in found:
        click.echo(words)
    if found:
        sys.exit(1)
    click.echo("nothing is missing")


def _missing(environment: dict[str, str], *, demo: bool) -> list[str]:
    from seatrial.installation import now
    from seatrial.portal.settings import PortalSettings

    place, found = PortalSettings.read(Path(environment["SEATRIAL_HOME"]), environment, demonstration=demo)
    if place is None:
        return found
    from seatrial.portal.health import missing

    return [*found, *missing(place, now())]


@portal.command(hidden=True)
@click.pass_obj
def prepare(given: dict[str, Any]) -> None:
    """Make what is missing, and say how the first operator comes in."""
    from seatrial.portal.opening import serve, set_up

    with spoken():
        place = _place({**os.environ}, demo=given["demo"])
        set_up(place)
        from seatrial.installation import Installation, now
        from seatrial.portal.health import missing
        from seatrial.registry import Registry

        installation = Installation.open()
        serve(installation)
        if place.production and (found := missing(place, now())):
            click.echo("\n".join(("seatrial: something is missing; see seatrial portal check", *found)), err=True)
            sys.exit(1)
        if given["demo"]:
            _filled(installation)
            click.echo(f"demonstration: {place.url}/demonstration/")
        if (secret := Registry(installation.house).first_invitation(now())) is not None:
            click.echo(f"first operator, within a day: {place.url}/invitation/#{secret}")


def _filled(installation: Installation) -> None:
    from seatrial.cli.worker import kinds
    from seatrial.installation import now
    from seatrial.portal.demo import fill

    try:
        fill(installation, kinds(installation), now(), lambda line: click.echo(line, err=True))
    except RuntimeError as error:
        click.echo(f"seatrial: {error}; the rest is there, and the next start tries again", err=True)


@portal.command(hidden=True)
@click.option("--descriptor", required=True, type=int)
@click.pass_obj
def pages(given: dict[str, Any], descriptor: int) -> None:
    """Answer pages and API on a socket that a watcher handed over."""
    from seatrial.portal.logs import log_to, log_what_ends
    from seatrial.portal.opening import serve, set_up

    with spoken():
        set_up(_place({**os.environ}, demo=given["demo"]))
        log_what_ends(log_to())
        from seatrial.installation import Installation
        from seatrial.portal.serving import listening_on, serve_pages

        serve(Installation.open())
        serve_pages(listening_on(descriptor))
