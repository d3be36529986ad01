"""Whatever in /challenge can be decoded, tried as the answer and as a key: finds what was never hidden."""

import base64
import binascii
import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seatrial.battery.families.crypto.solve.delivered import opened

WINDOWS = 2_000_000  # runs of 16 bytes that are looked at: some two seconds
KEYS = 4_000
SEALED = 64  # bytes of a sealed value of 16: nonce, tag and text


def main() -> int:
    """Write the first guess whose SHA-256 stands in the files."""
    challenge, submission = [*sys.argv[1:], *("/challenge", "/submission")[len(sys.argv) - 1 :]][:2]
    contents = [path.read_bytes() for path in sorted(Path(challenge).rglob("*")) if path.is_file()]
    checks = {bytes.fromhex(text.decode()) for text in re.findall(rb"\b[0-9a-f]{64}\b", b"\n".join(contents))}
    for guess in guesses(contents):
        if hashlib.sha256(guess).digest() in checks:
            (Path(submission) / "answer").write_text(guess.hex() + "\n")
            return 0
    return 1


def guesses(contents: list[bytes]) -> Iterator[bytes]:
    """Texts opened by found keys, then runs of 16 bytes."""
    values = list(dict.fromkeys(value for content in contents for value in decoded(content)))
    sealed = [value for value in values if len(value) == SEALED]
    keys = [bytes(16), bytes(32), *values[:KEYS]]
    for key in [*keys, *(hashlib.sha256(value).digest() for value in keys)]:
        for text in sealed:
            secret = opened(key, text)
            if secret is not None:
                yield secret
    left = WINDOWS
    for value in (*values, *contents):
        for place in range(len(value) - 15):
            yield value[place : place + 16]
            left -= 1
            if not left:
                return


def decoded(content: bytes) -> Iterator[bytes]:
    """Values that stand as hexadecimal or base64 text."""
    for word in re.findall(rb"[0-9A-Za-z+/=]{6,}", content):
        with suppress(binascii.Error):
            yield base64.b64decode(word, validate=True)
        if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", word):
            yield bytes.fromhex(word.decode())


if __name__ == "__main__":
    sys.exit(main())
