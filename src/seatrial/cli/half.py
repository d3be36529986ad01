"""`seatrial custody half`: a developer who keeps their own half sends it to a gateway, for as long as a lease runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    import httpx

SEND_S = 20.0
"""For the gateway to take it: it opens one key."""
HERE = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command()
@click.argument("submission")
@click.option("--from", "source", required=True, metavar="FILE", help="The half's file; - is standard input.")
@click.option("--gateway", required=True, metavar="URL", help="The running gateway; https, unless it is on this host.")
def half(submission: str, source: str, gateway: str) -> None:
    """Send your half of SUBMISSION's keys to a running gateway, which forgets it when the last lease ends.

    After a restart of the gateway its calls are answered 503 until you send it again. To end access, stop sending it,
    or withdraw: seatrial withdraw SUBMISSION.
    """
    with spoken():
        answer = sent(submission, _read(source), gateway)
    click.echo(f"taken until {answer.json()['until']}")


def _read(source: str) -> bytes:
    from seatrial.custody.half_door import FILE_BYTES

    if source == "-":
        return sys.stdin.buffer.read(FILE_BYTES + 1)
    with Path(source).open("rb") as file:
        return file.read(FILE_BYTES + 1)


def sent(submission: str, content: bytes, gateway: str) -> httpx.Response:
    """Send it where no one on the way reads it. Raises `ValueError` or `CustodyError` with the gateway's own words."""
    import httpx

    from seatrial.custody.half_door import HalfFile
    from seatrial.custody.keys import CustodyError

    if HalfFile.from_bytes(content).submission != submission:
        raise ValueError("--from: this half is another submission's")
    place = urlsplit(gateway)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in HERE):
        raise ValueError("--gateway: write https://...; plain http is for a gateway on this host alone")
    try:
        url = f"{gateway.rstrip('/')}/halves/{submission}"
        answer = httpx.put(url, content=content, timeout=SEND_S, follow_redirects=False, trust_env=False)
    except httpx.HTTPError as error:
        raise CustodyError(f"--gateway: cannot be reached ({type(error).__name__}); is it running?") from None
    if answer.status_code != 200:
        raise CustodyError(f"not taken ({answer.status_code}): {_why(answer)}")
    return answer


def _why(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "the address answers, but is no gateway that takes halves"
