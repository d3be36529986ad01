"""A CSAF provider directory: the advisories as files, with what readers need to find, order and check them.

- TLP:CLEAR lies under `white/`, TLP:GREEN under `green/`; a document with another label has no place here.
- In each: a folder a year (of the first release), `index.txt`, `changes.csv`, a ROLIE feed, and beside each document
  its SHA-256 and SHA-512, and its OpenPGP signature where one is given.
- The role is `csaf_trusted_provider` only where every document is signed and the key is named, else `csaf_provider`.
- The same documents give the same bytes: the files are made here, and written by `write`.

Source: OASIS, CSAF 2.1, chapter 7, requirements 7 to 20.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from seatrial.clearinghouse.publish.csaf_advisory import NotExpressible
from seatrial.clearinghouse.publish.grammar import file_name
from seatrial.framework.instant import instant, text

METADATA_SCHEMA = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/provider.json"
SCHEMAS = {
    "2.0": "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
    "2.1": "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json",
}
FOLDERS = {"CLEAR": "white", "WHITE": "white", "GREEN": "green"}
LABELS = {"white": "CLEAR", "green": "GREEN"}
DEPTH = 2
"""Slashes in the path of a document: label, year, file. What lists documents lies higher."""
_INFORMATION_TYPE = {"scheme": "urn:ietf:params:rolie:category:information-type", "term": "csaf"}


@dataclass(frozen=True, slots=True)
class Key:
    """The public OpenPGP key that signatures are made with: its fingerprint and where it can be fetched."""

    fingerprint: str
    url: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Who provides, under which address (https, without a slash at the end), and the key, if documents are signed."""

    name: str
    namespace: str
    url: str
    category: str = "coordinator"
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One document in its place."""

    folder: str
    path: str
    document: Mapping[str, Any]
    content: bytes
    signature: bytes | None = None

    @property
    def tracking(self) -> Mapping[str, Any]:
        tracking: Mapping[str, Any] = self.document["document"]["tracking"]
        return tracking

    @property
    def updated(self) -> datetime:
        return instant(self.tracking["current_release_date"], "current_release_date")


@dataclass(frozen=True, slots=True)
class Directory:
    """The files by their path under the directory."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write every file; documents come before what lists them, so that a reader never finds a dead link."""
        for path in sorted(self.files, key=lambda path: (path.count("/") < DEPTH, path)):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.files[path])


def directory(
    documents: Sequence[Mapping[str, Any]],
    provider: Provider,
    *,
    at: datetime,
    signatures: Mapping[str, bytes] | None = None,
    timestamp_first: bool = False,
) -> Directory:
    """The directory of CSAF documents, each of which its validators accepted.

    `signatures` holds an armoured OpenPGP signature by tracking id. `timestamp_first` swaps the columns of
    `changes.csv` for readers that expect them so; the standard puts the file first.

    Raises:
        NotExpressible: A label that is not for everybody or for the community, or two documents of one name.
    """
    entries = [
        _entry(document, (signatures or {}).get(document["document"]["tracking"]["id"])) for document in documents
    ]
    paths = [f"{entry.folder}/{entry.path}" for entry in entries]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise NotExpressible(
            f"{twice}: two documents have this name; give the ids names that differ in letters and digits"
        )
    files: dict[str, bytes] = {}
    for entry in entries:
        files |= _document_files(entry)
    shelves = {folder: [entry for entry in entries if entry.folder == folder] for folder in LABELS}
    shelves = {folder: shelf for folder, shelf in shelves.items() if shelf or folder == "white"}
    for folder, shelf in shelves.items():
        newest = sorted(shelf, key=lambda entry: (entry.updated, entry.path), reverse=True)
        files[f"{folder}/index.txt"] = "".join(f"{entry.path}\n" for entry in newest).encode()
        files[f"{folder}/changes.csv"] = _changes(newest, timestamp_first=timestamp_first)
        files[f"{folder}/{_feed_name(folder)}"] = _json(_feed(folder, newest, provider, at))
    trusted = provider.key is not None and all(entry.signature for entry in entries)
    files["provider-metadata.json"] = _json(_metadata(provider, list(shelves), at, trusted=trusted))
    return Directory(files)


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _entry(document: Mapping[str, Any], signature: bytes | None) -> _Entry:
    label = document["document"]["distribution"]["tlp"]["label"]
    tracking = document["document"]["tracking"]
    if label not in FOLDERS:
        raise NotExpressible(
            f"{tracking['id']}: TLP:{label} has no place in a directory that is open; send it to its readers"
        )
    year = instant(tracking["initial_release_date"], "initial_release_date").year
    return _Entry(FOLDERS[label], f"{year}/{file_name(tracking['id'])}", document, _json(document), signature)


