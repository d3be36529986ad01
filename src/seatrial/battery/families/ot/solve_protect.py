"""Gateway rules from the delivered point list and hosts, knowing how the people of such a plant work.

Run as `main.py` beside `reading.py`. Reads /challenge/points.csv, labels.csv and capture.pcap; writes
/submission/rules.json. Standard library only.

* Who writes what, and with which function, is what the capture shows apart from the labelled writes.
* Ranges, rates and marks are those of the point list, turned into register values.
* What belongs together is workflow knowledge: a relief above its mark waits for the state of its unit, a calibration
  for the maintenance key of its unit.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from seatrial.battery.families.ot.reading import read_capture

CHALLENGE, SUBMISSION = Path("/challenge"), Path("/submission")
Row = dict[str, str]


def rows(path: Path) -> list[Row]:
    """A table with a head line."""
    return list(csv.DictReader(path.read_text().splitlines()))


def raw_range(row: Row) -> tuple[int, int]:
    """Register values inside a point's working range."""
    scale, low, high = float(row["scale"]), float(row["low"]), float(row["high"])
    return _ceiling(low / scale), int(high / scale + 1e-9)


def _ceiling(value: float) -> int:
    return int(value) + (value - int(value) > 1e-9)


def where(text: str) -> str:
    """The part in brackets: which unit of the plant."""
    return text[text.index("(") :]


def solve(challenge: Path) -> dict[str, Any]:
    """The rules for a delivered folder."""
    points = rows(challenge / "points.csv")
    bad = {int(row["frame"]) for row in rows(challenge / "labels.csv")}
    places = {(int(row["unit"]), row["table"], int(row["address"])): row for row in points}
    reading = read_capture((challenge / "capture.pcap").read_bytes())
    readers = sorted({source for _, source, _, request in reading.requests if not request.values})
    rules: list[dict[str, Any]] = [{"source": source, "functions": [1, 2, 3, 4]} for source in readers]
    seen = {
        (write.source, write.function, *write.place[1:])
        for write in reading.writes
        if write.frame not in bad and write.place[1:] in places
    }
    for source, function, unit, table, address in sorted(seen):
        row = places[unit, table, address]
        low, high = raw_range(row)
        rule: dict[str, Any] = {
            "source": source,
            "unit": unit,
            "functions": [function],
            "table": table,
            "addresses": [address, address + int(row["count"]) - 1],
            "values": [low, high],
            "rate": int(row["per_minute"]),
        }
        rules += _in_order(rule, row, points)
    return {"rules": rules}


def _in_order(rule: dict[str, Any], row: Row, points: list[Row]) -> list[dict[str, Any]]:
    """The rule, tied to the state in which its command is in order."""
    if row["what"].startswith("calibration"):
        key = next(other for other in points if other["what"] == f"maintenance key {where(row['what'])}")
        return [{**rule, "when": {"point": key["tag"], "op": "==", "value": 1}}]
    if not row["mark"]:
        return [rule]
    state = next(
        other
        for other in points
        if other["mark"] and not other["per_minute"] and where(other["what"]) == where(row["what"])
    )
    mark = int(float(row["mark"]) / float(row["scale"]))
    low, high = rule["values"]
    open_ = {**rule, "values": [mark + 1, high]}
    condition = {"point": state["tag"], "op": ">=", "value": float(state["mark"])}
    return [{**rule, "values": [low, mark]}, {**open_, "when": condition}]


def main() -> None:
    """Solve what is delivered."""
    (SUBMISSION / "rules.json").write_text(json.dumps(solve(CHALLENGE)))


if __name__ == "__main__":
    main()
