"""Verdicts: the observations of one box, made outside, in a sibling and inside, laid side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.sandbox.probes.probe import (
    PASSING,
    Control,
    Finding,
    Observations,
    Probe,
    Scene,
    Unseen,
    Verdict,
    printable,
)
from seatrial.sandbox.probes.record import ProbeResult

STRANGE = (KeyError, TypeError, ValueError, IndexError, AttributeError)  # an answer of another shape than asked for


@dataclass(frozen=True)
class Eyes:
    """The observations of one box: made on the host, in the sibling, and inside."""

    outside: Observations
    sibling: Observations
    inside: Observations
    durations: Mapping[str, int] = field(default_factory=dict)


def judge_all(probes: Sequence[Probe], scene: Scene, eyes: Eyes, box: str = "") -> list[ProbeResult]:
    """Verdicts of all probes; a control that does not see its canary makes a closed door `blind`."""
    results = []
    for probe in probes:
        control = control_of(probe, scene, eyes)
        finding = verdict_of(probe, scene, eyes.inside)
        verdict: Verdict = "blind" if control == "blind" and finding.verdict in PASSING else finding.verdict
        results.append(
            ProbeResult(
                id=probe.id,
                group=probe.group,
                mandatory=probe.mandatory,
                expected=probe.expected,
                control=control,
                observed=finding.observed
                if verdict != "blind" or finding.verdict == "blind"
                else "its control is blind",
                verdict=verdict,
                duration_us=sum(int(eyes.durations.get(key, 0)) for key in probe.asks(scene)),
                box=box,
            )
        )
    return results


def control_of(probe: Probe, scene: Scene, eyes: Eyes) -> Control:
    """Whether the control saw its canary."""
    if probe.sees is None:
        return "none_needed"
    try:
        sees = probe.sees(scene, eyes.sibling if probe.sibling_control else eyes.outside)
    except (Unseen, *STRANGE):
        return "blind"
    return "none_needed" if sees is None else "seen" if sees else "blind"


def verdict_of(probe: Probe, scene: Scene, seen: Observations) -> Finding:
    """The verdict on the inside; what was not observed, or not as asked, is `blind`."""
    try:
        return probe.judge(scene, seen)
    except Unseen as missing:
        return Finding("blind", printable(str(missing)))
    except STRANGE as strange:
        return Finding("blind", printable(f"an answer of another shape: {type(strange).__name__} {strange}"))
