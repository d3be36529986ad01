"""A naive participant: for every tag the single register that correlates best with its readings, as uint16.

It knows the file formats and least squares, and nothing of 32-bit values, signs, clocks or other protocols.
Run as `main.py` beside `reading.py` and `solve_read.py`. Standard library only.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from pathlib import Path
from typing import Any

from seatrial.battery.families.ot.reading import read_capture
from seatrial.battery.families.ot.solve_read import Log, fit

CHALLENGE, SUBMISSION = Path("/challenge"), Path("/submission")


def correlate(challenge: Path) -> dict[str, Any]:
    """The answer for a delivered folder."""
    reading = read_capture((challenge / "capture.pcap").read_bytes())
    log = Log((challenge / "operator.log").read_text())
    answer: dict[str, Any] = {}
    for row in csv.DictReader((challenge / "tags.csv").read_text().splitlines()):
        readings = log.readings[row["tag"]]
        bits = row["measure"] == "0/1"
        best: tuple[float, dict[str, Any]] | None = None
        for (protocol, unit, table, address), series in sorted(reading.samples.items()):
            if protocol != "modbus" or (table in {"coil", "discrete"}) != bits:
                continue
            times = [at % 86_400 for at, _ in series]
            raw = [series[max(0, bisect_right(times, at + 0.5) - 1)][1] for at, _ in readings]
            fitted = fit(raw, [value for _, value in readings])
            if fitted is None or (best is not None and fitted[2] >= best[0]):
                continue
            entry = {"protocol": protocol, "unit": unit, "table": table, "address": address}
            entry |= {"type": "bool"} if bits else {"type": "uint16", "scale": fitted[0], "offset": fitted[1]}
            best = fitted[2], entry
        if best is None:
            continue
        answer[row["tag"]] = best[1]
        entries = log.entries.get(row["tag"], [])
        near = [
            write
            for write in reading.writes
            if entries and len(write.values) == 1 and abs(write.at % 86_400 - entries[-1] - 0.5) <= 1.0
        ]
        if near and not bits:
            answer[row["tag"]]["setpoint"] = near[0].values[0] * best[1]["scale"] + best[1]["offset"]
    return answer


def main() -> None:
    """Answer what is delivered."""
    (SUBMISSION / "points.json").write_text(json.dumps(correlate(CHALLENGE)))


if __name__ == "__main__":
    main()
