"""SARIF 2.1.0: one finding a result, with the profile for findings by models.

- A weakness comes from the result's taxa, the rule's relationships, or a `ruleId` of the form `CWE-787/kebab`
  (`NOVEL-kebab` is none); places from locations, and the ends of a code flow as source and sink.
- `level`, `rank` and `security-severity` are the finder's severity: shown, never used.
- Names of tool, extensions and their models are facts about a model: they go to the origin.
- Suppressed results are kept with a mark. Fingerprints are hints of another tool, kept as evidence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.finding import (
    AiOrigin,
    Claim,
    Evidence,
    FinderSeverity,
    Location,
    LocationRole,
    ReporterKind,
    Target,
)
from seatrial.clearinghouse.intake.fields import Reading, kind_of, title_of
from seatrial.clearinghouse.intake.item import Draft, Facts, Fault, Unreadable, as_dict, as_list, as_text
from seatrial.clearinghouse.intake.limits import SARIF_BYTES, clean, json_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.intake.item import Defaults, Item, Source

VERSION = "2.1.0"
RULE = re.compile(r"CWE-([1-9][0-9]*)(?:/.+)?", re.IGNORECASE)
SUPPRESSED, AI_ORIGIN, AI_EVIDENCE = "suppressed", "ai/origin", "ai/evidence"
MOST_PLACES = 64
"""Places of one result that are kept: a code flow can have thousands, and its ends are what counts."""


def read(source: Source, defaults: Defaults) -> Iterator[Item]:
    """The results of a SARIF file.

    Raises:
        Unreadable: The file as a whole is no SARIF 2.1.0.
    """
    if len(source.data) > SARIF_BYTES:
        raise Unreadable(source.name, f"is larger than {SARIF_BYTES // 2**20} MiB", "Split it by run")
    log = as_dict(json_of(source.data, source.name), source.name)
    if log.get("version") != VERSION:
        raise Unreadable(f"{source.name} $.version", f"is {log.get('version')!r}", f"Convert it to SARIF {VERSION}")
    for number, run in enumerate(as_list(log.get("runs"), "$.runs")):
        where = f"$.runs[{number}]"
        try:
            reader = _Run(as_dict(run, where), where, defaults)
        except Unreadable as error:
            yield error.fault
            continue
        yield from reader.items()


class _Run:
    def __init__(self, run: dict[str, Any], where: str, defaults: Defaults) -> None:
        self.where, self.defaults = where, defaults
        self.results = as_list(run.get("results"), f"{where}.results")
        tool = as_dict(run.get("tool", {}), f"{where}.tool")
        self.driver = as_dict(tool.get("driver", {}), f"{where}.tool.driver")
        self.extensions = as_list(tool.get("extensions"), f"{where}.tool.extensions")
        self.rules = [one for one in as_list(self.driver.get("rules"), f"{where}.tool.driver.rules") if _is_dict(one)]
        self.properties = _dict(run.get("properties"))
        self.provenance = [one for one in as_list(run.get("versionControlProvenance"), where) if _is_dict(one)]
        self.name = as_text(_dict(run.get("automationDetails")).get("id"), f"{where}.automationDetails.id")

    def items(self) -> Iterator[Item]:
        for number, result in enumerate(self.results):
            where = f"{self.where}.results[{number}]"
            try:
                yield self._draft(as_dict(result, where), where)
            except Unreadable as error:
                yield error.fault
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
                yield Fault(
                    where, f"does not follow SARIF ({clean(str(error), 200)})", "Validate the file", whole=False
                )

    def _draft(self, result: dict[str, Any], where: str) -> Draft:
        reading = Reading()
        rule_id, rule = self._rule(result)
        message = _message(result.get("message"))
        cwe = self._cwe(result, rule, rule_id, reading)
        title = title_of(message.split("\n", 1)[0], rule_id or f"result {where}")
        claim = Claim(
            title=title,
            kind=kind_of(cwe),
            cwe=cwe,
            locations=tuple(_places(result))[:MOST_PLACES],
            summary=clean(message) if clean(message) != title else "",
        )
        ai = reading.one_of(AiOrigin, self._property(result, AI_ORIGIN), self.defaults.ai_origin, AI_ORIGIN)
        return Draft(
            where,
            self._target(),
            claim,
            severity=_severity(result, rule),
            marks=(SUPPRESSED,) if _suppressed(result) else (),
            evidence=self._evidence(result, rule_id),
            unread=tuple(reading.unread),
            reporter_kind=ReporterKind.MODEL if ai is AiOrigin.GENERATED else self.defaults.reporter_kind,
            ai_origin=ai,
            tlp=self.defaults.tlp,
            facts=Facts(self._names(), self.name),
        )

    def _rule(self, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        rule = _dict(result.get("rule"))
        rule_id = as_text(result.get("ruleId") or rule.get("id"), "ruleId")
        index = result.get("ruleIndex", rule.get("index", -1))
        if isinstance(index, int) and 0 <= index < len(self.rules):
            known = self.rules[index]
            return rule_id or as_text(known.get("id"), "id"), known
        base = rule_id.split("/", 1)[0]
        return rule_id, next((one for one in self.rules if one.get("id") in (rule_id, base)), {})

    def _cwe(self, result: dict[str, Any], rule: dict[str, Any], rule_id: str, reading: Reading) -> tuple[int, ...]:
        taxa = [one for one in as_list(result.get("taxa"), "taxa") if _is_dict(one)]
        taxa += [
            _dict(one.get("target")) for one in as_list(rule.get("relationships"), "relationships") if _is_dict(one)
        ]
        named = [one.get("id") for one in taxa if _is_cwe(one)]
        tags = as_list(_dict(rule.get("properties")).get("tags"), "tags")
        named += [one.rpartition("cwe-")[2] for one in map(str.lower, map(str, tags)) if "cwe-" in one]
        if match := RULE.fullmatch(rule_id):
            named.append(match[1])
        return reading.cwe([one for one in named if one])

    def _target(self) -> Target:
        for one in self.provenance:
            repo, commit = (
                as_text(one.get("repositoryUri"), "repositoryUri"),
                as_text(one.get("revisionId"), "revisionId"),
            )
            if repo or commit:
                return Target(repo=clean(repo, 2048), commit=clean(commit, 128))
        return Target()

    def _names(self) -> tuple[str, ...]:
        found = []
        for one in (self.driver, *filter(_is_dict, self.extensions)):
            properties = _dict(one.get("properties"))
            found += [one.get("name"), properties.get("model"), properties.get("ai/model"), properties.get("ai/skill")]
        return tuple(dict.fromkeys(clean(one, 200) for one in found if isinstance(one, str) and one.strip()))

    def _property(self, result: dict[str, Any], name: str) -> str:
        own = _dict(result.get("properties")).get(name)
        return str(own if own is not None else self.properties.get(name) or "")

    def _evidence(self, result: dict[str, Any], rule_id: str) -> tuple[Evidence, ...]:
        found = [Evidence(source="sarif", name="ruleId", value=clean(rule_id, 500))] if rule_id else []
        if said := self._property(result, AI_EVIDENCE):
            found.append(Evidence(source="sarif", name=AI_EVIDENCE, value=clean(said, 4096)))
        for kind in ("fingerprints", "partialFingerprints"):
            prints = sorted(_dict(result.get(kind)).items())
            found += [
                Evidence(source="sarif", name=f"{kind}/{key}"[:200], value=clean(str(one), 500)) for key, one in prints
            ]
        return tuple(found)


def _places(result: dict[str, Any]) -> Iterator[Location]:
    for one in as_list(result.get("locations"), "locations"):
        yield _place(one, LocationRole.ROOT)
    for flow in as_list(result.get("codeFlows"), "codeFlows"):
        for thread in as_list(_dict(flow).get("threadFlows"), "threadFlows"):
            steps = as_list(_dict(thread).get("locations"), "locations")
            if steps:
                yield _place(_dict(steps[0]).get("location"), LocationRole.SOURCE)
                yield _place(_dict(steps[-1]).get("location"), LocationRole.SINK)


def _place(location: Any, role: LocationRole) -> Location:  # noqa: ANN401 - JSON
    physical = _dict(_dict(location).get("physicalLocation"))
    region = _dict(physical.get("region"))
    logical = as_list(_dict(location).get("logicalLocations"), "logicalLocations")
    names = _dict(logical[0]) if logical else {}
    start = _line(region.get("startLine"))
    return Location(
        uri=clean(as_text(_dict(physical.get("artifactLocation")).get("uri"), "uri"), 2048),
        start_line=start,
        end_line=_line(region.get("endLine")) or start,
        function=clean(as_text(names.get("fullyQualifiedName") or names.get("name"), "name"), 500),
        role=role,
    )


def _line(value: Any) -> int:  # noqa: ANN401 - JSON
    return value if type(value) is int and 0 < value < 2**31 else 0


def _severity(result: dict[str, Any], rule: dict[str, Any]) -> FinderSeverity | None:
    own, ruled = _dict(result.get("properties")), _dict(rule.get("properties"))
    for scheme, value in (
        ("security-severity", own.get("security-severity", ruled.get("security-severity"))),
        ("sarif.rank", result.get("rank")),
        ("sarif.level", result.get("level")),
    ):
        if value not in (None, -1):
            return FinderSeverity(scheme=scheme, value=clean(str(value), 100))
    return None


def _suppressed(result: dict[str, Any]) -> bool:
    given = as_list(result.get("suppressions"), "suppressions")
    return any(_dict(one).get("status", "accepted") == "accepted" for one in given)


def _is_cwe(reference: dict[str, Any]) -> bool:
    component = _dict(reference.get("toolComponent"))
    return "CWE" in str(component.get("name", "")).upper() or str(reference.get("id", "")).upper().startswith("CWE-")


def _message(given: Any) -> str:  # noqa: ANN401 - JSON
    message = _dict(given)
    return as_text(message.get("text") or message.get("markdown"), "message.text")


def _is_dict(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, dict)


def _dict(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {}
