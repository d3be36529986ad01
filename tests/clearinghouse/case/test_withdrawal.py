"""After a developer withdraws, somebody else's vulnerability goes on, and nothing about the model is left in it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.clearinghouse.case import acts
from seatrial.clearinghouse.case.going_out import gathered, signed_off
from seatrial.clearinghouse.case.notice_making import Added, notice_of
from seatrial.clearinghouse.cluster import Cluster, Member
from seatrial.clearinghouse.event import Event, EventType
from seatrial.clearinghouse.finding import AiOrigin, Claim, Finding, Recipe, ReporterKind, Target
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.origin import Origin
from seatrial.clearinghouse.rating.raters import Proposal, RaterKind, Rating, decide
from seatrial.clearinghouse.secrecy.commitment import DayRoot, commit, verify
from seatrial.clearinghouse.store import Batch, Received
from support.cases import ANA, BEN, CLUSTER, NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATING = Rating(
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CWE-787",
)
CASE = "SC-2026-0001"
FACTS = st.text(alphabet="ghjkmnpqxyz", min_size=12, max_size=20).map(lambda name: f"model-{name}")


def counted() -> Callable[[int], bytes]:
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(size)


class Course:
    """One finding from its arrival to a verified fix, with a withdrawal before step number `at`."""

    def __init__(self, folder: Path, fact: str, at: int | None) -> None:
        random = counted()
        self.world = World(folder, MemoryStore(random=random))
        for part in (self.world.book, self.world.paces):
            part._random = random
        self.random, self.fact = random, fact
        self.finding = Finding(
            origin_ref="1" * 32,
            reporter_kind=ReporterKind.MODEL,
            ai_origin=AiOrigin.GENERATED,
            target=Target(purl="pkg:generic/parser@1.4.1"),
            claim=Claim(title="Heap overflow in parse_header", cwe=(787,), summary="The length field is trusted."),
            recipe=Recipe(image="sha256:" + "0" * 64, run=("parser", "{pov}")),
        )
        self.nonce = random(32)
        steps = [self.arrive, self.rate, self.open, self.draft, self.sign, self.release, self.answer, self.fix]
        for number, step in enumerate([*steps, lambda: None]):
            if number == at:
                self.world.store.shred_origin(self.world.viewer, ["1" * 32], NOW)
            step()

    def arrive(self) -> None:
        facts = {"model": (self.fact,), "run": self.fact, "samples": (self.fact,), "submission": ""}
        origin = Origin("1" * 32, "house", "house", NOW, **facts)  # type: ignore[arg-type]
        name = self.finding.finding_id
        first = Event.following(None, name, EventType.RECEIVED, {}, BEN, NOW, self.random(16))
        made = commit(self.nonce, self.finding.canonical())
        self.world.store.put_findings(
            self.world.viewer, Batch((Received(self.finding, (first,), made, self.nonce),), (origin,))
        )

    def rate(self) -> None:
        member = Member(finding_id=self.finding.finding_id, represents=True)
        cluster = Cluster(cluster_id=CLUSTER, project="pkg:generic/parser", keeper="house", members=(member,))
        joined = Event.following(
            None, CLUSTER, EventType.JOINED, {"finding": member.finding_id}, BEN, NOW, self.random(16)
        )
        proposals = [Proposal("rules", RaterKind.RULE, RATING, NOW), Proposal("per-eva", RaterKind.PERSON, RATING, NOW)]
        document = decide(proposals, RATING, person="per-ben", reason="both agree", at=NOW).document()
        rated = Event.following(joined, CLUSTER, EventType.RATING_DECIDED, document, BEN, NOW, self.random(16))
        self.world.store.append(self.world.viewer, [joined, rated], [cluster])
        self.cluster, self.document = cluster, document

    def open(self) -> None:
        self.world.opened()

    def draft(self) -> None:
        held = self.world.store.findings(self.world.viewer, [self.finding.finding_id])
        findings = {name: one.finding for name, one in held.items()}
        added = Added("desk@house.test", reviewers=())
        told = notice_of(self.world.book.case(CASE), self.cluster, findings, self.document, added, NOW)
        self.made = self.world.outbox.make(told, "mail", "acme", ANA, NOW)

    def sign(self) -> None:
        signed_off(self.world.store, self.world.viewer, self.going, ANA, "read it", NOW, self.random)

    def release(self) -> None:
        self.file = self.world.outbox.release(CASE, self.made.id, self.going, ANA, NOW).path

    def answer(self) -> None:
        self.world.book.act(CASE, lambda case: acts.tried(case, "acme", "mail", "sec@acme.test", "reached"), ANA, NOW)
        self.world.book.act(CASE, [(EventType.MESSAGE, {"organisation": "acme", "text": "thanks"})], ANA, NOW)

    def fix(self) -> None:
        self.world.book.act(CASE, lambda case: acts.fix_public(case, "acme", "1.4.2"), ANA, NOW)
        self.world.book.act(CASE, [(EventType.FIX_VERIFIED, {"version": "1.4.2"})], ANA, NOW)

    @property
    def going(self):  # noqa: ANN201 - what `gathered` gives
        return gathered(self.world.store, self.world.viewer, self.world.outbox, self.world.book.case(CASE), self.made)

    @property
    def written(self) -> bytes:
        """Every event, every blob and every file that there is."""
        chains = self.world.store._rows.chains
        events = b"\n".join(repr(event.fields()).encode() for name in sorted(chains) for event in chains[name])
        blobs = b"\n".join(self.world.blobs._kept[key] for key in sorted(self.world.blobs._kept))
        return b"\n".join((events, blobs, self.file.read_bytes(), self.finding.canonical()))


@settings(max_examples=25, deadline=None)
@given(at=st.integers(1, 8), one=FACTS, other=FACTS)
def test_whenever_the_developer_withdraws_the_course_is_the_same_to_the_byte(
    tmp_path_factory: object, at: int, one: str, other: str
) -> None:
    """Another model, and no withdrawal at all, write the very same bytes: so nothing of a model is in any of them."""
    make = tmp_path_factory.mktemp  # type: ignore[attr-defined]
    withdrawn, kept = Course(make("one"), one, at), Course(make("other"), other, None)
    assert withdrawn.written == kept.written
    assert one.encode() not in withdrawn.written
    assert one not in repr(withdrawn.world.store._rows)
    assert other in repr(kept.world.store._rows)  # the origin's row, and the only place
    case = withdrawn.world.book.case(CASE)
    assert (case.verified_fixes, case.state_of("acme")) == (("1.4.2",), "VFdpxa")


def test_after_a_withdrawal_the_commitment_is_still_revealed_and_verified(tmp_path: Path) -> None:
    course = Course(tmp_path, "model-heron", 3)
    store, viewer = course.world.store, course.world.viewer
    [(commitment, nonce)] = store.nonces(viewer, [course.finding.finding_id]).values()
    day = DayRoot.of("2026-12-01", [commitment])
    held = store.findings(viewer, [course.finding.finding_id])[course.finding.finding_id]
    assert verify(day.reveal(0, nonce, held.finding.canonical()), day.root)
