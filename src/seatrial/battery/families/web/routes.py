"""Everything a service shows besides its sections: registers, pages, and look-alikes of the sections that are sound.

A look-alike takes the same kind of input as a section (a search text, a name of a paper, an address, a number of a
record, a pass, a field) and treats it rightly. Its text is nobody's mended section: queries, names and shapes differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.battery.families.web.step import Call, fill

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.web.theme import Person, Theme


@dataclass(frozen=True)
class Page:
    """Some handlers with what they need and how they answer."""

    source: str
    calls: tuple[Call, ...]
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = field(default_factory=dict)
    imports: tuple[str, ...] = ()


@dataclass
class Register:
    """A table of things with the pages that show it."""

    theme: Theme
    draw: Draw
    thing: str = ""
    traits: tuple[str, ...] = ()
    rows: list[tuple[object, ...]] = field(default_factory=list)

    @classmethod
    def of(cls, theme: Theme, draw: Draw) -> Register:
        """A drawn register."""
        traits = theme.traits(draw.between(1, 3))
        rows: list[tuple[object, ...]] = [
            (number, theme.label(), *(theme.value(trait) for trait in traits))
            for number in range(1, draw.between(5, 9))
        ]
        return cls(theme, draw, theme.thing(), traits, rows)

    @property
    def name(self) -> str:
        """The table and the first part of the paths."""
        return f"{self.thing}s"

    @property
    def tables(self) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
        """The table itself."""
        columns = "id INTEGER PRIMARY KEY, title TEXT" + "".join(f", {trait} TEXT" for trait in self.traits)
        return {self.name: (columns, self.rows)}

    def pages(self) -> list[Page]:
        """Pages of this register, the list first."""
        return [self._list(), *(make(self) for make in self.draw.shuffled(_MORE))]

    def filled(self, text: str, **values: object) -> str:
        """A text with this register's names and some more filled in."""
        known = {"name": self.name, "verb": self.theme.verb(), "words": self.name.replace("_", " "), **values}
        return fill(text, **{key: value for key, value in known.items() if f"«{key}»" in text}).strip() + "\n"

    def _list(self) -> Page:
        source = self.filled(_LIST)
        return Page(source, (Call(f"{self.name} listed", f"/{self.name}", holds=(str(self.rows[0][1]),)),), self.tables)


_LIST = """
@SITE.route("GET", "/«name»", "«words»")
def «name»_list(request):
    rows = SITE.stores["main"].rows("SELECT id, title FROM «name» ORDER BY title")
    links = (f'<li><a href="/«name»/{row["id"]}">{kit.esc(row["title"])}</a></li>' for row in rows)
    return SITE.page("«words»", "<ul>" + "".join(links) + "</ul>")
"""
_DETAIL = """
@SITE.route("GET", "/«name»/<id>")
def «name»_one(request):
    found = SITE.stores["main"].first("SELECT * FROM «name» WHERE id = ?", (kit.number(request.parts["id"]),))
    return SITE.page(found["title"], kit.table([found]))
"""
_JSON = """
@SITE.route("GET", "/«name».json")
def «name»_json(request):
    return kit.as_json(SITE.stores["main"].rows("SELECT * FROM «name» ORDER BY id"))
"""
_COUNT = """
@SITE.route("GET", "/«name»-by-«trait»")
def «name»_by_«trait»(request):
    query = "SELECT «trait», count(*) AS many FROM «name» GROUP BY «trait» ORDER BY «trait»"
    return SITE.page("«words» by «trait»", kit.table(SITE.stores["main"].rows(query)))
"""
_BRIEF = """
@SITE.route("GET", "/«name»-in-brief")
def «name»_in_brief(request):
    many = SITE.stores["main"].first("SELECT count(*) AS many FROM «name»")["many"]
    return SITE.page("In brief", f"<p>We look after {many} «words».</p>")
"""
_LATEST = """
@SITE.route("GET", "/«name»-latest")
def «name»_latest(request):
    rows = SITE.stores["main"].rows("SELECT title, «trait» FROM «name» ORDER BY id DESC LIMIT 3")
    return SITE.page("Latest «words»", kit.table(rows))
"""
_WITH = """
@SITE.route("GET", "/«name»-with")
def «name»_with(request):
    query = "SELECT title FROM «name» WHERE «trait» = ? ORDER BY title"
    rows = SITE.stores["main"].rows(query, (request.query.get("«trait»", ""),))
    return SITE.page("«words»", kit.table(rows))
"""
_ORDER = """
@SITE.route("GET", "/«name»-sorted")
def «name»_sorted(request):
    wanted = request.query.get("by", "title")
    order = {"title": "title, id", "«trait»": "«trait», id"}.get(wanted, "id")
    return SITE.page("«words»", kit.table(SITE.stores["main"].rows("SELECT * FROM «name» ORDER BY " + order)))
"""


