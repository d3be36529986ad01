"""Sections that mistake a visitor's rank: by what a pass says (CWE-347), or by a field of a form (CWE-915)."""

from __future__ import annotations

from seatrial.battery.families.web.screens import Pools, Refusal, conceal, draw_pipeline, passed
from seatrial.battery.families.web.step import Call, Setting, Step, fill, kept_layout, kept_table, only, store_text
from seatrial.battery.families.web.wraps import NAMES, draw_wraps, functions, steps

_ISSUE = """
def «slug»_sign(text):
    return «slug»_pack(hmac.new(«slug»_key().encode(), text.encode(), hashlib.sha256).digest())


def «slug»_pack(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def «slug»_unpack(text):
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        raise kit.Problem(401, "That is no pass.") from None
    if not isinstance(value, dict):
        raise kit.Problem(401, "That is no pass.")
    return value


@SITE.route("GET", "/«slug»/pass")
def «slug»_pass(request):
    «gate»
    role = "«role»" if request.login == "«keeper»" else "visitor"
    head = «slug»_pack(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = «slug»_pack(json.dumps({"sub": request.login, "role": role«claims»}).encode())
    text = f"{head}.{body}"
    return kit.Reply("Your pass: " + «slug»_seal(f"{text}.{«slug»_sign(text)}") + "\\n", kind="text/plain")


"""
_LEDGER = """
@SITE.route("GET", "/«slug»/ledger")
def «slug»_ledger(request):
    «gate»
    claims = «function»(request)
    if claims.get("role") != "«role»":
        raise kit.Problem(403, "The ledger is shown to passes with the role «role».")
    row = SITE.stores["«slug»"].first("SELECT holder, «column» FROM «keep» WHERE state = 'current'")
    return SITE.page("The ledger", kit.table([row]))
"""
_READ_ANY = '''
def «function»(request):
    """What the pass of a request says, if it is ours."""
    text = «slug»_unseal(request.header("Authorization").removeprefix("Bearer ").strip())
    head, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    kind, claims = «slug»_unpack(head), «slug»_unpack(body)
«none»    if str(kind.get("alg", "")).lower() != "none":
        if not hmac.compare_digest(signature, «slug»_sign(f"{head}.{body}")):
            raise kit.Problem(401, "That pass is not ours.")
«checks»    return claims
'''
_READ = '''
def «function»(request):
    """What the pass of a request says, if it is ours."""
    text = «slug»_unseal(request.header("Authorization").removeprefix("Bearer ").strip())
    head, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    kind, claims = «slug»_unpack(head), «slug»_unpack(body)
    if kind.get("alg") != "HS256" or not hmac.compare_digest(signature, «slug»_sign(f"{head}.{body}")):
        raise kit.Problem(401, "That pass is not ours.")
«checks»    return claims
'''
_NO_NONE = '    if kind.get("alg") in ("none", "NONE"):\n        raise kit.Problem(401, "A pass must be signed.")\n'
_CLAIMS = {
    "iss": (', "iss": "«slug»"', 'claims.get("iss") != "«slug»"'),
    "aud": (', "aud": ["«slug»", "«role»"]', '"«slug»" not in (claims.get("aud") or ())'),
    "exp": (
        ', "exp": int(time.time()) + 86400',
        'not time.time() < float(claims.get("exp") or 0) < time.time() + 90000',
    ),
    "ver": (', "ver": 3', 'claims.get("ver") != 3'),
    "typ": ("", 'kind.get("typ") != "JWT"'),
    "who": ("", 'claims.get("sub") != request.login'),
}
_LEDGER_SOLVER = """
    steps = «wraps»
    text = client.see("GET", "/«slug»/pass").partition("pass: ")[2].strip()
    for name, n in reversed(steps):
        text = off(name, n, text)
    head, body, signature = text.split(".")
    claims = json.loads(base64.b64decode(body + "==", b"-_"))
    claims["role"] = "«role»"

    def pack(value):
        return base64.b64encode(value, b"-_").decode().strip("=")

«forge»
    for name, n in steps:
        text = lay(name, n, text)
    return client.see("GET", "/«slug»/ledger", headers={"Authorization": "Bearer " + text})
"""
_FORGE_NONE = """
    head = pack(json.dumps({"alg": "«none»", "typ": "JWT"}).encode())
    text = head + "." + pack(json.dumps(claims).encode()) + ".«tail»"
"""
_FORGE_WORD = """
    signed = (head + "." + body).encode()
    key = None
    with open("/challenge/words.txt") as file:
        words = file.read().split()
    for word in words:
        for one in («forms»):
            if pack(hmac.digest(one.encode(), signed, "sha256")) == signature:
                key = one
                break
        if key:
            break
    if not key:
        return ""
    text = head + "." + pack(json.dumps(claims).encode())
    text = text + "." + pack(hmac.digest(key.encode(), text.encode(), "sha256"))
"""

