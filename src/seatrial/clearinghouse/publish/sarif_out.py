"""SARIF 2.1.0 with the profile for what a model wrote: an advisory as results, for those who own the code.

- A result's rule is `CWE-<n>/<kebab>`, under the descriptor `CWE-<n>`, or `NOVEL-<kebab>` where no weakness is named.
- Where a model had a part, `ai/origin` says which, and every result its evidence, exploitability and the attacker's
  position, all or none. Evidence states how it was verified, without the reproducer.
- A finding without a place in the source is a valid result; code hosts that show results in the source refuse it.
- No fingerprint is written: whoever reads the log computes its own.

Source: OASIS, SARIF 2.1.0 with errata 01; the AI rules of the SARIF multitool.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.publish.advisory_set import Status
from seatrial.clearinghouse.publish.label import NAME, generator, origin_note
from seatrial.clearinghouse.rating import cvss_vectors, cwe
from seatrial.framework.instant import text

if TYPE_CHECKING:
    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Place, Vulnerability

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"none": "note", "low": "note", "medium": "warning", "high": "error", "critical": "error"}
_NOT_KEBAB = re.compile(r"[^a-z0-9]+")
SUB_ID_LONGEST = 60
"""Characters of the second part of a rule's name: it is read, not computed with."""


def sarif(advisory: AdvisorySet) -> dict[str, Any]:
    """The log: one run, a result for each vulnerability."""
    descriptors = {rule_id(each).partition("/")[0]: _descriptor(each) for each in advisory.vulnerabilities}
    rules = list(descriptors)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": NAME,
                "version": generator()["version"],
                "semanticVersion": generator()["version"],
                "organization": advisory.publisher.name,
                "informationUri": advisory.publisher.namespace,
                "rules": [descriptors[rule] for rule in rules],
            }
        },
        "automationDetails": {
            "id": f"{NAME.lower()}/{quote(advisory.id)}/{advisory.version}",
            "guid": str(uuid5(NAMESPACE_URL, f"{advisory.publisher.namespace}#{advisory.id}#{advisory.version}")),
        },
        "invocations": [{"executionSuccessful": True, "endTimeUtc": text(advisory.released)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(advisory, each, rules, number) for number, each in enumerate(advisory.vulnerabilities)],
        "properties": {"tlp": advisory.tlp.value, "advisory": advisory.id} | _origin(advisory),
    }
    provenance = _provenance(advisory)
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run | provenance]}


def _origin(advisory: AdvisorySet) -> dict[str, str]:
    """Only where a model had a part: the profile has no word for none."""
    return {} if advisory.ai_origin is AiOrigin.NONE else {"ai/origin": advisory.ai_origin.value}


