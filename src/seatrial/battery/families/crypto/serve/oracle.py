"""Reads tokens under cipher block chaining and says how reading ended."""

import hmac
import json
import os
from pathlib import Path

from seatrial.battery.families.crypto.handout.lr4 import BLOCK, decrypt_chain, encrypt_chain
from seatrial.battery.families.crypto.serve.listener import Caller, Desk, serve

CONFIG = json.loads((Path(__file__).parent / "config.json").read_text())
NEEDED = 128  # answers of one bit that a value of 128 bits takes at least


def answer(desk: Desk, caller: Caller, verb: str, words: list[str]) -> str:
    """ISSUE gives a token of no interest, CHECK reads one."""
    key = bytes.fromhex(desk.settings["key"])
    if verb == "ISSUE":
        return issued(key).hex()
    if verb != "CHECK" or len(words) != 1:
        return "?"
    token = bytes.fromhex(words[0])
    number = 0
    if not caller.probe:
        counted = desk.counted()
        if counted is None:
            return "limit"
        number = counted
        if number == NEEDED:
            desk.log(event="release", secret="flag", how="oracle", answers=number, conn=caller.number)  # noqa: S106
    state = read(key, token)
    draw = hmac.digest(bytes.fromhex(desk.settings["noise"]), number.to_bytes(8, "big"), "sha256")
    if number and CONFIG["wrong"] and state != "fine" and draw[0] % CONFIG["wrong"] == 0:
        state = "content" if state == "padding" else "padding"
    codes = CONFIG["codes"][state]
    return str(codes[draw[1] % len(codes)])


def read(key: bytes, token: bytes) -> str:
    """How reading a token ends: fine, padding or content."""
    if CONFIG["mac"]:
        token, tag = token[:-BLOCK], token[-BLOCK:]
        if not hmac.compare_digest(tag, hmac.digest(key, b"mac" + token, "sha256")[:BLOCK]):
            return "padding"
    if len(token) < 2 * BLOCK or len(token) % BLOCK:
        raise ValueError("length")
    text = decrypt_chain(key, token[:BLOCK], token[BLOCK:])
    if not 1 <= text[-1] <= BLOCK or text[-text[-1] :] != text[-1:] * text[-1]:
        return "padding"
    return "fine" if text.startswith(b"note ") else "content"


def issued(key: bytes) -> bytes:
    """A token with a greeting."""
    start, text = os.urandom(BLOCK), b"note hello"
    token = start + encrypt_chain(key, start, text + bytes([BLOCK - len(text)]) * (BLOCK - len(text)))
    return token + hmac.digest(key, b"mac" + token, "sha256")[:BLOCK] if CONFIG["mac"] else token


if __name__ == "__main__":
    serve(answer, CONFIG["port"], CONFIG["probe_port"])
