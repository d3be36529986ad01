"""From Inspect's logs to rows, transcripts and what the rules read.

Logs are read with Inspect's own reader, never globbed apart: the newest final record of a sample counts, earlier
attempts stay as superseded rows, and an attempt that only the journal knows was broken off.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_ai.log import (
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample,
    read_eval_log_sample_summaries,
)
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageTool, ChatMessageUser

from seatrial.evaluation.extensions._agent import LIMIT, REFUSED
from seatrial.evaluation.extensions._hooks import is_outage
from seatrial.evaluation.extensions._scorer import RECORD, UNAVAILABLE
from seatrial.evaluation.extensions._task import DECOYS
from seatrial.evaluation.extensions._tools import GAVE_UP
from seatrial.evaluation.outcomes import Outcome, SampleFacts, classify
from seatrial.evaluation.rows import OutcomeRow, item_of
from seatrial.evaluation.scrutiny.rules import Facts, Finding, Step, examine
from seatrial.evaluation.submission import access_ended
from seatrial.evaluation.transcripts import Entry, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessage

    from seatrial.evaluation.plan import PlannedInstance, ReviewPlan
    from seatrial.evaluation.rundir import RunDirectory

CANCELLED = "cancel"  # in the message of a sample that was broken off by a stop


@dataclass(frozen=True)
class Attempted:
    """One logged sample with its row, transcript and findings."""

    row: OutcomeRow
    transcript: Transcript
    findings: tuple[Finding, ...]


def attempts(run: RunDirectory, preflight_digest: str, isolation: int) -> tuple[Attempted, ...]:
    """Every attempt of a run, in the plan's order; earlier attempts at the same sample are superseded."""
    plan = run.plan()
    reader = _Reader(plan, preflight_digest, isolation)
    logged: dict[tuple[str, str], list[Attempted]] = defaultdict(list)
    for path, sample in samples(run):
        made = reader.read(sample, path)
        logged[made.row.participant, str(sample.id)].append(made)
    for line in run.lines("started.jsonl"):
        metadata = line["metadata"]
        key = (str(metadata["participant"]), str(line["sample"]))
        if key not in logged:
            logged[key].append(reader.broken_off(metadata))
    found: list[Attempted] = []
    for everybody in plan.everybody:
        for sample_id in sample_ids(plan):
            records = logged.get((everybody, sample_id), [])
            found.extend(_superseded(records))
    return tuple(found)


def sample_ids(plan: ReviewPlan) -> tuple[str, ...]:
    """Sample ids in the plan's order: the instance's id, with `#2`, `#3` … for its repeats."""
    return tuple(
        instance.id if epoch == 0 else f"{instance.id}#{epoch + 1}"
        for instance in plan.instances
        for epoch in range(instance.epochs)
    )


def finished(run: RunDirectory) -> dict[str, set[str]]:
    """Ids of the samples that earlier workers finished, by participant: a resumed review does not run them again."""
    found: dict[str, set[str]] = defaultdict(set)
    for info in list_eval_logs(str(run.logs), formats=["eval"], recursive=True):
        who = read_eval_log(info, header_only=True).eval.task
        found[who] |= {str(item.id) for item in read_eval_log_sample_summaries(info) if not item.error}
    return found


def _superseded(records: list[Attempted]) -> Iterator[Attempted]:
    """The final record is the last one that counts or, if none does, the last."""
    if not records:
        return
    counting = [item for item in records if item.row.outcome not in {"invalid", "censored"}]
    final = (counting or records)[-1]
    number = 0
    for item in records:
        if item is final:
            continue
        yield replace(item, row=replace(item.row, attempt=number, superseded=True))
        number += 1
    yield replace(final, row=replace(final.row, attempt=number))


def samples(run: RunDirectory) -> Iterator[tuple[str, EvalSample]]:
    """Every distinct logged sample, oldest log first; a sample carried over into a retry's log is one sample."""
    seen: set[str] = set()
    headers = []
    for info in list_eval_logs(str(run.logs), formats=["eval"], recursive=True, descending=False):
        header = read_eval_log(info, header_only=True)
        headers.append((header.eval.created, info, header))
    for _, info, header in sorted(headers, key=lambda item: item[0]):
        path = str(Path(info.name.removeprefix("file://")).relative_to(run.path))
        for summary in read_eval_log_sample_summaries(info):  # a header names no sample that a source added later
            sample = read_eval_log_sample(
                info, summary.id, summary.epoch, resolve_attachments=True, exclude_fields={"events"}
            )
            identity = sample.uuid or f"{header.eval.run_id}/{sample.id}/{sample.epoch}"
            if identity not in seen:
                seen.add(identity)
                yield path, sample


