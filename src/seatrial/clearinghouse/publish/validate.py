"""Every format's validators, and the documents of a set that none of them faults.

- A document that a validator faults is not offered: `offer` gives those that may leave and says why others may not.
- CSAF has two validators by two parties. The second runs under node, first of all the one beside this
  Python; where it is not installed, `second` says `not run`, and nothing that was not run counts as agreement.
- Three faults of the second validator are its own, and are left out where their cause is there: see `OWN_FAULTS`.
- Nothing is fetched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from csaf import validate as validate_2_1
from csaf.csaf.v20 import validate as validate_2_0
from cvelib.cve_api import CveRecord, CveRecordValidationError  # type: ignore[import-untyped] # it ships no types
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from seatrial.clearinghouse import data
from seatrial.clearinghouse.publish.csaf_advisory import NotExpressible, csaf_2_0, csaf_2_1
from seatrial.clearinghouse.publish.cve_draft import cve_drafts
from seatrial.clearinghouse.publish.cyclonedx_vex import cyclonedx_vex
from seatrial.clearinghouse.publish.openvex import openvex
from seatrial.clearinghouse.publish.osv_record import osv_records
from seatrial.clearinghouse.publish.sarif_out import sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet

NODE_FOLDER = Path(str(files("seatrial.clearinghouse.publish").joinpath("node")))
"""Where the second validators are locked; `npm ci` there installs them."""
NODE_SECONDS = 120
"""Longest time for one batch of documents: some 100 documents need one second."""

FORMATS: Mapping[str, Callable[[AdvisorySet], tuple[dict[str, Any], ...]]] = {
    "csaf-2.1": lambda advisory: (csaf_2_1(advisory),),
    "csaf-2.0": lambda advisory: (csaf_2_0(advisory),),
    "osv": osv_records,
    "cve": cve_drafts,
    "openvex": lambda advisory: (openvex(advisory),),
    "cyclonedx": lambda advisory: (cyclonedx_vex(advisory),),
    "sarif": lambda advisory: (sarif(advisory),),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a validator says: who, which rule, where in the document, what."""

    validator: str
    rule: str
    path: str
    message: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.validator} {self.rule} at {self.path or '/'}: {self.message}"


@dataclass(frozen=True, slots=True)
class Offered:
    """The documents of one format, or why there are none. `second` is `agrees`, `not run` or `there is none`."""

    format: str
    documents: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...] = ()
    refused: str = ""
    second: str = "there is none"


class NotRun(RuntimeError):
    """A validator that is not installed, or that ended without an answer."""


