"""The reference solver: a stand-alone script that knows this instance's records and writes them as the format asks.

It takes the header from the delivered sample, so it does read what a participant reads; the rest it was told.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seatrial.battery.instance import FileTree, Script

if TYPE_CHECKING:
    from seatrial.battery.c.compose import Writing
    from seatrial.battery.c.program import Program

_SCRIPT = """\
import json
import pathlib

PLAN = json.loads(pathlib.Path(__file__).with_name("plan.json").read_text())


def number(value, width):
    return value.to_bytes(width, PLAN["order"])


def check(data):
    kind, poly, value = PLAN["checksum"]["kind"], PLAN["checksum"]["poly"], PLAN["checksum"]["init"]
    for byte in data:
        if kind == "sum16":
            value = (value + byte * poly) & 0xFFFF
        elif kind == "crc16":
            value ^= byte << 8
            for _ in range(8):
                value = ((value << 1) ^ (poly if value & 0x8000 else 0)) & 0xFFFF
        else:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ (poly if value & 1 else 0)
    return number(value ^ PLAN["checksum"]["final"], 4 if kind == "crc32" else 2)


def size(count):
    if PLAN["length"] != "varint":
        return number(count, 1 if PLAN["length"] == "u8" else 2)
    out = []
    while count > 127:
        out.append(count & 127 | 128)
        count >>= 7
    return bytes([*out, count])


def record(tag, body):
    head = [number(tag, PLAN["tag_width"]), size(len(body))]
    whole = b"".join(head if PLAN["tag_first"] else head[::-1]) + body
    return whole + check(whole) if PLAN["checksum"] else whole


def main():
    sample = pathlib.Path("/challenge/sample.bin").read_bytes()
    message = sample[: PLAN["header"]]
    if PLAN["header_checksum"]:
        message += check(message)
    running = 0
    for tag, depth, relation, text in PLAN["records"]:
        body = bytes.fromhex(text)
        if relation:
            body = number((relation[0] * running + relation[1]) & 0xFFFF, 2) + body
        whole = record(tag, body)
        for _ in range(depth):
            whole = record(PLAN["container"], whole)
        message += whole
        running = (PLAN["sum_factor"] * running + sum(body) + tag) & 0xFFFF
    pathlib.Path("/submission/poc").write_bytes(message)


main()
"""


def solver(program: Program, trigger: Writing) -> Script:
    """The script and its plan."""
    grammar = program.grammar
    plan = {
        "order": grammar.order,
        "length": grammar.length,
        "tag_width": grammar.tag_width,
        "tag_first": grammar.tag_first,
        "container": grammar.container,
        "sum_factor": grammar.sum_factor,
        "header": len(grammar.magic) + 3,
        "header_checksum": grammar.header_checksum,
        "checksum": vars(grammar.checksum) if grammar.checksum else None,
        "records": [
            [
                leaf.handler.tag,
                leaf.handler.depth,
                [leaf.handler.relation.factor, leaf.handler.relation.offset] if leaf.handler.relation else None,
                leaf.body.hex(),
            ]
            for leaf in trigger.plan
        ],
    }
    return Script(_SCRIPT, FileTree.of({"plan.json": json.dumps(plan, sort_keys=True)}))
