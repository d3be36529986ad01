"""What the second wall costs: the same transactions with and without row-level security, on one PostgreSQL server.

    PYTHONPATH=tests python benchmarks/second_wall.py [--submissions 50000] [--organisations 50] [--rounds 400]

A transaction is what a page does: say who is looking, find one submission, and its papers or its newest neighbours. The
wall is taken away for the second half by the tables' owner (`NO FORCE`, `DISABLE`), so rows, plans' statistics, indexes
and the statement that says who is looking are the same in both. Rounds alternate between developers and evaluators.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from typing import TYPE_CHECKING

import psycopg

from seatrial.storage import Address, rls
from seatrial.storage.address import Part
from seatrial.storage.session import _TELL, Database
from support import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

EVALUATORS = 25
ONE = "SELECT id, state, standing FROM storage_submission WHERE id = %s"
LIST = "SELECT id, state FROM storage_submission WHERE owner = %s ORDER BY opened_at DESC, id LIMIT 25"
KNOWN = (
    "SELECT s.id, s.state FROM storage_submission s WHERE EXISTS (SELECT 1 FROM storage_acquaintance k"
    " WHERE k.submission_id = s.id AND k.organisation = %s) ORDER BY s.opened_at DESC, s.id LIMIT 25"
)
PAPERS = "SELECT digest, content FROM storage_paper WHERE submission_id = %s"
MADE = f"""
SET session_replication_role = replica;
INSERT INTO storage_organisation (id, kind, record)
 SELECT 'lab-' || n, 'developer', '{{}}'::jsonb FROM generate_series(1, %(labs)s) n
 UNION ALL SELECT 'bureau-' || n, 'evaluator', '{{}}'::jsonb FROM generate_series(1, {EVALUATORS}) n;
INSERT INTO storage_submission (id, kind, owner, state, version, evaluator, told, opened_at, changed_at, standing)
 SELECT 'sub_' || lpad(n::text, 32, '0'), 'submission', 'lab-' || (n %% %(labs)s) + 1, 'submitted', 1, '', '',
  now() - n * interval '1 minute', now(), '{{"object": "x"}}'::jsonb FROM generate_series(1, %(rows)s) n;
INSERT INTO storage_acquaintance (submission_id, organisation, owner)
 SELECT id, 'bureau-' || (substr(id, 5)::int %% {EVALUATORS}) + 1, owner FROM storage_submission;
INSERT INTO storage_paper (submission_id, digest, data_class, size, content)
 SELECT id, 'sha256:' || md5(id), 'P', 1000, decode(repeat('ab', 1000), 'hex') FROM storage_submission;
"""  # noqa: S608 - of this file alone


def viewers(labs: int, rounds: int) -> Iterator[tuple[tuple[str, str, str, str], str]]:
    """Who is looking, in turns, and which submission they ask for."""
    chance = random.Random(20261124)
    for number in range(rounds):
        lab = chance.randrange(labs)
        which = labs * chance.randrange(1, 900) + lab
        name = f"sub_{which:032d}"
        if number % 2:
            yield ("developer_owner", f"lab-{lab + 1}", "per-1", ""), name
        else:
            yield ("evaluator_lead", f"bureau-{which % EVALUATORS + 1}", "per-2", ""), name


def measured(url: str, labs: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of transaction."""
    taken: dict[str, list[float]] = {"one submission and its papers": [], "the newest 25": []}
    with psycopg.connect(url, prepare_threshold=None) as connection, connection.cursor() as cursor:  # as Django does
        for who, name in viewers(labs, rounds):
            newest = LIST if who[0] == "developer_owner" else KNOWN
            for kind, asked in (("one submission and its papers", ((ONE, name), (PAPERS, name))),
                                ("the newest 25", ((newest, who[1]),))):  # fmt: skip
                began = time.perf_counter()
                with connection.transaction():
                    cursor.execute(_TELL, who)
                    for statement, value in asked:
                        cursor.execute(statement, [value])
                        found = cursor.fetchall()
                taken[kind].append(1000 * (time.perf_counter() - began))
                if not found:
                    raise SystemExit(f"{who} finds nothing for {kind}: the comparison would be void")
    return taken


def main() -> None:
    """Fill, measure with the wall, take it away, measure without."""
    parser = argparse.ArgumentParser()
    for name, default in (("submissions", 50_000), ("organisations", 50), ("rounds", 400)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    labs = asked.organisations - EVALUATORS
    server = postgres.server()
    with server.database(postgres.template()) as name:
        with psycopg.connect(server.url(postgres.ADMIN, name)) as admin:
            for statement in MADE.split(";\n"):
                if statement.strip():
                    admin.execute(statement, {"labs": labs, "rows": asked.submissions}, prepare=False)
            admin.execute("SET session_replication_role = DEFAULT")
        with psycopg.connect(server.url(postgres.ADMIN, name), autocommit=True) as admin:
            admin.execute("VACUUM ANALYZE")
        url = server.url(postgres.APP, name)
        measured(url, labs, 50)
        walled = measured(url, labs, asked.rounds)
        opened = Database(Address.of(server.folder, server.setting(name)))
        with opened.connection(writing=True, part=Part.OWNER).cursor() as cursor:
            for table in rls.policies():
                cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
                cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        opened.close()
        measured(url, labs, 50)
        without = measured(url, labs, asked.rounds)
    print(f"{asked.submissions} submissions, {asked.organisations} organisations, {asked.rounds} rounds; milliseconds")
    for kind, times in walled.items():
        for part, pick in (("developer", slice(1, None, 2)), ("evaluator", slice(0, None, 2))):
            one, other = times[pick], without[kind][pick]
            cost = statistics.median(one) - statistics.median(other)
            high = sorted(one)[int(0.95 * len(one))]
            print(
                f"{kind}, {part}: median {statistics.median(one):.2f} with the wall (95 % {high:.2f}),"
                f" {statistics.median(other):.2f} without, cost {cost:+.2f}"
            )


if __name__ == "__main__":
    main()
