"""Cases for tests: a store in memory, a book over it, people, and a notice of one root cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.blobs import MemoryBlobs
from seatrial.clearinghouse.case.book import CaseBook
from seatrial.clearinghouse.case.notice import Dates, Notice, Rated
from seatrial.clearinghouse.case.outbox import Going, Outbox
from seatrial.clearinghouse.case.pace_book import PaceBook
from seatrial.clearinghouse.case.signoff import SignOffs, Subject, sign
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.secrecy.tlp import Recipient
from seatrial.framework.data_class import Tlp
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.clearinghouse.case.case import Case

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ANA = Actor("per-ana", "coordinator")
BEN = Actor("per-ben", "analyst")
WORKER = Actor("worker:pacing", "1")
HOUSE = Viewer.of("per-ana", "house", Role.COORDINATOR)
CLUSTER = "C-000007"


@dataclass
class World:
    """One house: its store, cases, paces, blobs and outbox."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    viewer: Viewer = HOUSE
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs()
        self.book = CaseBook(self.store, self.viewer, "house")
        self.paces = PaceBook(self.store, self.viewer, "house")
        self.outbox = Outbox(self.book, self.paces, self.blobs, self.folder / "outbox")

    def later(self, **by: float) -> datetime:
        """Time goes on."""
        self.now += timedelta(**by)
        return self.now

    def opened(self, cluster: str = CLUSTER, **given: Any) -> Case:  # noqa: ANN401 - what a case is opened with
        """A case with the house as coordinator and one vendor."""
        case = self.book.open_case("overflow in parse", [cluster], ANA, self.now, **given)
        self.join(case.case_id, "house", ["coordinator"])
        return self.join(case.case_id, "acme", ["vendor"], ["parser"], "sec@acme.test")

    def join(self, case_id: str, organisation: str, roles: list[str], components: Any = (), contact: str = "") -> Case:  # noqa: ANN401 - any list
        """An organisation takes part."""
        body = {"organisation": organisation, "roles": roles, "components": list(components), "contact": contact}
        return self.book.act(case_id, [(EventType.JOINED, body)], ANA, self.now)


def notice(case_id: str, cluster: str = CLUSTER, **changed: Any) -> Notice:  # noqa: ANN401 - any field
    """A notice that lacks nothing."""
    given: dict[str, Any] = {
        "case_id": case_id,
        "cluster": cluster,
        "title": "Heap overflow in parse_header",
        "product": "parser",
        "project": "acme",
        "versions": "< 1.4.2",
        "root": "The length field is trusted.",
        "steps": "run parser proof.bin",
        "origin": AiOrigin.GENERATED,
        "rated": Rated(
            "high", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "", "CWE-787", "per-ben"
        ),
        "dates": Dates("house-1 2026.1", "Europe/Berlin", NOW + timedelta(days=90)),
        "tlp": Tlp.TLP_AMBER_STRICT,
        "pace": "answer STOP, or with how many reports you take at a time",
        "reply_to": "desk@house.test",
    }
    return Notice(**(given | changed))


def subject(world: World, draft: Any, **changed: Any) -> Subject:  # noqa: ANN401 - a draft of the outbox; any field
    """What a sign-off of this draft has to cover."""
    given: dict[str, Any] = {
        "cluster": draft.cluster,
        "rating": {"cvss_4": "CVSS:4.0/AV:N"},
        "decided_by": "per-ben",
        "severity": "high",
        "representatives": ("ab" * 32,),
        "texts": world.outbox.text(draft),
        "recipients": ("sec@acme.test",),
    }
    return Subject(**(given | changed))


def going(world: World, draft: Any, signer: str = "per-ana", **changed: Any) -> Going:  # noqa: ANN401 - the same
    """All that a release of this draft needs, signed off by `signer`."""
    about = subject(world, draft)
    signed = (
        SignOffs((sign(about, signer, "coordinator", "read it, and the proof runs", world.now),))
        if signer
        else SignOffs()
    )
    given: dict[str, Any] = {
        "subject": about,
        "signed": signed,
        "recipients": (Recipient("sec@acme.test", "acme"),),
        "label": Tlp.TLP_AMBER_STRICT,
    }
    return Going(**(given | changed))
