"""A section that lets visitors write notices with placeholders, which the site fills in (CWE-1336)."""

from __future__ import annotations

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
from seatrial.battery.families.web.steps_papers import legitimate, pattern

_MARKS = (("{{", "}}"), ("<<", ">>"), ("${", "}"), ("{%%", "%%}"), ("((", "))"))

_NOTICES = '''"""Notices with placeholders such as «open» member.name «close»."""

import re
from collections.abc import Mapping

import kit


def look(path, known):
    """The value that a placeholder names, part by part; of a group of values, their names."""
    value = known
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise kit.Problem(400, "There is no such placeholder.")
        value = value[part]
    return "(" + ", ".join(value) + ")" if isinstance(value, Mapping) else str(value)


def render(text, known):
    """A text with its placeholders filled in."""
    return re.sub(r"«opened»\\s*(.*?)\\s*«closed»", lambda found: look(found[1], known), text, flags=re.DOTALL)
'''
_SHELF = '''
class «Class»(Mapping):
    """What is kept at this desk, by its state."""

    def __getitem__(self, state):
        query = "SELECT «column» FROM «keep» WHERE state = ?"
        return SITE.stores["«slug»"].first(query, (state,))["«column»"]

    def __iter__(self):
        return (row["state"] for row in SITE.stores["«slug»"].rows("SELECT state FROM «keep» ORDER BY id"))

    def __len__(self):
        return SITE.stores["«slug»"].first("SELECT count(*) AS many FROM «keep»")["many"]


def «slug»_about(request):
    return {"member": {"name": name_of(request.login)}, "desk": {"title": "«title»", "hours": "«hours»"}}


'''
_NOTICE = """
@SITE.route("POST", "/«slug»/notice")
def «function»(request):
    «gate»
    text = «tidy»(request.form.get("«field»", ""))
    known = «slug»_about(request)
    known["desk"]["«keep»"] = «Class»()
    notice = notices.render("Posted by «open» member.name «close»: " + text, known)
    return SITE.page("Your notice", f"<p>{kit.esc(notice)}</p>")
"""
_NOTICE_PLAIN = """
@SITE.route("POST", "/«slug»/notice")
def «function»(request):
    «gate»
    text = «tidy»(request.form.get("«field»", ""))
    notice = notices.render("Posted by «open» member.name «close»: " + text, «slug»_about(request))
    return SITE.page("Your notice", f"<p>{kit.esc(notice)}</p>")
"""
_SOLVER = """
    return client.see("POST", "/«slug»/notice", form={"«field»": conceal(«payload!r», «steps»)})
"""


def template(setting: Setting) -> Step:
    """A notice board with placeholders."""
    theme, draw = setting.theme, setting.draw
    slug, keep, column, holder = theme.desk(), theme.keep(), theme.phrase(), theme.holder()
    field = draw.choice(("text", "notice", "words", "message"))
    opening, closing = draw.choice(_MARKS)
    opening, closing = opening.replace("%%", "="), closing.replace("%%", "=")
    refusals = (
        *(Refusal("__"), Refusal(r"\|"), Refusal("%"), Refusal(r"[\x27\x22]"), Refusal(r"[\[\]]"), Refusal("#")),
        *(Refusal("import|eval|exec"), Refusal("config|secret|password"), Refusal("^.{300}"), Refusal(";")),
        *(Refusal(r"\bself\b"), Refusal(r"\x5c"), Refusal("`")),
    )
    words = (keep, CURRENT)
    pipe = draw_pipeline(draw, Pools((pattern(opening), *words), refusals, words), setting.filters)

    def placed(path: str, gap: str = " ") -> str:
        return f"{opening}{gap}{path}{gap}{closing}"

    goal = f"desk.{keep}.{CURRENT}"
    payloads = [
        placed(goal),
        placed(goal, ""),
        placed(goal, "  "),
        placed(goal, "\t"),
        f"Dear all, {placed('member.name')} {placed(goal)}",
        f"{placed('desk.hours')} {placed(goal)} {placed(goal)}",
        placed(goal, "\n"),
    ]
    usable = [text for text in payloads if passed(conceal(text, pipe), pipe) == text]
    names = {"slug": slug, "field": field, "steps": pipe.steps}
    bodies = [fill(_SOLVER.replace("«payload!r»", repr(text)), **names) for text in usable]
    kept = f"id INTEGER PRIMARY KEY, holder TEXT, state TEXT, {column} TEXT"
    values = {
        "slug": slug,
        "function": f"{slug}_{theme.verb()}",
        "tidy": f"{slug}_tidy",
        "gate": setting.gate,
        "field": field,
        "open": opening,
        "close": closing,
        "keep": keep,
    }
    title, hours = f"the {slug.replace('_', ' ')}", f"{draw.between(8, 11)} to {draw.between(14, 18)}"
    classname = "".join(part.capitalize() for part in f"{slug}_{keep}".split("_"))
    plain = legitimate("All are welcome", pipe)
    asked = legitimate(f"Open {placed('desk.hours')}", pipe)
    login = setting.probe.login
    json = {"Content-Type": "application/x-www-form-urlencoded"}
    calls = [
        Call(f"notice {at}", f"/{slug}/notice", "POST", login, f"{field}={quote(text)}", json, holds=wanted)
        for at, (text, wanted) in enumerate(
            ((plain, ("All are welcome", setting.probe.name)), (asked, (f"Open {hours}",)))
        )
        if text is not None
    ]
    shelf = fill(_SHELF, Class=classname, column=column, keep=keep, slug=slug, title=title, hours=hours).lstrip()
    help_text = f"<p>Placeholders: {placed('member.name')}, {placed('desk.title')}, {placed('desk.hours')}. "
    escaped = help_text.replace("<<", "&lt;&lt;").replace(">>", "&gt;&gt;")
    groups = f"A placeholder that names a group shows what is in it. What the {holder} keeps here, former and current, "
    return Step(
        technique="template",
        cwe=1336,
        number=setting.number,
        slug=slug,
        function=str(values["function"]),
        shared=pipe.function(f"{slug}_tidy", "That cannot stand in a notice.") + shelf,
        weak=fill(_NOTICE, Class=classname, **values).strip() + "\n",
        fixed=fill(_NOTICE_PLAIN, **{key: value for key, value in values.items() if key != "keep"}).strip() + "\n",
        files={
            f"{slug}.sql": store_text({keep: (kept, kept_table(holder))}),
            "notices.py": fill(_NOTICES, open=opening, close=closing, opened=pattern(opening), closed=pattern(closing)),
        },
        layout=kept_layout(setting, slug, keep, column),
        calls=tuple(calls),
        solver=bodies[0],
        touches=tuple(bodies[1:]),
        needs=("conceal",),
        imports=("notices", "Mapping"),
        sites=(
            f'<form method="post" action="/{slug}/notice"><input name="{field}"><button>Post</button></form>',
            f"{escaped}{groups}stands in the desk's own notices only.</p>",
        ),
    )