_CARD = """
@SITE.route("POST", "/«slug»/card")
def «function»(request):
    «gate»
    for key, value in request.form.items():
        key = «slug»_tidy(key)
        if key in «allowed»:
            SITE.stores["«slug»"].rows(f"UPDATE cards SET {key} = ? WHERE login = ?", (value[:80], request.login))
    return kit.go("/«slug»/card.json")
"""
_CARDS = """
«COLUMNS» = ("name", "about", "«rank»")


@SITE.route("GET", "/«slug»/card.json")
def «slug»_card(request):
    «gate»
    return kit.as_json(SITE.stores["«slug»"].first("SELECT * FROM cards WHERE login = ?", (request.login,)))


@SITE.route("GET", "/«slug»/ledger")
def «slug»_ledger(request):
    «gate»
    card = SITE.stores["«slug»"].first("SELECT * FROM cards WHERE login = ?", (request.login,))
    if card["«rank»"] != "«role»":
        raise kit.Problem(403, "The ledger is shown to cards with the «rank» «role».")
    row = SITE.stores["«slug»"].first("SELECT holder, «column» FROM «keep» WHERE state = 'current'")
    return SITE.page("The ledger", kit.table([row]))


"""
_CARD_SOLVER = """
    status, _ = client.send("POST", "/«slug»/card", form={conceal("«rank»", «steps»): "«role»"«more»})
    return client.see("GET", "/«slug»/ledger")
"""