def faults(format_: str, document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What the first validator of a format says about a document; empty where it says nothing."""
    return _VALIDATORS[format_](dict(document))


def offer(
    advisory: AdvisorySet, formats: Sequence[str] = tuple(FORMATS), node: str | None = None
) -> tuple[Offered, ...]:
    """The documents of a set in the formats asked for, each with what its validators say."""
    return tuple(_offer(advisory, format_, node) for format_ in formats)


def _offer(advisory: AdvisorySet, format_: str, node: str | None) -> Offered:
    try:
        documents = FORMATS[format_](advisory)
    except NotExpressible as refusal:
        return Offered(format_, (), refused=str(refusal))
    found = [fault for document in documents for fault in faults(format_, document)]
    second = "there is none"
    if format_.startswith("csaf"):
        try:
            found += [fault for said in second_csaf(documents, node) for fault in said]
            second = "agrees"
        except NotRun:
            second = "not run"
    if found:
        return Offered(format_, (), tuple(found), second="disagrees" if second == "agrees" else second)
    return Offered(format_, documents, second=second)


def _csaf(document: dict[str, Any]) -> tuple[Fault, ...]:
    check = validate_2_1 if document.get("document", {}).get("csaf_version") == "2.1" else validate_2_0
    return tuple(
        Fault("csaf", result.id, error.instance_path, error.message)
        for result in check(document).results
        for error in result.errors
    )


def _schema(name: str) -> Callable[[dict[str, Any]], tuple[Fault, ...]]:
    def check(document: dict[str, Any]) -> tuple[Fault, ...]:
        return tuple(
            Fault("jsonschema", "schema", "/" + "/".join(map(str, error.instance_path)), error.message)
            for error in _compiled(name).iter_errors(document)
        )

    return check


@lru_cache(maxsize=8)
def _compiled(name: str) -> Any:  # noqa: ANN401 - the compiled validator of a library without types
    return jsonschema_rs.validator_for(data.table(f"schemas/{name}.json"), validate_formats=True)


def _cve(document: dict[str, Any]) -> tuple[Fault, ...]:
    schemas = CveRecord.Schemas
    whole = "cveMetadata" in document
    try:
        CveRecord.validate(document, schema_path=schemas.V5_SCHEMA if whole else schemas.CNA_PUBLISHED)
    except CveRecordValidationError as error:
        return tuple(
            Fault("cvelib", "schema", "/" + "/".join(map(str, e.absolute_path)), e.message) for e in error.errors or ()
        )
    return ()


def _cyclonedx(document: dict[str, Any]) -> tuple[Fault, ...]:
    error = JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(document))
    return () if error is None else (Fault("cyclonedx", "schema", "", str(error)),)


_VALIDATORS: Mapping[str, Callable[[dict[str, Any]], tuple[Fault, ...]]] = {
    "csaf-2.1": _csaf,
    "csaf-2.0": _csaf,
    "osv": _schema("osv"),
    "cve": _cve,
    "openvex": _schema("openvex-0.2.0"),
    "cyclonedx": _cyclonedx,
    "sarif": _schema("sarif-2.1.0"),
}


def second_csaf(documents: Sequence[Mapping[str, Any]], node: str | None = None) -> tuple[tuple[Fault, ...], ...]:
    """What the second validator says about each CSAF document, in one run of node.

    Raises:
        NotRun: node or the validator is not installed, or it ended without an answer for each document.
    """
    program = node or shutil.which(
        "node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if program is None or not (NODE_FOLDER / "node_modules" / "@secvisogram").is_dir():
        raise NotRun(f"node, or the validators locked in {NODE_FOLDER}, are not installed: run npm ci there")
    lines = "\n".join(json.dumps(document) for document in documents)
    ran = subprocess.run(
        [program, str(NODE_FOLDER / "csaf.mjs")],
        input=lines, capture_output=True, text=True, timeout=NODE_SECONDS, check=False,
    )  # fmt: skip
    answers = ran.stdout.splitlines()
    if ran.returncode != 0 or len(answers) != len(documents):
        raise NotRun(f"the second validator ended with {ran.returncode}: {ran.stderr.strip()[-400:]}")
    return tuple(
        tuple(
            Fault("csaf-validator-lib", each["rule"], each["path"], each["message"])
            for each in json.loads(answer)
            if not _is_its_own(each, document)
        )
        for answer, document in zip(answers, documents, strict=True)
    )


_SCORE = re.compile(r"(/vulnerabilities/\d+/metrics/\d+/content/cvss_v4)(/base(Score|Severity))?")
_CONTENT = frozenset({"cvss_v2", "cvss_v3", "cvss_v4", "epss", "qualitative_severity_rating", "ssvc_v2"})
OWN_FAULTS = (
    "a CVSS 4.0 score such as 8.7 is no multiple of 0.1 to it (binary fractions)",
    "its 2.1 schema is of a draft whose SSVC field was `ssvc_v1`; the standard's is `ssvc_v2`",
    "its lists of weaknesses end with version 4.17",
)


def _is_its_own(said: Mapping[str, str], document: Mapping[str, Any]) -> bool:
    """One of `OWN_FAULTS`, and what causes it stands where the fault is."""
    rule, path, message = said["rule"], said["path"], said["message"]
    score = _SCORE.fullmatch(path)
    if rule in {"csaf_2_1", "mandatoryTest_6_1_8"} and score:
        stated = float(_at(document, score[1])["baseScore"])
        return stated / 0.1 != round(stated / 0.1)
    if rule == "csaf_2_1" and path.endswith("/content") and message == "must NOT have additional properties":
        return "ssvc_v2" in _at(document, path) and set(_at(document, path)) <= _CONTENT
    if rule == "mandatoryTest_6_1_11" and path.endswith("/version"):
        return tuple(map(int, _at(document, path).split("."))) > (4, 17)
    return False


def _at(document: Any, path: str) -> Any:  # noqa: ANN401 - whatever stands there
    for step in path.strip("/").split("/"):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document
