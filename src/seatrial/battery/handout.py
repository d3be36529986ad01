"""An instance as files in a folder: what is delivered, what may be known of it, and apart from that the hidden half."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seatrial.battery.fingerprint import digests
from seatrial.battery.instance import Attempt
from seatrial.battery.manifest import json_ready

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.battery.family import Family
    from seatrial.battery.instance import Armed, Instance

SCHEMA = "seatrial.instance/1"


def demonstration(instance: Instance) -> Attempt:
    """An attempt whose secrets follow from the seed: for looking at an instance, never for a run."""
    return Attempt(hashlib.sha256(b"seatrial/demonstration/v1\0" + instance.key.seed).digest(), bytes(16))


def facts(family: Family, instance: Instance) -> dict[str, Any]:
    """What may be known of an instance: nothing of the hidden half but its digest."""
    key = instance.key
    return {
        "schema": SCHEMA,
        "instance": key.id,
        "family": key.family,
        "version": key.version,
        "level": key.level,
        "form": key.form,
        "technique": instance.technique,
        "knobs": json_ready(dict(instance.knobs)),
        "submission": dict(family.intake.files),
        "services": [{"name": service.name, "port": service.port} for service in instance.services],
        "seed_commitment": key.seed_commitment,
        **digests(instance),
    }


def write(folder: Path, family: Family, instance: Instance, *, sealed: bool) -> Armed:
    """Write an instance, armed for a demonstration, into an empty or new folder.

    Raises `ValueError` when something is there already: a challenge must not mix with what was there before.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: is not an empty folder; name another or empty it")
    armed = family.arm(instance, demonstration(instance))
    write_tree(folder / "challenge", armed.files.files)
    write_file(folder / "prompt.txt", instance.prompt.encode())
    write_json(folder / "instance.json", facts(family, instance))
    if sealed:
        _write_sealed(folder / "sealed", instance, armed)
    return armed


def _write_sealed(folder: Path, instance: Instance, armed: Armed) -> None:
    hidden = instance.hidden
    write_tree(folder / "solver", {"solve.py": (hidden.solver.source.encode(), 0o644), **hidden.solver.files.files})
    if hidden.twin is not None:
        write_tree(folder / "twin", hidden.twin.files.files)
    for item in armed.services:
        write_tree(folder / "services" / item.service.name, item.service.files.files)
        write_file(folder / "services" / f"{item.service.name}.startup.json", item.startup + b"\n")
    for number, case in enumerate(hidden.hostile):
        write_tree(folder / "hostile" / f"{number:02}", {name: (body, 0o644) for name, body in case.files.items()})
    secret = {
        "seed": instance.key.seed.hex(),
        "witness": json_ready(asdict(hidden.witness)),
        "expected": json_ready(armed.expected),
        "decoys": [asdict(decoy) for decoy in armed.decoys],
        "hostile": [case.name for case in hidden.hostile],
    }
    write_json(folder / "hidden.json", secret)


def write_tree(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write a tree with its modes and the time stamp zero."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, mode) in files.items():
        write_file(folder / name, content, mode=mode)


def write_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file, making its folders, with the time stamp zero."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, (0, 0))


def write_json(path: Path, document: object) -> None:
    """Write a document for people and programs."""
    write_file(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