def _document_files(entry: _Entry) -> dict[str, bytes]:
    path, name = f"{entry.folder}/{entry.path}", entry.path.partition("/")[2]
    files = {path: entry.content}
    for algorithm in ("sha256", "sha512"):
        files[f"{path}.{algorithm}"] = f"{hashlib.new(algorithm, entry.content).hexdigest()}  {name}\n".encode()
    return files | ({f"{path}.asc": entry.signature} if entry.signature else {})


def _changes(newest: Sequence[_Entry], *, timestamp_first: bool) -> bytes:
    rows = [(entry.path, text(entry.updated)) for entry in newest]
    return "".join(",".join(reversed(row) if timestamp_first else row) + "\r\n" for row in rows).encode()


def _feed_name(folder: str) -> str:
    return f"csaf-feed-tlp-{LABELS[folder].lower()}.json"


def _feed(folder: str, newest: Sequence[_Entry], provider: Provider, at: datetime) -> dict[str, Any]:
    base = f"{provider.url}/{folder}"
    return {
        "feed": {
            "id": f"csaf-feed-tlp-{LABELS[folder].lower()}",
            "title": f"{provider.name} (TLP:{LABELS[folder]})",
            "link": [{"rel": "self", "href": f"{base}/{_feed_name(folder)}"}],
            "category": [_INFORMATION_TYPE],
            "updated": text(max((entry.updated for entry in newest), default=at)),
            "entry": [_feed_entry(base, entry) for entry in newest],
        }
    }


def _feed_entry(base: str, entry: _Entry) -> dict[str, Any]:
    place = f"{base}/{entry.path}"
    links = [("self", place), ("hash", f"{place}.sha256"), ("hash", f"{place}.sha512")]
    links += [("signature", f"{place}.asc")] if entry.signature else []
    summaries = [n["text"] for n in entry.document["document"].get("notes", ()) if n["category"] == "summary"]
    version = entry.document["document"]["csaf_version"]
    told = {
        "id": entry.tracking["id"],
        "title": entry.document["document"]["title"],
        "link": [{"rel": relation, "href": href} for relation, href in links],
        "published": entry.tracking["initial_release_date"],
        "updated": entry.tracking["current_release_date"],
        "content": {"type": "application/json", "src": place},
        "format": {"schema": SCHEMAS[version], "version": version},
    }
    return told | ({"summary": {"content": summaries[0]}} if summaries else {})


def _metadata(provider: Provider, folders: list[str], at: datetime, *, trusted: bool) -> dict[str, Any]:
    feeds = [
        {"last_updated": text(at), "tlp_label": LABELS[folder], "url": f"{provider.url}/{folder}/{_feed_name(folder)}"}
        for folder in folders
    ]
    places = [{"directory": {"tlp_label": LABELS[each], "url": f"{provider.url}/{each}/"}} for each in folders]
    metadata: dict[str, Any] = {
        "$schema": METADATA_SCHEMA,
        "canonical_url": f"{provider.url}/provider-metadata.json",
        "distributions": [*places, {"rolie": {"feeds": feeds}}],
        "last_updated": text(at),
        "list_on_CSAF_aggregators": True,
        "metadata_version": "2.1",
        "mirror_on_CSAF_aggregators": True,
        "publisher": {"category": provider.category, "name": provider.name, "namespace": provider.namespace},
        "role": "csaf_trusted_provider" if trusted else "csaf_provider",
    }
    if provider.key is not None:
        metadata["public_openpgp_keys"] = [{"fingerprint": provider.key.fingerprint, "url": provider.key.url}]
    return metadata
