"""Two years of the funnel with a given clock: 25,000 candidates, 1,000 projects, 300 contacts, over the real records.

    python benchmarks/findings_funnel.py                  # about four minutes on one core
    python benchmarks/findings_funnel.py --candidates 500 --projects 40 --contacts 12 --days 200

Findings go through a `MemoryStore` (its funnel is checked every day), cases, buckets and sign-offs through chains of
events; drafts through the outbox. What is drawn: when candidates come, which reproduce and share a root, what
maintainers ask for (k, batch day, quiet, stop), when they answer, extend, fix or stay silent, what is exploited or made
public.

Checked while it runs, against a second book that shares no code with the first:

- conservation: every candidate in one disposition, every reproduced one in one root, every root in one stage, each day;
- pace: no contact has more open roots than its k, those aside that a named person let go, counted one by one;
- clocks: advisory, details and escalation of every case to the second, from integer arithmetic;
- outward: each draft is first tried without a sign-off, and then with one of another text; no file may come of either.

It prints its seed; the same seed gives the same figures.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seatrial.clearinghouse.blobs import MemoryBlobs
from seatrial.clearinghouse.case import acts, escalation
from seatrial.clearinghouse.case.book import CaseBook
from seatrial.clearinghouse.case.clocks import HOUR_SECONDS
from seatrial.clearinghouse.case.notice import Dates, Notice, Rated
from seatrial.clearinghouse.case.outbox import Going, Outbox
from seatrial.clearinghouse.case.pace_book import PaceBook, pace_body
from seatrial.clearinghouse.case.pacing import OverPace, Override, Waiting, horizon_days, next_up
from seatrial.clearinghouse.case.signoff import NotSigned, SignOffs, Subject, sign
from seatrial.clearinghouse.disposition import DISPOSITION, Disposition
from seatrial.clearinghouse.event import GENESIS, Actor, Event, EventType
from seatrial.clearinghouse.finding import AiOrigin, Claim, Finding, Target
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.origin import Origin
from seatrial.clearinghouse.secrecy.commitment import commit
from seatrial.clearinghouse.secrecy.tlp import Recipient
from seatrial.clearinghouse.store import Batch, Conflict, Leaf, Received
from seatrial.framework.data_class import Tlp
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer

START = datetime(2026, 12, 1, tzinfo=UTC)
DAY = 86_400
ANALYST, SIGNER, INTAKE = Actor("per-ana", "analyst"), Actor("per-ben", "coordinator"), Actor("worker:intake", "1")
VIEWER = Viewer.of("per-ben", "house", Role.COORDINATOR)
ORIGIN = Origin("0" * 32, "house", "house", START)
REPRODUCED, KNOWN = 0.906, 0.03  # shares of candidates: true ones of public figures of May 2026; known ones drawn
SEVERITIES, WEIGHTS = ("critical", "high", "medium", "low"), (12, 50, 28, 10)
INTAKE_DAYS = 120


class PlainChains:
    """Chains in a dictionary: the protocol, and nothing that would slow a long simulation down."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Event]] = defaultdict(list)

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain."""
        del viewer
        return tuple(self.kept.get(subject, ()))

    def heads(self, viewer: Viewer, subjects: list[str]) -> dict[str, tuple[int, str]]:
        """The newest of each."""
        del viewer
        return {one: (chain[-1].seq, chain[-1].hash) for one in subjects if (chain := self.kept.get(one))}

    def append(self, viewer: Viewer, events: list[Event], clusters: object = (), keeper: str = "") -> Leaf:
        """Continue chains, all or none."""
        del viewer, clusters, keeper
        lengths = Counter[str]()
        for event in events:
            chain = self.kept.get(event.subject, [])
            if event.seq != len(chain) + lengths[event.subject] + 1:
                raise Conflict(event.subject)
            lengths[event.subject] += 1
        for event in events:
            self.kept[event.subject].append(event)
        return Leaf("", "", len(events), 1, 0)


@dataclass
class Root:
    """A root in the second book: all times in whole seconds since the start."""

    cluster: str
    contact: str
    severity: str
    exploited_first: bool
    since: int
    stage: str = "rated"
    case_id: str = ""
    told: int | None = None
    answers: int | None = None
    fixed: int | None = None
    exploited: int | None = None
    public: int | None = None
    extends: int = 0
    extended: int = 0
    pause: tuple[int, int] | None = None
    escalated: int | None = None
    over: bool = False
    draft: str = ""
    plan: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Report:
    """Figures of a run."""

    seed: int
    candidates: int = 0
    roots: int = 0
    released: int = 0
    unsigned_tried: int = 0
    unsigned_left: int = 0
    over_pace_refused: int = 0
    over_by_person: int = 0
    above_k: int = 0
    instants: int = 0
    wrong_instants: int = 0
    conservation_checks: int = 0
    conservation_faults: int = 0
    escalated: int = 0
    most_open: int = 0
    horizon: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    dispositions: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing that must be zero is not."""
        return not (self.unsigned_left or self.above_k or self.wrong_instants or self.conservation_faults)


