"""Where verbs on cases find the installation's records, and as whom somebody acts on them."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.case.book import CaseBook
    from seatrial.clearinghouse.case.case import Case
    from seatrial.clearinghouse.case.outbox import Outbox
    from seatrial.clearinghouse.case.pace_book import PaceBook
    from seatrial.clearinghouse.event import Actor
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

WHO = click.option(
    "--as", "who", nargs=3, required=True, metavar="PERSON ORGANISATION ROLE", help="Who you are in this act."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
SECRET_BYTES = 32


@dataclass(frozen=True)
class Place:
    """The records of an installation, as one person acts on them."""

    home: Path
    store: Store
    blobs: Blobs
    viewer: Viewer
    actor: Actor
    now: datetime

    @classmethod
    def open(cls, who: Sequence[str]) -> Place:
        """Open the installation for a member of one of its organisations.

        Raises:
            ValueError: they are no such member.
        """
        from seatrial.clearinghouse.blobs import FolderBlobs, FolderKeys
        from seatrial.clearinghouse.event import Actor
        from seatrial.desk import Desk
        from seatrial.framework.participant import SERVICE_ROLES, Role
        from seatrial.framework.standing import Actor as Acting
        from seatrial.framework.submission_store import NotHere
        from seatrial.installation import Installation, home, now
        from seatrial.storage.stores.finding_store import FindingStore

        if Role(who[2]) in SERVICE_ROLES:
            raise ValueError(f"--as: {who[2]} is a service of the house, not a person")
        house, at = Installation.open().house, now()
        try:
            viewer = Desk(house, Acting(*who), at).viewer
        except NotHere:
            raise ValueError(f"--as: {who[0]} is no {who[2]} of {who[1]} now; see: seatrial submission enrol") from None
        place = home()
        store = FindingStore(house.database, lambda: (house.ledger.number, house.log))
        blobs = FolderBlobs(place / "findings" / "blobs", FolderKeys(place / "keys" / "compartments"))
        return cls(place, store, blobs, viewer, Actor(who[0], who[2]), at)

    @property
    def book(self) -> CaseBook:
        """The cases."""
        from seatrial.clearinghouse.case.book import CaseBook

        return CaseBook(self.store, self.viewer, self.viewer.organisation)

    @property
    def paces(self) -> PaceBook:
        """The buckets of contacts."""
        from seatrial.clearinghouse.case.pace_book import PaceBook

        return PaceBook(self.store, self.viewer, self.viewer.organisation)

    @property
    def outbox(self) -> Outbox:
        """The drafts, and the folder that files are written to."""
        from seatrial.clearinghouse.case.outbox import Outbox

        return Outbox(self.book, self.paces, self.blobs, self.home / "findings" / "outbox")

    def secret(self, name: str) -> bytes:
        """A secret of the house's own (32 bytes, 0600), made when first asked for."""
        folder = self.home / "keys" / "findings"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        if not path.exists():
            from seatrial.cli.custodial import write_private

            write_private(path, secrets.token_bytes(SECRET_BYTES))
        return path.read_bytes()

    def cases(self) -> list[Case]:
        """Every case that this person sees, oldest first."""
        years = range(2026, self.now.year + 1)
        return [self.book.case(name) for name in self.book.ids(years)]


def shown(found: dict[str, Any] | list[dict[str, Any]], lines: Sequence[str], *, as_json: bool) -> None:
    """Print either the JSON or the lines."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("nothing", err=True)
