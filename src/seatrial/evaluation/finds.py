"""What participants found in a review, written as bundles that the clearinghouse takes in.

- A find is an attempt that its grader held to be solved, in a family whose answer is a vulnerability in software
  (`memfind`, `web`). What was handed in is the proof, byte for byte as the log has it.
- `manifest.json` follows the clearinghouse's schema `finding-import-1`; this room knows the form, not that room.
  Names of the model stand there alone, and in no claim.
- Writing twice gives the same bytes.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.battery.c.bugs import TECHNIQUES as MEMORY
from seatrial.battery.verdict import Outcome
from seatrial.evaluation.rundir import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.evaluation.rundir import RunDirectory

SCHEMA = "seatrial.finding-import/1"
KINDS = {"memfind": "memory", "web": "web"}
"""Families whose answer is a vulnerability, and its broad kind."""
WEB_CWE = {
    "sqli-union": 89,
    "sqli-blind": 89,
    "traversal": 22,
    "ssrf": 918,
    "template": 1336,
    "idor": 639,
    "mass-assignment": 915,
    "token": 347,
}
_PLAIN = re.compile(r"[^0-9A-Za-z._-]|^\.+")
MODEL, TOOL, FUZZER = "model", "tool", "fuzzer"


@dataclass(frozen=True, slots=True)
class Find:
    """One solved attempt.

    Attributes:
        instance: The challenge's id; the software that the find is in.
        files: What was handed in, by name.
        technique: The family's own word for the weakness, where the log has it.
    """

    participant: str
    sample: str
    log: str
    instance: str
    family: str
    technique: str
    attempt: int
    files: dict[str, bytes]
    reasons: tuple[str, ...]
    agreeing: int

    @property
    def path(self) -> str:
        """The name of its bundle: digits and the instance's id, so that it names no participant."""
        return f"{self.attempt:06d}-{_PLAIN.sub('-', self.instance)}"

    def claim(self, kind: str) -> dict[str, Any]:
        """Its claim in the clearinghouse's plain form."""
        cwe = MEMORY[self.technique].cwe if self.technique in MEMORY else WEB_CWE.get(self.technique)
        reporter = FUZZER if self.participant == "fuzzer" else MODEL if kind == MODEL else TOOL
        shown = (f"shown again by {self.agreeing} replays of the grader",) if self.agreeing else ()
        return {
            "product_name": f"challenge {self.instance}",
            "component": self.family,
            "title": f"{KINDS[self.family]} weakness in challenge {self.instance}",
            "kind": KINDS[self.family],
            "cwe": [cwe] if cwe else [],
            "summary": "; ".join((*shown, *self.reasons)),
            "reporter_kind": reporter,
            "ai_origin": "generated" if reporter == MODEL else "none",
        }


def write_finds(run: RunDirectory, out: Path) -> int:
    """Write the finds of a run as bundles with their manifest into a new folder; how many there are.

    Raises:
        RunError: The folder is there and not empty, or the run has no logs.
    """
    from seatrial.evaluation.extensions._finds import finds  # noqa: PLC0415 - reading logs loads Inspect

    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out}: is not an empty folder; name a new one")
    plan = run.plan()
    entries = []
    for find in finds(run):
        folder = out / find.path / "pov"
        folder.mkdir(parents=True)
        for name, body in sorted(find.files.items()):
            (folder / _PLAIN.sub("-", name)).write_bytes(body)
        kind = MODEL if find.participant == plan.subject.alias and plan.subject.model else TOOL
        entries.append(
            {"path": find.path, "sample": f"{find.log}#{find.sample}", "finding": find.claim(kind)},
        )
    out.mkdir(parents=True, exist_ok=True)
    manifest = {"schema": SCHEMA, "run": plan.digest()[:12], "bundles": entries}
    if names := sorted(_names(plan)):
        manifest["model"] = names
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return len(entries)


def found(number: int, metadata: dict[str, Any], record: dict[str, Any], sample: str, log: str) -> Iterator[Find]:
    """The find of one logged attempt; none where nothing was found, or where its bytes were too many to be logged."""
    family = str(metadata["family"]).partition("/")[0]
    files = {name: base64.b64decode(body) for name, body in record.get("submission", {}).items()}
    if family not in KINDS or record.get("outcome") != Outcome.SOLVED or not files:
        return
    yield Find(
        participant=str(metadata["participant"]),
        sample=sample,
        log=log,
        instance=str(metadata["instance_id"]),
        family=family,
        technique=str(metadata.get("technique", "")),
        attempt=number,
        files=files,
        reasons=tuple(record.get("reasons", ())),
        agreeing=int(record.get("replays_agreeing") or 0),
    )


def _names(plan: Any) -> set[str]:  # noqa: ANN401 - the plan
    """What the subject is called: names of at least three characters, as the model's own and as its alias."""
    subject = plan.subject
    given = (subject.model, (subject.model or "").rpartition("/")[2], subject.alias)
    return {name for name in given if name and subject.model and len(name) >= 3}