class Simulation:
    """One run."""

    def __init__(self, seed: int, candidates: int, projects: int, contacts: int, folder: Path) -> None:
        self.rng, self.report = random.Random(seed), Report(seed)
        self.findings, self.chains, self.blobs = MemoryStore(random=self.rng.randbytes), PlainChains(), MemoryBlobs()
        self.book = CaseBook(self.chains, VIEWER, "house", self.rng.randbytes)
        self.paces = PaceBook(self.chains, VIEWER, "house", self.rng.randbytes)
        self.outbox = Outbox(self.book, self.paces, self.blobs, folder)
        self.folder, self.candidates = folder, candidates
        self.contacts = [f"sec{number}@m{number}.test" for number in range(contacts)]
        self.of_project = [
            self.contacts[n] if n < contacts else self.rng.choice(self.contacts) for n in range(projects)
        ]
        self.k = dict.fromkeys(self.contacts, 3)
        self.roots: dict[str, Root] = {}
        self.waiting: dict[str, list[Root]] = defaultdict(list)
        self.live: dict[str, Root] = {}
        self.members: Counter[str] = Counter()
        self.verdicts: Counter[Disposition] = Counter()
        self.signed_files: set[str] = set()

    def run(self, days: int) -> Report:
        """All days, and the checks of each."""
        self._set_paces()
        arrivals = Counter(min(int(self.rng.expovariate(3 / INTAKE_DAYS)), days - 1) for _ in range(self.candidates))
        for day in range(days):
            self._take_in(day, arrivals[day])
            for root in list(self.live.values()):
                self._live_on(root, day)
            for contact in self.contacts:
                self._tell(contact, day)
            self._check_day(day)
        self.report.stages = Counter(root.stage for root in self.roots.values())
        waiting = self.report.stages["rated"]
        self.report.horizon = horizon_days(waiting, len(self.contacts))
        files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.iterdir()}
        self.report.unsigned_left += len(files - self.signed_files)
        return self.report

    def _set_paces(self) -> None:
        for contact in self.contacts:
            draw = self.rng.random()
            if draw < 0.1:
                self.k[contact] = self.rng.choice((1, 2, 5, 8))
                body = pace_body(places=self.k[contact])
            elif draw < 0.2:
                body = pace_body(batch_day=self.rng.randrange(7), zone="Europe/Berlin")
            elif draw < 0.25:
                quiet = [(self._at(80 * DAY).isoformat(), self._at(101 * DAY).isoformat())]
                body = pace_body(quiet=quiet)
            elif draw < 0.27:
                body = pace_body(stopped=True)
            else:
                continue
            self.paces.set_pace(contact, body, SIGNER, START)

    def _take_in(self, day: int, count: int) -> None:
        at = self._at(day * DAY)
        received, replayed = list[Received](), list[Event]()
        for _ in range(count):
            number, project = self.report.candidates, self.rng.randrange(len(self.of_project))
            self.report.candidates += 1
            found = Finding(
                origin_ref=ORIGIN.ref,
                target=Target(product_name=f"p{project}"),
                claim=Claim(title=f"candidate {number}"),
            )
            nonce = self.rng.randbytes(32)
            first = self._event(found.finding_id, None, EventType.RECEIVED, {}, at)
            received.append(Received(found, (first,), commit(nonce, found.canonical()), nonce))
            verdict = self._verdict()
            self.verdicts[verdict] += 1
            body = {DISPOSITION: str(verdict)}
            replayed.append(self._event(found.finding_id, first, EventType.REPLAYED, body, at))
            if verdict is Disposition.REPRODUCED:
                self._join(project, day * DAY)
        if received:
            self.findings.put_findings(VIEWER, Batch(tuple(received), (ORIGIN,)))
            self.findings.append(VIEWER, replayed)

    def _verdict(self) -> Disposition:
        draw = self.rng.random()
        if draw < KNOWN:
            return Disposition.KNOWN
        return Disposition.REPRODUCED if draw < REPRODUCED else Disposition.NOT_REPRODUCED

    def _join(self, project: int, now: int) -> None:
        roots = [root for root in self.members if root.startswith(f"C-{project:04d}")]
        if roots and self.rng.random() < 0.3:
            self.members[self.rng.choice(roots)] += 1
            return
        cluster = f"C-{project:04d}{len(roots):04d}"
        self.members[cluster] = 1
        contact, severity = self.of_project[project], self.rng.choices(SEVERITIES, WEIGHTS)[0]
        root = Root(cluster, contact, severity, self.rng.random() < 0.01, now)
        self.roots[cluster] = root
        self.waiting[contact].append(root)
        self.report.roots += 1

    def _tell(self, contact: str, day: int) -> None:
        """As many as there is room for; one more is tried against the pace now and then."""
        queue = self.waiting[contact]
        if not queue:
            return
        at = self._at(day * DAY + 10 * 3600)
        bucket = self.paces.bucket(contact)
        named = [Waiting(one.cluster, one.severity, self._at(one.since), one.exploited_first) for one in queue]
        chosen = next_up(bucket.pace, len(bucket.open_roots), named, at)
        for one in chosen:
            self._release(self.roots[one.cluster], day * DAY + 10 * 3600)
        rest = [one for one in queue if one.stage == "rated"]
        if rest and self.rng.random() < 0.05:
            self._past_the_pace(rest[0], day * DAY + 10 * 3600)
        self.waiting[contact] = [one for one in queue if one.stage == "rated"]

    def _past_the_pace(self, root: Root, now: int) -> None:
        before = self._files()
        try:
            self._release(root, now)
        except OverPace:
            self.report.over_pace_refused += 1
            self.report.above_k += self._files() != before
            if self.rng.random() < 0.02:
                root.over = True
                self.report.over_by_person += 1
                override = Override(root.cluster, SIGNER.id, "attacks are seen", self._at(now))
                self._release(root, now, override)

    def _release(self, root: Root, now: int, override: Override | None = None) -> None:
        at = self._at(now)
        if not root.case_id:
            self._open(root, at)
        draft = self.book.case(root.case_id).drafts[root.draft]
        texts = self.outbox.text(draft)
        about = Subject(
            root.cluster, {"v": root.severity}, ANALYST.id, root.severity, ("ab" * 32,), texts, (root.contact,)
        )
        recipients = (Recipient(root.contact, root.contact),)
        unsigned = Going(about, SignOffs(), recipients, Tlp.TLP_AMBER_STRICT)
        other = sign(replace(about, texts={"mail": "another text"}), SIGNER.id, "coordinator", "read", at)
        for wrong in (unsigned, replace(unsigned, signed=SignOffs((other,)))):
            self.report.unsigned_tried += 1
            try:
                self.outbox.release(root.case_id, draft.id, wrong, SIGNER, at, override)
            except NotSigned:
                continue
            self.report.unsigned_left += 1
        signed = SignOffs((sign(about, SIGNER.id, "coordinator", "read and replayed", at),))
        gone = self.outbox.release(root.case_id, draft.id, replace(unsigned, signed=signed), SIGNER, at, override)
        self.signed_files.add(gone.sha256)
        self.report.released += 1
        self._reached(root, now)

    def _open(self, root: Root, at: datetime) -> None:
        vendor = {"organisation": root.contact, "roles": ["vendor"], "components": ["p"], "contact": root.contact}
        case = self.book.open_case(root.cluster, [root.cluster], SIGNER, at, opener=vendor)
        root.case_id = case.case_id
        told = Notice(
            case_id=case.case_id,
            cluster=root.cluster,
            title="overflow",
            product="p",
            project="p",
            versions="all",
            root="a length is trusted",
            steps="run it",
            origin=AiOrigin.GENERATED,
            rated=Rated(root.severity, decided_by=ANALYST.id),
            dates=Dates("house-1", "UTC"),
            tlp=Tlp.TLP_AMBER_STRICT,
            pace="answer STOP",
            reply_to="desk@house.test",
        )
        root.draft = self.outbox.make(told, "mail", root.contact, SIGNER, at).id

    def _reached(self, root: Root, now: int) -> None:
        at = self._at(now)
        self.book.act(
            root.case_id, lambda case: acts.tried(case, root.contact, "mail", root.contact, "reached"), SIGNER, at
        )
        root.stage, root.told = "disclosed", now
        self.live[root.cluster] = root
        plan = list[tuple[int, str]]()
        if self.rng.random() < 0.9:
            plan.append((now + self.rng.randrange(1, 29 * DAY), "answer"))
        fixes = now + int(self.rng.lognormvariate(0, 0.8) * 14 * DAY) + 1
        plan.append((fixes, "fix"))
        if self.rng.random() < 0.05:
            plan.append((now + self.rng.randrange(1, 60 * DAY), "exploited"))
        if self.rng.random() < 0.03:
            plan.append((now + self.rng.randrange(1, 60 * DAY), "public"))
        if self.rng.random() < 0.1:
            plan.append((now + self.rng.randrange(1, 89 * DAY), "extend"))
        if self.rng.random() < 0.1:
            begin = now + self.rng.randrange(1, 40 * DAY)
            plan += [(begin, "pause"), (begin + self.rng.randrange(1, 20 * DAY), "resume")]
        root.plan = sorted(plan)

    def _live_on(self, root: Root, day: int) -> None:
        """What happens to a root within this day, second by second, and its clocks after each."""
        end = (day + 1) * DAY
        escalates = root.told + 30 * DAY if root.told is not None else end
        if root.answers is None and root.escalated is None and escalates < end and root.stage == "disclosed":
            root.plan = sorted([*root.plan, (escalates, "silence")])
            root.escalated = escalates
        while root.plan and root.plan[0][0] < end:
            when, what = root.plan.pop(0)
            self._happens(root, when, what)
            self._check_clocks(root, when)

    def _happens(self, root: Root, when: int, what: str) -> None:
        at, case_id = self._at(when), root.case_id
        if what == "answer" and root.answers is None:
            root.answers = when
            self.book.act(case_id, [(EventType.MESSAGE, {"organisation": root.contact, "text": "thanks"})], SIGNER, at)
        elif what == "silence":
            self._silence(root, when)
        elif what == "exploited":
            root.exploited = when
            self.book.act(case_id, lambda case: acts.known(case, "A"), SIGNER, at)
        elif what == "public":
            root.public = when
            self.book.act(case_id, lambda case: acts.known(case, "P"), SIGNER, at)
        elif what == "extend" and when < self._disclosure(root, when):
            root.extends = self.rng.randrange(1, 14 * DAY)
            root.extended = when
            body = {"clock": "disclosure", "seconds": root.extends, "reason": "in review"}
            self.book.act(case_id, [(EventType.CLOCK_EXTENDED, body)], SIGNER, at)
        elif what in {"pause", "resume"}:
            self._pause(root, when, ends=what == "resume")
        elif what == "fix":
            self._fix(root, when)

    def _silence(self, root: Root, when: int) -> None:
        case = self.book.case(root.case_id)
        before = escalation.escalation_due(case, self._at(when - 1))
        due = escalation.escalation_due(case, self._at(when))
        expected = root.answers is None
        self.report.instants += 2
        self.report.wrong_instants += (before is not None) + ((due is not None) is not expected)
        if due is not None:
            self.report.escalated += 1
            self.book.act(root.case_id, escalation.escalate("coordinator", due.why), SIGNER, self._at(when))

    def _pause(self, root: Root, when: int, *, ends: bool) -> None:
        body: dict[str, object] = {"clock": "disclosure", "reason": "the team is away"} | (
            {"ends": True} if ends else {}
        )
        self.book.act(root.case_id, [(EventType.CLOCK_PAUSED, body)], SIGNER, self._at(when))
        root.pause = (root.pause[0], when) if ends and root.pause else (when, -1)

    def _fix(self, root: Root, when: int) -> None:
        """The fix is out, verified a day later; the place is free again and the root is done."""
        at = self._at(when)
        root.fixed, root.stage = when, "fixed"
        self.book.act(root.case_id, lambda case: acts.fix_public(case, root.contact, "2.0"), SIGNER, at)
        self.paces.close(root.contact, root.cluster, SIGNER, at)
        if not any(what == "resume" for _, what in root.plan):
            del self.live[root.cluster]
            self.book.act(root.case_id, [(EventType.FIX_VERIFIED, {"version": "2.0"})], SIGNER, at)
            root.stage = "fix_verified"

    def _check_clocks(self, root: Root, now: int) -> None:
        found = self.book.case(root.case_id).deadlines(self._at(now))
        disclosure = self._disclosure(root, now)
        known = [disclosure, root.fixed, root.public]
        advisory = min(one for one in known if one is not None)
        details = root.public if root.public is not None else (root.fixed or disclosure) + 45 * DAY
        self.report.instants += 4
        over = found.advisory is not None and "advisory" in found.over(self._at(advisory))
        early = found.advisory is not None and "advisory" in found.over(self._at(advisory) - timedelta(microseconds=1))
        self.report.wrong_instants += (
            (found.advisory != self._at(advisory)) + (found.details != self._at(details)) + (not over) + early
        )

    def _disclosure(self, root: Root, now: int) -> int:
        assert root.told is not None  # noqa: S101 - only roots that were told have clocks
        end = root.told + 2160 * HOUR_SECONDS + root.extends
        if root.pause and root.pause[0] < end:
            until = root.pause[1] if root.pause[1] >= 0 else now
            end += until - root.pause[0]
        if root.exploited is not None:
            end = min(end, root.exploited + 7 * DAY)
        return end

    def _check_day(self, day: int) -> None:
        report = self.report
        report.conservation_checks += 1
        funnel = self.findings.funnel(VIEWER)
        by_disposition = {one: count for one, count in funnel.by_disposition.items() if count}
        stages = Counter(root.stage for root in self.roots.values())
        faults = [
            not funnel.conserved,
            funnel.held != report.candidates,
            by_disposition != {one: count for one, count in self.verdicts.items() if count},
            self.members.total() != self.verdicts[Disposition.REPRODUCED],
            stages.total() != report.roots or set(self.members) != set(self.roots),
            stages["rated"] != sum(map(len, self.waiting.values())),
        ]
        still_open = 0
        for contact in self.contacts:
            bucket = self.paces.bucket(contact)
            paced = [root for root in bucket.open_roots if not self.roots[root].over]
            report.above_k += len(paced) > self.k[contact]
            report.most_open = max(report.most_open, len(paced))
            still_open += len(bucket.open_roots)
        faults.append(stages["disclosed"] != still_open)
        report.conservation_faults += sum(faults)
        report.dispositions = {str(one): count for one, count in by_disposition.items()}
        if any(faults):
            print(f"day {day}: {faults} {stages} open {still_open}", file=sys.stderr)

    def _event(self, subject: str, last: Event | None, kind: EventType, body: dict[str, str], at: datetime) -> Event:
        seq, prev = (last.seq + 1, last.hash) if last else (1, GENESIS)
        return Event(subject, seq, at, INTAKE, kind, body, self.rng.randbytes(16).hex(), prev)

    def _files(self) -> int:
        return sum(1 for _ in self.folder.iterdir()) if self.folder.exists() else 0

    @staticmethod
    def _at(seconds: int) -> datetime:
        return START + timedelta(seconds=seconds)


def main() -> None:
    """Run it, print the figures, and say by the exit code whether all held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--candidates", type=int, default=25_000)
    parser.add_argument("--projects", type=int, default=1_000)
    parser.add_argument("--contacts", type=int, default=300)
    parser.add_argument("--days", type=int, default=730)
    given = parser.parse_args()
    print(f"seed {given.seed}")
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        before = time.process_time()
        run = Simulation(given.seed, given.candidates, given.projects, given.contacts, Path(folder) / "outbox")
        report = run.run(given.days)
        for name, value in vars(report).items():
            print(f"{name:22} {dict(value) if isinstance(value, Counter) else value}")
        print(f"{'events':22} {sum(map(len, run.chains.kept.values()))}")
        print(f"{'CPU s':22} {time.process_time() - before:.1f}")
    print("holds" if report.holds else "DOES NOT HOLD")
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
