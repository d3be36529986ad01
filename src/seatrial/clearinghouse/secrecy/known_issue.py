"""Is it public already? A finding against a folder of OSV records, offline.

- Two grounds propose `known`: a finding names a number that a record has among its id and aliases; or package, affected
  version, function or file, and CWE all agree. Less than that is a hint. Either is for a person to confirm, or an exact
  replay; nothing here decides.
- Versions are compared by the package type's own rules (`univers`). A type that it does not know, or a version that it
  cannot read, is `not comparable`, and is never counted as equal.
- A commit range is compared by equality of its ends only: what lies between needs the repository.
- A withdrawn record matches nothing.

The folder holds records as the OSV dumps have them, one JSON file each, in any folders below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL
from univers.version_range import RANGE_CLASS_BY_SCHEMES

from seatrial.clearinghouse.finding import ReferenceKind

if TYPE_CHECKING:
    from seatrial.clearinghouse.finding import Finding

RECORD_BYTES = 4 * 2**20
"""The largest OSV records of 2026 have half of that; a larger file is no record."""
NUMBERED = frozenset({ReferenceKind.CVE, ReferenceKind.GHSA, ReferenceKind.OSV})
ECOSYSTEMS: Mapping[str, str] = {
    "PyPI": "pypi",
    "npm": "npm",
    "crates.io": "cargo",
    "Go": "golang",
    "Maven": "maven",
    "NuGet": "nuget",
    "Packagist": "composer",
    "RubyGems": "gem",
    "Hex": "hex",
    "Pub": "pub",
    "Debian": "deb",
    "Alpine": "apk",
    "OSS-Fuzz": "generic",
}
"""OSV's names of ecosystems as types of package addresses."""