def _detail(register: Register) -> Page:
    first = register.rows[0]
    calls = (
        Call(f"{register.name} one", f"/{register.name}/{first[0]}", holds=tuple(str(value) for value in first[1:])),
        Call(f"{register.name} none", f"/{register.name}/9999", status=404),
        Call(f"{register.name} no number", f"/{register.name}/x", status=400),
    )
    return Page(register.filled(_DETAIL), calls)


def _json(register: Register) -> Page:
    name = register.name
    return Page(register.filled(_JSON), (Call(f"{name} json", f"/{name}.json", holds=(f'"{register.rows[-1][1]}"',)),))


def _count(register: Register) -> Page:
    trait, name = register.traits[0], register.name
    calls = (Call(f"{name} counted", f"/{name}-by-{trait}", holds=(str(register.rows[1][2]),)),)
    return Page(register.filled(_COUNT, trait=trait), calls)


def _brief(register: Register) -> Page:
    name = register.name
    wanted = f"We look after {len(register.rows)} "
    return Page(register.filled(_BRIEF), (Call(f"{name} in brief", f"/{name}-in-brief", holds=(wanted,)),))


def _latest(register: Register) -> Page:
    name = register.name
    calls = (Call(f"{name} latest", f"/{name}-latest", holds=(str(register.rows[-1][1]),)),)
    return Page(register.filled(_LATEST, trait=register.traits[0]), calls)


def _with(register: Register) -> Page:
    trait, name = register.traits[0], register.name
    value = str(register.rows[0][2])
    path = f"/{name}-with?{trait}="
    calls = (
        Call(f"{name} with", path + value.replace(" ", "+"), holds=(str(register.rows[0][1]),)),
        Call(f"{name} with an apostrophe", f"{path}o%27{value.partition(' ')[0]}", holds=("Nothing found",)),
    )
    return Page(register.filled(_WITH, trait=trait), calls)


def _sorted(register: Register) -> Page:
    trait, name = register.traits[0], register.name
    calls = (
        Call(f"{name} sorted", f"/{name}-sorted?by={trait}", holds=(str(register.rows[0][1]),)),
        Call(f"{name} sorted oddly", f"/{name}-sorted?by=1;--", holds=(str(register.rows[0][1]),)),
    )
    return Page(register.filled(_ORDER, trait=trait), calls)


_MORE: tuple[Callable[[Register], Page], ...] = (_detail, _json, _count, _brief, _latest, _with, _sorted)
PER_REGISTER = 1 + len(_MORE)


# Look-alikes. Each takes (theme, draw, guest, probe).

_SEARCH = """
@SITE.route("GET", "/«name»-search")
def «name»_search(request):
    wanted = request.query.get("q", "")[:60]
    rows = SITE.stores["main"].rows("SELECT id, title FROM «name» WHERE instr(title, ?) > 0", (wanted,))
    return SITE.page("Search", kit.table(rows))
"""
_LEAFLET = """
«CONST» = {«entries»}


@SITE.route("GET", "/«name»-leaflet", "«words» leaflets")
def «name»_leaflet(request):
    text = «CONST».get(request.query.get("file", ""))
    if text is None:
        raise kit.Problem(404, "We have " + ", ".join(«CONST») + ".")
    return kit.Reply(text + "\\n", kind="text/plain; charset=utf-8")
"""
_FORWARD = """
@SITE.route("GET", "/«name»-forward")
def «name»_forward(request):
    place = request.query.get("url", "/")
    if place not in ("/", "/me", "/sign-in"):
        raise kit.Problem(400, "We do not know that place.")
    return kit.go(place)
"""
_GREET = """
@SITE.route("GET", "/«name»-greeting")
def «name»_greeting(request):
    name = request.query.get("name", "friend")[:40]
    return SITE.page("Hello", "<p>Hello, {}!</p>".format(kit.esc(name)))
"""
_LOAN = """
@SITE.route("GET", "/«name»-loans/<id>")
def «name»_loan(request):
    loan = SITE.stores["main"].first("SELECT * FROM «name»_loans WHERE id = ?", (kit.number(request.parts["id"]),))
    if loan["login"] != request.login:
        raise kit.Problem(404, "That is no loan of yours.")
    return SITE.page("A loan", kit.table([loan]))
"""
_TASTE = """
@SITE.route("POST", "/«name»-settings")
def «name»_settings(request):
    wishes = {key: request.form[key][:20] for key in ("colour", "size", "role") if key in request.form}
    if request.login:
        request.session.kept.update(wishes)
    return kit.as_json({"kept": sorted(wishes)})
"""
_TICKET = """
@SITE.route("GET", "/«name»-ticket")
def «name»_ticket(request):
    ticket = request.query.get("ticket", "")
    right = request.session is not None and ticket == request.session.stamp
    return SITE.page("Ticket", "<p>Welcome.</p>" if right else "<p>That is no ticket of ours.</p>")
"""
_EXISTS = """
@SITE.route("GET", "/«name»-known")
def «name»_known(request):
    rows = SITE.stores["main"].rows("SELECT 1 FROM «name» WHERE title = ?", (request.query.get("title", ""),))
    return kit.as_json({"known": bool(rows)})
"""


