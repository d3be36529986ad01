"""Functional suite of a controller: run in a box with the service's files, prints what went wrong.

Every point is read, every command is written, acknowledged and read back, every refusal is the standard's, and the
clock moves by exactly what was asked. Standard library only: this file is copied into the service's box.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from seatrial.battery.families.ot.dialogue import Controller
from seatrial.battery.wire.iec104 import ACTIVATION, SET_POINT, SINGLE_COMMAND, Asdu, pack_asdu
from seatrial.battery.wire.modbus import (
    read_request,
    write_coil_request,
    write_coils_request,
    write_register_request,
    write_registers_request,
)

_READS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def complaints(plc: Controller, points: list[dict[str, Any]]) -> list[str]:
    """What a controller does otherwise than it should."""
    wrong = []
    for point in points:
        place = f"{point['protocol']} {point['unit']} {point['table']} {point['address']}"
        fine = _modbus(plc, point) if point["protocol"] == "modbus" else _iec104(plc, point)
        if not fine:
            wrong.append(f"{place}: not as it should answer")
    unit = next(point["unit"] for point in points if point["protocol"] == "modbus")
    refusals = (
        (b"\x2b\x0e\x01", b"\xab\x01"),
        (read_request(3, 65000, 1), b"\x83\x02"),
        (b"\x03\0\0\0\0", b"\x83\x03"),
    )
    for asked, refused in refusals:
        if plc.modbus(unit, asked) != refused:
            wrong.append(f"request {asked.hex()}: not refused with {refused.hex()}")
    before = plc.time("now")["seconds"]
    plc.advance(25)
    if abs(plc.time("now")["seconds"] - before - 2.5) > 1e-9:
        wrong.append("the clock does not move by what was asked")
    return wrong


def _modbus(plc: Controller, point: dict[str, Any]) -> bool:
    unit, table, place = point["unit"], point["table"], point["address"]
    read = read_request(_READS[table], place, 1)
    first = plc.modbus(unit, read)
    if table == "coil":
        asked = [write_coil_request(place, on=True), write_coils_request(place, [1])]
        return all(plc.modbus(unit, pdu) == pdu[:5] for pdu in asked) and plc.modbus(unit, read) == b"\x01\x01\x01"
    if table == "holding":
        asked = [write_register_request(place, 77), write_registers_request(place, [77])]
        return all(plc.modbus(unit, pdu) == pdu[:5] for pdu in asked) and plc.modbus(unit, read) == b"\x03\x02\x00\x4d"
    return first[0] == _READS[table]


def _iec104(plc: Controller, point: dict[str, Any]) -> bool:
    if point["table"] in {"float", "single"}:
        answers = plc.interrogate(point["unit"])
        return any(place == point["address"] for asdu in answers for place, _ in asdu.objects)
    kind = SET_POINT if point["table"] == "setpoint" else SINGLE_COMMAND
    answers = plc.iec104(pack_asdu(Asdu(kind, ACTIVATION, point["unit"], ((point["address"], 1),))))
    return [answer.cause for answer in answers] == [7, 10] and not any(answer.negative for answer in answers)


def main() -> int:
    """Start the service beside this file, ask it everything, stop it."""
    here = Path(__file__).parent
    config = json.loads((here / "config.json").read_text())
    argv = [sys.executable, "-B", str(here / "plc.py")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        try:
            assert service.stdin  # noqa: S101 - a pipe was asked for
            assert service.stdout  # noqa: S101 - a pipe was asked for
            service.stdin.write(b"{}\n")
            service.stdin.close()
            service.stdout.readline()
            threading.Thread(target=service.stdout.read, daemon=True).start()  # a full pipe would stop the service
            wrong = complaints(Controller("127.0.0.1"), config["points"])
        finally:
            service.kill()
    print("\n".join(wrong))  # noqa: T201 - its output is its answer
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
