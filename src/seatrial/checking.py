"""Checking a file that somebody was handed, with public keys and nothing else: a receipt, or a report.

- Each check has one of three ends: *verified*, *false*, or *not checked* with the reason. None stands for another.
- Keys inside a file prove nothing. The key of a log comes from whoever asks, or is this installation's own, and the
  check says which.
- Nothing is written, kept or fetched. What was checked here can be checked the same way offline: `Checked.command`.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seatrial.custody.keys import CustodyError
from seatrial.custody.receipt import MEDIA_TYPE, KeptReceipt, NotThisReceipt, ReceiptKind, verify_statement
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.event import Event
from seatrial.ledger.merkle import leaf_hash, node_hash, verify_inclusion
from seatrial.ledger.note import Note, read_verifier
from seatrial.ledger.receipt import HEADER, Receipt
from seatrial.report import bundle
from seatrial.report.assessment import SCHEMA, Assessment, ReportError, check
from seatrial.report.html import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from securesystemslib.signer import Key  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.ledger.policy import Policy

ASSESSMENT, PAGE, PLAN = "assessment.json", "report.html", "plan.json"
MOST_FILES = 5000
MOST_BYTES = 64 * 2**20
"""Of a bundle when it is unpacked: a small file must not fill a server's memory."""
RECEIPT_COMMAND = "seatrial ledger verify FILE --key 'KEY'"
STATEMENT_COMMAND = "seatrial custody receipt verify FILE --proof PROOF --key PEM --log-key 'KEY'"
REPORT_COMMAND = "seatrial report RUN"


class End(StrEnum):
    """How a check ended."""

    VERIFIED = "verified"
    FALSE = "false"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was asked, how it ended, and why or what was found."""

    what: str
    end: End
    why: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file, what it is, each check, and how to do the same offline."""

    kind: str
    digest: str
    checks: tuple[Check, ...]
    facts: tuple[tuple[str, str], ...] = ()
    command: str = ""

    @property
    def end(self) -> End:
        """Of all of it: false if one is, else not checked if one is not."""
        ends = {one.end for one in self.checks}
        return next(end for end in (End.FALSE, End.NOT_CHECKED, End.VERIFIED) if end in ends or end is End.VERIFIED)


def checked(
    content: bytes,
    keys: Sequence[str],
    policy: Policy | None = None,
    signer: Key | None = None,
    custody: Sequence[Key] = (),
    proof: bytes | None = None,
) -> Checked:
    """Check a file, whatever it is of what is known here.

    `keys` are of logs, as text; `signer` is of a report, `custody` are those who sign receipts of withdrawal and
    deletion. `proof` is the file that lies beside such a receipt.
    """
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    if content.startswith(HEADER.encode()):
        return _receipt(content, digest, keys, policy)
    if content.startswith(b"PK\x03\x04"):
        return _bundle(content, digest, signer)
    value = _json(content)
    if isinstance(value, dict) and value.get("schema") == SCHEMA:
        return Checked("report (assessment.json)", digest, tuple(_assessment(value)), _about(value), REPORT_COMMAND)
    if isinstance(value, dict) and value.get("payloadType") == MEDIA_TYPE:
        return _statement(content, digest, custody, keys, proof)
    said = "neither a receipt (.tlog-proof or .dsse.json), nor an assessment.json, nor a bundle (.zip) with one"
    return Checked("unknown", digest, (Check("It is a file that can be checked here", End.FALSE, said),))


def _statement(
    content: bytes, digest: str, custody: Sequence[Key], keys: Sequence[str], proof: bytes | None
) -> Checked:
    """A receipt of a withdrawal or a deletion: its one spelling, its signatures, and its entry in the record."""
    kept = KeptReceipt(ReceiptKind.WITHDRAWAL, "", content)
    try:
        said = kept.statement
        kind = ReceiptKind(said["kind"])
    except (CustodyError, ValueError, KeyError, TypeError, RecursionError):
        why = "the envelope holds no receipt's statement"
        return Checked("receipt of an end", digest, (Check("It is a receipt", End.FALSE, why),))
    checks = [_signed_by(content, kind, custody)]
    if proof is None:
        why = "give the .tlog-proof file that lies beside the receipt"
        checks.append(Check(_RECORDED, End.NOT_CHECKED, why))
    else:
        checks += [_refers(kept, kind, str(said["submission"]), proof), *_receipt(proof, "", keys, None).checks]
    facts = [("Submission", str(said["submission"]))]
    facts += [(name.replace("_", " ").capitalize(), str(said[name])) for name in _TOLD if said.get(name)]
    return Checked(f"receipt of a {kind}", digest, tuple(checks), tuple(facts), STATEMENT_COMMAND)


