"""`seatrial claims`: whether somebody is at work on a place already; never who."""

from __future__ import annotations

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.custodial import spoken


@click.group()
def claims() -> None:
    """Deconflict: is another party at work on this already? The answer is `unknown`, or since which day."""


@claims.command()
@click.argument("repository")
@click.argument("path")
@click.argument("cwe", type=int)
@WHO
@JSON
def check(repository: str, path: str, cwe: int, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Ask about PATH of REPOSITORY and weakness number CWE. Every check is counted and kept."""
    from seatrial.clearinghouse.secrecy.claims import ClaimDesk, StoredClaims
    from seatrial.clearinghouse.secrecy.claims import Place as Where
    from seatrial.framework.viewer import Viewer

    with spoken():
        place = Place.open(who)
        house = Viewer.house("a claim is checked for a party")
        kept = StoredClaims(place.secret("claims"), place.store, house, "house")
        desk = ClaimDesk(kept, place.store, house, "house")
        told = desk.check(who[1], Where(repository, path, cwe), place.actor, place.now)
    shown({"repository": repository, "path": path, "cwe": cwe, "answer": told}, [told], as_json=as_json)


@claims.command()
@click.argument("repository")
@click.argument("path")
@click.argument("cwe", type=int)
@WHO
@JSON
def add(repository: str, path: str, cwe: int, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Let it be known that somebody is at work there; who is not kept. The first day stays."""
    from seatrial.clearinghouse.event import Actor
    from seatrial.clearinghouse.secrecy.claims import Place as Where
    from seatrial.clearinghouse.secrecy.claims import StoredClaims, answer
    from seatrial.framework.viewer import Viewer

    with spoken():
        place = Place.open(who)
        house = Viewer.house("a claim is kept for a party")
        kept = StoredClaims(place.secret("claims"), place.store, house, "house")
        where = Where(repository, path, cwe)
        kept.claim(where, Actor("worker:claims", "1"), place.now)
        told = answer(kept, where)
    shown({"repository": repository, "path": path, "cwe": cwe, "answer": told}, [told], as_json=as_json)
