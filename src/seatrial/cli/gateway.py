"""The gateway's process: `seatrial gateway`, and the one that a review starts for itself.

A review's own gateway is another process: it opens the installation, issues the lease and holds the key; the review
gets an address and the lease's token through a pipe. It ends, and its lease with it, when the review ends.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

    from seatrial.custody.access_log import LogRoot
    from seatrial.evaluation.submission import Access
    from seatrial.installation import Installation

HOUSE_STREAM = "hou_" + "0" * 32
"""The ledger's stream of what concerns the house and no submission alone."""
START_S = 60.0
"""For a review's gateway to open the installation and listen."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8701, show_default=True, type=click.IntRange(0, 65535), help="0 draws a free one.")
def gateway(host: str, port: int) -> None:
    """Serve the model gateway: leases come in, the submitted endpoints' keys go out."""
    from seatrial.cli.custodial import spoken
    from seatrial.custody.home import without_core_dumps
    from seatrial.custody.serving import bound, serve
    from seatrial.installation import Installation, now

    without_core_dumps()
    with spoken():
        installation = Installation.open()
        installation.custody.leases.abandon(now())
        listening = bound(host, port)
        click.echo(f"gateway: http://{host}:{listening.getsockname()[1]}")
        serve(application(installation), listening)


def application(installation: Installation) -> Starlette:
    """The gateway over an installation, with its roots going to the ledger."""
    from seatrial.custody.credential import opened_endpoint
    from seatrial.custody.gateway import gateway_app
    from seatrial.custody.half_door import HalfDoor
    from seatrial.custody.sqlite_access import SqliteAccessStore

    custody = installation.custody

    def opened(submission: str, now: Any) -> Any:  # noqa: ANN401 - an instant, and custody's endpoint
        return opened_endpoint(custody.vault, custody.credentials.get(submission), now)

    def record(made: LogRoot) -> None:
        record_root(installation, made)

    log = SqliteAccessStore(custody.file)
    app = gateway_app(custody.leases, opened, log, record_root=record, together=custody.file.writing)
    door = HalfDoor(custody.halves, custody.vault.holder, custody.vault.keys, custody.leases)
    app.router.routes.insert(0, door.route)
    return app


def record_root(installation: Installation, made: LogRoot) -> None:
    """Put a root over the gateway's calls into the record."""
    import secrets

    from seatrial.ledger.event import Event, instant

    event = Event(
        kind="gateway.log_root",
        at=instant(made.made_at),
        stream=HOUSE_STREAM,
        actor=installation.custodian(HOUSE_STREAM),
        nonce=secrets.token_hex(16),
        refs={"rows": made.ref},
        nums={"first": made.first, "count": made.count},
    )
    installation.house.log.append([event])


@contextlib.contextmanager
def for_review(submission: str, model: str, attempt: str = "review") -> Iterator[Access]:
    """Start a gateway with a lease for one attempt at a review; end both with the block."""
    from seatrial.custody.secret import Secret
    from seatrial.evaluation.rundir import RunError
    from seatrial.evaluation.submission import Access

    child = subprocess.Popen(
        [sys.executable, "-c", "from seatrial.cli.gateway import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if child.stdin is None or child.stdout is None:
            raise RunError("the gateway's process has no pipes")
        child.stdin.write(json.dumps({"submission": submission, "models": [model], "attempt": attempt}) + "\n")
        child.stdin.flush()
        late = threading.Timer(START_S, child.kill)
        late.start()
        said = child.stdout.readline()
        late.cancel()
        if not said:
            raise RunError(f"{submission}: the gateway did not start; it says why above")
        made = json.loads(said)
        yield Access(
            submission, made["dialect"], made["gateway"], Secret(made["token"].encode()), made["max_output_tokens"]
        )
    finally:
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        child.wait()


def main() -> None:
    """Serve one review: the wish comes on standard input, the answer goes to standard output, end of input ends it."""
    from seatrial.cli.custodial import spoken
    from seatrial.cli.custody import issue, lease
    from seatrial.custody.credential import opened_endpoint
    from seatrial.custody.home import without_core_dumps
    from seatrial.custody.serving import served
    from seatrial.installation import Installation, now

    without_core_dumps()
    with spoken():
        asked = json.loads(sys.stdin.readline())
        installation = Installation.open()
        custody = installation.custody
        sealed = custody.credentials.get(asked["submission"])
        dialect = opened_endpoint(custody.vault, sealed, now()).dialect
        words = [asked["submission"], "--issuer", getpass.getuser(), "--attempt", asked["attempt"]]
        words += ["--token-file", os.devnull]
        words += [word for model in asked["models"] for word in ("--model", model)]
        wish = lease.make_context("lease", words).params  # with the verb's own defaults
        issued, token = issue(installation, asked["submission"], wish)
        with served(application(installation)) as address:
            said = {
                "gateway": address,
                "token": token.secret.reveal().decode(),
                "dialect": dialect,
                "max_output_tokens": issued.limits.max_output_per_request,
            }
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
            custody.leases.revoke(issued.id, now())
