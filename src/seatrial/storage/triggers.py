"""What the database itself refuses, whoever writes: no bulk update, no console and no later code steps over it.

- An append-only table takes no UPDATE and no DELETE.
- A submission's state changes only together with the act that changed it, and an act starts where the last one ended.

Each rule is stated once and written down for SQLite and for PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Moment = Literal["INSERT", "UPDATE", "DELETE"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Refuse `moment` on `table` with `message` when `when` (SQL over NEW and OLD) is true."""

    name: str
    table: str
    moment: Moment
    when: str
    message: str

    def statements(self, vendor: str) -> list[str]:
        """The rule as the database wants it."""
        return self._sqlite() if vendor == "sqlite" else self._postgresql()

    def _sqlite(self) -> list[str]:
        head = f"CREATE TRIGGER {self.name} BEFORE {self.moment} ON {self.table} FOR EACH ROW WHEN {self.when}"
        return [f"{head} BEGIN SELECT RAISE(ABORT, '{self.message}'); END"]

    def _postgresql(self) -> list[str]:
        row = "OLD" if self.moment == "DELETE" else "NEW"
        refusal = f"RAISE EXCEPTION '{self.message}' USING ERRCODE = 'integrity_constraint_violation'"
        body = f"BEGIN IF {self.when} THEN {refusal}; END IF; RETURN {row}; END"
        head = f"CREATE TRIGGER {self.name} BEFORE {self.moment} ON {self.table} FOR EACH ROW"
        return [
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $rule$ {body} $rule$",
            f"{head} EXECUTE FUNCTION {self.name}()",
        ]


_ENTRY_MISSING = (
    "NEW.entry_index IS NOT NULL AND NOT EXISTS (SELECT 1 FROM storage_ledgerentry e WHERE e.log = NEW.entry_log"
    ' AND e."index" = NEW.entry_index AND e.stream = NEW.submission_id)'
)
_ACT_MISSING = (
    "NOT EXISTS (SELECT 1 FROM storage_act a WHERE a.submission_id = NEW.id AND a.seq = NEW.version"
    " AND a.target = NEW.state)"
)


def append_only(table: str) -> tuple[Rule, Rule]:
    """The two rules of a table that only grows."""
    said = f"{table} only grows"
    return (
        Rule(f"{table}_no_update", table, "UPDATE", "TRUE", said),
        Rule(f"{table}_no_delete", table, "DELETE", "TRUE", said),
    )


ACT_KEPT = (
    "submission_id",
    "seq",
    "event",
    "source",
    "target",
    "at",
    "person",
    "organisation",
    "role",
    "request_digest",
)

RULES = (
    *append_only("storage_ledgerentry"),
    *append_only("storage_ledgernode"),
    *append_only("storage_ledgercheckpoint"),
    *append_only("storage_vote"),
    *append_only("storage_pack"),
    *append_only("storage_read"),
    *append_only("storage_readday"),
    *append_only("storage_findingevent"),
    *append_only("storage_findingbatch"),
    Rule("finding_no_delete", "storage_finding", "DELETE", "TRUE", "a finding stays"),
    Rule(
        "finding_keeps_its_content",
        "storage_finding",
        "UPDATE",
        "NEW.canonical <> OLD.canonical OR NEW.origin_id <> OLD.origin_id OR NEW.commitment <> OLD.commitment",
        "a finding stays as it came in",
    ),
    Rule(
        "read_of_an_open_day",
        "storage_read",
        "INSERT",
        "EXISTS (SELECT 1 FROM storage_readday d WHERE d.day = NEW.day)",
        "the reads of this day are closed",
    ),
    Rule(
        "organisation_keeps_its_kind",
        "storage_organisation",
        "UPDATE",
        "NEW.kind <> OLD.kind",
        "an organisation keeps its kind: what it may see rests on it",
    ),
    Rule("ledgerhead_no_delete", "storage_ledgerhead", "DELETE", "TRUE", "a log does not go"),
    Rule("ledgerhead_grows", "storage_ledgerhead", "UPDATE", "NEW.size <> OLD.size + 1", "a log grows by one entry"),
    Rule("act_no_delete", "storage_act", "DELETE", "TRUE", "an act stays"),
    Rule(
        "act_no_update",
        "storage_act",
        "UPDATE",
        "OLD.entry_index IS NOT NULL OR NEW.entry_index IS NULL OR "
        + " OR ".join(f"NEW.{column} <> OLD.{column}" for column in ACT_KEPT),
        "an act stays as it is; only an entry that is owed is made up",
    ),
    Rule(
        "act_is_a_step",
        "storage_act",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM storage_edge e WHERE e.source = NEW.source AND e.event = NEW.event"
        " AND e.target = NEW.target)",
        "no lifecycle has this step",
    ),
    Rule(
        "act_follows",
        "storage_act",
        "INSERT",
        "NEW.source <> COALESCE((SELECT a.target FROM storage_act a WHERE a.submission_id = NEW.submission_id"
        " AND a.seq = NEW.seq - 1), '') OR (NEW.seq > 1 AND NOT EXISTS (SELECT 1 FROM storage_act a"
        " WHERE a.submission_id = NEW.submission_id AND a.seq = NEW.seq - 1))",
        "an act begins where the one before it ended",
    ),
    Rule("act_has_an_entry", "storage_act", "INSERT", _ENTRY_MISSING, "the log has no such entry for this object"),
    Rule("act_gets_an_entry", "storage_act", "UPDATE", _ENTRY_MISSING, "the log has no such entry for this object"),
    Rule("submission_no_delete", "storage_submission", "DELETE", "TRUE", "a submission is purged, not deleted"),
    Rule("submission_opens_by_an_act", "storage_submission", "INSERT", _ACT_MISSING, "no state without its act"),
    Rule(
        "submission_moves_by_an_act",
        "storage_submission",
        "UPDATE",
        f"(NEW.state <> OLD.state OR NEW.version <> OLD.version) AND (NEW.version <= OLD.version OR {_ACT_MISSING})",
        "no state without its act",
    ),
)


def removal(vendor: str) -> list[str]:
    """The statements that take all rules away, whatever is there: a table that changes its form has none meanwhile."""
    return [statement for rule in RULES for statement in _drop(rule, vendor)]


def renewal(vendor: str) -> list[str]:
    """The statements that write all rules down, whatever was there."""
    return [*removal(vendor), *(statement for rule in RULES for statement in rule.statements(vendor))]


def _drop(rule: Rule, vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {rule.name}"]
    return [
        f"DROP TRIGGER IF EXISTS {rule.name} ON {rule.table}",
        f"DROP FUNCTION IF EXISTS {rule.name}()",
    ]
