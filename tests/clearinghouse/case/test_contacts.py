"""The ways to a maintainer, in order, from files alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.case import contacts, security_txt
from seatrial.clearinghouse.case.cna_list import BadCnaList, CnaList
from seatrial.clearinghouse.case.contacts import Source

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FRESH = "Contact: mailto:sec@brio.test\nContact: https://brio.test/report\nExpires: 2027-06-01T00:00:00Z\n"


def entry(name: str, scope: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - what an entry may add
    contact = [{"email": [{"label": "Email", "emailAddr": f"psirt@{name}.test"}], "contact": [], "form": []}]
    return {"shortName": name, "organizationName": name.title(), "scope": scope, "contact": contact, **more}


CNAS = CnaList.parse(
    json.dumps(
        [
            entry("acme", "Projects on its site (https://github.com/acme) only"),
            entry("inner", "", repositories=["https://github.com/acme/inner"]),
            entry("host", "Everything on https://github.com/ that is not in another scope"),
            entry("purls", "", purls=["pkg:apache/"]),
            entry("one", "", repositories=["https://git.test/x"]),
            entry("two", "", repositories=["https://git.test/x"]),
        ]
    ).encode()
)


def snapshot(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_md", ".md").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_order_with_everything_there(tmp_path: Path) -> None:
    files = snapshot(tmp_path, SECURITY_md="Write to <security@brio.test>.", security_txt=FRESH)
    source = Source(files, "https://github.com/acme/tool.git", "", private_reports=True, owners=("owner@brio.test",))
    found = contacts.ways(source, CNAS, NOW)
    assert [(way.way, way.outcome, way.address) for way in found] == [
        ("cna", "found", "psirt@acme.test"),
        ("private_report", "found", "https://github.com/acme/tool/security/advisories/new"),
        ("security_md", "found", "security@brio.test"),
        ("security_txt", "found", "sec@brio.test"),
        ("registry", "found", "owner@brio.test"),
        ("coordinator", "found", contacts.COORDINATOR),
    ]
    order = [way.way for way in found]
    for taken in order[:-1]:
        assert contacts.best(found).way == taken
        found = tuple(way for way in found if way.way != taken)
    assert contacts.best(found).way == "coordinator"


def test_with_nothing_there_it_says_so(tmp_path: Path) -> None:
    found = contacts.ways(Source(tmp_path, "https://github.com/nobody/x"), CNAS, NOW)
    assert [(way.way, way.outcome) for way in found] == [
        ("cna", "absent"),
        ("private_report", "unknown"),
        ("security_md", "absent"),
        ("security_txt", "absent"),
        ("registry", "absent"),
        ("coordinator", "found"),
        ("absent", "absent"),
    ]
    assert contacts.body("acme", found[-1])["outcome"] == "absent"
    assert contacts.body("acme", found[-2])["outcome"] == "no_answer"


@pytest.mark.parametrize(
    ("repository", "purl", "name"),
    [
        ("https://github.com/acme/tool", "", "acme"),
        ("https://github.com/ACME/tool.git", "", "acme"),
        ("https://github.com/acme/inner", "", "inner"),
        ("https://github.com/acme-rival/tool", "", None),
        ("https://github.com/other/tool", "", None),
        ("", "pkg:apache/httpd@2.4", "purls"),
        ("https://git.test/x", "", None),  # two are as close: somebody looks
        ("", "", None),
    ],
)
def test_a_scope_is_matched_by_address_and_never_by_prose(repository: str, purl: str, name: str | None) -> None:
    found = CNAS.covering(repository, purl)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("raw", [b"{}", b"[1]", b'[{"shortName": "a"}]', b"[", b'[{"contact": 3}]'])
def test_a_file_that_is_no_list_of_authorities_is_refused(raw: bytes) -> None:
    with pytest.raises(BadCnaList, match="CNA list"):
        CnaList.parse(raw)


@pytest.mark.parametrize(
    ("text", "usable", "contact"),
    [
        (FRESH, True, "mailto:sec@brio.test"),
        (FRESH.replace("2027", "2026"), False, "mailto:sec@brio.test"),
        (FRESH.replace("2027-06-01T00:00:00Z", "2026-12-01T00:00:00Z"), False, "mailto:sec@brio.test"),
        (FRESH.replace("Z", ""), False, "mailto:sec@brio.test"),
        (FRESH + "Expires: 2028-01-01T00:00:00Z\n", False, "mailto:sec@brio.test"),
        ("Contact: mailto:sec@brio.test\n", False, "mailto:sec@brio.test"),
        ("Expires: 2027-06-01T00:00:00Z\n", False, ""),
        ("contact: HTTPS://brio.test/r\nEXPIRES: 2027-06-01T00:00:00+02:00\n", True, "HTTPS://brio.test/r"),
        ("Contact: http://brio.test/r\nExpires: 2027-06-01T00:00:00Z\n", False, ""),
        ("Contact: javascript:alert(1)\nExpires: 2027-06-01T00:00:00Z\n", False, ""),
        (
            (
                f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{FRESH}"
                "-----BEGIN PGP SIGNATURE-----\nContact: mailto:no@x.test\n"
            ),
            True,
            "mailto:sec@brio.test",
        ),
        (f"# Contact: mailto:no@x.test\n{FRESH}", True, "mailto:sec@brio.test"),
    ],
)
def test_security_txt(text: str, usable: bool, contact: str) -> None:  # noqa: FBT001 - a column of the table
    read = security_txt.parse(text)
    assert (read.usable(NOW), next(iter(read.contacts), "")) == (usable, contact)


def test_an_expired_file_says_so_and_a_fresh_one_elsewhere_is_used(tmp_path: Path) -> None:
    old = FRESH.replace("2027", "2025")
    files = snapshot(tmp_path, **{".well-known__security_txt": old})
    way = {one.way: one for one in contacts.ways(Source(files), CnaList(), NOW)}["security_txt"]
    assert (way.outcome, way.address) == ("expired", "")
    assert "expired 2025-06-01" in way.said
    snapshot(tmp_path, security_txt=FRESH)
    assert {one.way: one for one in contacts.ways(Source(files), CnaList(), NOW)}["security_txt"].outcome == "found"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Use https://github.com/acme/tool/security/advisories/new or mail a@acme.test",
            "https://github.com/acme/tool/security/advisories/new",
        ),
        ("Mail `security@acme.test`", "security@acme.test"),
        ("Mail noreply@acme.test, then security@acme.test.", "security@acme.test"),
        ("Mail you@example.com", ""),
        ("Mail security at acme dot test", ""),
        ("![badge](https://x.test/a@2x.png) open an issue", ""),
    ],
)
def test_a_policy_is_read_only_for_what_stands_there(tmp_path: Path, text: str, address: str) -> None:
    files = snapshot(tmp_path, **{".github__SECURITY_md": text})
    found = {one.way: one for one in contacts.ways(Source(files), CnaList(), NOW)}["security_md"]
    assert found.address == address


def test_a_link_out_of_the_snapshot_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("root@house.test")
    files = tmp_path / "snapshot"
    files.mkdir()
    (files / "SECURITY.md").symlink_to(tmp_path / "secret")
    assert "root@house.test" not in repr(contacts.ways(Source(files), CnaList(), NOW))


def test_private_reports_off(tmp_path: Path) -> None:
    source = Source(tmp_path, "https://github.com/nobody/x", private_reports=False)
    assert contacts.ways(source, CNAS, NOW)[1].outcome == "absent"
    assert contacts.ways(replace(source, private_reports=True, repository=""), CNAS, NOW)[1].outcome == "absent"


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    security_txt.parse(text).usable(NOW)
    security_txt.parse(f"-----BEGIN PGP SIGNED MESSAGE-----{text}").usable(NOW)