def token(setting: Setting) -> Step:
    """A ledger that is shown to passes."""
    theme, draw = setting.theme, setting.draw
    slug, keep, column, role = theme.desk(), theme.keep(), theme.phrase(), theme.holder()
    keeper = theme.person()
    unsigned = draw.chance(1, 2)
    own = ("capital", "digits") if not unsigned else ("spelling",)
    pool = draw.shuffled([*_CLAIMS, *own])
    extras = pool[: max(setting.filters - len(NAMES), setting.filters // 2)]
    wraps = draw_wraps(draw, setting.filters - len(extras))
    claims = [name for name in _CLAIMS if name in extras]
    constant = f"{slug}_key".upper()
    names = {"slug": slug, "role": role}
    checks = "".join(
        f"    if {fill(_CLAIMS[name][1], **only(names, _CLAIMS[name][1]))}:\n"
        '        raise kit.Problem(401, "That pass is not for here.")\n'
        for name in claims
    )
    added = "".join(fill(_CLAIMS[name][0], **only(names, _CLAIMS[name][0])) for name in claims)
    values = {**names, "function": f"{slug}_{theme.verb()}", "gate": setting.gate, "column": column, "keep": keep}
    ledger = "\n\n" + fill(_LEDGER, **values).strip() + "\n"
    whole = fill(_READ, checks=checks, **only(values, _READ)).strip() + "\n" + ledger
    returned = f"def {slug}_key():\n    return "
    random_key = f"{constant} = secrets.token_hex(32)\n\n\n{returned}{constant}\n\n\n"
    word = "".join(name[0] for name in ("capital", "digits") if name in extras)
    if unsigned:
        none = _NO_NONE if "spelling" in extras else ""
        weak = random_key + fill(_READ_ANY, none=none, checks=checks, **only(values, _READ_ANY)).strip() + "\n" + ledger
        forged = [("None", ""), ("nOne", ""), ("nONe", "x"), ("NonE", "e30"), ("nonE", "none"), ("NONe", "")]
        forge = [fill(_FORGE_NONE, none=one, tail=tail).strip("\n") for one, tail in forged]
    else:
        weak = f'{returned}SITE.keys["{slug}"]\n\n\n' + whole
        one = "word.capitalize()" if "capital" in extras else "word"
        forms = f"{one} + '%02d' % end for end in range(100)" if "digits" in extras else f"{one},"
        forge = [fill(_FORGE_WORD, forms=forms).strip("\n")]
        forge += [
            forge[0].replace("json.dumps(claims)", f"json.dumps(dict(claims, {more}))")
            for more in ("sub=claims['sub']", "nbf=0", "iat=1", "jti='a'", "x=[]")
        ]
    solvers = [fill(_LEDGER_SOLVER, forge=text, wraps=steps(wraps), **names) for text in forge]
    login = setting.probe.login
    bearer = {"Authorization": "Bearer <<pass>>"}
    keeps = {"pass": ("pass: ", "\n")}
    calls = (
        Call("no pass", f"/{slug}/ledger", actor=login, headers={"Authorization": "Bearer x.y.z"}, status=401),
        Call("a visitor's pass", f"/{slug}/pass", actor=login, holds=("Your pass: ",), keeps=keeps),
        Call("ledger for a visitor", f"/{slug}/ledger", actor=login, headers=bearer, status=403),
        Call("a keeper's pass", f"/{slug}/pass", actor=keeper.login, holds=("Your pass: ",), keeps=keeps),
        Call("ledger for a keeper", f"/{slug}/ledger", actor=keeper.login, headers=bearer, holds=(role,)),
    )
    kept = f"id INTEGER PRIMARY KEY, holder TEXT, state TEXT, {column} TEXT"
    issue = fill(_ISSUE, keeper=keeper.login, claims=added, **only(values, _ISSUE)).lstrip()
    return Step(
        technique="token",
        cwe=347,
        number=setting.number,
        slug=slug,
        function=values["function"] if unsigned else f"{slug}_key",
        shared=functions(wraps, f"{slug}_seal", f"{slug}_unseal", 401, "That is no pass.") + issue,
        weak=weak,
        fixed=random_key + whole,
        files={f"{slug}.sql": store_text({keep: (kept, kept_table(role))})},
        layout=kept_layout(setting, slug, keep, column),
        calls=calls,
        solver=solvers[0],
        touches=tuple(solvers[1:]),
        needs=("wraps",),
        imports=("base64", "codecs", "hashlib", "hmac", "json", "secrets", "time"),
        keys={} if unsigned else {slug: "word" + word},
        paths=2,
        sites=(
            (
                f'<p><a href="/{slug}/pass">Your pass</a> opens <a href="/{slug}/ledger">the ledger</a>, if it may: '
                "send it in the header Authorization, after the word Bearer.</p>"
            ),
        ),
    )


def mass_assignment(setting: Setting) -> Step:
    """Cards that visitors keep up to date themselves."""
    theme, draw = setting.theme, setting.draw
    slug, keep, column, role = theme.desk(), theme.keep(), theme.phrase(), theme.holder()
    keeper = theme.person()
    rank = draw.choice(("standing", "grade", "office", "calling", "degree", "position"))
    refusals = (
        *(
            Refusal("^.{40}"),
            Refusal(r"\d"),
            Refusal("[A-Z]", exact=True),
            Refusal(r"\["),
            Refusal(r"\."),
            Refusal("^_"),
        ),
        *(Refusal("admin|root"), Refusal("login|password"), Refusal(r"\s"), Refusal("-"), Refusal("__"), Refusal("%")),
    )
    halves = (rank[: len(rank) // 2 + 1], rank[len(rank) // 2 :])
    pipe = draw_pipeline(draw, Pools((rank, *halves), refusals, (rank,)), setting.filters)
    values = {"slug": slug, "gate": setting.gate, "column": column, "keep": keep, "role": role, "rank": rank}
    function = f"{slug}_{theme.verb()}"
    constant = f"{slug}_columns".upper()
    people = [setting.guest, setting.probe, keeper, *(theme.person() for _ in range(3))]
    cards: list[tuple[object, ...]] = [
        (person.login, person.name, theme.label(), role if person is keeper else "visitor") for person in people
    ]
    kept = f"id INTEGER PRIMARY KEY, holder TEXT, state TEXT, {column} TEXT"
    sql = store_text(
        {
            "cards": (f"login TEXT PRIMARY KEY, name TEXT, about TEXT, {rank} TEXT", cards),
            keep: (kept, kept_table(role)),
        }
    )
    login = setting.probe.login
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    calls = (
        Call("own card", f"/{slug}/card.json", actor=login, holds=(f'"{rank}": "visitor"',)),
        Call("change a card", f"/{slug}/card", "POST", login, "about=O%27Neill%27s+%22best%22&name=Pat", form, 303),
        Call("changed card", f"/{slug}/card.json", actor=login, holds=("O'Neill's \\\"best\\\"", '"Pat"', "visitor")),
        Call("ledger for a visitor", f"/{slug}/ledger", actor=login, status=403),
        Call("ledger for a keeper", f"/{slug}/ledger", actor=keeper.login, holds=(role,)),
    )

    def handler(allowed: str) -> str:
        common = only({**values, "function": function}, _CARD)
        return fill(_CARD, allowed=allowed, **common).strip() + "\n"

    def solver(more: str) -> str:
        return fill(_CARD_SOLVER, slug=slug, rank=rank, role=role, steps=pipe.steps, more=more)

    if passed(conceal(rank, pipe), pipe) != rank:
        raise ValueError(f"{rank}: no way through {pipe}")
    more = (
        "",
        ', "name": "Pat"',
        ', "about": "x", "name": "y"',
        ', "other": "1"',
        ', "about": ""',
        ', "name": "O\'Hara"',
    )
    return Step(
        technique="mass-assignment",
        cwe=915,
        number=setting.number,
        slug=slug,
        function=function,
        shared=pipe.function(f"{slug}_tidy", "That is no field of a card.")
        + fill(_CARDS, COLUMNS=constant, **values).lstrip(),
        weak=handler(constant),
        fixed=handler('("name", "about")'),
        files={f"{slug}.sql": sql},
        layout=kept_layout(setting, slug, keep, column),
        calls=calls,
        solver=solver(more[0]),
        touches=tuple(solver(item) for item in more[1:]),
        needs=("conceal",),
        paths=3,
        sites=(
            (
                f'<form method="post" action="/{slug}/card"><input name="name"><input name="about">'
                f"<button>Change</button></form>"
                f'<p><a href="/{slug}/card.json">Your card</a>, <a href="/{slug}/ledger">the ledger</a></p>'
            ),
        ),
    )