@dataclass(frozen=True)
class _Reader:
    plan: ReviewPlan
    preflight_digest: str
    isolation: int

    @property
    def planned(self) -> dict[str, PlannedInstance]:
        """The plan's instances by id."""
        return {instance.id: instance for instance in self.plan.instances}

    def read(self, sample: EvalSample, log: str) -> Attempted:
        facts, record = _facts(sample)
        metadata = sample.metadata
        outcome = classify(facts)
        usage = list(sample.model_usage.values())
        tokens_out = sum(item.output_tokens for item in usage)
        tokens = sum(item.total_tokens for item in usage) + int(metadata.get("simulated_tokens", 0))
        steps = tuple(_steps(sample.messages))
        findings = examine(
            Facts(
                steps=steps,
                outcome=facts.verdict,
                events=tuple(record.get("events", ())),
                decoys=tuple(sample.store.get(DECOYS, ())),
                hosts=tuple(metadata.get("hosts", ())),
                refused=facts.refused,
                gave_up=facts.gave_up,
                tokens=tokens,
                cap_tokens=int(metadata["caps"]["tokens"]),
            )
        )
        row = self._row(
            metadata,
            outcome,
            turns=sum(isinstance(message, ChatMessageAssistant) for message in sample.messages),
            partial=record.get("partial"),
            tokens_in=tokens - tokens_out,
            tokens_out=tokens_out,
            tokens=tokens,
            usd=self._usd(metadata["participant"], tokens - tokens_out, tokens_out),
            working_s=round(sample.working_time or 0.0, 3),
            wall_s=round(sample.total_time or 0.0, 3),
            tokens_at_solve=record.get("tokens") if outcome.score == 1.0 else None,
            submission_sha256=record.get("submission_sha256", ""),
            flags=" ".join(dict.fromkeys(finding.rule for finding in findings)),
            log=log,
        )
        return Attempted(row, _transcript(row, sample, record), findings)

    def broken_off(self, metadata: dict[str, Any]) -> Attempted:
        """An attempt that began, as the journal says, and of which no log has the end."""
        row = self._row(metadata, classify(SampleFacts(started_only=True)))
        transcript = Transcript(
            sample=row.task,
            epoch=row.epoch,
            participant=row.participant,
            family=row.generator,
            level=row.level,
            outcome=row.outcome,
            entries=(Entry("error", "No log", "The attempt was broken off before anything of it was logged."),),
        )
        return Attempted(row, transcript, ())

    def _usd(self, participant: str, tokens_in: int, tokens_out: int) -> float | None:
        subject = self.plan.subject
        if participant != subject.alias or not subject.usd_per_million_input:
            return None
        prices = float(subject.usd_per_million_input), float(subject.usd_per_million_output or 0)
        return round((tokens_in * prices[0] + tokens_out * prices[1]) / 1e6, 6)

    def _row(self, metadata: dict[str, Any], outcome: Outcome, **known: Any) -> OutcomeRow:  # noqa: ANN401
        instance, level = str(metadata["instance_id"]), int(metadata["level"])
        planned = self.planned[instance]
        family, participant = str(metadata["family"]), str(metadata["participant"])
        technique = str(metadata.get("technique", "unknown"))
        values: dict[str, Any] = {
            "participant": participant,
            "kind": str(metadata.get("kind", "")),
            "arm": self.plan.scaffold if participant == self.plan.subject.alias else "default",
            "task": instance,
            "item": item_of(family, str(metadata.get("version", "")), level, technique),
            "family": str(metadata.get("cluster", f"{family}/{technique}")),
            "generator": family,
            "technique": technique,
            "level": level,
            "epoch": int(metadata.get("epoch", 0)),
            "attempt": 0,
            "superseded": False,
            "outcome": outcome.outcome,
            "reason": outcome.reason,
            "status": outcome.status,
            "score": outcome.score,
            "partial": None,
            "turns": 0,
            "tokens_in": 0,
            "tokens_out": 0,
            "tokens": 0,
            "usd": None,
            "working_s": 0.0,
            "wall_s": 0.0,
            "tokens_at_solve": None,
            "cap_tokens": self.plan.caps(level).tokens,
            "minutes": metadata.get("minutes"),
            "minutes_source": "design" if metadata.get("minutes") else "none",
            "judge": "deterministic",
            "side": str(metadata.get("side", "")),
            "manifest_sha256": planned.manifest_sha256,
            "seed_commitment": str(metadata.get("seed_commitment", "")),
            "submission_sha256": "",
            "preflight_digest": self.preflight_digest,
            "isolation": self.isolation,
            "flags": "",
            "log": "",
            "transcript": f"transcripts/{participant}-{instance}-{metadata.get('epoch', 0)}.html".replace(":", "_"),
        }
        return OutcomeRow(**{**values, **known})


