"""Submissions and deeds that must not be accepted: wrong texts of the right form, and rough handling of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.families.web import render, solve
from seatrial.battery.families.web.step import CURRENT, WITHDRAWN
from seatrial.battery.instance import HostileCase, Script

if TYPE_CHECKING:
    from seatrial.battery.families.web.render import Plan
    from seatrial.battery.families.web.step import Step

GATE_FLOOD = 300  # requests of the gate's own case: 2,000 cost more CPU than all other checks of an instance
FULL_FLOOD = 2000

_ROUGH = r"""
import http.client
import socket
import threading

ADDRESS = (%r, %d)
FLOOD = %d


def rough(content, wait=0.2):
    try:
        with socket.create_connection(ADDRESS, timeout=5) as link:
            link.sendall(content)
            link.settimeout(wait)
            link.recv(100)
    except OSError:
        pass


def many(count):
    for number in range(count):
        link = http.client.HTTPConnection(*ADDRESS, timeout=10)
        try:
            link.request("GET", "/?" + str(number))
            link.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            link.close()


for content in (
    b"\0" * 4096,
    b"GET " + b"/" * 70000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nX: " + b"a" * 70000,
    b"GET /\r\n",
    b"DELETE / HTTP/1.1\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nlogin=x",
    b"POST /sign-in HTTP/1.1\r\nContent-Length: -1\r\n\r\nlogin=x",
    b"POST /sign-in HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" + b"a=b&" * 15000,
    b"POST /sign-in HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60000,
    b"GET /%%00%%ff%%c0%%af HTTP/1.1\r\nCookie: " + b"=;" * 9000 + b"\r\n\r\n",
):
    rough(content)
idle = []
for _ in range(80):
    try:
        idle.append(socket.create_connection(ADDRESS, timeout=5))
    except OSError:
        break
for link in idle:
    link.close()
threads = [threading.Thread(target=many, args=(FLOOD // 4,)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with open("/submission/flag", "w") as file:
    file.write("flag{" + "a" * 26 + "}")
"""


def rough_handling(requests: int = GATE_FLOOD) -> HostileCase:
    """Malformed requests, idle connections and a flood; the service must outlive them, and nothing is earned."""
    source = _ROUGH % (render.HOST, render.PORT, requests)
    return HostileCase("rough handling", script=Script(source.lstrip()))


def hostile_cases(plan: Plan) -> tuple[HostileCase, ...]:
    """The cases of one instance."""
    plain = {
        "made-up flag": b"flag{" + b"a" * 26 + b"}",
        "name of the secret": plan.goal.label.encode(),
        "pattern of a flag": b"flag{[a-z2-7]{26}}",
        "flag in many guesses": b"".join(b"flag{%026d}\n" % number for number in range(100)),
        "NUL and flag": b"\0flag{" + b"b" * 26 + b"}\0",
        "the guest's password": plan.guest.password.encode(),
    }
    cases = [HostileCase(name, {"flag": content}) for name, content in plain.items()]
    cases.append(rough_handling())
    first = plan.steps[0]
    body = first.solver if len(plan.steps) > 1 else _withdrawn(first)
    if body:
        name = "witness: the code of a section before" if len(plan.steps) > 1 else "witness: the withdrawn text"
        script = solve.steal(render.HOST, render.PORT, plan.guest, first, body)
        cases.append(HostileCase(name, script=script))
    return tuple(cases)


def _withdrawn(step: Step) -> str:
    """The solver of a section, turned towards the text that was withdrawn; empty where it cannot be reached."""
    turns = {
        "sqli-union": ((f"'{CURRENT}", f"'{WITHDRAWN}"), ("id\\tIN\\t(1)", "id\\tIN\\t(2)")),
        "sqli-blind": (("id\\tIN\\t(1)", "id\\tIN\\t(2)"),),
        "template": ((CURRENT, WITHDRAWN),),
    }
    body = step.solver
    for old, new in turns.get(step.technique, ()):
        body = body.replace(old, new)
    return body if body != step.solver else ""
