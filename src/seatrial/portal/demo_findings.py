"""Made-up findings in different states, and a framework text that is commented on: real acts, at times that passed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.desk import Brought, Desk
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document
from seatrial.framework.standing import Act, Kind, Standing
from seatrial.framework.two_key import KeyAction
from seatrial.paperwork import sha256
from seatrial.portal.demo_course import HOUR, paper
from seatrial.portal.demo_parties import ABE, AMY, ANN, CORA, DEE, IVO, LIN, MARA, SOL, VIC, Player
from seatrial.shipped import pack_named, shipped

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.house import House

PACK = "minimal"
INTAKE = {"tlp": "TLP:AMBER+STRICT", "vendor": "millrace"}
REPORT = b"""# Report

Overlong record names overrun a fixed buffer in millrace-ingest 3.1 when the length field is zero.

1. Start the service with the attached configuration.
2. Send the attached record. The process ends with a read beyond the buffer.

<script>alert('text of a report is shown, and never run')</script>
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does with a finding, after so many hours, and what it brings beside the papers it asks for."""

    hours: float
    who: Player
    event: str
    marks: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    days: int = 0
    more: tuple[str, ...] = ()


REPRODUCED = (Step(20, VIC, "reproduce"),)
CLUSTERED = (*REPRODUCED, Step(4, ANN, "cluster", (("cluster", "millrace-ingest-length"),)))
RATED = (*CLUSTERED, Step(10, ANN, "rate", (("rating", "medium"),)))
SIGNED_OFF = (*RATED, Step(8, ABE, "sign_off"))
QUEUED = (*SIGNED_OFF, Step(4, CORA, "enqueue", reason="the maintainer takes two reports a week", days=10))
REPORTED = (*QUEUED, Step(30, CORA, "send_report", more=("pacing_token",)))
ACKNOWLEDGED = (*REPORTED, Step(40, MARA, "acknowledge"))
FIXING = (*ACKNOWLEDGED, Step(60, MARA, "start_fix"))
FIXED = (*FIXING, Step(200, MARA, "publish_fix", (("fixed_version", "3.1.4"),)))
VERIFIED = (*FIXED, Step(20, VIC, "verify_fix"))
ADVISED = (*VERIFIED, Step(20, CORA, "publish_advisory"))

FINDINGS: tuple[tuple[str, float, tuple[Step, ...]], ...] = (
    ("a length of zero is taken on trust", 6, ()),
    ("a second way to the same buffer", 9, REPRODUCED),
    ("a path that ends outside its folder", 30, (Step(20, VIC, "reproduce_none"),)),
    ("an answer that is read after it is freed", 12, CLUSTERED),
    ("a name that is compared by its first letter", 20, RATED),
    ("a token that outlives its session", 26, SIGNED_OFF),
    ("a counter that turns over", 40, QUEUED),
    ("a header that is copied twice", 90, REPORTED),
    ("a lock that is not held", 50, ACKNOWLEDGED),
    ("a default password in an example", 70, FIXING),
    ("a missing check of a signature", 60, FIXED),
    ("a parser that trusts its depth", 30, VERIFIED),
    ("a log that keeps a secret", 50, ADVISED),
    ("a setting that is meant so", 33, (*REPRODUCED, Step(5, ANN, "mark_out_of_scope", reason="documented behaviour"))),
)
"""What it is about, how long ago the last act was in hours, and the acts after its intake."""


def find(house: House, about: str, ago: float, steps: tuple[Step, ...], now: datetime) -> str:
    """One finding, led to its state; its id."""
    at = now - (ago + sum(step.hours for step in steps)) * HOUR
    name = house.new_id("fnd")
    content = {"provenance": paper("provenance", about), "commitment": paper("commitment", about)}
    taken = Standing(name, Kind.FINDING, evaluator=ANN.organisation, pack=pack_named(PACK).ref)
    _begun(house, taken, "intake", ANN, at, content, INTAKE)
    for step in steps:
        at += step.hours * HOUR
        _taken(house, name, step, about, at)
    return name


def _begun(
    house: House,
    standing: Standing,
    event: str,
    who: Player,
    at: datetime,
    papers: dict[str, bytes],
    marks: dict[str, str],
) -> None:
    data_class = DataClass.F if standing.kind is Kind.FINDING else DataClass.P
    documents = tuple(
        Document(kind, 1, sha256(content), who.organisation, (who.person,), at, data_class)
        for kind, content in papers.items()
    )
    house.begin(standing, Act(event, who.actor, at, documents=documents, marks=tuple(marks.items())), at)
    viewer = house.viewer(who.actor, standing.object, at)
    for content in papers.values():
        house.papers.put(viewer, standing.object, data_class, content)


def _taken(house: House, name: str, step: Step, about: str, at: datetime) -> None:
    desk = Desk(house, step.who.actor, at)
    offer = next(one for one in desk.offers(desk.record(name).standing) if one.event == step.event)
    kinds = [asked.names[0] for asked in offer.asks if asked.kind == "document"]
    papers = {kind: paper(kind, about) for kind in (*kinds, *step.more)}
    if "report_with_label" in papers:
        papers["report_with_label"] = REPORT
    date = at + timedelta(days=step.days) if step.days else None
    desk.act(name, step.event, Brought(tuple(papers.items()), reason=step.reason, date=date, marks=step.marks))


OLD, NEW = b'version = "2026.1"', b'version = "2026.2"'
COMMENTS = (
    (AMY, b"Five days are enough for us; say whether they are working days.\n"),
    (IVO, b"State in the report which version of the pack the clock was taken from.\n"),
    (LIN, b"We agree, provided that an extension stays at one.\n"),
)


def proposed_text() -> bytes:
    """The shipped pack as its next version, with five days to comment in place of three."""
    text = (shipped() / PACK / "2026.1.toml").read_bytes().replace(OLD, NEW, 1)
    clock = re.compile(rb'(\[\[clock\]\]\nid = "comment"\n(?:.+\n)*?hours = )72\n')
    return clock.sub(rb"\g<1>120\n", text, count=1).replace(b"comment_hours = 72", b"comment_hours = 120", 1)


def propose(house: House, now: datetime) -> str:
    """A proposed text with comments of three organisations, and one of two keys turned; its id."""
    at, name = now - 9 * 24 * HOUR, house.new_id("txt")
    text = proposed_text()
    _begun(house, Standing(name, Kind.FRAMEWORK_TEXT), "propose", DEE, at, {"pack_text": text}, {})
    for who, words in COMMENTS:
        at += 30 * HOUR
        Desk(house, who.actor, at).act(name, "comment", Brought((("comment", words),)))
    Desk(house, SOL.actor, now - 4 * HOUR).turn(name, KeyAction.ADOPT_PACK, sha256(text))
    return name
