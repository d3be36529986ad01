"""`seatrial backup DIR` and `seatrial restore DIR`: everything but the keys, looked at before it counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.custodial import spoken
from seatrial.installation import home, now

if TYPE_CHECKING:
    from seatrial.storage.address import Address

DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("directory", type=DIRECTORY)
def backup(directory: Path) -> None:
    """Make a backup below DIRECTORY: rows, papers and what custody sealed. Keys are never in it.

    It is put into a scratch database and the record's roots are computed from it before it counts. Backups of this
    installation that are older than 30 days are removed.
    """
    from seatrial.installation import Installation
    from seatrial.storage.backup import backup as make
    from seatrial.storage.backup_record import BackupRecord
    from seatrial.storage.rows_copy import NotCopied

    with spoken():
        try:
            made = make(Installation.open().house, home(), directory, now())
        except NotCopied as error:
            raise ValueError(str(error)) from error
        click.echo(f"{made}: whole; its logs have the roots that their checkpoints sign")
        oldest = BackupRecord(home()).oldest()
        click.echo(f"oldest backup that may be there: {oldest:%Y-%m-%d %H:%M} UTC" if oldest else "")
        click.echo(f"keep {home() / 'keys'} elsewhere and apart: without it what custody sealed stays closed")


@click.command()
@click.argument("directory", type=DIRECTORY)
def restore(directory: Path) -> None:
    """Put the backup in DIRECTORY back, into a home and a database that hold no installation.

    Every file is compared with the manifest first. Exit code 1: all is back, and the record has published more than
    the backup holds.
    """
    from seatrial.storage.restore import restore as put_back
    from seatrial.storage.rows_copy import NotCopied

    with spoken():
        try:
            done = put_back(directory.absolute(), home(), _address())
        except NotCopied as error:
            raise ValueError(str(error)) from error
        click.echo(f"{home()}: as of {done.manifest.at:%Y-%m-%d %H:%M} UTC, {len(done.manifest.files)} files")
    if done.fork:
        click.echo(f"record: {done.fork}", err=True)
        raise click.exceptions.Exit(1)
    click.echo("then: seatrial submission settle")


def _address() -> Address:
    from seatrial.house import DATABASE, PASSWORD_FILE
    from seatrial.storage.address import Address

    password = os.environ.get(PASSWORD_FILE)
    return Address.of(home(), os.environ.get(DATABASE, ""), Path(password) if password else None)
