"""An assessment as its page needs it: look-ups, rows of tables, and groups of what is alike.

Nothing is computed here beyond counting and sorting; every estimate stands in the record.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.report import charts, numbers
from seatrial.report.words import GUARANTEES, OUTCOMES, QUANTITIES, SETS, listed, minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from seatrial.report.assessment import Assessment, Boundary, Participant, Sample
    from seatrial.report.records import Comparison, CoverageFigure, EstimateRecord, Horizon, HorizonPoint

STYLE_OF_KIND = {"model": 0, "reference": 5, "floor": 6, "simulated": 7}
TOOL_STYLES = 4  # tools share styles 1 to 4
SHARED_KERNEL = (1, 2)  # isolation levels whose boxes share the host's kernel


@dataclass(frozen=True)
class Cell:
    """A participant's result on some instances; `estimate` is None where there is none."""

    name: str
    index: int
    estimate: EstimateRecord | None

    @property
    def counts(self) -> str:
        """Solved of counted."""
        if self.estimate is None or self.estimate.solved is None:
            return ""
        return numbers.solved_of(self.estimate.solved, self.estimate.n)

    @property
    def bar(self) -> Markup:
        """The interval as a small picture."""
        item = self._present()
        low, high = item.interval
        return charts.bar(low or 0.0, item.value, 1.0 if high is None else high, self.index)

    @property
    def shown(self) -> numbers.Shown:
        """The numbers as text."""
        return numbers.of(self._present())

    @property
    def words(self) -> str:
        """Qualifiers in words."""
        return numbers.words(self._present())

    def _present(self) -> EstimateRecord:
        if self.estimate is None:
            raise ValueError(f"{self.name} has no estimate here")
        return self.estimate


@dataclass(frozen=True)
class Line:
    """One number of the subject in the list that the page opens with: what it is, the number or why there is none."""

    label: str
    estimate: EstimateRecord | None
    reason: str
    href: str


