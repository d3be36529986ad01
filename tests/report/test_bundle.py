"""The signature over a report: every altered byte is found, on the line of its file."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.home import make_signing_key, public_key_of, signer_of
from seatrial.report.assessment import ReportError
from seatrial.report.bundle import ENVELOPE, archive, checked, signed, statement

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"report.md": b"# Report\n", "assessment.json": b"{}\n"}


def test_what_was_signed_is_verified_and_whatever_changed_is_false(tmp_path: Path) -> None:
    path = tmp_path / "report.pem"
    key = public_key_of(make_signing_key(path))
    envelope = signed(FILES, {"submission": "sub_1"}, signer_of(path))
    assert statement(envelope)["predicate"] == {"submission": "sub_1"}
    assert {one.found for one in checked(envelope, {**FILES, ENVELOPE: envelope}, key)} == {"verified"}
    changed = {**FILES, "report.md": b"# Report \n", "more.txt": b""}
    assert {one.what: one.found for one in checked(envelope, changed, key)} == {
        "signature": "verified",
        "assessment.json": "verified",
        "report.md": "false",
        "more.txt": "false",
    }
    assert [one.found for one in checked(envelope, {}, None)] == ["not checked"] * 3
    other = public_key_of(make_signing_key(tmp_path / "other.pem"))
    assert checked(envelope, FILES, other)[0].found == "false"


def test_no_altered_envelope_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "report.pem"
    key = public_key_of(make_signing_key(path))
    envelope = signed(FILES, {}, signer_of(path))
    for at in range(0, len(envelope), 7):
        altered = envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]
        try:
            found = checked(altered, FILES, key)[0].found
        except ReportError:
            continue
        assert found == "false", at
    spaced = json.dumps(json.loads(envelope)).encode()
    assert checked(spaced, FILES, key)[0].found == "false"
    for other in (b"", b"{}", b"[]", b'{"payload": "e30=", "payloadType": "x", "signatures": []}'):
        with pytest.raises(ReportError):
            checked(other, FILES, key)


def test_an_archive_follows_from_its_files() -> None:
    packed = archive(FILES)
    assert packed == archive(dict(reversed(FILES.items())))
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == FILES
    with pytest.raises(ReportError, match="no file"):
        signed({}, {}, None)
