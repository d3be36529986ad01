"""CVSS 3.1 and 4.0: a vector goes in, a score and its band come out.

- A vector that does not parse is refused, and the refusal names the metric and what may stand there.
- A score is never kept without its vector; bands are those of both standards, 0 `none`, to 3.9 `low`, to 6.9 `medium`,
  to 8.9 `high`, above `critical`.
- The scores are those of the package `cvss` (equal to the reference calculator of the 4.0 standard).

Method: FIRST, Common Vulnerability Scoring System 3.1 and 4.0, specification documents.

>>> read("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N").score
9.3
>>> read("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:Q")
Traceback (most recent call last):
seatrial.clearinghouse.rating.cvss_vectors.NotAVector: A: 'Q' is no value of it; give one of H, L, N
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cvss import CVSS3, CVSS4
from cvss.constants3 import METRICS_MANDATORY as MANDATORY_3
from cvss.constants3 import METRICS_VALUE_NAMES as VALUES_3
from cvss.constants3 import TEMPORAL_METRICS
from cvss.constants4 import METRICS_MANDATORY as MANDATORY_4
from cvss.constants4 import METRICS_VALUE_NAMES as VALUES_4
from cvss.exceptions import CVSSError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 512
"""Characters: the longest 4.0 vector with every metric has 210."""

HIGH = 7.0
"""From this score on a rating is high or critical (both standards, table of qualitative ratings)."""


class Version(StrEnum):
    """The versions that a rating is made in."""

    V3_1 = "3.1"
    V4_0 = "4.0"

    @property
    def prefix(self) -> str:
        """What a vector of this version begins with."""
        return f"CVSS:{self.value}/"


class Band(StrEnum):
    """The word for a score."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for none to 4 for critical."""
        return list(Band).index(self)


class NotAVector(ValueError):
    """A vector that does not parse: `metric` is the one at fault, empty where the whole is."""

    def __init__(self, metric: str, what: str) -> None:
        super().__init__(f"{metric}: {what}" if metric else what)
        self.metric = metric


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector that parsed.

    Attributes:
        version: 3.1 or 4.0.
        text: the vector in the order of its standard, without metrics that are not defined.
        base: score of the base metrics alone, 0 to 10.
        score: score of all that the vector states, 0 to 10; equal to `base` where it states base metrics only.
        metrics: the metrics that it states, by their abbreviation.
    """

    version: Version
    text: str
    base: float
    score: float
    metrics: Mapping[str, str]

    @property
    def band(self) -> Band:
        """The word for the score."""
        return band(self.score)

    @property
    def severe(self) -> bool:
        """High or critical."""
        return self.score >= HIGH

    def base_vector(self) -> str:
        """The base metrics alone: what a publisher states about a vulnerability, whoever is exposed to it."""
        mandatory = MANDATORY_3 if self.version is Version.V3_1 else MANDATORY_4
        return self.version.prefix + "/".join(f"{metric}:{self.metrics[metric]}" for metric in mandatory)

    def base_document(self) -> dict[str, Any]:
        """The JSON form of FIRST's schema of this version: base vector, base score and base severity."""
        return {
            "version": self.version.value,
            "vectorString": self.base_vector(),
            "baseScore": self.base,
            "baseSeverity": band(self.base).value.upper(),
        }


def band(score: float) -> Band:
    """The word for a score of 0 to 10."""
    for least, word in ((9.0, Band.CRITICAL), (HIGH, Band.HIGH), (4.0, Band.MEDIUM), (0.1, Band.LOW)):
        if score >= least:
            return word
    return Band.NONE


@lru_cache(maxsize=4096)
def read(text: str) -> Vector:
    """Read and score a vector.

    Raises:
        NotAVector: Another version, an unknown or doubled metric, a value that it does not have, a missing one.
    """
    version = _version(text)
    values, mandatory = (VALUES_3, MANDATORY_3) if version is Version.V3_1 else (VALUES_4, MANDATORY_4)
    given = _metrics(text.removeprefix(version.prefix), values)
    missing = [metric for metric in mandatory if metric not in given]
    if missing:
        raise NotAVector(
            missing[0], f"it is missing; a base vector of CVSS {version.value} states {', '.join(mandatory)}"
        )
    stated = {metric: given[metric] for metric in values if given.get(metric, "X") != "X"}
    return _scored(version, stated)


def _version(text: str) -> Version:
    if len(text) > LONGEST:
        raise NotAVector("", f"a vector has at most {LONGEST} characters, this text has {len(text)}")
    for version in Version:
        if text.startswith(version.prefix):
            return version
    raise NotAVector("", f"{text[:20]!r} begins like no vector; it must begin with CVSS:4.0/ or CVSS:3.1/")


def _metrics(text: str, values: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in text.split("/"):
        metric, colon, value = part.partition(":")
        if not colon or metric not in values:
            raise NotAVector(metric or part, "no metric of this version; it has " + ", ".join(values))
        if metric in given:
            raise NotAVector(metric, "it stands twice; keep one")
        if value not in values[metric]:
            raise NotAVector(metric, f"{value!r} is no value of it; give one of {', '.join(values[metric])}")
        given[metric] = value
    return given


def _scored(version: Version, stated: dict[str, str]) -> Vector:
    text = version.prefix + "/".join(f"{metric}:{value}" for metric, value in stated.items())
    try:
        base, score = _scores_4(text, stated) if version is Version.V4_0 else _scores_3(text, stated)
    except CVSSError as error:  # the metrics were read by the same tables, so this is another fault of the text
        raise NotAVector("", str(error)) from error
    return Vector(version, text, base, score, MappingProxyType(stated))


def _scores_4(text: str, stated: Mapping[str, str]) -> tuple[float, float]:
    """4.0 has one score, of all metrics; its base score is that of the base metrics standing alone."""
    base = Version.V4_0.prefix + "/".join(f"{metric}:{stated[metric]}" for metric in MANDATORY_4)
    return float(CVSS4(base).base_score), float(CVSS4(text).base_score)


def _scores_3(text: str, stated: Mapping[str, str]) -> tuple[float, float]:
    """3.1 has three; the environmental formula differs from the base formula even where nothing is modified."""
    base, temporal, environmental = (float(score) for score in CVSS3(text).scores())
    more = stated.keys() - set(MANDATORY_3)
    if more - set(TEMPORAL_METRICS):
        return base, environmental
    return base, temporal if more else base