class View:
    """An assessment with the look-ups that the template needs."""

    def __init__(self, assessment: Assessment, digest: str) -> None:
        self.a = assessment
        self.digest = digest
        self.by_id = {item.id: item for item in assessment.estimates}
        self.people = {item.name: item for item in assessment.participants}
        self.subject = self.people[assessment.subject.alias]
        self.is_model = assessment.subject.kind == "model"
        self.levels = sorted({item.level for item in assessment.battery.instances})
        self.index = dict(self._indices())
        self._transcripts = {
            (s.participant, s.sample, s.epoch): s.transcript for s in assessment.samples if s.transcript
        }

    def _indices(self) -> Iterator[tuple[str, int]]:
        tools = 0
        for item in self.a.participants:
            if item.kind in STYLE_OF_KIND:
                yield item.name, STYLE_OF_KIND[item.kind]
            else:
                yield item.name, 1 + tools % TOOL_STYLES
                tools += 1

    def cell(self, name: str, *, family: str | None = None, level: int | None = None, quantity: str = "Q1") -> Cell:
        """A participant's answer on a scope."""
        place = f"{quantity}/{name}/{family or 'all'}/{f'L{level}' if level is not None else 'all'}/all"
        return Cell(name, self.index[name], self.by_id.get(place))

    def missing(self, name: str, quantity: str) -> str:
        """Why a quantity has no overall estimate."""
        for item in self.a.not_identifiable:
            whole = item.scope.family is None and item.scope.level is None and item.sample_set == "all"
            if whole and item.participant == name and item.quantity == quantity:
                return item.reason
        return ""

    @property
    def focus(self) -> list[Participant]:
        """Whose results the page opens with: the model, or everybody where there is none."""
        return [self.subject] if self.is_model else list(self.a.participants)

    @property
    def others(self) -> list[Participant]:
        """Everybody but a model under review."""
        return [item for item in self.a.participants if not (self.is_model and item is self.subject)]

    @property
    def families(self) -> list[str]:
        """Challenge families in the plan's order."""
        return [item.id for item in self.a.plan.families]

    @property
    def clusters(self) -> int:
        """Different techniques, the units of every interval for challenges like these."""
        return len({(item.family, item.technique) for item in self.a.battery.instances})

    def arm(self, sample: Sample) -> str:
        """The arm of a run, where its participant has several and this is not the first."""
        others = {arm for item in self.a.elicitation if item.participant == sample.participant for arm in item.arms[1:]}
        return sample.arm if sample.arm in others else ""

    @property
    def picked(self) -> bool:
        """Whether instances were picked in rounds."""
        return self.a.rounds is not None

    @property
    def lines(self) -> list[Line]:
        """The subject's numbers beside the shares."""
        name = self.subject.name
        found = [
            Line(f"Solved in at least one of {k} attempts", item, reason, "#attempts")
            for who, k, item, reason in self.attempts
            if who == name
        ]
        horizon = self.horizon(name)
        if horizon:
            found += [
                Line(self.mark_name(horizon, point), point.estimate, point.reason, "#horizon-section")
                for point in horizon.points
            ]
        found += [
            Line("Ability, in points of the calibration", item.points, item.reason, "#ability-section")
            for item in self.a.abilities
            if item.participant == name and self.on_a_scale
        ]
        return found

    @property
    def on_a_scale(self) -> bool:
        """Whether anybody has a place on the scale of a calibration."""
        return any(item.points for item in self.a.abilities)

    @property
    def attempts(self) -> list[tuple[str, int, EstimateRecord | None, str]]:
        """Everybody's share solved in at least one of k attempts: name, k, the number or why there is none."""
        found = [item for item in self.a.estimates if item.quantity == "Q4"]
        missing = [item for item in self.a.not_identifiable if item.quantity == "Q4"]
        most = max((item.id.rpartition("/k")[2] for item in found), default="")
        rows: list[tuple[str, int, EstimateRecord | None, str]] = [
            (item.participant, int(most), item, "") for item in found
        ]
        rows += [(item.participant, int(most), None, item.reason) for item in missing if most]
        order = list(self.people)
        return sorted(rows, key=lambda row: order.index(row[0]))

    def horizon(self, name: str) -> Horizon | None:
        """How far a participant gets."""
        return next((item for item in self.a.horizons if item.participant == name), None)

    @property
    def horizon_rows(self) -> list[tuple[str, Horizon | None, str]]:
        """Everybody with a horizon, or with the reason why there is none."""
        return [(name, self.horizon(name), self.missing(name, "Q6")) for name in self.people]

    def place_rows(self, horizon: Horizon) -> list[tuple[str, int, int]]:
        """Runs by level, or by doublings of a person's time: words, solved, runs."""
        if horizon.axis == "level":
            return [(f"Level {item.at:g}", item.solved, item.runs) for item in horizon.places]
        groups: dict[int, list[int]] = {}
        for item in horizon.places:
            counts = groups.setdefault(math.floor(math.log2(item.at)), [0, 0])
            counts[0] += item.solved
            counts[1] += item.runs
        return [(minutes((2.0**low, 2.0 ** (low + 1))), solved, runs) for low, (solved, runs) in sorted(groups.items())]

    def mark_name(self, horizon: Horizon, point: HorizonPoint) -> str:
        """What a point of the fitted curve is called."""
        what = "level" if horizon.axis == "level" else "time horizon"
        return f"{100 * point.share:.0f} % {what}"

    def beside(self, horizon: Horizon, point: HorizonPoint) -> str:
        """What stands under a point: what a missing limit means, qualifiers, what lies beyond, the timed instances."""
        item = point.estimate
        if item is None:
            return ""
        hard = {"level": "hardest level", "minutes": "longest challenge"}[horizon.axis]
        easy = {"level": "easiest level", "minutes": "shortest challenge"}[horizon.axis]
        words = [f"no lower limit: below the {easy} that was run"] if item.interval[0] is None else []
        words += [f"no upper limit: beyond the {hard} that was run"] if item.interval[1] is None else []
        words.append(numbers.words(item))
        if point.share_longer is not None:
            words.append(f"{numbers.percent(point.share_longer)} of the challenges lie beyond")
        if point.timed is not None:
            words.append(f"on timed challenges alone {numbers.of(point.timed).text}")
        return "; ".join(filter(None, words))

    @property
    def coverage_rows(self) -> list[tuple[str, int, int, CoverageFigure, CoverageFigure]]:
        """For each figure of the simulations: worlds, fewest participants, the world that held least and most."""
        groups: dict[str, list[CoverageFigure]] = {}
        for item in self.a.coverage:
            groups.setdefault(item.figure, []).append(item)
        rows = []
        for name, items in sorted(groups.items()):
            items.sort(key=lambda item: item.covered)
            rows.append((name, len(items), min(item.simulated for item in items), items[0], items[-1]))
        return rows

    @property
    def strongest(self) -> float | None:
        """Ability of the strongest calibrating model, in points."""
        calibration = self.a.rounds.calibration if self.a.rounds else None
        return calibration.strongest if calibration else None

    @property
    def outcome_table(self) -> tuple[list[str], list[tuple[str, list[int]]]]:
        """Outcomes that occur, and runs of each participant by outcome."""
        found: Counter[tuple[str, str]] = Counter()
        for item in self.a.outcomes:
            found[item.participant, item.outcome] += item.runs
        columns = [name for name in OUTCOMES if any(outcome == name for _, outcome in found)]
        rows = [(person.name, [found[person.name, name] for name in columns]) for person in self.a.participants]
        return columns, rows

    @property
    def sensitivity(self) -> list[tuple[str, str, list[Cell]]]:
        """For participants with flagged or voided runs: each set of runs with its Q1 and Q2."""
        rows = []
        for person in self.a.participants:
            other = [name for name in SETS if name != "all" and f"Q1/{person.name}/all/all/{name}" in self.by_id]
            for name in ["all", *other] if other else []:
                index = self.index[person.name]
                cells = [
                    Cell(person.name, index, self.by_id.get(f"{quantity}/{person.name}/all/all/{name}"))
                    for quantity in ("Q1", "Q2")
                ]
                rows.append((person.name, SETS[name], cells))
        return rows

    @property
    def missing_groups(self) -> list[tuple[str, str, str, str]]:
        """What cannot be estimated: (participant, quantity, reason, where), alike ones together."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        whole = {
            (item.participant, item.quantity, item.reason, item.scope.family)
            for item in self.a.not_identifiable
            if item.scope.level is None
        }
        for item in self.a.not_identifiable:
            covered = (item.participant, item.quantity, item.reason, item.scope.family) in whole
            if item.scope.family and item.scope.level is not None and covered:
                continue  # the whole family is listed with the same reason
            level = f"level {item.scope.level}" if item.scope.level is not None else ""
            where = " ".join(filter(None, (item.scope.family or "", level))) or "overall"
            extra = "" if item.sample_set == "all" else f", {SETS[item.sample_set]}"
            key = (item.participant, QUANTITIES.get(item.quantity, item.quantity), item.reason)
            groups.setdefault(key, []).append(where + extra)
        return [(*key, ", ".join(dict.fromkeys(places))) for key, places in groups.items()]

    @property
    def guarantees(self) -> list[tuple[str, str, Counter[str], list[str]]]:
        """For each guarantee: id, what it says, instances by state, reasons where it was not shown."""
        names = list(dict.fromkeys(item.name for one in self.a.battery.instances for item in one.guarantees))
        rows = []
        for name in sorted(names, key=lambda text: (len(text), text)):
            found = [item for one in self.a.battery.instances for item in one.guarantees if item.name == name]
            reasons = list(dict.fromkeys(item.reason for item in found if item.reason))
            rows.append((name, GUARANTEES.get(name, ""), Counter(str(item.state) for item in found), reasons))
        return rows

    @property
    def boundaries(self) -> list[tuple[Boundary, int, Counter[str]]]:
        """Boundaries that are alike together: one of them, how many, and its probes by what was observed."""
        groups: dict[str, list[Boundary]] = {}
        for item in self.a.containment:
            alike = item.model_dump_json(exclude={"digest"})
            groups.setdefault(alike, []).append(item)
        return [
            (items[0], len(items), Counter(probe.observed for probe in items[0].probes)) for items in groups.values()
        ]

    @property
    def shared_kernel(self) -> bool:
        """Whether some box shared the host's kernel."""
        return any(item.level in SHARED_KERNEL for item in self.a.containment)

    @property
    def samples(self) -> list[tuple[Participant, list[Sample]]]:
        """Runs by participant, in the order of families, levels and instances."""
        place = {name: number for number, name in enumerate(self.families)}
        groups = []
        for person in self.a.participants:
            own = [item for item in self.a.samples if item.participant == person.name]
            own.sort(key=lambda s: (place.get(s.family, len(place)), s.level, s.sample, s.epoch, s.attempt))
            groups.append((person, own))
        return groups

    @property
    def evidence_groups(self) -> tuple[list[Any], dict[str, int]]:
        """Files named one by one, and the number of manifests and logs."""
        single = [item for item in self.a.evidence if "/" not in item.path]
        many = Counter(item.path.split("/")[0] for item in self.a.evidence if "/" in item.path)
        return single, dict(sorted(many.items()))

    @property
    def rivals(self) -> list[tuple[str, list[Comparison]]]:
        """Comparisons by yardstick, with its heading."""
        best = [item for item in self.a.comparisons if item.against == "best"]
        union = [item for item in self.a.comparisons if item.against == "any"]
        groups = [("The best participant without AI on each level", best)]
        if union:
            groups.append((f"Any of {listed(union[0].candidates)}", union))
        return groups

    def transcript(self, participant: str, sample: str, epoch: int) -> str | None:
        """Where the transcript of a run lies."""
        return self._transcripts.get((participant, sample, epoch))
