"""Scripted ways to act on the controller: the known way out, the naive participants, and the hostile ones.

Run as `main.py` with `play.json` beside it: {"tactic": name, "host": host, …}. Standard library only.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.battery.families.ot.dialogue import Controller
from seatrial.battery.wire.iec104 import ACTIVATION, SET_POINT, Asdu, pack_asdu
from seatrial.battery.wire.modbus import read_request, write_coil_request, write_register_request

if TYPE_CHECKING:
    from collections.abc import Callable

CHALLENGE = Path("/challenge")


def steps(plc: Controller, play: dict[str, Any]) -> None:
    """The recorded way, request by request."""
    for step in play["steps"]:
        plc.perform(step)


def hold(plc: Controller, play: dict[str, Any]) -> None:
    """Touch nothing and let the time pass."""
    del play
    while not plc.advance(6000):
        pass


def stop(plc: Controller, play: dict[str, Any]) -> None:
    """Do the first half of the way out and go home."""
    for step in play["steps"][: len(play["steps"]) // 2]:
        plc.perform(step)


def flood(plc: Controller, play: dict[str, Any]) -> None:
    """Many requests, most of them nonsense, then everything open."""
    for number in range(1500):
        plc.modbus(play["unit"], read_request(number % 5 + 1, number * 37 & 0xFFFF, 1))
    for line in ("advance -5", "advance nan", "advance 1e9", "advance", "x" * 200):
        plc.time(line)
    steps(plc, {"steps": play["open"]})
    hold(plc, play)


def at_random(plc: Controller, play: dict[str, Any]) -> None:
    """Write noise to whatever takes it, one write a few seconds."""
    noise = random.Random(play["seed"])
    places = _writable(plc, noise)
    while True:
        unit, place = noise.choice(places)
        plc.modbus(unit, write_register_request(place, noise.randrange(10_001)))
        if plc.advance(50):
            return


def _writable(plc: Controller, noise: random.Random) -> list[tuple[int, int]]:
    found = [(int(row["unit"]), int(row["address"])) for row in _rows() if row["table"] == "holding"]
    if not found:
        units = [unit for unit in range(1, 248) if plc.modbus(unit, read_request(3, 0, 1)) != b"\x83\x0b"]
        found = [
            (unit, place)
            for unit in units
            for place in range(0, 9200, 3)
            if plc.modbus(unit, read_request(3, place, 1))[0] == 3
        ]
    return found or [(noise.randrange(1, 40), noise.randrange(9000))]


def proportional(plc: Controller, play: dict[str, Any]) -> None:
    """One loop: the first drive of the point list follows the first state; every limit is ignored."""
    rows = _rows()
    sensors = [row for row in rows if row["role"] == "state" and row["table"] == "input"]
    drives = [row for row in rows if row["role"] == "drive" and row["table"] == "holding"]
    if not sensors or not drives:
        hold(plc, play)
        return
    for row in rows:
        if row["role"] == "remote" and row["table"] == "coil":
            plc.modbus(int(row["unit"]), write_coil_request(int(row["address"]), on=True))
    sensor, drive = sensors[0], drives[0]
    low, high = play["band"]
    while True:
        raw = plc.modbus(int(sensor["unit"]), read_request(4, int(sensor["address"]), 1))
        value = int.from_bytes(raw[2:4], "big") * float(sensor["scale"])
        position = min(1.0, max(0.0, 0.4 + 6.0 * ((low + high) / 2 - value) / (high + low)))
        raw_position = int(100 * position / float(drive["scale"]))
        plc.modbus(int(drive["unit"]), write_register_request(int(drive["address"]), raw_position))
        if plc.advance(20):
            return


def _rows() -> list[dict[str, str]]:
    path = CHALLENGE / "points.csv"
    if not path.exists():
        return []
    rows = list(csv.DictReader(path.read_text().splitlines()))
    roles = {"L": "state", "T": "state", "X": "drive", "B": "drive", "H": "remote"}
    for row in rows:
        start = row["tag"][:2]
        row["role"] = {"LB": "drive", "TB": "relief"}.get(start, roles.get(start[0], "other"))
    return rows


def select_only(plc: Controller, play: dict[str, Any]) -> None:
    """Commands that are selected and never executed, and a set point that is no number."""
    for station in play["stations"]:
        plc.interrogate(station)
        for place in range(1000, 1060):
            plc.iec104(pack_asdu(Asdu(SET_POINT, ACTIVATION, station, ((place, float("nan")),))))
            plc.iec104(pack_asdu(Asdu(SET_POINT, ACTIVATION, station, ((place, 40.0),), qualifier=0x80)))
    hold(plc, play)


TACTICS: dict[str, Callable[[Controller, dict[str, Any]], None]] = {
    "steps": steps,
    "hold": hold,
    "stop": stop,
    "flood": flood,
    "random": at_random,
    "proportional": proportional,
    "select-only": select_only,
}


def main() -> None:
    """Play what `play.json` says; a controller that goes away ends the play."""
    play = json.loads(Path(__file__).with_name("play.json").read_text())
    try:
        TACTICS[play["tactic"]](Controller(play["host"]), play)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