_RECORDED = "The record has an entry that refers to this very receipt"
_TOLD = ("code_name", "received_at", "issued_at", "withdrawn_at", "at", "limits")
"""What a receipt says of itself, where it says it."""


def _signed_by(content: bytes, kind: ReceiptKind, custody: Sequence[Key]) -> Check:
    wanted = "the custody service" if kind.signatures == 1 else f"{kind.signatures} different keys"
    what = f"It is as it was issued, and signed by {wanted}"
    if not custody:
        return Check(what, End.NOT_CHECKED, "no public key of a signer was given")
    try:
        verify_statement(content, None, custody)
    except NotThisReceipt as error:
        lacking = kind.signatures > len(custody) and "true signatures" in str(error)
        why = "the other signer's public key is needed; give it" if lacking else str(error)
        return Check(what, End.NOT_CHECKED if lacking else End.FALSE, why)
    return Check(what, End.VERIFIED)


def _refers(kept: KeptReceipt, kind: ReceiptKind, submission: str, proof: bytes) -> Check:
    try:
        event = Event.parse(Receipt.parse(proof).entry)
    except LedgerError as error:
        return Check(_RECORDED, End.FALSE, str(error))
    same = (event.kind, event.stream, event.refs.get("receipt")) == (kind.event, submission, kept.ref)
    return Check(_RECORDED, _end(same), "" if same else "the entry is of another kind, submission or statement")


def _receipt(content: bytes, digest: str, keys: Sequence[str], policy: Policy | None) -> Checked:
    kind, written = "receipt of an entry", "It is a receipt, in the one spelling that there is"
    try:
        receipt = Receipt.parse(content)
        event, note = Event.parse(receipt.entry), Note.parse(receipt.note)
        checkpoint = Checkpoint.parse(note.text)
        same = receipt.encode() == content
    except LedgerError as error:
        return Checked(kind, digest, (Check(written, End.FALSE, str(error)),), command=RECEIPT_COMMAND)
    path = verify_inclusion(leaf_hash(receipt.entry), receipt.index, checkpoint.size, receipt.path, checkpoint.root)
    checks = (
        Check(written, _end(same)),
        Check(
            f"The path leads from this event, entry {receipt.index}, to the root of {checkpoint.size} entries",
            _end(path),
            "" if path else "the event, its place or the path was changed",
        ),
        _signed(note, checkpoint, keys),
        _witnessed(note, policy),
    )
    facts = (
        ("What happened", event.kind),
        ("When, by the house's clock", event.at),
        ("Object", event.stream),
        ("In the role of", event.actor.role),
        ("Log", checkpoint.origin),
    )
    return Checked(kind, digest, checks, facts, RECEIPT_COMMAND)


def _signed(note: Note, checkpoint: Checkpoint, keys: Sequence[str]) -> Check:
    what = f"The log {checkpoint.origin} has signed that root"
    try:
        given = [read_verifier(key) for key in keys]
        of_origin = [key for key in given if key.name == checkpoint.origin]
        if not of_origin:
            return Check(what, End.NOT_CHECKED, "no public key of that log was given")
        signed = bool(note.signed_by(of_origin))
    except LedgerError as error:
        return Check(what, End.FALSE, str(error))
    return Check(what, _end(signed), f"by the key {of_origin[0].text}" if signed else "its signature is missing")


def _witnessed(note: Note, policy: Policy | None) -> Check:
    what = "Enough witnesses have seen this state of the log"
    if policy is None or not policy.witnesses:
        return Check(what, End.NOT_CHECKED, "no witness is named; without one, the same key could sign two histories")
    try:
        names, met = policy.cosigned_by(note), policy.quorum_met(note)
    except LedgerError as error:
        return Check(what, End.FALSE, str(error))
    if met:
        return Check(what, End.VERIFIED, f"seen by {', '.join(names) or 'as many as the policy asks for: none'}")
    return Check(what, End.NOT_CHECKED, f"{len(names)} have so far; a later receipt of the same entry may show more")


def _assessment(value: dict[str, Any]) -> Iterator[Check]:
    yield _schema(value)
    yield Check(
        "Whoever signed it", End.NOT_CHECKED, "this file holds no signature; a signed bundle brings one beside it"
    )
    yield _estimates()


def _estimates() -> Check:
    return Check(
        "The estimates follow from the rows", End.NOT_CHECKED, "the run directory is needed; do it with the command"
    )


def _signatures(files: dict[str, bytes], signer: Key | None) -> Iterator[Check]:
    """Whether the report's signature is true, and names every file that is there."""
    what = "Whoever signed it"
    if bundle.ENVELOPE not in files:
        yield Check(what, End.NOT_CHECKED, f"the bundle has no {bundle.ENVELOPE}")
        return
    try:
        found = bundle.checked(files[bundle.ENVELOPE], files, signer)
    except ReportError as error:
        yield Check(what, End.FALSE, str(error))
        return
    yield Check(what, End(found[0].found), found[0].why)
    yield from (Check(f"{one.what} is the file that was signed", End(one.found), one.why) for one in found[1:])


