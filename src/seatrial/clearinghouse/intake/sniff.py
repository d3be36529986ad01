"""What bytes are, by their content: a name decides nothing."""

from __future__ import annotations

import json
import tarfile
import zipfile
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING

from seatrial.clearinghouse.intake import casrep, csaf_report, plain

if TYPE_CHECKING:
    from seatrial.clearinghouse.intake.item import Source

GZIP, BZIP2, XZ, ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"
TAR_MAGIC, TAR_AT = b"ustar", 257
HEAD = 2**16


class Form(StrEnum):
    """What a file is read as."""

    ARCHIVE = "archive"
    SARIF = "sarif"
    CSAF = "csaf"
    CASREP = "casrep"
    PLAIN = "plain"
    LOG = "log"
    JSON = "json"
    EMPTY = "empty"


def form_of(source: Source) -> Form:  # noqa: PLR0911 - a form a line
    """The form of a file.

    >>> from seatrial.clearinghouse.intake.item import Source
    >>> form_of(Source("notes.txt", b'{"version": "2.1.0", "runs": []}'))
    <Form.SARIF: 'sarif'>
    """
    data = source.data
    if not data.strip():
        return Form.EMPTY
    if _is_archive(data):
        return Form.ARCHIVE
    if data.lstrip()[:1] not in (b"{", b"["):
        return Form.LOG
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return _broken(data)
    if isinstance(given, dict) and "runs" in given:
        return Form.SARIF
    if csaf_report.is_csaf(given):
        return Form.CSAF
    if casrep.is_casrep(given):
        return Form.CASREP
    return Form.PLAIN if plain.is_plain(given) else Form.JSON


def _broken(data: bytes) -> Form:
    """JSON that does not read: JSON a line, or a form by its first words: its reader says where it breaks."""
    head = data[:HEAD]
    if plain.looks_like_lines(head):
        return Form.PLAIN
    if b'"runs"' in head:
        return Form.SARIF
    if b'"csaf_version"' in head:
        return Form.CSAF
    return Form.JSON if data.lstrip()[:1] == b"{" or b'"title"' in head else Form.LOG


def _is_archive(data: bytes) -> bool:
    if data[TAR_AT : TAR_AT + len(TAR_MAGIC)] == TAR_MAGIC:
        return True
    if data.startswith(ZIP):
        return zipfile.is_zipfile(BytesIO(data))
    if not data.startswith((GZIP, BZIP2, XZ)):
        return False
    try:
        with tarfile.open(fileobj=BytesIO(data), mode="r:*"):
            return True
    except (tarfile.TarError, EOFError, OSError):
        return True  # packed and no tar: the unpacker names what is wrong
