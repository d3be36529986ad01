from __future__ import annotations

import hashlib
import tomllib

import pytest

from seatrial.framework.ceilings import RULES_OF_PACKS
from seatrial.framework.matrix import CEILINGS
from seatrial.framework.pack_words import changes, lines, record
from seatrial.framework.participant import Role
from support.packs import NAMES, problems, read, shipped, written

MATRIX = read("matrix/2026.1.csv").decode()
AGREE = 'action = "agree"\nfirst = ["developer_owner"]\nsecond = ["evaluator_lead"]\ndistinct_organisations = true\n'
PLAIN = 'source = "house-decisions"\neffective_from = "2026-11-24"\n'


def edited(old: str, new: str, pack: str = "minimal") -> str:
    text = written(pack)
    assert old in text, f"the test's place is gone: {old!r}"
    return text.replace(old, new, 1)


def added(table: str, pack: str = "minimal") -> str:
    return f"{written(pack)}\n{table}\n"


def with_matrix(old: str, new: str) -> tuple[str, bytes]:
    assert old in MATRIX
    matrix = MATRIX.replace(old, new, 1).encode()
    digest = hashlib.sha256(matrix).hexdigest()
    return written("minimal").replace(hashlib.sha256(MATRIX.encode()).hexdigest(), digest), matrix


@pytest.mark.parametrize("name", NAMES)
def test_shipped_packs_load_whole(name: str) -> None:
    pack = shipped(name)
    assert (pack.ref.id, pack.ref.version) == (name, "2026.1")
    assert pack.ref.sha256 == "sha256:" + hashlib.sha256(written(name).encode()).hexdigest()
    assert len(pack.matrix.cells) == 20 * 15 * 6
    assert {entry.source for entry in pack.entries if entry.table not in {"pack", "source"}} <= set(pack.sources)
    assert set(pack.templates) >= {"agreement", "data_use_schedule", "withdrawal_receipt", "deletion_receipt"}


def test_what_the_packs_say() -> None:
    order, agreement, minimal = map(shipped, NAMES)
    assert [pack.window_hours for pack in (order, agreement, minimal)] == [720, 720, 720]
    assert [pack.terms.access_hours for pack in (order, agreement, minimal)] == [720, 720, 336]
    assert [pack.course.inquiry for pack in (order, agreement, minimal)] == [True, False, False]
    assert order.holders(Role.DESIGNATION_LIAISON) == ("nsa",)
    assert agreement.terms.tos_waiver
    assert [rule.kind for rule in agreement.documents_for("agree")] == ["tos_waiver", "agreement", "data_use_schedule"]
    assert minimal.roles_of("evaluator") >= {Role.ANALYST, Role.VERIFIER}
    assert all(pack.terms.agreed_end_required for pack in (order, agreement, minimal))
    assert {pack.documents["withdrawal_receipt"].required_at for pack in (order, agreement, minimal)} == {""}


def test_what_nobody_has_seen_stays_marked() -> None:
    order = shipped("eo-14409")
    assert len(order.unverified) >= 5
    assert sum(entry.unverified for entry in order.entries) >= 4
    assert sum(line.endswith("unverified") or line.startswith("unverified") for line in lines(order)) >= 9


def test_all_sixteen_rows() -> None:
    rows = shipped("eo-14409").tables["bod-26-04"].splitlines()[1:]
    assert len({tuple(row.split(",")[:4]) for row in rows}) == len(rows) == 16


def test_example_participants_are_the_five_with_their_dates() -> None:
    found = tomllib.loads(read("examples/participants.toml").decode())["participant"]
    assert {(item["name"], item["date"], item["counterpart"], item["source"]) for item in found} == {
        ("Google DeepMind", "2026-05-05", "caisi", "caisi-agreements"),
        ("Microsoft", "2026-05-05", "caisi", "caisi-agreements"),
        ("xAI", "2026-05-05", "caisi", "caisi-agreements"),
        ("OpenAI", "2024", "caisi", "caisi-agreements"),
        ("Anthropic", "2024", "caisi", "caisi-agreements"),
    }


