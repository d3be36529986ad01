"""The first CSAF validator on the test files of the standard's own committee, as package `csaf` ships them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import csaf
import pytest
from csaf.csaf import v20, v21

# Files that the committee calls valid and that the validator comments on none the less: its own limits.
CONTRARY = {
    "2.0": set(),
    "2.1": {
        ("6.1.50", "50-11"), ("6.1.50", "50-12"), ("6.1.50", "50-16"), ("6.1.64.12", "12-13"),
        ("6.1.66", "66-13"), ("6.1.66", "66-14"), ("6.2.55", "55-11"), ("6.2.55", "55-12"),
        ("6.3.24", "24-11"), ("6.3.24", "24-12"),
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "module", "validate", "least"), [("2.0", v20, v20.validate, 225), ("2.1", v21, csaf.validate, 900)]
)
def test_files_are_judged_as_the_committee_says(
    version: str, module: ModuleType, validate: Callable[..., Any], least: int
) -> None:
    folder = Path(str(module.__file__)).parent
    judged: dict[str, dict[str, Any]] = {}
    as_expected, contrary = 0, set()
    for rule in json.loads((folder / "rules/catalog.json").read_bytes())["tests"]:
        for expected, names in (rule.get("fixtures") or {}).items():
            for name in names:
                if name not in judged:
                    report = validate(json.loads((folder / "data" / name).read_bytes()), preset="full")
                    judged[name] = {result.id: result for result in report.results}
                result = judged[name].get(rule["id"])
                if result is None or result.skipped:
                    continue
                said = bool(result.errors or result.warnings or result.infos)
                if said == (expected == "failing"):
                    as_expected += 1
                else:
                    contrary.add((rule["id"], name.removesuffix(".json")[-5:]))
    assert contrary == CONTRARY[version]
    assert as_expected >= least
