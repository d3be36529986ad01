"""`seatrial verify` on a signed report: verified, false, not checked, and what is no report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from report.made import without_model
from seatrial.cli.verify import verify
from seatrial.custody.home import make_signing_key, signer_of
from seatrial.report import write_report
from seatrial.report.bundle import ENVELOPE, archive, signed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Path]:
    folder = tmp_path_factory.mktemp("signed")
    run = without_model(folder / "run")
    write_report(run)
    found = {name: (run / name).read_bytes() for name in ("assessment.json", "report.html")}
    key = make_signing_key(folder / "report.pem")
    return {**found, ENVELOPE: signed(found, {}, signer_of(folder / "report.pem"))}, key


def said(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(verify, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_report_is_verified_from_an_archive_and_from_a_folder(
    files: tuple[dict[str, bytes], Path], tmp_path: Path
) -> None:
    report, key = files
    packed = tmp_path / "report.zip"
    packed.write_bytes(archive(report))
    code, out = said(packed, "--key", key)
    assert (code, out.count("verified"), len(out.splitlines())) == (0, 5, 5)
    assert said(packed)[0] == 3
    for name, content in report.items():
        (tmp_path / name).write_bytes(content)
    packed.unlink()
    assert said(tmp_path, "--key", key)[0] == 0
    (tmp_path / "assessment.json").write_bytes(report["assessment.json"].replace(b'"version": 1', b'"version": 2'))
    code, out = said(tmp_path, "--key", key)
    assert code == 1
    assert "false        assessment.json: its bytes are others" in out


def test_what_is_no_report_is_said_in_one_line(tmp_path: Path) -> None:
    code, out = said(tmp_path)
    assert code == 2
    assert "holds no report.dsse.json" in out
    (tmp_path / "x.zip").write_bytes(b"none")
    assert said(tmp_path / "x.zip")[0] == 2
