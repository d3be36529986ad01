"""Tokens of whole blocks of 16 characters under cipher block chaining.

A token is a start block and the encrypted blocks. Blocks of the form `name=value` are fields; every other block is
a note of the bearer's and is not read. A token with a `sum` field has there the CRC-32 of the other fields' blocks.
"""

import zlib

BLOCK = 16


def field(name: str, value: str) -> bytes:
    """A field, filled with blanks."""
    return f"{name}={value}".ljust(BLOCK).encode()


def write(blocks: list[bytes], *, summed: bool) -> bytes:
    """The text of a token from notes and fields in their order; with `summed`, an empty note and the sum follow."""
    text = b"".join(blocks)
    if not summed:
        return text
    total = zlib.crc32(b"".join(block for block in blocks if b"=" in block))
    return text + b"-" * BLOCK + field("sum", f"{total:08x}")


def read(text: bytes, names: list[str], *, summed: bool) -> dict[str, str]:
    """The fields that are asked for; ValueError when one is missing or the sum is wrong."""
    blocks = [text[place : place + BLOCK] for place in range(0, len(text), BLOCK)]
    found = {}
    for name in [*names, "sum"] if summed else names:
        kept = [block for block in blocks if block.startswith(name.encode() + b"=")]
        if len(kept) != 1:
            raise ValueError("fields")
        found[name] = kept[0]
    total = zlib.crc32(b"".join(found[name] for name in names))
    if summed and found["sum"] != field("sum", f"{total:08x}"):
        raise ValueError("sum")
    return {name: found[name].decode("latin-1").partition("=")[2].strip() for name in names}
