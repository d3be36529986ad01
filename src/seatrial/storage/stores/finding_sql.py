"""Many rows in one statement: what an import of findings writes, the same on both databases.

Each call is one statement over all rows of a batch, so the number of statements does not grow with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connections

from seatrial.clearinghouse.store import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

    from seatrial.storage.session import Frame

ORIGIN = (
    "INSERT INTO storage_findingorigin (ref, submitter, keeper, submission, run, facts, received_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (ref) DO UPDATE SET facts = excluded.facts WHERE storage_findingorigin.shredded_at IS NULL"
)
BATCH = "INSERT INTO storage_findingbatch (id, root, size, entry_log, entry_index, at) VALUES (%s, %s, %s, %s, %s, %s)"
CHAIN = "INSERT INTO storage_findingchain (subject, origin_id, keeper, seq, last) VALUES (%s, %s, %s, %s, %s)"
NEXT = "UPDATE storage_findingchain SET seq = %s, last = %s WHERE subject = %s AND seq = %s AND last = %s"
EVENT = (
    "INSERT INTO storage_findingevent (subject, seq, origin_id, keeper, type, event, hash, batch_id, position)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
FINDING = (
    "INSERT INTO storage_finding (id, origin_id, project, title, kind, disposition, cluster, received_at, commitment,"
    " nonce, canonical) VALUES (%s, %s, %s, %s, %s, %s, '', %s, %s, %s, %s)"
)
ITEM = (
    "INSERT INTO storage_findingitem (id, origin_id, file, place, what, to_do, sha256)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
COUNT = (
    "INSERT INTO storage_findingcount (origin_id, word, number) VALUES (%s, %s, %s)"
    " ON CONFLICT (origin_id, word) DO UPDATE SET number = storage_findingcount.number + excluded.number"
)
DISPOSITION = "UPDATE storage_finding SET disposition = %s WHERE id = %s"
SIGNATURE = (
    "INSERT INTO storage_findingsignature (finding_id, project, exact_key, said) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (finding_id) DO UPDATE SET exact_key = excluded.exact_key, said = excluded.said"
)
FUNCTION = (
    "INSERT INTO storage_findingfunction (finding_id, project, function) VALUES (%s, %s, %s)"
    " ON CONFLICT (finding_id, function) DO NOTHING"
)
CLUSTER = (
    "INSERT INTO storage_findingcluster (id, project, keeper, stage, record) VALUES (%s, %s, %s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, record = excluded.record"
)
JOINED = "UPDATE storage_finding SET cluster = %s WHERE id = %s"
NUMBER = (
    "INSERT INTO storage_findingnumber (name, last) VALUES (%s, %s)"
    " ON CONFLICT (name) DO UPDATE SET last = storage_findingnumber.last + excluded.last RETURNING last"
)


def connection_of(frame: Frame) -> BaseDatabaseWrapper:
    """The open transaction's connection."""
    return connections[frame.alias]


def many(frame: Frame, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """One statement over many rows; how many it wrote.

    Raises:
        Conflict: A row is there already.
    """
    if not rows:
        return 0
    try:
        with connection_of(frame).cursor() as cursor:
            cursor.executemany(statement, rows)
            return int(cursor.rowcount)
    except IntegrityError as error:
        raise Conflict("somebody else wrote the same at the same time; read it again") from error


def one(frame: Frame, statement: str, row: Sequence[Any]) -> Any:  # noqa: ANN401 - a column
    """A statement's one value."""
    with connection_of(frame).cursor() as cursor:
        cursor.execute(statement, row)
        return cursor.fetchone()[0]


def column(text: str, most: int) -> str:
    """A text as a column takes it: PostgreSQL knows no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:most]
