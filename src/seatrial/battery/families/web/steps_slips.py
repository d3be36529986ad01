"""A section whose records are opened by their number, whoever asks (CWE-639)."""

from __future__ import annotations

from seatrial.battery.families.web.step import Call, Setting, Step, fill, kept_layout, kept_table, only, store_text
from seatrial.battery.families.web.wraps import NAMES, draw_wraps, functions, seal, steps

_SLIP = """
@SITE.route("GET", "/«slug»/slips/<ref>")
def «function»(request):
    «gate»
«extra»    number = kit.number(«slug»_unseal(request.parts["ref"]))
    query = "SELECT id, title, year, owner, more FROM «slips» WHERE id = ?«and»"
    slip = SITE.stores["«slug»"].first(query, (number,«values»))
    text = ""
    if slip["more"]:
        query = "SELECT «column» FROM «keep» WHERE id = ?"
        text = "<p>Kept with it: " + kit.esc(SITE.stores["«slug»"].first(query, (slip["more"],))["«column»"]) + "</p>"
    return SITE.page(f"Slip {slip['id']}", kit.table([slip]) + text)
"""
_SLIPS = """
@SITE.route("GET", "/«slug»/slips")
def «slug»_slips(request):
    «gate»
    query = "SELECT id, title, year FROM «slips» WHERE owner = ? ORDER BY id"
    slips = SITE.stores["«slug»"].rows(query, (request.login,))
    links = (
        f'<li>{slip["id"]}: <a href="/«slug»/slips/{«slug»_seal(str(slip["id"]))}«query»">'
        f'{kit.esc(slip["title"])}</a></li>'
        for slip in slips
    )
    return SITE.page("Your slips", "<ul>" + "".join(links) + "</ul>")


"""
_EXTRA = {
    "member": '    if request.query.get("member", "") != request.login:\n'
    '        raise kit.Problem(403, "Say whose slips these are.")\n',
    "from": '    if not request.header("Referer").endswith("/«slug»/slips"):\n'
    '        raise kit.Problem(403, "Please come by your own list.")\n',
    "quiet": '    if request.header("X-Requested-With") != "«slug»":\n'
    '        raise kit.Problem(403, "Slips open inside the «slug» only; they say so in X-Requested-With.")\n',
}
_SLIP_SOLVER = """
    steps = «wraps»
    page = client.see("GET", "/«slug»/slips")
    own = re.findall(r'/slips/([^"?]+)', page)
    first = own[0]
    for name, n in reversed(steps):
        first = off(name, n, first)
    for distance in range(1, 90):
        for number in («order»):
            ref = str(number)
            for name, n in steps:
                ref = lay(name, n, ref)
            status, text = client.send("GET", "/«slug»/slips/" + ref, «query», headers=«headers»)
            if status == 200 and "Kept with it" in text:
                return text
    return ""
"""


def idor(setting: Setting) -> Step:
    """Slips that are opened by their number."""
    theme, draw = setting.theme, setting.draw
    slug, keep, column, slips = theme.desk(), theme.keep(), theme.phrase(), f"{theme.thing()}_slips"
    extras = draw.sample(tuple(_EXTRA), max(setting.filters - len(NAMES), min(3, setting.filters // 3)))[:3]
    wraps = draw_wraps(draw, setting.filters - len(extras))
    keeper = theme.person()
    others = [theme.person() for _ in range(4)]
    start = draw.between(1100, 8800)
    numbers = draw.sample(range(start, start + 70), 18)
    owners = [setting.guest, setting.guest, setting.probe, setting.probe, *others * 4]
    rows: list[tuple[object, ...]] = [
        (number, theme.label(), draw.between(2011, 2024), owner.login, 0)
        for number, owner in zip(sorted(numbers[1:]), draw.shuffled(owners[:17]), strict=True)
    ]
    rows.append((numbers[0], theme.label(), draw.between(2011, 2024), keeper.login, 1))
    kept = f"id INTEGER PRIMARY KEY, holder TEXT, state TEXT, {column} TEXT"
    sql = store_text(
        {
            slips: ("id INTEGER PRIMARY KEY, title TEXT, year INTEGER, owner TEXT, more INTEGER", rows),
            keep: (kept, kept_table(keeper.login)),
        }
    )
    query = "?member={request.login}" if "member" in extras else ""
    values = {
        "slug": slug,
        "function": f"{slug}_{theme.verb()}",
        "gate": setting.gate,
        "slips": slips,
        "column": column,
        "keep": keep,
        "extra": "".join(fill(_EXTRA[name], slug=slug) for name in extras),
    }
    own = [row for row in rows if row[3] == setting.probe.login]
    headers = {"Referer": f"http://{theme.host}/{slug}/slips", "X-Requested-With": slug}
    login = setting.probe.login

    def path(row: tuple[object, ...], person: str) -> str:
        return f"/{slug}/slips/{seal(str(row[0]), wraps)}?member={person}"

    calls = (
        Call("own slips", f"/{slug}/slips", actor=login, holds=tuple(str(row[1]) for row in own)),
        *(
            Call(f"slip {at}", path(row, login), actor=login, headers=headers, holds=(str(row[1]), str(row[2])))
            for at, row in enumerate(own)
        ),
        Call("kept slip", path(rows[-1], keeper.login), actor=keeper.login, headers=headers, holds=("Kept with it",)),
        Call("no slip", path((start + 80,), login), actor=login, headers=headers, status=404),
    )

    def solver(order: str) -> str:
        return fill(
            _SLIP_SOLVER,
            wraps=steps(wraps),
            slug=slug,
            order=order,
            query='{"member": client.login}' if "member" in extras else "None",
            headers=headers,
        )

    orders = (
        *("int(first) + distance, int(first) - distance", "int(first) - distance, int(first) + distance"),
        *("int(first) + 90 - distance, int(first) - 90 + distance", f"{numbers[0]},"),
        *(f"{start} + distance - 1,", f"{start} + 90 - distance,"),
    )
    return Step(
        technique="idor",
        cwe=639,
        number=setting.number,
        slug=slug,
        function=values["function"],
        shared=functions(wraps, f"{slug}_seal", f"{slug}_unseal")
        + fill(_SLIPS, query=query, **only(values, _SLIPS)).lstrip(),
        weak=fill(_SLIP, **{"and": ""}, values="", **values).strip() + "\n",
        fixed=fill(_SLIP, **{"and": " AND owner = ?"}, values=" request.login", **values).strip() + "\n",
        files={f"{slug}.sql": sql},
        layout=kept_layout(setting, slug, keep, column),
        calls=calls,
        solver=solver(orders[0]),
        touches=tuple(solver(order) for order in orders[1:]),
        needs=("wraps",),
        imports=("base64", "codecs") if wraps else (),
        paths=2,
        sites=(
            f'<p><a href="/{slug}/slips">Your slips</a>. The slip of {keeper.name} has something kept with it.</p>',
        ),
    )
