"""`seatrial custody serve`: custody as one process that stays: the gateway, the receiver of uploads, and the rounds.

Whatever is due by itself happens here, every minute: clocks, orders that were left, weights whose lease is over,
deletions, entries that the ledger lacks. Without it, `seatrial custody sweep` does one round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from seatrial.cli.custodial import spoken
from seatrial.cli.weights import PORT, receiver
from seatrial.installation import Installation, now

if TYPE_CHECKING:
    from seatrial.rounds import Round

GATEWAY_PORT = 8701


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Put a proxy with TLS before any other.")
@click.option("--port", default=GATEWAY_PORT, show_default=True, type=click.IntRange(0, 65535), help="The gateway's.")
@click.option("--upload-port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="The receiver's.")
@click.option("--reserve-gib", default=10, show_default=True, type=click.IntRange(0), help="GiB of the disk left free.")
def serve(host: str, port: int, upload_port: int, reserve_gib: int) -> None:
    """Serve the gateway and take uploads, and do every minute what is due, until it is told to end."""
    from seatrial.cli.gateway import application
    from seatrial.custody import serving
    from seatrial.custody.home import without_core_dumps
    from seatrial.rounds import going_round

    with spoken():
        without_core_dumps()
        installation = Installation.open()
        installation.custody.leases.abandon(now())
        calls, uploads = serving.bound(host, port), serving.bound(host, upload_port)
        with (
            going_round(installation, now, told=_told),
            serving.served(receiver(installation, reserve_gib), listening=uploads) as taking,
        ):
            click.echo(f"gateway: http://{host}:{calls.getsockname()[1]}")
            click.echo(f"takes uploads at {taking}; one user's install: not for real weights")
            serving.serve(application(installation), calls)


def _told(went: Round) -> None:
    for fault in went.faults:
        click.echo(f"not done, tried again in the next round: {fault}", err=True)