def lookalikes(theme: Theme, draw: Draw, probe: Person, count: int) -> list[Page]:
    """So many look-alikes, of as many kinds as there are before one comes again."""
    pages: list[Page] = []
    kinds: list[Callable[[Theme, Draw, Person], Page]] = []
    while len(pages) < count:
        kinds = kinds or list(draw.shuffled(_LOOKALIKES))
        pages.append(kinds.pop()(theme, draw, probe))
    return pages


def _search(theme: Theme, draw: Draw, _: Person) -> Page:
    register = Register.of(theme, draw)
    name, title = register.name, str(register.rows[0][1])
    calls = (
        Call(f"{name} search", f"/{name}-search?q={title.partition(' ')[0]}", holds=(title,)),
        Call(f"{name} search quoted", f"/{name}-search?q=O%27x%25_%22", holds=("Nothing found",)),
    )
    return Page(register.filled(_SEARCH), calls, register.tables)


def _leaflet(theme: Theme, draw: Draw, _: Person) -> Page:
    name = theme.thing()
    entries = {f"{theme.fresh_word()}.txt": theme.label().capitalize() + "." for _ in range(draw.between(2, 4))}
    source = fill(
        _LEAFLET,
        CONST=f"{name}_leaflets".upper(),
        entries=", ".join(f'"{key}": "{value}"' for key, value in entries.items()),
        name=name,
        words=name.replace("_", " "),
    )
    first, text = next(iter(entries.items()))
    calls = (
        Call(f"{name} leaflet", f"/{name}-leaflet?file={first}", holds=(text,)),
        Call(f"{name} no leaflet", f"/{name}-leaflet?file=../app.py", status=404),
    )
    return Page(source.strip() + "\n", calls)


def _forward(theme: Theme, draw: Draw, _: Person) -> Page:  # noqa: ARG001 - one shape for all look-alikes
    name = theme.thing()
    calls = (
        Call(f"{name} forward", f"/{name}-forward?url=/me", status=303, holds=("Location: /me",)),
        Call(f"{name} forward elsewhere", f"/{name}-forward?url=http://192.0.2.1/", status=400),
    )
    return Page(fill(_FORWARD, name=name).strip() + "\n", calls)


def _greeting(theme: Theme, draw: Draw, _: Person) -> Page:  # noqa: ARG001 - one shape for all look-alikes
    name = theme.thing()
    calls = (
        Call(f"{name} greeting", f"/{name}-greeting?name=Ada", holds=("Hello, Ada!",)),
        Call(f"{name} greeting marked", f"/{name}-greeting?name=%7B%7B7*7%7D%7D%3Cb%3E", holds=("{{7*7}}&lt;b&gt;",)),
    )
    return Page(fill(_GREET, name=name).strip() + "\n", calls)


def _loan(theme: Theme, draw: Draw, probe: Person) -> Page:
    name, other = theme.thing(), theme.person()
    first = draw.between(200, 800)
    rows: list[tuple[object, ...]] = [(first, probe.login, theme.label()), (first + 1, other.login, theme.label())]
    calls = (
        Call(f"{name} loan", f"/{name}-loans/{first}", actor=probe.login, holds=(str(rows[0][2]),)),
        Call(f"{name} loan of another", f"/{name}-loans/{first + 1}", actor=probe.login, status=404),
    )
    tables = {f"{name}_loans": ("id INTEGER PRIMARY KEY, login TEXT, title TEXT", rows)}
    return Page(fill(_LOAN, name=name).strip() + "\n", calls, tables)


def _settings(theme: Theme, draw: Draw, probe: Person) -> Page:  # noqa: ARG001 - one shape for all look-alikes
    name = theme.thing()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "colour=red&rank=9&size=o%27hara"
    calls = (
        Call(f"{name} settings", f"/{name}-settings", "POST", probe.login, body, form, holds=('["colour", "size"]',)),
    )
    return Page(fill(_TASTE, name=name).strip() + "\n", calls)


def _ticket(theme: Theme, draw: Draw, _: Person) -> Page:  # noqa: ARG001 - one shape for all look-alikes
    name = theme.thing()
    return Page(
        fill(_TICKET, name=name).strip() + "\n",
        (Call(f"{name} ticket", f"/{name}-ticket?ticket=e30.e30.", holds=("no ticket of ours",)),),
    )


def _known(theme: Theme, draw: Draw, _: Person) -> Page:
    register = Register.of(theme, draw)
    name, title = register.name, str(register.rows[0][1])
    calls = (
        Call(f"{name} known", f"/{name}-known?title={title.replace(' ', '+')}", holds=('"known": true',)),
        Call(f"{name} unknown", f"/{name}-known?title=x%27+OR+%271%27%3D%271", holds=('"known": false',)),
    )
    return Page(register.filled(_EXISTS), calls, register.tables)


_LOOKALIKES = (_search, _leaflet, _forward, _greeting, _loan, _settings, _ticket, _known)
