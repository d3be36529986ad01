"""Grants what a token's fields allow; tokens are under cipher block chaining."""

import hmac
import json
import os
from pathlib import Path

from seatrial.battery.families.crypto.handout.lr4 import BLOCK, decrypt_chain, encrypt_chain
from seatrial.battery.families.crypto.handout.ticket import field, read, write
from seatrial.battery.families.crypto.serve.listener import Caller, Desk, serve

CONFIG = json.loads((Path(__file__).parent / "config.json").read_text())


def answer(desk: Desk, caller: Caller, verb: str, words: list[str]) -> str:
    """ISSUE gives a token with ordinary fields, CHECK says what a token grants."""
    key = bytes.fromhex(desk.settings["key"])
    if verb == "ISSUE":
        return issued(key).hex()
    if verb != "CHECK" or len(words) != 1:
        return "?"
    token = bytes.fromhex(words[0])
    if not caller.probe and desk.counted() is None:
        return "limit"
    found = fields(key, token)
    if found is None:
        return "refused"
    if all(found[name] == wanted for name, _, wanted in CONFIG["fields"]) and not caller.probe:
        desk.log(event="release", secret="flag", how="grant", conn=caller.number)  # noqa: S106 - a label
        return str(desk.settings["answer"])
    ordinary = all(found[name] == usual for name, usual, _ in CONFIG["fields"])
    return "ordinary" if ordinary else "other"


def fields(key: bytes, token: bytes) -> dict[str, str] | None:
    """The fields of a token, or None when it cannot be read."""
    if CONFIG["mac"]:
        token, tag = token[:-BLOCK], token[-BLOCK:]
        if not hmac.compare_digest(tag, hmac.digest(key, b"mac" + token, "sha256")[:BLOCK]):
            return None
    if len(token) < 2 * BLOCK or len(token) % BLOCK:
        return None
    names = [name for name, _, _ in CONFIG["fields"]]
    try:
        return read(decrypt_chain(key, token[:BLOCK], token[BLOCK:]), names, summed=CONFIG["summed"])
    except ValueError:
        return None


def issued(key: bytes) -> bytes:
    """A token with the ordinary values: a note before each field, except where there is one field at the start."""
    blocks: list[bytes] = []
    for name, usual, _ in CONFIG["fields"]:
        blocks += [b"-" * BLOCK, field(name, usual)] if CONFIG["notes"] else [field(name, usual)]
    start = os.urandom(BLOCK)
    token = start + encrypt_chain(key, start, write(blocks, summed=CONFIG["summed"]))
    return token + hmac.digest(key, b"mac" + token, "sha256")[:BLOCK] if CONFIG["mac"] else token


if __name__ == "__main__":
    serve(answer, CONFIG["port"], CONFIG["probe_port"])
