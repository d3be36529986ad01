"""The signature over a report: an in-toto Statement that names every file with its SHA-256, in a DSSE envelope.

- A file that changes by one byte is not the file that was signed; a file that the statement does not name was not.
- The key is the installation's. A signature shows that this installation recorded the act of the person whom the
  statement names; it does not show that this person holds a key.
- Keys that lie beside a report prove nothing: `checked` takes the public key from whoever has it from elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError

from seatrial.report import html
from seatrial.report.assessment import Assessment, ReportError, check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from securesystemslib.signer import Key, Signer  # type: ignore[attr-defined]  # its names are public, unmarked

ENVELOPE = "report.dsse.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:seatrial:report:1"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that an archive can state; a signature says when it was made


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one file or signature: `verified`, `false`, or `not checked`, and why."""

    what: str
    found: str
    why: str = ""


def signed(files: Mapping[str, bytes], about: Mapping[str, Any], signer: Signer) -> bytes:
    """The envelope over these files; `about` says of what, by whom and when. Raises `ReportError` without files."""
    if not files:
        raise ReportError("nothing is signed where there is no file")
    said: dict[str, Any] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _sha256(files[name])}} for name in sorted(files)],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(about),
    }
    envelope = Envelope(rfc8785.dumps(said), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return _bytes(envelope)


def archive(files: Mapping[str, bytes]) -> bytes:
    """The files in one, as a ZIP archive whose bytes follow from them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name, EPOCH), files[name])
    return out.getvalue()


def statement(envelope: bytes) -> dict[str, Any]:
    """What an envelope says. Not verified by reading it. Raises `ReportError`."""
    try:
        said = json.loads(_envelope(envelope).payload)
        names = [(item["name"], item["digest"]["sha256"]) for item in said["subject"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError("the envelope holds no statement about files") from error
    if said.get("_type") != STATEMENT_TYPE or not names:
        raise ReportError("the envelope holds no statement about files")
    return dict(said)


def checked(envelope: bytes, files: Mapping[str, bytes], key: Key | None) -> tuple[Checked, ...]:
    """A line for the signature and one for each file, named or there. Raises `ReportError` for what is no envelope."""
    said, dsse = statement(envelope), _envelope(envelope)
    named = {str(item["name"]): str(item["digest"]["sha256"]) for item in said["subject"]}
    found = [_signature(dsse, envelope, key)]
    for name, digest in sorted(named.items()):
        if name not in files:
            found.append(Checked(name, "not checked", "the file is not there"))
        else:
            same = _sha256(files[name]) == digest
            found.append(Checked(name, "verified" if same else "false", "" if same else "its bytes are others"))
    beside = sorted(set(files) - set(named) - {ENVELOPE})
    return (*found, *(Checked(name, "false", "the statement does not name it") for name in beside))


def consistent(files: Mapping[str, bytes]) -> tuple[Checked, ...]:
    """Whether the assessment is of its published schema, and the page the one that follows from it."""
    content = files.get("assessment.json")
    if content is None:
        return (Checked("schema of assessment.json", "not checked", "the file is not there"),)
    try:
        value = json.loads(content)
        check(value)
        page = html.render(Assessment.model_validate(value), _sha256(content)).encode()
    except ValueError as error:
        return (Checked("schema of assessment.json", "false", str(error)[:200]),)
    same = page == files.get("report.html")
    why = "" if same else "this version of the software renders another page"
    return (
        Checked("schema of assessment.json", "verified"),
        Checked("report.html follows from assessment.json", "verified" if same else "not checked", why),
    )


def _signature(dsse: Envelope, given: bytes, key: Key | None) -> Checked:
    if _bytes(dsse) != given or dsse.payload_type != PAYLOAD_TYPE:
        return Checked("signature", "false", "the envelope is not in the form in which it was signed")
    if key is None:
        return Checked("signature", "not checked", "no public key was given")
    try:
        dsse.verify([key], 1)
    except (VerificationError, ValueError):
        return Checked("signature", "false", "it is not of the key that was given")
    return Checked("signature", "verified")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bytes(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"


def _envelope(data: bytes) -> Envelope:
    try:
        return Envelope.from_dict(json.loads(data))
    except Exception as error:
        raise ReportError("this is no DSSE envelope") from error
