"""From a drawn plan to the files of a service, as it is or mended in any of its sections."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files as resource
from typing import TYPE_CHECKING, Any

from seatrial.battery.families.web.step import Call, fill, store_text
from seatrial.battery.instance import FileTree

if TYPE_CHECKING:
    from seatrial.battery.families.web.routes import Page
    from seatrial.battery.families.web.step import Step
    from seatrial.battery.families.web.theme import Person

HOST = "site"  # the same for all instances, so that one preflight covers the private network of each
PORT, PROBE_PORT = 8080, 9080
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

_HEAD = '''"""The pages of the «title»."""

«imports»

SITE = kit.Site("«title»", cookie="«cookie»")


def name_of(login):
    """The name of somebody with an account."""
    return SITE.stores["main"].first("SELECT name FROM members WHERE login = ?", (login,))["name"]


@SITE.route("GET", "/", "Home")
def home(request):
    return SITE.page("Welcome", "<p>This is the site of the «title».</p><p>«greeting»</p>")


@SITE.route("GET", "/sign-in", "Sign in")
def sign_in_form(request):
    fields = '<input name="login"><input name="password" type="password"><button>Sign in</button>'
    return SITE.page("Sign in", f'<form method="post" action="/sign-in">{fields}</form>')


@SITE.route("POST", "/sign-in")
def sign_in(request):
    form = request.form
    rows = SITE.stores["main"].rows("SELECT * FROM members WHERE login = ?", (form.get("login", ""),))
    if not rows or kit.mark(rows[0]["salt"] + form.get("password", "")) != rows[0]["mark"]:
        raise kit.Problem(403, "That is not right.")
    cookie = f"{SITE.cookie}={SITE.open(rows[0]['login'])}; Path=/; HttpOnly"
    return kit.go("/me", ("Set-Cookie", cookie))


@SITE.route("GET", "/sign-out", "Sign out")
def sign_out(request):
    SITE.close(request.cookie(SITE.cookie))
    return kit.go("/")


@SITE.route("GET", "/me", "Your account")
def me(request):
    return SITE.page("Your account", kit.table([{"login": request.login, "name": name_of(request.login)}]))
'''
_SECTION = """
@SITE.route("GET", "/«slug»", "The «words»")
def «slug»_page(request):
«locked»    return SITE.page("The «words»", «body»)
"""
_LOCKED = """    if request.session is None or "«before»" not in request.session.entered:
        form = '<form method="post" action="/«slug»/enter"><input name="code"><button>Enter</button></form>'
        return SITE.page("The «words»", "<p>This part opens with the code that the «prior» keeps.</p>" + form)
"""
_ENTER = """
@SITE.route("POST", "/«slug»/enter")
def «slug»_enter(request):
    if not kit.enter(request, "«before»"):
        raise kit.Problem(403, "That is not the code.")
    return kit.go("/«slug»")
"""
_TAIL = """
if __name__ == "__main__":
    import runtime

    runtime.serve(SITE)
"""
_IMPORTS = {
    "urlsplit": "from urllib.parse import urlsplit",
    "unquote": "from urllib.parse import unquote",
    "Mapping": "from collections.abc import Mapping",
}


@dataclass(frozen=True)
class Plan:
    """Everything that a service is rendered from; drawn once, rendered as often as wanted."""

    title: str
    cookie: str
    greeting: str
    guest: Person
    probe: Person
    members: tuple[tuple[object, ...], ...]
    steps: tuple[Step, ...]
    pages: tuple[Page, ...]
    rate: int

    @property
    def goal(self) -> Step:
        """The last section, whose technique is the instance's."""
        return self.steps[-1]

    @property
    def paths(self) -> int:
        """How many paths the service answers."""
        return paths_of(self.steps) + len(self.pages)


def paths_of(steps: Collection[Step]) -> int:
    """Paths of the frame and of the sections: home, sign-in, sign-out, account; page, way in and gate of each."""
    return 4 + sum(1 + step.paths + (step.number > 1) for step in steps)


def member(person: Person, salt: str) -> tuple[object, ...]:
    """The row of somebody with an account."""
    mark = hashlib.sha256((salt + person.password).encode()).hexdigest()
    return (person.login, person.name, salt, mark)


def application(plan: Plan, mended: Collection[int] = ()) -> dict[str, str]:
    """What the site itself is made of (app, stores, papers); the sections of these numbers are rendered mended."""
    files: dict[str, str] = {"app.py": _app(plan, mended), "kit.py": part("kit.py")}
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "members": ("login TEXT PRIMARY KEY, name TEXT, salt TEXT, mark TEXT", list(plan.members))
    }
    for page in plan.pages:
        tables.update(page.tables)
    files["main.sql"] = store_text(tables)
    for step in plan.steps:
        files.update(step.files)
        if "inner" in step.layout:
            files["inner.py"] = part("inner.py")
    return files


def frame(plan: Plan) -> dict[str, str]:
    """What runs the site and asks after its health; never delivered."""
    return {
        "runtime.py": part("runtime.py"),
        "health.py": part("health.py"),
        "layout.json": json.dumps(layout(plan), sort_keys=True) + "\n",
        "calls.json": suite_text(calls(plan)),
    }


def suite_text(suite: Collection[Call]) -> str:
    """A functional suite as the health program reads it."""
    return json.dumps([call.__dict__ for call in suite], sort_keys=True, default=dict) + "\n"


def service_files(plan: Plan, mended: Collection[int] = ()) -> FileTree:
    """All of /service."""
    return FileTree.of({**application(plan, mended), **frame(plan)})


def part(name: str) -> str:
    """One of the files that every service has."""
    return resource("seatrial.battery.families.web.service").joinpath(name).read_text(encoding="utf-8")


