"""Submissions that must not be accepted, beside the generic ones of the gate."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from seatrial.battery import attempt as attempts
from seatrial.battery.instance import Attempt, HostileCase, Script

if TYPE_CHECKING:
    from seatrial.battery.instance import InstanceKey

_FOREIGN = Attempt(b"\1" * 32, b"\2" * 16)

# Hands in what lies around: every delivered string of 32 hexadecimal digits, or the first bytes of the largest file.
_CIPHERTEXT = """
import pathlib, re
text = b"".join(path.read_bytes() for path in sorted(pathlib.Path("/challenge").rglob("*")) if path.is_file())
found = re.findall(rb"[0-9a-f]{32}", text) or [text[:16].hex().encode()]
pathlib.Path("/submission/answer").write_bytes(found[-1])
"""


def hostile_cases(key: InstanceKey, answer: str) -> tuple[HostileCase, ...]:
    """The family's own hostile cases of an instance."""
    foreign = attempts.flag(_FOREIGN, key) if answer == "flag" else attempts.secret(_FOREIGN, key, "part 1").hex()
    many = b"\n".join(hashlib.sha256(number.to_bytes(4, "big")).hexdigest()[:32].encode() for number in range(100))
    contents = {
        "witness: the secret of another attempt": foreign.encode(),
        "witness: the other kind of answer": b"flag{" + b"a" * 26 + b"}" if answer == "hex" else b"0" * 32,
        "all zero": b"0" * 32,
        "all zero bytes": bytes(16),
        "a hundred guesses": many,
        "a million guesses": many * 10_000,
        "a wildcard": b"[0-9a-f]{32}",
        "a list as JSON": b'["' + foreign.encode() + b'", "' + b"0" * 32 + b'"]',
        "two answers": foreign.encode() + b" " + b"0" * 32,
        "a comparison that is always true": b"' or '1'='1",
    }
    return (
        *(HostileCase(name, {"answer": content}) for name, content in contents.items()),
        HostileCase("the ciphertext itself", {}, Script(_CIPHERTEXT)),
    )
