"""What must work on every instance, and is tried on the twin: rightful readers read, services serve."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.solve.delivered import Delivered, opened
from seatrial.battery.instance import FileTree, Script
from seatrial.battery.stage import Stage

if TYPE_CHECKING:
    from seatrial.battery.families.crypto.scheme import Part
    from seatrial.battery.instance import Armed, Instance
    from seatrial.battery.submission import SubmissionSpec
    from seatrial.sandbox import Boxes

EXERCISE_S = 60.0

# An honest client: an issued token is read, an altered one is refused or at least grants nothing.
_EXERCISE = """
import json, socket
settings = json.loads(open("settings.json").read())
talk = socket.create_connection((settings["host"], settings["port"]), timeout=20).makefile("rw", newline="\\n")

def ask(request):
    talk.write(request + "\\n")
    talk.flush()
    return talk.readline().strip()

if settings["access"]:
    assert ask("ISSUE") == "closed", "the service talks to whoever has not opened it"
    assert ask("OPEN " + "0" * 32) == "closed", "any code opens the service"
    assert ask("OPEN " + settings["access"]) == "open", "the code does not open the service"
issued = ask("ISSUE")
answer = ask("CHECK " + issued)
assert answer in settings["healthy"], "an issued token is answered with " + answer
altered = ("0" if issued[0] != "0" else "1") + issued[1:]
answer = ask("CHECK " + altered)
assert not answer.startswith("flag"), "an altered token is granted"
assert answer not in settings["refuses"], "an altered token is answered with " + answer
assert ask("nonsense") == "?", "nonsense is not answered with a question mark"
"""


def problems(instance: Instance, armed: Armed, boxes: Boxes, intake: SubmissionSpec) -> tuple[str, ...]:
    """What went wrong; empty when everything works."""
    return (*_unread(instance, armed), *(_unserved(instance, armed, boxes, intake) if instance.services else ()))


def _unread(instance: Instance, armed: Armed) -> list[str]:
    parts: tuple[Part, ...] = instance.hidden.extra["parts"]
    wanted = [value for name, value in armed.expected.items() if name != "flag"]
    if parts[-1].technique.answer == "hex":
        wanted.append(armed.expected["flag"])
    found: list[str] = []
    files = {path: content for path, content, _ in armed.files}
    for number, (part, secret) in enumerate(zip(parts, wanted, strict=False), 1):
        if number > 1:
            bundle = opened(bytes.fromhex(wanted[number - 2]), armed.files[f"part-{number}.sealed"])
            if bundle is None:
                return [*found, f"the key of part {number - 1} does not open part {number}"]
            files = {name: base64.b64decode(content) for name, content in json.loads(bundle).items()}
        if part.scheme.recover(Delivered(files, part.layout)).hex() != secret:
            found.append(f"the rightful key holder does not read part {number}")
    return found


def _unserved(instance: Instance, armed: Armed, boxes: Boxes, intake: SubmissionSpec) -> list[str]:
    service = instance.services[0]
    config = json.loads(service.files["config.json"])
    startup = json.loads(armed.services[0].startup)
    settings = {
        "host": service.name,
        "port": service.port,
        "access": startup["access"],
        "healthy": config["healthy"],
        "refuses": config["healthy"] if config["mac"] else [],
    }
    script = Script(_EXERCISE, FileTree.of({"settings.json": json.dumps(settings)}))
    with Stage.open(instance, armed, boxes, intake=intake) as stage:
        done = stage.run(script, timeout_s=EXERCISE_S)
        evidence = stage.evidence()
    found = []
    if done.returncode:
        found.append(f"the service fails an honest client: {done.stderr[-200:].decode(errors='replace').strip()}")
    if not evidence.healthy.get(service.name):
        found.append("the service is not healthy after honest requests")
    if any(event.body.get("event") == "release" for event in evidence.events):
        found.append("honest requests release the secret")
    return found