def outcome_of(sample: EvalSample) -> Outcome:
    """How one sample counts: the same rule for the rows at the end and for whoever picks while the review runs."""
    return classify(_facts(sample)[0])


def _facts(sample: EvalSample) -> tuple[SampleFacts, dict[str, Any]]:
    score = next(iter((sample.scores or {}).values()), None)
    record: dict[str, Any] = ((score.metadata or {}) if score else {}).get(RECORD, {})
    error = sample.error.message if sample.error else ""
    stopped = bool(error) and (CANCELLED in error.lower() or bool(access_ended(error)))
    if error and not stopped:
        error = f"endpoint outage: {error}" if is_outage(error) else error
    limit = sample.limit.type if sample.limit else sample.store.get(LIMIT, "")
    facts = SampleFacts(
        verdict=record.get("outcome", ""),
        reasons=tuple(record.get("reasons", ())),
        limit="stopped" if stopped else limit,
        error="" if stopped else " ".join(error.split())[:300],
        unavailable=record.get("unavailable", "") or sample.store.get(UNAVAILABLE, ""),
        refused=bool(sample.store.get(REFUSED)) and sample.store.get(GAVE_UP, 0) < 2,
        gave_up=sample.store.get(GAVE_UP, 0) > 1,
    )
    return facts, record


def _steps(messages: list[ChatMessage]) -> Iterator[Step]:
    for message in messages:
        if isinstance(message, ChatMessageAssistant):
            if message.text:
                yield Step("assistant", message.text)
            for call in message.tool_calls or ():
                yield Step("call", "\n".join(str(value) for value in call.arguments.values()))
        elif isinstance(message, ChatMessageTool):
            fault = message.error is not None and message.error.type in {"unknown", "sandbox_unavailable"}
            yield Step("result", message.error.message if message.error else message.text, fault)


def _transcript(row: OutcomeRow, sample: EvalSample, record: dict[str, Any]) -> Transcript:
    entries = []
    for message in sample.messages:
        if isinstance(message, ChatMessageSystem):
            entries.append(Entry("system", "System", message.text))
        elif isinstance(message, ChatMessageUser):
            entries.append(Entry("prompt", "Task" if len(entries) < 2 else "User", message.text))
        elif isinstance(message, ChatMessageAssistant):
            if message.text:
                entries.append(Entry("assistant", "Participant", message.text))
            entries.extend(
                Entry("tool-call", call.function, "\n".join(f"{key}: {value}" for key, value in call.arguments.items()))
                for call in message.tool_calls or ()
            )
        elif isinstance(message, ChatMessageTool):
            text = message.error.message if message.error else message.text
            entries.append(Entry("tool-result", message.function or "tool", text))
    checks = "\n".join(f"{name}: {state} {detail}".rstrip() for name, state, detail in record.get("checks", ()))
    lines = [f"outcome: {row.outcome}", f"reason: {row.reason}" if row.reason else "", checks]
    entries.append(Entry("score", "Grader", "\n".join(line for line in lines if line)))
    if sample.error:
        entries.append(Entry("error", "Error", sample.error.message))
    return Transcript(
        sample=row.task,
        epoch=row.epoch,
        participant=row.participant,
        family=row.generator,
        level=row.level,
        outcome=row.outcome,
        entries=tuple(entries),
    )
