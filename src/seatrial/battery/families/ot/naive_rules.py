"""Naive gateways: pass everything, pass nothing, or pass exactly what was seen.

Run as `main.py` with `play.json` beside it: {"rules": name}. Standard library only.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from seatrial.battery.families.ot.reading import read_capture

CHALLENGE, SUBMISSION = Path("/challenge"), Path("/submission")
MOST = 200


def seen_values(challenge: Path) -> list[dict[str, Any]]:
    """One rule for every request that was seen, reads first, as many as there may be."""
    with (challenge / "labels.csv").open() as file:
        bad = {int(row["frame"]) for row in csv.DictReader(file)}
    reading = read_capture((challenge / "capture.pcap").read_bytes())
    rules: dict[str, dict[str, Any]] = {}
    for _, source, unit, request in reading.requests:
        if not request.values:
            place = {"source": source, "unit": unit, "functions": [request.function]}
            last = request.address + request.count - 1
            rules.setdefault(json.dumps(place), place | {"addresses": [request.address, last]})
    for write in reading.writes:
        if write.frame in bad:
            continue
        address, count = write.place[3], len(write.values)
        rule = {"source": write.source, "unit": write.place[1], "functions": [write.function]}
        rule |= {"addresses": [address, address + count - 1], "values": [min(write.values), max(write.values)]}
        rules.setdefault(json.dumps(rule), rule)
    return list(rules.values())[:MOST]


def main() -> None:
    """Write the rules that `play.json` names."""
    name = json.loads(Path(__file__).with_name("play.json").read_text())["rules"]
    fixed: dict[str, list[dict[str, Any]]] = {"allow-all": [{}], "deny-all": []}
    found = fixed[name] if name in fixed else seen_values(CHALLENGE)
    (SUBMISSION / "rules.json").write_text(json.dumps({"rules": found}))


if __name__ == "__main__":
    main()
