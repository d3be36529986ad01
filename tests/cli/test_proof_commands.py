"""`seatrial findings matrix`, `verify-fix` and `minimise`, from an import to a fix that holds, in real boxes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

ANA = ("--as", "per-ana", "house-1", "analyst")
CRASH = 'read word < "$1"; case "$word" in a*) kill -SEGV $$;; esac'


def told(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout


@pytest.mark.slow
def test_a_fix_is_shown_to_hold_and_a_proof_gets_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEATRIAL_ENGINE", raising=False)
    told("submission", "enrol", "per-ana", "house-1", "analyst", "--kind", "clearinghouse")
    recipe = {"image": "host", "run": ["sh", "-c", CRASH, "sh", "{pov}"], "timeout_s": 5}
    artefacts = [{"role": "pov", "name": "pov", "text": "abc"}]
    given = {"purl": "pkg:generic/one@1.0", "title": "one", "kind": "memory", "recipe": recipe, "artefacts": artefacts}
    (tmp_path / "given.json").write_text(json.dumps([given]))
    (tmp_path / "fixed.json").write_text(json.dumps({**recipe, "run": ["true", "{pov}"]}))
    told("findings", "import", str(tmp_path / "given.json"), *ANA)
    [verdict] = json.loads(told("findings", "reproduce", "--jobs", "1", *ANA, "--json"))
    assert verdict["disposition"] == "reproduced"
    told("findings", "cluster", *ANA)
    assert "0 cells are new, 0 joins" in told("findings", "matrix", "pkg:generic/one", "--jobs", "1", *ANA)
    fix = ("findings", "verify-fix", "C-000001", "1.1", "--jobs", "1", *ANA)
    assert "the fix holds" in told(*fix, "--recipe", str(tmp_path / "fixed.json"))
    told(*fix, code=2)  # it names no fixed version
    told("findings", "bisect", "C-000001", "good", "bad", *ANA, code=2)  # no history came with it
    assert "1 bytes after" in told("findings", "minimise", verdict["finding"][:12], *ANA)