def test_an_agency_is_added_and_a_clock_is_changed_by_an_edit() -> None:
    agency = (
        '[[organisation]]\nid = "energy"\nname = "Department of Energy"\nkind = "agency"\nfederal_civilian = true\n'
        'place = "consulted"\n' + PLAIN + '[[holding]]\norganisation = "energy"\nrole = "agency_reader"\n'
        'scope = "by grant"\n' + PLAIN
    )
    text = added(agency).replace('starts = "deliver_draft"\nhours = 72', 'starts = "deliver_draft"\nhours = 96')
    assert problems(text) == ()
    from seatrial.framework.pack_reading import parse_pack  # noqa: PLC0415 - only here

    after = parse_pack(text.encode(), read)
    assert after.holders(Role.AGENCY_READER) == ("energy",)
    assert after.clock("comment").hours == 96
    assert [str(change).split(" = ")[0] for change in changes(shipped("minimal"), after)] == [
        "~ clock.comment.hours: 72 -> 96",
        "+ organisation.energy",
        "+ holding.energy/agency_reader",
    ]
    assert record(after)["tables"]["holding"][-1]["organisation"] == "energy"


BROKEN = {
    "lifecycle-is-code": (added('[[transition]]\nsource = "draft"\nevent = "publish"'), "transition", ""),
    "lifecycle-is-code ": (
        edited('required_at = "grant_access"', 'required_at = "pause"'),
        "document",
        "access_receipt",
    ),
    "withdrawal-is-free": (
        edited('required_at = "grant_access"', 'required_at = "withdraw"'),
        "document",
        "access_receipt",
    ),
    "withdrawal-is-free ": (added("[withdrawal]\nnotice_hours = 24"), "withdrawal", ""),
    "withdrawal-is-free  ": (edited("plan_hours = 336", "plan_hours = 336\nwithdrawal_notice = 24"), "terms", ""),
    "withdrawal-is-free   ": (edited('action = "agree"', 'action = "withdraw"'), "two_key", "withdraw"),
    "no-role-for-everyone": (
        added('[[holding]]\norganisation = "everyone"\nrole = "evaluator"\nscope = "all"\n' + PLAIN),
        "holding",
        "everyone/evaluator",
    ),
    "no-role-for-everyone ": (
        added('[[holding]]\norganisation = "evaluator"\nrole = "public"\nscope = "all"\n' + PLAIN),
        "holding",
        "evaluator/public",
    ),
    "role-fits-kind": (
        added('[[holding]]\norganisation = "developer"\nrole = "evaluator"\nscope = "its own"\n' + PLAIN),
        "holding",
        "developer/evaluator",
    ),
    "two-keys": (edited(AGREE, AGREE.replace("organisations = true", "organisations = false")), "two_key", "agree"),
    "two-keys ": (edited(AGREE, AGREE.replace('["evaluator_lead"]', "[]")), "two_key", "agree"),
    "two-keys  ": (edited(AGREE + "vote_hours = 24", AGREE + "vote_hours = 48"), "two_key", "agree"),
    "window-ceiling": (edited("hours = 720", "hours = 721"), "clock", "access_window"),
    "window-ceiling ": (edited("access_hours = 336", "access_hours = 721"), "terms", ""),
    "window-ceiling  ": (edited('kind = "ceiling"', 'kind = "deadline"'), "clock", "access_window"),
    "forbidden-purpose": (edited('purposes = ["evaluate"', 'purposes = ["train", "evaluate"'), "course", ""),
    "no-classified-class": (edited("{ T = 720", "{ C = 1, T = 720"), "terms", ""),
    "vocabulary": (edited('name = "The developer"', 'name = "The approved developer"'), "organisation", "developer"),
    "vocabulary ": (edited('id = "interim"', 'id = "clearance"'), "clock", "clearance"),
    "fixed-term": (edited("plan_hours = 336", "plan_hours = 336\nno_training = false"), "terms", ""),
    "words-only-added": (edited("extra = []", 'extra = ["-approve"]'), "vocabulary", ""),
    "words-only-added ": (edited("extra = []", 'extra = []\nremoved = ["veto"]'), "vocabulary", ""),
    "missing-source": (
        edited('scope = "its own submissions"\nsource = "house-decisions"\n', 'scope = "its own"\n'),
        "holding",
        "developer/developer_owner",
    ),
    "unknown-source": (
        edited('scope = "its own submissions"\nsource = "house-decisions"', 'scope = "its own"\nsource = "hearsay"'),
        "holding",
        "developer/developer_owner",
    ),
    "unknown-key": (edited("plan_hours = 336", "plan_hours = 336\nplan_days = 14"), "terms", ""),
    "unknown-role": (edited('role = "verifier"', 'role = "admiral"'), "holding", "evaluator/admiral"),
    "unknown-organisation": (
        edited('organisation = "coordinator"', 'organisation = "nobody"'),
        "holding",
        "nobody/coordinator",
    ),
    "missing-clock": (edited('id = "runs"', 'id = "sails"'), "clock", "runs"),
    "digest": (edited('file = "matrix/2026.1.csv"', 'file = "templates/agreement-2026.1.md"'), "matrix", ""),
    "file": (edited('file = "matrix/2026.1.csv"', 'file = "matrix/2099.1.csv"'), "matrix", ""),
    "value": (edited('file = "matrix/2026.1.csv"', 'file = "../../secret"'), "matrix", ""),
    "value ": (edited("hours = 24", 'hours = "24"'), "clock", "preflight"),
    "template-fields": (edited('"terms", "fixed_terms"', '"fixed_terms", "more"'), "document", "agreement"),
    "twice": (edited('id = "evaluator"\nname', 'id = "developer"\nname'), "organisation", "developer"),
    "toml": ("[pack\n", "", ""),
    "schema": (edited("schema = 1", "schema = 2"), "pack", ""),
}  # fmt: skip - a rule a line or two


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_pack_is_refused_with_table_entry_and_rule(rule: str) -> None:
    text, table, entry = BROKEN[rule]
    found = problems(text)
    assert (table, entry, rule.strip()) in {(item.table, item.entry, item.rule) for item in found}
    assert all(item.file and item.said for item in found)


