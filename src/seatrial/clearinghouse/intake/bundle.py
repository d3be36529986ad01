"""A bundle: one finding as a directory (or a tar or zip of it), and many of them under a manifest.

    pov/*  patch/*.diff  sarif/*.sarif  log/*  harness/*  seed/*  oracle/*  recipe.json  finding.json  manifest.json

- The claim is `finding.json` (our plain form), else the one result of its SARIF, else its log's first report, else no
  more than that there is a reproducer.
- `manifest.json` (schema `finding-import-1`) names the run and its bundles by directory, with claims where wanted.
- A file that no rule knows is a fault of its own: nothing is left behind in silence.
"""

from __future__ import annotations

import mimetypes
from bisect import bisect_left
from dataclasses import replace
from functools import cache
from importlib.resources import files as package_files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import jsonschema

from seatrial.clearinghouse.finding import ArtefactRole, Claim, Target
from seatrial.clearinghouse.intake import crashlog, plain, sarif
from seatrial.clearinghouse.intake.fields import title_of
from seatrial.clearinghouse.intake.item import Draft, Facts, Fault, File, Source, Unreadable
from seatrial.clearinghouse.intake.limits import json_of
from seatrial.clearinghouse.intake.recipe import recipe_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seatrial.clearinghouse.intake.item import Defaults, Item

MANIFEST, FINDING, RECIPE = "manifest.json", "finding.json", "recipe.json"
SCHEMA = "finding-import-1.json"
FOLDERS = {
    "pov": ArtefactRole.POV,
    "patch": ArtefactRole.PATCH,
    "log": ArtefactRole.CRASH_LOG,
    "harness": ArtefactRole.HARNESS,
    "seed": ArtefactRole.SEED,
    "oracle": ArtefactRole.ORACLE,
    "threat_model": ArtefactRole.THREAT_MODEL,
    "excerpt": ArtefactRole.EXCERPT,
}
LAST = "\U0010ffff"
"""Sorts after every name of a folder."""
OWN = frozenset({*FOLDERS, "sarif"})
PLAIN = {ArtefactRole.PATCH: "text/x-diff", ArtefactRole.CRASH_LOG: "text/plain"}


@cache
def schema() -> Any:  # noqa: ANN401 - JSON
    """The schema of a manifest."""
    text = package_files("seatrial.clearinghouse").joinpath("intake", "schemas", SCHEMA).read_bytes()
    return json_of(text, SCHEMA)


def is_bundle(names: list[str]) -> bool:
    """Whether files of these names are a bundle, or bundles under a manifest."""
    if MANIFEST in names or FINDING in names:
        return True
    return any(PurePosixPath(name).parts[0] in OWN and len(PurePosixPath(name).parts) > 1 for name in names)


def read(files: Mapping[str, bytes], defaults: Defaults, name: str = "bundle") -> Iterator[Item]:
    """The findings of a bundle, or of all bundles that its manifest names.

    Raises:
        Unreadable: The manifest is none.
    """
    if MANIFEST not in files:
        yield from _one(files, defaults, name, {}, Facts())
        return
    manifest = json_of(files[MANIFEST], MANIFEST)
    for error in jsonschema.Draft202012Validator(schema()).iter_errors(manifest):
        raise Unreadable(f"{MANIFEST} {error.json_path}", error.message[:300], f"Follow the schema {SCHEMA}")
    facts = Facts(tuple(manifest.get("model", ())), manifest.get("run", ""))
    names, taken = sorted(files), {MANIFEST}
    for entry in manifest["bundles"]:
        path = entry["path"].strip("/")
        prefix = "" if path in ("", ".") else f"{path}/"
        inside = names[bisect_left(names, prefix) : bisect_left(names, prefix + LAST)] if prefix else names
        own = {one.removeprefix(prefix): files[one] for one in inside if one != prefix + MANIFEST}
        taken |= {prefix + one for one in own}
        if not own:
            yield Fault(path, "holds no file", "Put the bundle there, or take it out of the manifest", whole=False)
            continue
        sample = entry.get("sample", "")
        yield from _one(own, defaults, path or name, entry, replace(facts, samples=(sample,) if sample else ()))
    for left in sorted(files.keys() - taken):
        yield Fault(left, "is in no bundle of the manifest", "Name its bundle there, or take the file out", whole=False)


def _one(
    files: Mapping[str, bytes], defaults: Defaults, name: str, entry: dict[str, Any], facts: Facts
) -> Iterator[Item]:
    try:
        artefacts, faults = _artefacts(files, name)
        draft = _claimed(files, artefacts, defaults, name, entry)
        recipe, attention = draft.recipe, draft.attention
        if RECIPE in files:
            recipe, attention = recipe_of(json_of(files[RECIPE], f"{name}/{RECIPE}"), f"{name}/{RECIPE}")
    except Unreadable as error:
        yield error.fault
        return
    together = Facts(
        (*facts.model, *draft.facts.model), facts.run or draft.facts.run, (*facts.samples, *draft.facts.samples)
    )
    yield replace(draft, recipe=recipe, attention=attention, facts=together)
    yield from faults


def _artefacts(files: Mapping[str, bytes], name: str) -> tuple[tuple[File, ...], list[Fault]]:
    found, faults = [], []
    for path in sorted(files):
        parts = PurePosixPath(path).parts
        if path in (FINDING, RECIPE) or parts[0] == "sarif":
            continue
        role = FOLDERS.get(parts[0]) if len(parts) > 1 else None
        if role is None:
            known = ", ".join(sorted(OWN))
            faults.append(Fault(f"{name}/{path}", "is no part of a bundle", f"Folders are {known}", whole=False))
            continue
        media = PLAIN.get(role) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        found.append(File(role, parts[-1][:200], files[path], media))
    return tuple(found), faults


def _claimed(
    files: Mapping[str, bytes], artefacts: tuple[File, ...], defaults: Defaults, name: str, entry: dict[str, Any]
) -> Draft:
    """The draft with its claim, from the best that the bundle has."""
    stated = entry.get("finding") or (json_of(files[FINDING], f"{name}/{FINDING}") if FINDING in files else None)
    if stated is not None:
        return plain.draft_of(stated, f"{name}/{FINDING}", defaults, artefacts)
    results = [
        item
        for path in sorted(files)
        if PurePosixPath(path).parts[0] == "sarif"
        for item in sarif.read(Source(path, files[path]), defaults)
    ]
    if len(results) > 1:
        raise Unreadable(f"{name}/sarif", f"has {len(results)} results", "A bundle is one finding: make one of each")
    if results and isinstance(results[0], Fault):
        raise Unreadable(results[0].where, results[0].what, results[0].to_do)
    if results and isinstance(results[0], Draft):
        return replace(results[0], files=artefacts)
    if not artefacts:
        raise Unreadable(name, "holds neither a claim nor an artefact", "Add finding.json, sarif/ or pov/")
    return _by_log(artefacts, defaults, name)


def _by_log(artefacts: tuple[File, ...], defaults: Defaults, name: str) -> Draft:
    for one in artefacts:
        if one.role is ArtefactRole.CRASH_LOG:
            for item in crashlog.read(Source(one.name, one.data), defaults):
                if isinstance(item, Draft):
                    return replace(item, files=artefacts)
    return Draft(
        name,
        Target(),
        Claim(title=title_of(f"reproducer {artefacts[0].name}", name)),
        artefacts,
        reporter_kind=defaults.reporter_kind,
        ai_origin=defaults.ai_origin,
        tlp=defaults.tlp,
    )
