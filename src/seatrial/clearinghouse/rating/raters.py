"""How a rating comes about: proposals by raters, what they disagree on, and a named person's decision.

- A proposal keeps vectors, weakness, SSVC points, rater and evidence; a bare score is never kept.
- High and critical (7.0 or more by either version, in the decision or in any proposal) need two independent proposals,
  at least one of them by a person, and in every case a rating is decided by a named person.
- Independent means: two raters, and neither had seen the other's proposal.
- Where proposals differ in band, from each other or from the decision, the decision states a reason in words.
- The finder's severity, the class that a tool gave and the floor of the crash are evidence. Nothing here reads them.
- A rater that is a model is an adapter outside; its proposal counts as one, never as a person's.

The numbers of agreement over many ratings (kappa by metric) are made elsewhere, from `differences`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import Any

import rfc8785

from seatrial.clearinghouse.rating import cvss_vectors, cwe, ssvc
from seatrial.clearinghouse.rating.cvss_vectors import Band, Vector, Version
from seatrial.framework.instant import text as rfc3339


class RaterKind(StrEnum):
    """What a rater is."""

    RULE = "rule"
    MODEL = "model"
    PERSON = "person"


class NotDecidable(ValueError):
    """A decision that may not be made yet: `missing` says, one by one, what it lacks."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("; ".join(missing))
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Rating:
    """What is rated: a 4.0 and a 3.1 vector as written, a weakness (`CWE-787`), SSVC value keys by point."""

    cvss_4: str
    cvss_3: str
    cwe: str
    ssvc: Mapping[str, str] = field(default_factory=dict)

    def vectors(self) -> dict[Version, Vector]:
        """Both vectors, read.

        Raises:
            NotAVector: One does not parse, or stands in the place of the other version.
        """
        read = {Version.V4_0: cvss_vectors.read(self.cvss_4), Version.V3_1: cvss_vectors.read(self.cvss_3)}
        for version, vector in read.items():
            if vector.version is not version:
                raise cvss_vectors.NotAVector("", f"a vector of {vector.version} stands where one of {version} belongs")
        return read

    def band(self) -> Band:
        """The higher band of the two versions."""
        return max((vector.band for vector in self.vectors().values()), key=lambda band: band.rank)

    def severe(self) -> bool:
        """High or critical by either version."""
        return any(vector.severe for vector in self.vectors().values())

    def document(self) -> dict[str, Any]:
        """The JSON form, vectors in the order of their standards.

        Raises:
            NotAVector, NotAWeakness, NotASelection: What nothing can be decided on.
        """
        vectors = self.vectors()
        for point, value in self.ssvc.items():
            ssvc.check(point, value)
        return {
            "cvss_4": vectors[Version.V4_0].text,
            "cvss_3": vectors[Version.V3_1].text,
            "cwe": cwe.weakness(self.cwe).id,
            "ssvc": dict(self.ssvc),
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """One rater's proposal; `evidence` names what it rests on, `saw` the raters whose proposal it knew."""

    rater: str
    kind: RaterKind
    rating: Rating
    at: datetime
    evidence: tuple[str, ...] = ()
    saw: frozenset[str] = frozenset()

    def independent_of(self, other: Proposal) -> bool:
        """Another rater, and neither knew the other's."""
        return self.rater != other.rater and self.rater not in other.saw and other.rater not in self.saw


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two proposals part: a metric (`4.0 AV`), the weakness (`CWE`) or a point (`SSVC E`), and both answers."""

    on: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two proposals beside each other: the metrics, then score difference by version and whether the bands differ."""

    one: str
    other: str
    metrics: tuple[Difference, ...]
    score_gap: Mapping[str, float]
    bands: tuple[Band, Band]

    @property
    def bands_differ(self) -> bool:
        """The words for the two differ, so a decision needs a reason."""
        return self.bands[0] is not self.bands[1]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a named person decided, on which proposals, and why."""

    person: str
    rating: Rating
    reason: str
    at: datetime
    proposals: tuple[Proposal, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form that the digest is over."""
        return {
            "person": self.person,
            "rating": self.rating.document(),
            "reason": self.reason,
            "at": rfc3339(self.at),
            "proposals": [
                {
                    "rater": proposal.rater,
                    "kind": proposal.kind.value,
                    "rating": proposal.rating.document(),
                    "at": rfc3339(proposal.at),
                    "evidence": list(proposal.evidence),
                    "saw": sorted(proposal.saw),
                }
                for proposal in self.proposals
            ],
        }

    def digest(self) -> str:
        """SHA-256 over the RFC 8785 form: a sign-off names it, and another rating has another."""
        return hashlib.sha256(rfc8785.dumps(self.document())).hexdigest()


def disagreements(proposals: Sequence[Proposal]) -> tuple[Disagreement, ...]:
    """Every pair of proposals that differs in anything, in their order."""
    found = (_disagreement(one, other) for one, other in combinations(proposals, 2))
    return tuple(pair for pair in found if pair.metrics)


def _disagreement(one: Proposal, other: Proposal) -> Disagreement:
    vectors, others = one.rating.vectors(), other.rating.vectors()
    gap = {version.value: round(abs(vectors[version].score - others[version].score), 1) for version in Version}
    bands = (one.rating.band(), other.rating.band())
    return Disagreement(one.rater, other.rater, differences(one.rating, other.rating), gap, bands)


def differences(one: Rating, other: Rating) -> tuple[Difference, ...]:
    """Metric by metric (`X` where one does not state it), weakness and SSVC points."""
    found = []
    for version in Version:
        mine, theirs = one.vectors()[version].metrics, other.vectors()[version].metrics
        found += _beside(f"{version} ", mine, theirs, "X")
    found.append(Difference("CWE", one.cwe, other.cwe))
    found += _beside("SSVC ", one.ssvc, other.ssvc, "")
    return tuple(difference for difference in found if difference.one != difference.other)


def _beside(prefix: str, one: Mapping[str, str], other: Mapping[str, str], absent: str) -> list[Difference]:
    return [
        Difference(f"{prefix}{name}", one.get(name, absent), other.get(name, absent))
        for name in dict.fromkeys((*one, *other))
    ]


def decide(proposals: Sequence[Proposal], rating: Rating, *, person: str, reason: str, at: datetime) -> Decision:
    """A named person decides a rating.

    Raises:
        NotDecidable: What is missing, all at once.
        NotAVector: A vector of the decision or of a proposal does not parse.
        NotAWeakness: Its CWE is none that a vulnerability is mapped to.
        NotASelection: An SSVC point or value that no table has.
    """
    rating.document()
    bands = {proposal.rating.band() for proposal in proposals} | {rating.band()}
    severe = rating.severe() or any(proposal.rating.severe() for proposal in proposals)
    missing = [] if person.strip() else ["a named person decides; name who"]
    if not proposals:
        missing.append("there is no proposal; a rater proposes before a person decides")
    if severe and not _two_independent(proposals):
        missing.append(
            "high or critical needs two independent proposals, at least one by a person; "
            f"there are {len(proposals)} by {', '.join(f'{p.rater} ({p.kind})' for p in proposals) or 'nobody'}"
        )
    if len(bands) > 1 and not reason.strip():
        named = ", ".join(band.value for band in Band if band in bands)
        missing.append(f"the bands differ ({named}); say in words why this one")
    if missing:
        raise NotDecidable(missing)
    return Decision(person.strip(), rating, reason.strip(), at, tuple(proposals))


def _two_independent(proposals: Sequence[Proposal]) -> bool:
    return any(
        one.independent_of(other) and RaterKind.PERSON in (one.kind, other.kind)
        for one, other in combinations(proposals, 2)
    )