def _schema(value: dict[str, Any]) -> Check:
    what = f"It keeps to the published form of its year ({SCHEMA})"
    try:
        check(value)
    except ReportError as error:
        return Check(what, End.FALSE, str(error))
    return Check(what, End.VERIFIED)


def _bundle(content: bytes, digest: str, signer: Key | None) -> Checked:
    kind, whole = "bundle of a report", "It is a bundle that can be unpacked"
    try:
        files = _unpacked(content)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        return Checked(kind, digest, (Check(whole, End.FALSE, str(error)),))
    value = _json(files.get(ASSESSMENT, b""))
    if not (isinstance(value, dict) and value.get("schema") == SCHEMA):
        said = f"it has no {ASSESSMENT} of the form {SCHEMA}"
        return Checked(kind, digest, (Check(whole, End.VERIFIED), Check("It holds a report", End.FALSE, said)))
    schema = _schema(value)
    checks = [Check(whole, End.VERIFIED, f"{len(files)} files"), *_signatures(files, signer), schema]
    if schema.end is End.VERIFIED:
        checks += [_page(value, files), *_evidence(value, files)]
    checks.append(_estimates())
    return Checked(kind, digest, tuple(checks), _about(value), REPORT_COMMAND)


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a bundle by their path below its one folder, if it has one."""
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        listed = [one for one in bundle.infolist() if not one.is_dir()]
        if len(listed) > MOST_FILES or sum(one.file_size for one in listed) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_FILES} files or {MOST_BYTES} bytes; check it offline")
        top = {one.filename.partition("/")[0] for one in listed}
        nested = len(top) == 1 and all("/" in one.filename for one in listed)
        return {one.filename.partition("/")[2] if nested else one.filename: bundle.read(one) for one in listed}


def _page(value: dict[str, Any], files: dict[str, bytes]) -> Check:
    what = f"The page {PAGE} says what {ASSESSMENT} says, byte for byte"
    if PAGE not in files:
        return Check(what, End.NOT_CHECKED, "the bundle has no page")
    try:
        page = render(Assessment.model_validate(value), hashlib.sha256(files[ASSESSMENT]).hexdigest()).encode()
    except Exception as error:  # noqa: BLE001 - a stranger's values may break a chart anywhere
        return Check(what, End.FALSE, f"no page can be made of it ({type(error).__name__})")
    same = page == files[PAGE]
    return Check(what, _end(same), "" if same else "it differs from the page that this version makes of it")


def _evidence(value: dict[str, Any], files: dict[str, bytes]) -> Iterator[Check]:
    named = {one["path"]: one["sha256"].removeprefix("sha256:") for one in value["evidence"]}
    there = {path: hashlib.sha256(files[path]).hexdigest() for path in named if path in files}
    wrong = sorted(path for path, digest in there.items() if digest != named[path])
    what = f"The files that the report rests on are the very ones: {len(there)} of {len(named)} are in the bundle"
    if wrong:
        yield Check(what, End.FALSE, f"changed: {', '.join(wrong[:5])}")
    else:
        ended = End.VERIFIED if len(there) == len(named) else End.NOT_CHECKED
        yield Check(what, ended, "" if ended is End.VERIFIED else "those that are not in it cannot be checked")


def _about(value: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    subject = value.get("subject")
    alias = subject.get("alias", "") if isinstance(subject, dict) else ""
    named = (("Report", value.get("id", "")), ("About", alias), ("Issued", value.get("issued", "")))
    return tuple((name, str(said)) for name, said in named)


def _json(content: bytes) -> Any:  # noqa: ANN401 - any JSON value, None where it is none
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _end(holds: bool) -> End:  # noqa: FBT001 - what it turns into words
    return End.VERIFIED if holds else End.FALSE


@dataclass(frozen=True, slots=True)
class Climb:
    """One step from an entry to a root: the hash beside, on which side it stands, and what the two come to."""

    side: str
    beside: str
    comes_to: str


def climbed(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> tuple[Climb, ...]:
    """The steps of an inclusion proof, as somebody follows them by hand (RFC 9162, section 2.1.3.2)."""
    first, last, digest, steps = index, size - 1, leaf, []
    for beside in path:
        left = bool(first & 1) or first == last
        digest = node_hash(beside, digest) if left else node_hash(digest, beside)
        while left and not first & 1 and first:
            first, last = first >> 1, last >> 1
        first, last = first >> 1, last >> 1
        steps.append(Climb("left" if left else "right", beside.hex(), digest.hex()))
    return tuple(steps)
