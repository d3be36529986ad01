"""`seatrial verify`: what an outsider finds out about a signed report, offline, with a public key from elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 512 * 2**20
"""Of one file of a report, unpacked: many times the largest; an archive that says more is no report."""
CODES = {"false": 1, "not checked": 3}


@click.command()
@click.argument("report", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Public key (PEM) of the installation that signed, had from elsewhere. Without it nobody is known to have.",
)
def verify(report: Path, key: Path | None) -> None:
    """Check a signed report, a ZIP archive or its folder: a line for each check; verified, false, or not checked.

    Exit codes: 0 all verified, 1 something is false, 3 something was not checked.
    """
    from seatrial.cli.errors import spoken
    from seatrial.custody.home import public_key_of
    from seatrial.report.assessment import ReportError
    from seatrial.report.bundle import ENVELOPE, checked, consistent

    with spoken():
        files = dict(_files(report))
        if ENVELOPE not in files:
            raise ReportError(f"{report}: holds no {ENVELOPE}, so it is no signed report")
        found = (*checked(files[ENVELOPE], files, public_key_of(key) if key else None), *consistent(files))
    for one in found:
        click.echo(f"{one.found:<12} {one.what}" + (f": {one.why}" if one.why else ""))
    worst = {CODES[one.found] for one in found if one.found in CODES}
    sys.exit(min(worst, default=0))


def _files(report: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a report, by name. Raises `ValueError` for what is no archive, or holds too much."""
    import zipfile

    if report.is_dir():
        yield from ((path.name, path.read_bytes()) for path in sorted(report.iterdir()) if path.is_file())
        return
    if not zipfile.is_zipfile(report):
        raise ValueError(f"{report}: is neither a folder nor a ZIP archive")
    with zipfile.ZipFile(report) as packed:
        for info in packed.infolist():
            if info.file_size > MOST_BYTES:
                raise ValueError(f"{report}: {info.filename} says that it has {info.file_size} bytes; no report has")
            yield info.filename, packed.read(info)
