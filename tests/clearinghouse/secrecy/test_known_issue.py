"""Known issues: a finding beside OSV records, by names and versions, offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.clearinghouse.finding import Claim, Finding, Location, Reference, ReferenceKind, Target
from seatrial.clearinghouse.secrecy.known_issue import Compared, Snapshot, base_of, compared, package_of, read

if TYPE_CHECKING:
    from pathlib import Path


def semver(*events: dict[str, str], kind: str = "SEMVER") -> dict[str, Any]:
    return {"type": kind, "events": list(events)}


RECORD = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-1234"],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "tinyxml", "purl": "pkg:pypi/tinyxml"},
            "ranges": [semver({"introduced": "1.0"}, {"fixed": "1.4.2"}, kind="ECOSYSTEM")],
            "ecosystem_specific": {"affected_functions": ["parse_header"]},
        }
    ],
    "database_specific": {"cwe_ids": ["CWE-787"]},
}


def finding(
    purl: str = "pkg:pypi/tinyxml@1.4.1",
    function: str = "parse_header",
    cwe: int = 787,
    version: str = "",
    names: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        origin_ref="0" * 32,
        target=Target(purl=purl, version=version),
        claim=Claim(title="overflow", cwe=(cwe,), locations=(Location(function=function),)),
        references=tuple(Reference(kind=ReferenceKind.CVE, value=name) for name in names),
    )


def snapshot(*records: dict[str, Any]) -> Snapshot:
    return Snapshot.of([one for record in records if (one := read(record)) is not None])


@pytest.mark.parametrize(
    ("asked", "on", "proposes"),
    [
        (finding(), ["package", "version", "function or file", "weakness"], True),
        (finding(version="1.4.2"), ["package", "function or file", "weakness"], False),
        (finding("pkg:pypi/tinyxml@1.4.2"), ["package", "function or file", "weakness"], False),
        (finding("pkg:pypi/tinyxml@0.9"), ["package", "function or file", "weakness"], False),
        (finding("pkg:pypi/tinyxml@1.4.1rc1"), ["package", "version", "function or file", "weakness"], True),
        (finding(function="other"), ["package", "version", "weakness"], False),
        (finding(cwe=125), ["package", "version", "function or file"], False),
        (finding("pkg:pypi/other@1.4.1"), None, False),
        (finding("pkg:npm/tinyxml@1.4.1"), None, False),
        (finding("pkg:generic/other", names=("cve-2026-1234",)), ["names CVE-2026-1234", "weakness"], True),
        (finding("pkg:generic/other", names=("CVE-2026-9999",)), None, False),
    ],
)
def test_what_agrees_is_named_and_only_all_of_it_proposes(asked: Finding, on: list[str] | None, proposes: bool) -> None:  # noqa: FBT001 - a column
    found = snapshot(RECORD).match(asked)
    if on is None:
        assert found == ()
        return
    assert sorted(found[0].on) == sorted(on)
    assert found[0].proposes_known is proposes


def test_a_withdrawn_record_matches_nothing_and_the_best_comes_first() -> None:
    assert snapshot({**RECORD, "withdrawn": "2026-01-01T00:00:00Z"}).match(finding()) == ()
    weaker = {**RECORD, "id": "A-1", "aliases": [], "database_specific": {}}
    assert [one.id for one in snapshot(weaker, RECORD).match(finding())] == ["GHSA-aaaa-bbbb-cccc", "A-1"]


@pytest.mark.parametrize(
    ("affected", "kind", "version", "commit", "expected"),
    [
        ({"versions": ["1.2", "weird!"]}, "pypi", "weird!", "", Compared.AFFECTED),
        ({"versions": ["1.2"]}, "pypi", "1.3", "", Compared.NOT_AFFECTED),
        ({"ranges": [semver({"introduced": "0"}, {"fixed": "2.0.0"})]}, "npm", "1.10.0", "", Compared.AFFECTED),
        ({"ranges": [semver({"introduced": "0"}, {"fixed": "1.9.0"})]}, "npm", "1.10.0", "", Compared.NOT_AFFECTED),
        (
            {"ranges": [semver({"introduced": "0"}, {"last_affected": "1.10.0"})]},
            "npm",
            "1.10.0",
            "",
            Compared.AFFECTED,
        ),
        (
            {
                "ranges": [
                    semver({"introduced": "1.0.0"}, {"fixed": "1.1.0"}, {"introduced": "2.0.0"}, {"fixed": "2.2.0"})
                ]
            },
            "cargo",
            "2.1.9",
            "",
            Compared.AFFECTED,
        ),
        (
            {
                "ranges": [
                    semver({"introduced": "1.0.0"}, {"fixed": "1.1.0"}, {"introduced": "2.0.0"}, {"fixed": "2.2.0"})
                ]
            },
            "cargo",
            "1.5.0",
            "",
            Compared.NOT_AFFECTED,
        ),
        ({"ranges": [semver({"introduced": "0"})]}, "npm", "1.0.0", "", Compared.AFFECTED),
        ({"ranges": [semver({"introduced": "0"}, {"fixed": "1:2.0-1"})]}, "deb", "1:1.9-3", "", Compared.AFFECTED),
        ({"ranges": [semver({"introduced": "0"}, {"fixed": "2"})]}, "swid", "1", "", Compared.NOT_COMPARABLE),
        (
            {"ranges": [semver({"introduced": "0"}, {"fixed": "2"})]},
            "npm",
            "not a version",
            "",
            Compared.NOT_COMPARABLE,
        ),
        ({"ranges": [semver({"introduced": "0"}, {"fixed": "2"})]}, "npm", "", "", Compared.NOT_COMPARABLE),
        (
            {"ranges": [semver({"introduced": "abc"}, {"fixed": "def"}, kind="GIT")]},
            "npm",
            "1",
            "abc",
            Compared.AFFECTED,
        ),
        (
            {"ranges": [semver({"introduced": "abc"}, {"fixed": "def"}, kind="GIT")]},
            "npm",
            "1",
            "def",
            Compared.NOT_COMPARABLE,
        ),
        ({}, "npm", "1", "", Compared.NOT_COMPARABLE),
    ],
)
def test_versions(affected: dict[str, Any], kind: str, version: str, commit: str, expected: Compared) -> None:
    assert compared(affected, kind, version, commit) is expected


def test_what_cannot_be_compared_is_said_and_proposes_nothing() -> None:
    record = {**RECORD, "affected": [{**RECORD["affected"][0], "ranges": [semver({"introduced": "0"}, kind="GIT")]}]}  # type: ignore[dict-item]
    [found] = snapshot(record).match(finding())
    assert (found.not_comparable, found.proposes_known) == (("version",), False)


@pytest.mark.parametrize(
    ("package", "address"),
    [
        ({"ecosystem": "Maven", "name": "org.apache.x:core"}, "pkg:maven/org.apache.x/core"),
        ({"ecosystem": "npm", "name": "@scope/name"}, "pkg:npm/%40scope/name"),
        ({"ecosystem": "Debian:12", "name": "zlib"}, "pkg:deb/zlib"),
        ({"ecosystem": "Unheard", "name": "x"}, ""),
        ({"purl": "pkg:golang/example.org/m@v1?x=y#p"}, "pkg:golang/example.org/m"),
        ({"purl": "no address"}, ""),
        ({}, ""),
    ],
)
def test_packages_by_address(package: dict[str, str], address: str) -> None:
    assert package_of({"package": package}) == address
    assert base_of("") == ""


def test_a_folder_is_read_and_what_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "PyPI").mkdir()
    (tmp_path / "PyPI" / "GHSA-aaaa-bbbb-cccc.json").write_text(json.dumps(RECORD))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "nameless.json").write_text("{}")
    found = Snapshot.load(tmp_path)
    assert found.unread == ("broken.json", "list.json", "nameless.json")
    assert found.match(finding())[0].proposes_known
