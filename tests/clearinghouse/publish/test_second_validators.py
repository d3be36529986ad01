"""Validators that another party wrote, asked beside the first ones.

They run under node. Where they are not installed a test says `not run`, and in a pipeline (CI is set) it fails.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.publish import (
    FORMATS,
    AdvisorySet,
    NotExpressible,
    Place,
    csaf_2_0,
    csaf_2_1,
    offer,
    sarif,
    second_csaf,
)
from seatrial.clearinghouse.publish.validate import NODE_FOLDER
from support.advisories import CVSS_4, advisory_sets, crowded, large, small

SEED = 20261124
NODE = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
MULTITOOL = NODE_FOLDER / "node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"


def needs(there: object) -> None:
    if not there:
        said = f"not run: node or the validators locked in {NODE_FOLDER} are not installed (npm ci)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)


def drawn(count: int) -> list[AdvisorySet]:
    """Sets as the strategy draws them, the same every time."""
    found: list[AdvisorySet] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(advisory_sets())
    def collect(advisory: AdvisorySet) -> None:
        found.append(advisory)

    collect()
    return found


def csaf_documents(sets: list[AdvisorySet]) -> list[dict[str, Any]]:
    documents = []
    for advisory in sets:
        documents.append(csaf_2_1(advisory))
        try:
            documents.append(csaf_2_0(advisory))
        except NotExpressible:
            continue
    return documents


@pytest.mark.slow
def test_the_second_csaf_validator_faults_no_document_but_damaged_ones() -> None:
    """Its own faults (8.7 is no multiple of 0.1 to it) are left out only where their cause is."""
    needs(NODE and (NODE_FOLDER / "node_modules/@secvisogram").is_dir())
    documents = csaf_documents([small(), large(), crowded(), *drawn(60)])
    said = second_csaf([*documents, *damaged()], NODE)
    assert len(documents) > 80
    assert [str(fault) for faults in said[: len(documents)] for fault in faults] == []
    assert all(said[len(documents) :])


def damaged() -> list[dict[str, Any]]:
    """A severity that is not the score's, a field that does not exist, a product that is not in the tree."""
    severity, extra = (json.loads(json.dumps(csaf_2_1(large()))) for _ in range(2))
    score = severity["vulnerabilities"][0]["metrics"][0]["content"]["cvss_v4"]
    assert score["vectorString"] == CVSS_4
    score["baseSeverity"] = "LOW"
    extra["vulnerabilities"][0]["metrics"][0]["content"]["nonsense"] = {}
    missing = json.loads(json.dumps(csaf_2_0(large())))
    missing["vulnerabilities"][0]["product_status"]["fixed"] = ["CSAFPID-9999"]
    return [severity, extra, missing]


def test_what_is_offered_says_whether_the_second_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.clearinghouse.publish.validate.NODE_FOLDER", Path("/nowhere"))
    offered = {each.format: each for each in offer(small())}
    assert {each.second for name, each in offered.items() if name == "csaf-2.1"} == {"not run"}
    assert offered["csaf-2.0"].refused
    assert offered["osv"].refused
    assert all(each.documents for name, each in offered.items() if name not in {"csaf-2.0", "osv"})


def test_a_document_that_is_faulted_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "openvex", lambda advisory: ({"@id": advisory.id},))
    (offered,) = offer(small(), ["openvex"])
    assert offered.documents == ()
    assert offered.faults


@pytest.mark.slow
def test_the_sarif_multitool_finds_nothing_to_fault(tmp_path: Path) -> None:
    """Rules of SARIF, of a code host, and of what a model wrote, on sets that name a repository and places."""
    needs(MULTITOOL.is_file())
    for number, advisory in enumerate([large(), *drawn(12)]):
        (tmp_path / f"{number}.sarif").write_text(json.dumps(sarif(_complete(advisory))))
    MULTITOOL.chmod(0o755)
    out = tmp_path / "out" / "said.sarif"
    out.parent.mkdir()
    subprocess.run(
        [str(MULTITOOL), "validate", str(tmp_path / "*.sarif"), "--rule-kind", "Sarif;Gh;Ai",
         "--level", "Error;Warning", "-o", str(out)],
        env=os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}, capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    (run,) = json.loads(out.read_text(encoding="utf-8-sig"))["runs"]
    assert [(result["ruleId"], result["message"]) for result in run["results"]] == []
    assert run["invocations"][0]["executionSuccessful"]


def _complete(advisory: AdvisorySet) -> AdvisorySet:
    repository = "https://git.example/tiny/xml"
    return advisory.model_copy(
        update={
            "products": tuple(each.model_copy(update={"repo": repository}) for each in advisory.products),
            "vulnerabilities": tuple(
                each.model_copy(update={"places": each.places or (Place(path="src/a.c", start_line=3),)})
                for each in advisory.vulnerabilities
            ),
            "ai_origin": AiOrigin.GENERATED if advisory.ai_origin is AiOrigin.NONE else advisory.ai_origin,
        }
    )
