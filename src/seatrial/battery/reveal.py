"""Checks a revealed assessment: the commitment opens, and every instance is made again and compared.

A run directory holds `plan.json` (commitments, written before the first run), `seeds.json` (revealed after the last)
and `manifests/`. A reveal file alone, without plan and manifests, can be checked against its own commitment only, and
the report says so.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.battery.manifest import read
from seatrial.battery.packs import family_by_id
from seatrial.battery.seeds import Reveal, SeedEntry, regenerate, secret_commitment

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class RevealReport:
    """What was compared and what does not agree."""

    instances: int
    manifests: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]  # what could not be looked at


def check(path: Path, manifests: Path | None = None, *, tell: Tell = lambda _done, _total: None) -> RevealReport:
    """Check a run directory or a reveal file. Raises `ValueError` when there is nothing readable to check."""
    folder = path if path.is_dir() else path.parent
    source = path / "seeds.json" if path.is_dir() else path
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{source}: cannot be read ({error}); give a finished run directory or a reveal file"
        ) from error
    reveal = Reveal.loads(text)
    problems, notes = [*reveal.problems()], []
    plan = _json(folder / "plan.json")
    if plan is None:
        notes.append("no plan.json beside it: the commitment is compared with the reveal file's own copy only")
    else:
        problems += _against_plan(plan, reveal, json.loads(text))
    place = manifests or folder / "manifests"
    files = {file.stem: file for file in sorted(place.glob("*.json"))} if place.is_dir() else {}
    if not files:
        notes.append(f"no manifests in {place}: instances are made again, and compared with nothing")
    compared = 0
    for number, entry in enumerate(reveal.entries):
        found = files.get(entry.key.id)
        compared += found is not None
        problems += _instance(entry, found, listed=bool(files))
        tell(number + 1, len(reveal.entries))
    unknown = sorted(files.keys() - {entry.key.id for entry in reveal.entries})
    problems += [f"{name}: has a manifest and is not in the seed list" for name in unknown]
    return RevealReport(len(reveal.entries), compared, tuple(problems), tuple(notes))


def _instance(entry: SeedEntry, manifest: Path | None, *, listed: bool) -> tuple[str, ...]:
    family = family_by_id(entry.family)
    if manifest is None:
        family.generate(entry.key)
        return (f"{entry.key.id}: has no manifest",) if listed else ()
    try:
        document = read(manifest)
    except ValueError as error:
        return (str(error),)
    return regenerate(entry, family, document)


def _against_plan(plan: dict[str, Any], reveal: Reveal, document: dict[str, Any]) -> list[str]:
    problems = []
    if not hmac.compare_digest(str(plan.get("seed_commitment", "")), reveal.commitment):
        problems.append("the seed commitment is not the one in plan.json")
    secret = document.get("run_secret")
    if isinstance(secret, str) and "secret_commitment" in plan:
        try:
            again = secret_commitment(bytes.fromhex(secret), reveal.salt)
        except ValueError:
            again = ""
        if not hmac.compare_digest(str(plan["secret_commitment"]), again):
            problems.append("the run secret does not open the commitment in plan.json")
    return problems


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable JSON ({type(error).__name__})") from error
    return found if isinstance(found, dict) else None