def kebab(words: str) -> str:
    """Lower case letters, digits and single hyphens; `finding` where nothing of the words is left."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return _NOT_KEBAB.sub("-", plain).strip("-")[:SUB_ID_LONGEST].strip("-") or "finding"


def rule_id(vulnerability: Vulnerability) -> str:
    """`CWE-787/heap-overflow-in-parse-attribute`."""
    sub = kebab(vulnerability.title)
    return f"{vulnerability.cwes[0]}/{sub}" if vulnerability.cwes else f"NOVEL-{sub}"


def _descriptor(vulnerability: Vulnerability) -> dict[str, Any]:
    """Of the weakness where one is named, else of the finding itself."""
    if not vulnerability.cwes:
        named, tags, more = vulnerability.title, ["security"], {}
    else:
        found = cwe.weakness(vulnerability.cwes[0])
        named, tags = found.name, ["security", f"external/cwe/{found.id.lower()}"]
        more = {"helpUri": f"https://cwe.mitre.org/data/definitions/{found.number}.html"}
    return {
        "id": rule_id(vulnerability).partition("/")[0],
        "name": _pascal(named),
        "shortDescription": {"text": _sentence(named)},
        "fullDescription": {"text": _sentence(named)},
        "help": {"text": _sentence(named)},
        "properties": {"tags": tags},
        **more,
    }


def _pascal(words: str) -> str:
    return "".join(word.capitalize() for word in kebab(words).split("-"))


def _sentence(words: str) -> str:
    stripped = words.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _result(advisory: AdvisorySet, vulnerability: Vulnerability, rules: list[str], number: int) -> dict[str, Any]:
    vectors = [cvss_vectors.read(each) for each in (vulnerability.cvss_4, vulnerability.cvss_3) if each]
    level = _LEVELS[cvss_vectors.band(vectors[0].base)] if vectors else "warning"
    affected = ", ".join(advisory.product(key).label for key in vulnerability.products(Status.AFFECTED))
    told = f"{_sentence(vulnerability.title)} {vulnerability.description.strip()}"
    properties: dict[str, Any] = {"advisory": advisory.id, "vulnerability": vulnerability.key}
    if advisory.ai_origin is not AiOrigin.NONE:
        properties |= _verified(vulnerability, number)
    if vectors:
        properties |= {"cvss": [each.base_vector() for each in vectors], "security-severity": f"{vectors[0].base:.1f}"}
    properties |= {"cve": vulnerability.cve} if vulnerability.cve else {}
    properties |= {"affected": affected} if affected else {}
    properties |= {"origin": origin_note(advisory)} if origin_note(advisory) else {}
    result: dict[str, Any] = {
        "ruleId": rule_id(vulnerability),
        "ruleIndex": rules.index(rule_id(vulnerability).partition("/")[0]),
        "guid": str(uuid5(NAMESPACE_URL, f"{advisory.publisher.namespace}#{advisory.id}#{vulnerability.key}")),
        "kind": "fail",
        "level": level,
        "message": {"text": told, "markdown": told},
        "properties": properties,
    }
    if vectors:
        result["rank"] = round(vectors[0].base * 10, 1)
    if vulnerability.places:
        result["locations"] = [_location(vulnerability.places[0])]
        related = [_location(place) | {"id": number} for number, place in enumerate(vulnerability.places[1:], 1)]
        result |= {"relatedLocations": related} if related else {}
    return result


def _verified(vulnerability: Vulnerability, number: int) -> dict[str, Any]:
    """What the profile asks of a result: evidence with what backs it, exploitability, the attacker's position."""
    backing = f"sarif:/runs/0/results/{number}" + ("/locations/0" if vulnerability.places else "")
    reproduced = vulnerability.shown == "reproduced"
    evidence = {
        "kind": "replay" if reproduced else "review",
        "strength": "demonstrated" if reproduced else "reviewed",
        "description": "Replayed in fresh sealed boxes, with controls."
        if reproduced
        else "Confirmed by two reviewers.",
        "backing": [backing],
    }
    return {
        "ai/evidence": [evidence],
        "ai/exploitability": "poc" if reproduced else "theoretical",
        "ai/attackerPosition": _position(vulnerability),
    }


def _position(vulnerability: Vulnerability) -> str:
    """From the vector: where an attacker has to be."""
    written = vulnerability.cvss_4 or vulnerability.cvss_3
    if not written:
        return "unclear"
    metrics = cvss_vectors.read(written).metrics
    if metrics["AV"] == "N":
        return "unauthenticated-network" if metrics["PR"] == "N" else "authenticated-user"
    return {"A": "adjacent-network", "L": "local-host", "P": "physical"}[metrics["AV"]]


def _location(place: Place) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.start_line, "endLine": place.last_line}
    if place.excerpt.strip():
        region["snippet"] = {"text": place.excerpt}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": quote(place.path), "uriBaseId": "SRCROOT"}, "region": region}
    }
    if place.function.strip():
        location["logicalLocations"] = [{"fullyQualifiedName": place.function, "kind": "function"}]
    return location


def _provenance(advisory: AdvisorySet) -> dict[str, Any]:
    repositories = list(dict.fromkeys(product.repo for product in advisory.products if product.repo))
    if not repositories:
        return {}
    first = {"repositoryUri": repositories[0], "mappedTo": {"uriBaseId": "SRCROOT"}}
    return {"versionControlProvenance": [first, *({"repositoryUri": each} for each in repositories[1:])]}
