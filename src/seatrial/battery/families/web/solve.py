"""The reference solver of an instance: a stand-alone script that takes the way in of each section in turn.

It knows what the generator knows of the service's shape (paths, fields, filters), and none of the attempt's secrets.
The same kit makes the scripts that reach for what is kept in other ways (`touch`), which the patch tasks replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.families.web.render import HOST, PORT
from seatrial.battery.families.web.screens import CONCEALERS
from seatrial.battery.families.web.wraps import WRAPPINGS
from seatrial.battery.instance import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.battery.families.web.render import Plan
    from seatrial.battery.families.web.step import Step
    from seatrial.battery.families.web.theme import Person

CLIENT = """
import base64
import binascii
import codecs
import hmac
import http.client
import json
import re
import sys
import time
from urllib.parse import urlencode

ADDRESS = (HOST, PORT)
FLAG = r"flag\\{[a-z2-7]{26}\\}"
CODE = r"[A-Z2-7]{5}-[A-Z2-7]{5}"


class Client:
    def __init__(self, login, password):
        self.login = login
        self.jar = ""
        _, _, headers = self.raw("POST", "/sign-in", form={"login": login, "password": password})
        self.jar = headers.get("Set-Cookie", "").partition(";")[0]

    def raw(self, method, path, query=None, form=None, headers=None):
        target = path + ("?" + urlencode(query) if query else "")
        body = urlencode(form).encode() if form is not None else None
        sent = dict(headers or {}, Cookie=self.jar)
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        for _ in range(2000):
            link = http.client.HTTPConnection(*ADDRESS, timeout=10)
            try:
                link.request(method, target, body, sent)
                answer = link.getresponse()
                text = answer.read().decode("utf-8", "replace")
            finally:
                link.close()
            if answer.status != 429:
                return answer.status, text, answer.headers
            time.sleep(float(answer.headers.get("Retry-After", "0.1")))
        raise SystemExit("always too busy")

    def send(self, method, path, query=None, form=None, headers=None):
        return self.raw(method, path, query, form, headers)[:2]

    def see(self, method, path, query=None, form=None, headers=None):
        return self.send(method, path, query, form, headers)[1]
"""
BISECT = """
def bisect(less):
    code = "-234567ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    flag = "234567abcdefghijklmnopqrstuvwxyz"
    short = less("a")
    found = "" if short else "flag{"
    length = 11 if short else 31
    while len(found) < length:
        usable = ("-" if len(found) == 5 else code[1:]) if short else flag
        low, high = 0, len(usable)
        while high - low > 1:
            middle = (low + high) // 2
            if less(found + usable[middle]):
                high = middle
            else:
                low = middle
        found += usable[low]
    return found if short else found + "}"
"""
_MAIN = """
def main():
    client = Client(LOGIN, PASSWORD)
    for number, step in enumerate(STEPS, 1):
        last = number == len(STEPS)
        found = re.findall(FLAG if last else CODE, step(client) or "")
        if not found:
            raise SystemExit("step %d of %d gave nothing" % (number, len(STEPS)))
        if not last:
            client.see("POST", ENTER[number], form={"code": found[0]})
    with open("/submission/flag", "w") as file:
        file.write(found[0] + "\\n")


main()
"""
_TOUCH_MAIN = """
def main():
    client = Client(LOGIN, PASSWORD)
    for path, code in OPEN:
        client.see("POST", path, form={"code": code})
    STEPS[0](client)


main()
"""
_STEAL_MAIN = """
def main():
    client = Client(LOGIN, PASSWORD)
    found = re.findall(FLAG + "|" + CODE, STEPS[0](client) or "")
    with open("/submission/flag", "w") as file:
        file.write(found[0] if found else "nothing")


main()
"""
KITS = {"conceal": CONCEALERS, "bisect": BISECT, "wraps": WRAPPINGS}


def _script(host: str, port: int, guest: Person, bodies: Sequence[str], needs: set[str], more: str) -> Script:
    names = [f"step_{number}" for number in range(1, len(bodies) + 1)]
    parts = [
        f"HOST, PORT = {host!r}, {port}\nLOGIN, PASSWORD = {guest.login!r}, {guest.password!r}\n",
        CLIENT.lstrip("\n"),
        *(KITS[name].lstrip("\n") for name in sorted(needs)),
        *(f"def {name}(client):\n    {body.strip()}\n" for name, body in zip(names, bodies, strict=True)),
        f"STEPS = [{', '.join(names)}]\n{more.lstrip()}",
    ]
    return Script("\n\n".join(parts))


def solver(host: str, port: int, guest: Person, steps: Sequence[Step]) -> Script:
    """Every section in turn, then /submission/flag."""
    enter = {step.number - 1: f"/{step.slug}/enter" for step in steps if step.number > 1}
    needs = {name for step in steps for name in step.needs}
    return _script(host, port, guest, [step.solver for step in steps], needs, f"ENTER = {enter!r}\n\n{_MAIN}")


def touch(host: str, port: int, guest: Person, step: Step, opened: Mapping[str, str], body: str) -> Script:
    """One way to reach what a section keeps; `opened`: the paths and codes of the sections before it."""
    more = f"OPEN = {list(opened.items())!r}\n\n{_TOUCH_MAIN}"
    return _script(host, port, guest, [body], set(step.needs), more)


def exploits(plan: Plan, codes: Mapping[str, str], number: int) -> tuple[Script, ...]:
    """Every known way to what section `number` keeps, the solver's own first; `codes` open the sections before it.

    Each makes the service release the section's label unless that section is mended. `codes` is
    `Armed.expected["codes"]`; the scripts run in the participant's view and hand nothing in.
    """
    step = plan.steps[number - 1]
    before = [(plan.steps[place].slug, plan.steps[place - 1].label) for place in range(1, number)]
    opened = {f"/{slug}/enter": codes[label] for slug, label in before}
    return tuple(touch(HOST, PORT, plan.guest, step, opened, body) for body in (step.solver, *step.touches))


def steal(host: str, port: int, guest: Person, step: Step, body: str) -> Script:
    """Hand in whatever the first section gives, though it is not what is asked for."""
    return _script(host, port, guest, [body], set(step.needs), _STEAL_MAIN)
