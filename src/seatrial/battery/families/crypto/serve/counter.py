"""Grants what a message says whose tag is right."""

import hashlib
import hmac
import json
from pathlib import Path

from seatrial.battery.families.crypto.serve.listener import Caller, Desk, serve

CONFIG = json.loads((Path(__file__).parent / "config.json").read_text())


def answer(desk: Desk, caller: Caller, verb: str, words: list[str]) -> str:
    """ISSUE gives an ordinary message and its tag, CHECK says what a message grants."""
    key = bytes.fromhex(desk.settings["key"])
    if verb == "ISSUE":
        message = CONFIG["message"].encode()
        return f"{message.hex()} {tag(key, message).hex()}"
    if verb != "CHECK" or len(words) != 2:
        return "?"
    message, given = (bytes.fromhex(word) for word in words)
    if not caller.probe and desk.counted() is None:
        return "limit"
    if not hmac.compare_digest(given, tag(key, message)):
        return "refused"
    found = fields(message)
    if all(found.get(name) == wanted for name, wanted in CONFIG["wanted"].items()) and not caller.probe:
        desk.log(event="release", secret="flag", how="grant", conn=caller.number)  # noqa: S106 - a label
        return str(desk.settings["answer"])
    return "ordinary"


def tag(key: bytes, message: bytes) -> bytes:
    """The tag of a message."""
    if CONFIG["mac"]:
        return hmac.digest(key, message, CONFIG["digest"])
    return hashlib.new(CONFIG["digest"], key + message).digest()


def fields(message: bytes) -> dict[str, str]:
    """`name=value` pairs between ampersands; the last one of a name counts, others than pairs are passed over."""
    pairs = (part.partition("=") for part in message.decode("latin-1").split("&"))
    return {name: value for name, sign, value in pairs if sign}


if __name__ == "__main__":
    serve(answer, CONFIG["port"], CONFIG["probe_port"])
