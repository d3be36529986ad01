"""What a home holds of each submission, told apart by natural keys, so that what is there twice shows.

It is read with plain SQL; nothing of the stores or of the ledger is asked. The record's root is computed by an
implementation of its own.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymerkle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Account = dict[str, "Counter[tuple[Any, ...]]"]
"""Of one submission: for each table, how many rows have the same natural key."""

TABLES = {
    "acts": "SELECT seq, event, source, target, organisation, role FROM storage_act WHERE submission_id = :of",
    "consents": "SELECT activity, revoked_at IS NULL FROM storage_consent WHERE submission_id = :of",
    "documents": "SELECT kind, version, organisation FROM storage_document WHERE submission_id = :of AND"
    " kind <> 'preflight_record'",
    "kept papers": "SELECT DISTINCT d.kind FROM storage_document d JOIN storage_paper p ON p.digest = d.digest AND"
    " p.submission_id = d.submission_id WHERE d.submission_id = :of",
    "notices": "SELECT a.event, n.organisation, n.role FROM storage_notice n JOIN storage_act a ON a.id = n.act_id"
    " WHERE a.submission_id = :of",
    "orders": "SELECT a.event, o.effect, o.done_at IS NOT NULL FROM storage_order o JOIN storage_act a ON"
    " a.id = o.act_id WHERE a.submission_id = :of",
    "keys": "SELECT k.action, v.person FROM storage_keyrequest k JOIN storage_vote v ON v.request_id = k.id"
    " WHERE k.submission_id = :of",
    "grants": "SELECT data_class, organisation, role FROM storage_grant WHERE submission_id = :of",
    "jobs": "SELECT kind, state FROM storage_planunit WHERE submission_id = :of",
}
OF_ATTEMPTS = frozenset(
    {"run.started", "run.ended", "lease.issued", "lease.revoked", "lease.expired", "lease.exhausted"}
)
"""Entries of which each attempt at a run and each lease has its own; they are counted by themselves."""


@dataclass
class Found:
    """The rows of one home."""

    home: Path
    entries: list[bytes] = field(init=False)
    events: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            self.entries = [row[0] for row in rows.execute('SELECT entry FROM storage_ledgerentry ORDER BY "index"')]
        self.events = [json.loads(entry) for entry in self.entries]

    def account(self, submission: str) -> Account:
        """What there is of a submission; entries of the record by their kind."""
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            made = {
                table: Counter(tuple(row) for row in rows.execute(asked, {"of": submission}))
                for table, asked in TABLES.items()
            }
        told = (event["kind"] for event in self.events if event["stream"] == submission)
        made["entries"] = Counter((kind,) for kind in told if kind not in OF_ATTEMPTS)
        return made

    def named(self, code_name: str) -> list[str]:
        """The submissions that stand for a code name."""
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            asked = "SELECT id FROM storage_submission WHERE json_extract(standing, '$.subject.code_name') = ?"
            return [str(row[0]) for row in rows.execute(asked, (code_name,))]

    def unrecorded(self) -> list[str]:
        """Acts without exactly one entry of theirs, and entries of acts that are not there."""
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            asked = "SELECT submission_id, seq, event, entry_index FROM storage_act"
            acts = {(row[0], row[1]): (f"submission.{row[2]}", row[3]) for row in rows.execute(asked)}
        told: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for index, event in enumerate(self.events):
            if "seq" in event.get("nums", {}):
                told.setdefault((event["stream"], event["nums"]["seq"]), []).append((event["kind"], index))
        wrong = [
            f"{place}: act {act}, entries {told.get(place)}" for place, act in acts.items() if told.get(place) != [act]
        ]
        return wrong + [
            f"{place}: entries {found} without an act" for place, found in told.items() if place not in acts
        ]

    def owing(self) -> int:
        """Entries that custody owes the record."""
        with closing(sqlite3.connect(self.home / "custody.sqlite3")) as rows:
            return int(rows.execute("SELECT count(*) FROM owed_entry").fetchone()[0])

    def ordered(self) -> int:
        """Orders that are not carried out."""
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            return int(rows.execute("SELECT count(*) FROM storage_order WHERE done_at IS NULL").fetchone()[0])

    def attempts(self, submission: str) -> Iterator[str]:
        """What is wrong with the entries of attempts at runs and of leases."""
        own = [event for event in self.events if event["stream"] == submission]
        for kind, count in Counter(
            (event["kind"], json.dumps(event["nums"]), json.dumps(event.get("ids", {})))
            for event in own
            if event["kind"] in OF_ATTEMPTS
        ).items():
            if count > 1:
                yield f"{submission}: {kind} is in the record {count} times"
        leases = {"issued": set[str](), "over": set[str]()}
        for event in own:
            if event["kind"].startswith("lease."):
                leases["issued" if event["kind"] == "lease.issued" else "over"].add(event["ids"]["lease"])
        with closing(sqlite3.connect(self.home / "custody.sqlite3")) as rows:
            kept = {row[0] for row in rows.execute("SELECT id FROM lease WHERE submission = ?", (submission,))}
            owed = rows.execute("SELECT count(*) FROM owed_entry WHERE submission = ?", (submission,)).fetchone()[0]
        yield from self._preflights(submission)
        if kept != leases["issued"]:
            yield f"{submission}: {len(kept)} leases, {len(leases['issued'])} of them issued in the record"
        if kept != leases["over"]:
            yield f"{submission}: {len(kept)} leases, {len(leases['over'])} of them over in the record"
        if owed:
            yield f"{submission}: {owed} entries of custody are owed still"

    def _preflights(self, submission: str) -> Iterator[str]:
        """One act brings a record for each boundary that the drawn samples need, and no boundary twice."""
        asked = (
            "SELECT d.at, json_extract(CAST(p.content AS TEXT), '$.spec_digest') FROM storage_document d"
            " JOIN storage_paper p ON p.digest = d.digest AND p.submission_id = d.submission_id"
            " WHERE d.submission_id = ? AND d.kind = 'preflight_record'"
        )
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            found = rows.execute(asked, (submission,)).fetchall()
        if len({at for at, _ in found}) > 1 or len({spec for _, spec in found}) < len(found):
            yield f"double: preflight records of {submission}: {found}"

    def record(self) -> list[str]:
        """What is wrong with the record: repeated entries, and checkpoints whose root is not that of its entries."""
        tree = pymerkle.InmemoryTree.init_from_entries(self.entries, algorithm="sha256")
        with closing(sqlite3.connect(self.home / "seatrial.sqlite3")) as rows:
            notes = [bytes(row[0]) for row in rows.execute("SELECT note FROM storage_ledgercheckpoint")]
        notes += [path.read_bytes() for path in (self.home / "ledger").glob("checkpoint*")]
        wrong = [f"an entry is there {count} times" for count in Counter(self.entries).values() if count > 1]
        for note in notes:
            size, root = int(note.split(b"\n")[1]), base64.b64decode(note.split(b"\n")[2])
            if size > len(self.entries) or (size and tree.get_root(size) != root):
                wrong.append(f"the checkpoint of size {size} is not of this record")
        return wrong


def differences(wanted: Account, found: Account) -> Iterable[str]:
    """What is lost and what is there once too often."""
    for table, rows in wanted.items():
        for row in (rows - found[table]).elements():
            yield f"lost of {table}: {row}"
        for row in (found[table] - rows).elements():
            yield f"double in {table}: {row}"