def layout(plan: Plan) -> dict[str, Any]:
    """Where the runtime puts what the start-up message holds, and what it watches."""
    whole: dict[str, Any] = {
        "ports": {"visitors": PORT, "operator": PROBE_PORT},
        "rate": plan.rate,
        "marks": [step.label for step in plan.steps[:-1]],
        "stores": {"main": {"file": "main.sql", "fill": [], "watch": []}},
    }
    for step in plan.steps:
        for name, value in step.layout.items():
            whole[name] = {**whole.get(name, {}), **value}
    return whole


def strict_calls(plan: Plan, mended: Collection[int]) -> tuple[Call, ...]:
    """What only mended sections answer rightly: legitimate input with characters that mean something elsewhere."""
    return tuple(call for step in plan.steps if step.number in mended for call in step.strict)


def calls(plan: Plan) -> tuple[Call, ...]:
    """The functional suite: what a right service answers, whether mended or not."""
    probe, visit = plan.probe, {"Cookie": f"{plan.cookie}=<<visit>>"}
    right = f"login={probe.login}&password={probe.password}"
    own = [
        Call("home", "/", holds=(plan.title, "/sign-in")),
        Call("sign-in form", "/sign-in", holds=("password",)),
        Call("wrong password", "/sign-in", "POST", body=right + "x", headers=_FORM, status=403),
        Call("nobody", "/sign-in", "POST", body="login=x%27--&password=x", headers=_FORM, status=403),
        Call(
            "sign in",
            "/sign-in",
            "POST",
            body=right,
            headers=_FORM,
            status=303,
            holds=("Location: /me",),
            keeps={"visit": (f"{plan.cookie}=", ";")},
        ),
        Call(
            "sign in with JSON",
            "/sign-in",
            "POST",
            body=json.dumps({"login": probe.login, "password": probe.password}),
            headers={"Content-Type": "application/json"},
            status=303,
        ),
        Call("empty form", "/sign-in", "POST", headers=_FORM, status=403),
        Call(
            "form that is not", "/sign-in", "POST", body="[1", headers={"Content-Type": "application/json"}, status=400
        ),
        Call("account", "/me", headers=visit, holds=(probe.name, probe.login)),
        Call("account without a visit", "/me", status=401),
        Call("no page", "/no-such-page", status=404),
        Call("not that way", "/me", "POST", body="a=b", headers=_FORM, status=405),
        Call("encoded path", "/%6de", headers=visit, holds=(probe.name,)),
        Call("too much", "/sign-in", "POST", body="a=" + "b" * 270_000, headers=_FORM, status=413),
    ]
    for step in plan.steps:
        own.append(Call(f"{step.slug}", f"/{step.slug}", actor=probe.login, holds=(f"The {_words(step.slug)}",)))
        if step.number > 1:
            own += [
                Call(f"{step.slug} locked", f"/{step.slug}", headers=visit, holds=("opens with the code",)),
                Call(f"{step.slug} wrong code", f"/{step.slug}/enter", "POST", "", "code=x", {**_FORM, **visit}, 403),
            ]
        elif not any(call.actor == "" for call in step.calls):
            own.append(Call(f"{step.slug} for nobody", step.calls[0].path, step.calls[0].method, status=401))
        own += step.calls
    paged = [call for page in plan.pages for call in page.calls]
    own += [call for call in paged if not call.actor] + [call for call in paged if call.actor]
    gone = [
        Call("sign out", "/sign-out", headers=visit, status=303),
        Call("account after it", "/me", headers=visit, status=401),
    ]
    return (*own, *gone)


def _app(plan: Plan, mended: Collection[int]) -> str:
    sections = []
    for step in plan.steps:
        before = plan.steps[step.number - 2] if step.number > 1 else None
        sections.append(_section(step, before))
        sections.append(step.shared.rstrip("\n") + "\n")
        sections.append(step.fixed if step.number in mended else step.weak)
    body = [*(section for section in sections if section.strip()), *(page.source for page in plan.pages)]
    needed = _needed("\n".join(body))
    plain = sorted(name for name in needed if name not in _IMPORTS)
    lines = [*(f"import {name}" for name in plain), *sorted(_IMPORTS[name] for name in needed if name in _IMPORTS)]
    imports = "\n".join(lines) + ("\n\n" if lines else "")
    own = ["import kit", *(["import notices"] if "notices." in "\n".join(body) else [])]
    head = fill(_HEAD, title=plan.title, cookie=plan.cookie, greeting=plan.greeting, imports=imports + "\n".join(own))
    return "\n\n".join([head, *(text.strip("\n") + "\n" for text in body), _TAIL.lstrip("\n")])


_MODULES = ("base64", "codecs", "hashlib", "hmac", "html", "http.client", "json", "os", "re", "secrets", "time")


def _needed(source: str) -> set[str]:
    found = {name for name in (*_MODULES, "unicodedata") if re.search(rf"(?<![\w.\"]){re.escape(name)}\.", source)}
    return found | {name for name in _IMPORTS if re.search(rf"(?<![\w.]){name}\b", source)}


def _section(step: Step, before: Step | None) -> str:
    names = {"slug": step.slug, "words": _words(step.slug)}
    locked = fill(_LOCKED, before=before.label, prior=_words(before.slug), **names) if before else ""
    body = "(\n        " + "\n        ".join(repr(text) for text in step.sites) + "\n    )"
    page = fill(_SECTION, locked=locked, body=body, **names).strip("\n") + "\n"
    if before is None:
        return page
    return page + "\n\n" + fill(_ENTER, slug=step.slug, before=before.label).strip("\n") + "\n"


def _words(slug: str) -> str:
    return slug.replace("_", " ")