class Compared(StrEnum):
    """What comparing a version came to."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True)
class Match:
    """A record that fits a finding: its id, on what they agree, what could not be compared, whether that is enough."""

    id: str
    aliases: tuple[str, ...]
    on: tuple[str, ...]
    not_comparable: tuple[str, ...] = ()
    proposes_known: bool = False


@dataclass(frozen=True, slots=True)
class OsvRecord:
    """What of an OSV record is looked at."""

    id: str
    aliases: tuple[str, ...]
    affected: tuple[Mapping[str, Any], ...]
    cwe: frozenset[int]

    @property
    def names(self) -> frozenset[str]:
        """Its id and aliases, upper case."""
        return frozenset(name.upper() for name in (self.id, *self.aliases))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Records of one folder, by package and by name; `unread` are files that are no records."""

    by_package: Mapping[str, tuple[OsvRecord, ...]] = field(default_factory=dict)
    by_name: Mapping[str, tuple[OsvRecord, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Snapshot:
        """Read every `.json` below a folder; one that is no record is named and skipped."""
        records, unread = list[OsvRecord](), list[str]()
        for path in sorted(folder.rglob("*.json")):
            try:
                if path.stat().st_size > RECORD_BYTES:
                    raise ValueError("too large")  # noqa: TRY301 - one way out for all that is no record
                record = read(json.loads(path.read_bytes()))
            except (ValueError, KeyError, TypeError, AttributeError):
                unread.append(str(path.relative_to(folder)))
                continue
            if record is not None:
                records.append(record)
        return cls.of(records, tuple(unread))

    @classmethod
    def of(cls, records: Iterable[OsvRecord], unread: tuple[str, ...] = ()) -> Snapshot:
        """Records in memory."""
        packages, names = dict[str, tuple[OsvRecord, ...]](), dict[str, tuple[OsvRecord, ...]]()
        for record in records:
            for package in {name for one in record.affected if (name := package_of(one))}:
                packages[package] = (*packages.get(package, ()), record)
            for name in record.names:
                names[name] = (*names.get(name, ()), record)
        return cls(packages, names, unread)

    def match(self, finding: Finding) -> tuple[Match, ...]:
        """The records that fit, best first."""
        package = base_of(finding.target.purl)
        candidates = list(self.by_package.get(package, ()) if package else ())
        for reference in finding.references:
            candidates += self.by_name.get(reference.value.upper(), ()) if reference.kind in NUMBERED else ()
        found = (_match(finding, package, record) for record in {one.id: one for one in candidates}.values())
        fitting = [one for one in found if one.on]
        return tuple(sorted(fitting, key=lambda one: (not one.proposes_known, -len(one.on), one.id)))


def read(given: Mapping[str, Any]) -> OsvRecord | None:
    """A record; None for one that was withdrawn.

    Raises:
        KeyError: it has no id.
        TypeError: it is of another form.
    """
    if given.get("withdrawn"):
        return None
    weaknesses = given.get("database_specific", {}).get("cwe_ids", ())
    return OsvRecord(
        str(given["id"]),
        tuple(map(str, given.get("aliases", ()))),
        tuple(dict(one) for one in given.get("affected", ())),
        frozenset(int(name[4:]) for name in weaknesses if name[:4] == "CWE-" and name[4:].isdigit()),
    )


def base_of(purl: str) -> str:
    """A package address without version, qualifiers and path; empty for one that cannot be read."""
    try:
        parsed = PackageURL.from_string(purl)
    except ValueError:
        return ""
    return PackageURL(parsed.type, parsed.namespace, parsed.name).to_string()


def package_of(affected: Mapping[str, Any]) -> str:
    """The package of an `affected` entry as an address; empty where it names none that has one."""
    package = affected.get("package", {})
    if package.get("purl"):
        return base_of(str(package["purl"]))
    kind = ECOSYSTEMS.get(str(package.get("ecosystem", "")).partition(":")[0])
    name = str(package.get("name", ""))
    if not kind or not name:
        return ""
    separator = ":" if kind == "maven" else "/"
    namespace, _, last = name.rpartition(separator)
    return PackageURL(kind, namespace or None, last).to_string()


def compared(affected: Mapping[str, Any], purl_type: str, version: str, commit: str = "") -> Compared:
    """Whether a version is among those that an entry affects."""
    listed = affected.get("versions") or ()
    if version and version in listed:
        return Compared.AFFECTED
    answers = [_in_range(one, purl_type, version, commit) for one in affected.get("ranges", ())]
    if Compared.AFFECTED in answers:
        return Compared.AFFECTED
    if not version or Compared.NOT_COMPARABLE in answers or not (answers or listed):
        return Compared.NOT_COMPARABLE
    return Compared.NOT_AFFECTED


def _in_range(given: Mapping[str, Any], purl_type: str, version: str, commit: str) -> Compared:
    events = [dict(event) for event in given.get("events", ())]
    if given.get("type") == "GIT":
        ends = {event.get("introduced") or event.get("last_affected") for event in events} - {None, "0"}
        return Compared.AFFECTED if commit and commit in ends else Compared.NOT_COMPARABLE
    make = _versions(purl_type)
    if make is None or not version:
        return Compared.NOT_COMPARABLE
    try:
        asked, inside = make(version), False
        for event in events:
            inside = _crossed(event, asked, make, inside=inside)
    except Exception:  # noqa: BLE001 - univers raises what its many parsers raise; none of it is an answer
        return Compared.NOT_COMPARABLE
    return Compared.AFFECTED if inside else Compared.NOT_AFFECTED


def _crossed(event: Mapping[str, str], asked: Any, make: Any, *, inside: bool) -> bool:  # noqa: ANN401 - univers' own
    if "introduced" in event:
        return inside or event["introduced"] == "0" or asked >= make(event["introduced"])
    if "fixed" in event:
        return inside and asked < make(event["fixed"])
    if "last_affected" in event:
        return inside and asked <= make(event["last_affected"])
    return inside


@cache
def _versions(purl_type: str) -> Any:  # noqa: ANN401 - a class of univers, which ships no types
    scheme = RANGE_CLASS_BY_SCHEMES.get(purl_type)
    return getattr(scheme, "version_class", None)


def _match(finding: Finding, package: str, record: OsvRecord) -> Match:
    named = {one.value.upper() for one in finding.references if one.kind in NUMBERED} & record.names
    entries = [one for one in record.affected if package and package_of(one) == package]
    purl_type = package.removeprefix("pkg:").partition("/")[0]
    version = finding.target.version or _version_of(finding.target.purl)
    answers = {compared(one, purl_type, version, finding.target.commit) for one in entries}
    places = _places(finding)
    on = [f"names {name}" for name in sorted(named)]
    on += ["package"] if entries else []
    on += ["version"] if Compared.AFFECTED in answers else []
    on += ["function or file"] if any(places & set(_symbols(one)) for one in entries) else []
    on += ["weakness"] if record.cwe & set(finding.claim.cwe) else []
    all_agree = {"package", "version", "function or file", "weakness"} <= set(on)
    unsure = ("version",) if Compared.AFFECTED not in answers and Compared.NOT_COMPARABLE in answers else ()
    return Match(record.id, record.aliases, tuple(on) if entries or named else (), unsure, bool(named) or all_agree)


def _version_of(purl: str) -> str:
    try:
        return PackageURL.from_string(purl).version or ""
    except ValueError:
        return ""


def _places(finding: Finding) -> set[str]:
    functions = {one.function for one in finding.claim.locations if one.function}
    return functions | {one.uri for one in finding.claim.locations if one.uri}


def _symbols(affected: Mapping[str, Any]) -> Iterator[str]:
    """Functions and files that an entry names, in the places where databases keep them."""
    for specific in (affected.get("ecosystem_specific") or {}, affected.get("database_specific") or {}):
        for one in specific.get("imports", ()):
            yield from map(str, one.get("symbols", ()))
        yield from map(str, (specific.get("affects") or {}).get("functions", ()))
        for key in ("affected_functions", "functions", "files", "affected_files"):
            yield from map(str, specific.get(key, ()))
