"""One vulnerability from two claims to a published advisory and an operator's due date, at the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from seatrial.clearinghouse.secrecy.commitment import DayRoot, Reveal, commit, verify
from seatrial.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char *copy(const char *text, size_t size) { char *out = malloc(8); memcpy(out, text, size); return out; }
int main(int argc, char **argv) {
  char text[64] = {0};
  size_t size = fread(text, 1, 63, fopen(argv[1], "rb"));
  if (size && text[0] == 'A') free(copy(text, size));
  return 0;
}
"""
RECIPE = {
    "image": "host",
    "build": ["gcc", "-g", "-O0", "-fsanitize=address", "-o", "target", "target.c"],
    "run": ["./target", "{pov}"],
    "expect": "crash",
    "timeout_s": 5,
}
ANALYST, VERIFIER, COORDINATOR = (
    ("--as", who, "bureau", role) for who, role in (("ann", "analyst"), ("vic", "verifier"), ("cora", "coordinator"))
)
HIGH = (
    "--cvss4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    "--cvss3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "--cwe", "CWE-787",
)  # fmt: skip


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def told(*words: str) -> Any:  # noqa: ANN401 - JSON
    done = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def bundle(folder: Path, pov: bytes, title: str) -> Path:
    for part in ("pov", "harness", "seed"):
        (folder / part).mkdir(parents=True)
    (folder / "pov/poc").write_bytes(pov)
    (folder / "harness/target.c").write_text(PROGRAM)
    (folder / "seed/one").write_bytes(b"ordinary")
    (folder / "recipe.json").write_text(json.dumps(RECIPE))
    claim = {"purl": "pkg:npm/tiny-parse@1.2.0", "title": title, "kind": "memory", "cwe": ["CWE-787"]}
    (folder / "finding.json").write_text(json.dumps(claim | {"summary": "A length of the caller's into eight bytes."}))
    return folder


@pytest.mark.slow
def test_from_two_claims_to_an_operators_due_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEATRIAL_ENGINE", raising=False)
    said("submission", "enrol", "ann", "bureau", "analyst", "--kind", "clearinghouse")
    said("submission", "enrol", "vic", "bureau", "verifier", "--by", "ann")
    said("submission", "enrol", "cora", "bureau", "coordinator", "--by", "ann")

    one, two = (
        bundle(tmp_path / name, pov, name) for name, pov in (("one", b"A-long-input"), ("two", b"A-longer-input"))
    )
    said("findings", "import", str(one), str(two), *ANALYST)
    assert told("findings", "import", str(one), *ANALYST)["again"] == 1
    verdicts = told("findings", "reproduce", "--jobs", "1", *VERIFIER)
    assert [verdict["disposition"] for verdict in verdicts] == ["reproduced", "reproduced"]
    placed = told("findings", "cluster", *VERIFIER)
    [root] = placed["founded"]
    assert set(placed["cluster_of"].values()) == {root}

    # Severe: two raters who did not see one another, and another person than the decider signs off.
    said("findings", "rate", "propose", root, *HIGH, *ANALYST)
    assert "two independent proposals" in said("findings", "rate", "decide", root, *HIGH, *ANALYST, code=2)
    said("findings", "rate", "propose", root, *HIGH, "--blind", *VERIFIER)
    said("findings", "rate", "decide", root, *HIGH, *ANALYST)

    case = said("cases", "open", "Overflow in tiny-parse", "--cluster", root, *COORDINATOR).split()[0]
    draft, final = tmp_path / "draft.json", tmp_path / "final.json"
    publisher = ("--publisher", "Bureau", "--namespace", "https://bureau.example")
    said("findings", "advisory", case, *publisher, "--out", str(draft), *COORDINATOR)
    advisory = json.loads(draft.read_text())
    assert (advisory["tlp"], advisory["products"][0]["vendor"]) == ("TLP:AMBER+STRICT", "tiny-parse")
    advisory |= {"state": "final", "tlp": "TLP:CLEAR"}
    advisory["vulnerabilities"][0]["cve"] = "CVE-2026-12345"
    final.write_text(json.dumps(advisory))

    out = tmp_path / "published"
    publish = ("findings", "publish", case, str(final), "--out", str(out), *COORDINATOR)
    assert "nobody has signed it off" in said(*publish, code=2)
    reason = ("--reason", "read and compared")
    assert "somebody else signs it off" in said("findings", "signoff", case, str(final), *reason, *ANALYST, code=2)
    said("findings", "signoff", case, str(final), *reason, *COORDINATOR)
    said(*publish)
    final.write_text(json.dumps(advisory | {"title": "Another title"}))
    assert "has changed since" in said(*publish, code=2)

    reveals = [Reveal.from_json(given) for given in json.loads((out / "reveals.json").read_text())]
    commitments = [
        commit(reveal.nonce, reveal.canonical) for reveal in sorted(reveals, key=lambda reveal: reveal.index)
    ]
    assert all(verify(reveal, DayRoot.of(reveal.day, commitments).root) for reveal in reveals)

    inventory = tmp_path / "bom.json"
    component = {"type": "library", "name": "tiny-parse", "version": "1.2.0", "purl": "pkg:npm/tiny-parse@1.2.0"}
    inventory.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]}))
    asked = (
        "findings",
        "match-inventory",
        "--inventory",
        str(inventory),
        "--feed",
        str(out),
        "--detected",
        "2026-11-24",
    )
    [row] = told(*asked, "--exposed", "all assets=no")["rows"]
    assert (row["vulnerability"], row["due"]) == ("CVE-2026-12345", "2027-01-23T00:00:00+00:00")
    funnel = told("findings", "funnel", *ANALYST)
    assert (funnel["handed_in"], funnel["again"]) == (3, 1)
