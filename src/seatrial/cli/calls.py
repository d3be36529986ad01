"""`seatrial custody calls`: a submission's rows of the gateway's log, for its developer."""

from __future__ import annotations

import click


@click.command()
@click.argument("submission")
def calls(submission: str) -> None:
    """SUBMISSION's rows of the gateway's log, a line each, with proofs.

    A line is a call that was made or refused: digests and figures, never what was said. `row` is the text that was
    hashed (RFC 6962 leaf); `proof` leads from it to the `gateway.log_root` event with the same rows, first and count;
    null until the hour is over.
    """
    from seatrial.cli.custodial import spoken
    from seatrial.custody.access_extract import extract
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.keys import check_id
    from seatrial.custody.sqlite_access import SqliteAccessStore
    from seatrial.installation import home

    with spoken():
        check_id(submission, "sub")
        for row in extract(SqliteAccessStore(CustodyHome.open(home()).file), submission):
            click.echo(row.to_json())