@pytest.mark.parametrize(
    ("ceiling", "old", "new", "entry"),
    [
        ("sealed-is-never-read", "runner,u@a2", "runner,ru@a2", "runner/W"),
        ("two-keys", "runner,u@a2", "runner,u@a", "runner/W"),
        ("two-keys", "s@a2,rwd@a", "s@a,rwd@a", "coordinator/X"),
        ("two-keys", "rs@o+p@o2", "rs@o+p@o", "developer_owner/R"),
        ("held-out-stays-held-out", "agency_reader,,,r@g,r@g,,", "agency_reader,,,r@g,r@g,r@g,", "agency_reader/H"),
        ("findings-are-not-developers", "rs@o+p@o2,,", "rs@o+p@o2,r@o,", "developer_owner/F"),
        ("operator-sees-incidents-and-log", "\noperator,,,", "\noperator,,,r@a", "operator/M"),
        ("public-sees-what-is-published", "public,,,,,,,,r@*", "public,,,,,,,,r@a", "public/R"),
        ("metrics-are-aggregates", "metrics_reader,,,", "metrics_reader,,,r@a", "metrics_reader/M"),
    ],
)
def test_a_matrix_beyond_a_ceiling_is_refused_with_its_cell(ceiling: str, old: str, new: str, entry: str) -> None:
    text, matrix = with_matrix(old, new)
    found = problems(text, matrix_2026_1_csv=matrix)
    assert [(item.rule, item.entry) for item in found] == [("matrix-ceiling", entry)]
    assert ceiling in found[0].said


def test_every_ceiling_has_a_broken_pack() -> None:
    broken = {rule.strip() for rule in BROKEN} | {"matrix-ceiling"}
    assert set(RULES_OF_PACKS) <= broken
    assert len(CEILINGS) == 7


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("role,W", "role,C", "no-classified-class"),
        ("role,W,K", "role,K,K", "complete"),
        ("auditor,", "admiral,", "unknown-role"),
        ("w@a+ru@a2", "w@+ru@a2", "cell-grammar"),
        ("w@a+ru@a2", "w", "cell-grammar"),
        ("task_owner,", "operator,", "twice"),
    ],
)
def test_a_matrix_that_cannot_be_read(old: str, new: str, rule: str) -> None:
    text, matrix = with_matrix(old, new)
    assert [item.rule for item in problems(text, matrix_2026_1_csv=matrix)] == [rule]


def test_lines_point_into_the_file() -> None:
    text, _, _ = BROKEN["unknown-role"]
    (found,) = (item for item in problems(text) if item.rule == "unknown-role")
    assert text.splitlines()[found.line - 1] == "[[holding]]"
    assert 'role = "admiral"' in text.splitlines()[found.line : found.line + 3]
