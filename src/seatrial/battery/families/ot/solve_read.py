"""The point list of a capture, by correlating what the operator logged with what the registers held.

Run as `main.py` beside `reading.py`, `modbus.py`, `iec104.py`. Reads /challenge/capture.pcap, operator.log and
tags.csv; writes /submission/points.json. Standard library only.

* Clocks: setpoint entries and commands are the same events, so the shift of the log's clock is the one under which
  most entries have a command in their second.
* A tag's place is the one whose decoded values, taken at the times of its readings, lie on a line to the display step.
  One register is preferred to two, a float of a plain power of ten to an integer (its bits grow with its value), and
  of signed and unsigned the one that does not jump.
* A setpoint is the last value written to the place whose commands come exactly at the tag's entries.
"""

from __future__ import annotations

import csv
import json
import struct
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

from seatrial.battery.families.ot.reading import Place, Reading, read_capture

CHALLENGE, SUBMISSION = Path("/challenge"), Path("/submission")
Series = list[tuple[float, float]]
Found = tuple[Place, str, str, float, float]  # place, type, order, scale, offset


def decode(words: tuple[int, ...], kind: str, order: str) -> float:
    """The raw number that registers hold as a type, in a word order."""
    if len(words) == 1:
        return words[0] - 0x10000 if kind == "int16" and words[0] & 0x8000 else words[0]
    high, low = words if order == "high-first" else words[::-1]
    whole = high << 16 | low
    if kind == "float32":
        value: float = struct.unpack(">f", struct.pack(">I", whole))[0]
        return value
    return whole - 2**32 if kind == "int32" and whole & 0x80000000 else whole


class Log:
    """The operator's log, in seconds of its own day."""

    def __init__(self, text: str) -> None:
        self.readings: dict[str, Series] = {}
        self.entries: dict[str, list[int]] = {}
        for line in text.splitlines():
            clock, tag, *rest = line.split(" ")
            hours, minutes, seconds = (int(part) for part in clock.split(":"))
            at = 3600 * hours + 60 * minutes + seconds
            if rest[0] == "setpoint":
                self.entries.setdefault(tag, []).append(at)
            else:
                value = {"on": 1.0, "off": 0.0}.get(rest[0])
                self.readings.setdefault(tag, []).append((at, float(rest[0]) if value is None else value))


def find_skew(log: Log, reading: Reading, *, widest: float = 5.5) -> float:
    """Seconds by which the log's clock is ahead of the capture's."""
    commands = sorted(write.at % 86_400 for write in reading.writes)
    entries = [at for times in log.entries.values() for at in times]
    best: list[float] = []
    most = 0
    for step in range(-int(widest * 10), int(widest * 10) + 1):
        skew = step / 10
        hits = 0
        for at in entries:
            first = bisect_right(commands, at - skew - 1e-9)
            hits += first < len(commands) and commands[first] < at + 1 - skew
        if hits > most:
            most, best = hits, []
        if hits == most:
            best.append(skew)
    return sum(best) / len(best) if best else 0.0


class Points:
    """Searches the places of a capture for the tags of a log."""

    def __init__(self, reading: Reading, log: Log, skew: float) -> None:
        self._reading, self._log, self._skew = reading, log, skew
        self._times: dict[Place, list[float]] = {}
        self._columns: dict[Place, list[float]] = {}
        self._indices: dict[tuple[int, ...], list[tuple[Place, str, str, list[float]]]] = {}
        shared: dict[tuple[float, ...], list[float]] = {}
        for place, series in reading.samples.items():
            times = tuple(at % 86_400 for at, _ in series)
            self._times[place] = shared.setdefault(times, list(times))
            self._columns[place] = [value for _, value in series]
        self._candidates = [found for place in sorted(self._columns) for found in self._decoded(place)]

    def _decoded(self, place: Place) -> list[tuple[Place, str, str, list[float]]]:
        protocol, unit, table, address = place
        column = self._columns[place]
        if table == "float":
            return [(place, "float32", "", column)]
        if table not in {"input", "holding"}:
            return []
        found = []
        if any(value != column[0] for value in column):
            found.append((place, "uint16", "", column))
            if max(column) >= 0x8000:
                found.append((place, "int16", "", [decode((int(value),), "int16", "") for value in column]))
        following = (protocol, unit, table, address + 1)
        other = self._columns.get(following)
        if other is not None and len(other) == len(column) and any(column) and any(other):
            pairs = [(int(a), int(b)) for a, b in zip(column, other, strict=True)]
            for order in ("high-first", "low-first"):
                for kind in ("uint32", "int32", "float32"):
                    values = [decode(pair, kind, order) for pair in pairs]
                    if kind != "int32" or min(values) < 0:
                        found.append((place, kind, order, values))
        return found

    def at(self, place: Place, times: list[float]) -> list[int]:
        """Indices of the samples that were current at times of the log."""
        own = self._times[place]
        return [max(0, bisect_right(own, at - self._skew) - 1) for at in times]

    def analogue(self, tag: str, step: float) -> Found | None:
        """Place, type, order, scale and offset of an analogue tag, or None when nothing fits."""
        readings = sorted(self._log.readings[tag], key=lambda row: row[1])
        times, values = [row[0] + 0.5 for row in readings], [row[1] for row in readings]
        if values[-1] - values[0] < 4 * step:
            return None
        probe = len(values) // 2
        best: tuple[tuple[int, float, float], Found] | None = None
        indices: dict[int, list[int]] = {}
        for place, kind, order, series in self._candidates:
            own = self._times[place]
            where = indices.get(id(own))
            if where is None:
                where = indices[id(own)] = self.at(place, times)
            low, high = series[where[0]], series[where[-1]]
            if not low < high:
                continue
            slope = (values[-1] - values[0]) / (high - low)
            middle = values[0] + slope * (series[where[probe]] - low)
            if not abs(middle - values[probe]) <= 1.6 * step:
                continue
            fitted = self._fitted(kind, [series[index] for index in where], values, step)
            if fitted is None:
                continue
            rank = (fitted[0], round(fitted[1] / step, 6), max(abs(a - b) for a, b in pairwise(series)))
            if best is None or rank < best[0]:
                best = rank, (place, kind, order, *fitted[2])
        return None if best is None else best[1]

    @staticmethod
    def _fitted(
        kind: str, raw: list[float], values: list[float], step: float
    ) -> tuple[int, float, tuple[float, float]] | None:
        """Width and type as a rank, the largest residual, and the line; None when it does not fit."""
        if kind == "float32":
            scale = power_of_ten(raw, values)
            worst = max(abs(value * scale - shown) for value, shown in zip(raw, values, strict=True))
            return (1, worst, (scale, 0.0)) if worst <= 0.6 * step else None
        fitted = fit(raw, values)
        if fitted is None or fitted[2] > 0.9 * step:
            return None
        return (0 if kind.endswith("16") else 2), fitted[2], fitted[:2]

    def two_state(self, tag: str) -> Place | None:
        """The place of a tag whose every change was logged."""
        changes = sorted(self._log.readings[tag])
        for place, column in sorted(self._columns.items()):
            if place[2] not in {"coil", "discrete", "single"}:
                continue
            expected = [changes[0][1]] * len(column)
            for index, (_, value) in zip(self.at(place, [at + 0.5 for at, _ in changes]), changes, strict=True):
                expected[index:] = [value] * (len(column) - index)
            if expected == column:
                return place
        return None

    def setpoint(self, tag: str) -> tuple[float, ...] | None:
        """The last registers (or value) written to the place whose commands are the tag's entries."""
        entries = sorted(self._log.entries.get(tag, ()))
        by_place: dict[Place, list[tuple[float, tuple[float, ...]]]] = {}
        for write in self._reading.writes:
            by_place.setdefault(write.place, []).append((write.at % 86_400 + self._skew, write.values))
        for _, commands in sorted(by_place.items()):
            if len(commands) == len(entries) and all(
                at - 0.6 <= moment <= at + 1.6 for at, (moment, _) in zip(entries, commands, strict=True)
            ):
                return commands[-1][1]
        return None


def fit(raw: list[float], values: list[float]) -> tuple[float, float, float] | None:
    """Least-squares scale and offset, and the largest residual; None when the raw values stand still."""
    count = len(raw)
    mean_raw, mean = sum(raw) / count, sum(values) / count
    spread = sum((value - mean_raw) ** 2 for value in raw)
    if not 0 < spread < 1e300:
        return None
    scale = sum((a - mean_raw) * (b - mean) for a, b in zip(raw, values, strict=True)) / spread
    offset = mean - scale * mean_raw
    return scale, offset, max(abs(a * scale + offset - b) for a, b in zip(raw, values, strict=True))


def power_of_ten(raw: list[float], values: list[float]) -> float:
    """The power of ten nearest to the ratio of the largest value to its raw number."""
    most, shown = max(zip(raw, values, strict=True), key=lambda pair: abs(pair[1]))
    ratio, power = abs(shown / most) if most else 1.0, 1.0
    while power > ratio * 3 and power > 1e-9:
        power /= 10
    while power * 3 < ratio and power < 1e9:
        power *= 10
    return power


def solve(challenge: Path) -> dict[str, Any]:
    """The answer for a delivered folder."""
    reading = read_capture((challenge / "capture.pcap").read_bytes())
    log = Log((challenge / "operator.log").read_text())
    tags = list(csv.DictReader((challenge / "tags.csv").read_text().splitlines()))
    points = Points(reading, log, find_skew(log, reading))
    answer: dict[str, Any] = {}
    for row in tags:
        tag = row["tag"]
        if row["measure"] == "0/1":
            place = points.two_state(tag)
            if place is not None:
                answer[tag] = _entry(place, "bool", "")
            continue
        found = points.analogue(tag, float(row["step"]))
        if found is None:
            continue
        place, kind, order, scale, offset = found
        answer[tag] = {**_entry(place, kind, order), "scale": scale, "offset": offset}
        if row["setpoint"] == "yes":
            written = points.setpoint(tag)
            if written is not None:
                value = written[0]
                if place[0] == "modbus":
                    value = decode(tuple(int(word) for word in written), kind, order)
                answer[tag]["setpoint"] = value * scale + offset
    return answer


def _entry(place: Place, kind: str, order: str) -> dict[str, Any]:
    protocol, unit, table, address = place
    return {
        "protocol": protocol,
        "unit": unit,
        "table": table,
        "address": address,
        "type": kind,
        **({"order": order} if order else {}),
    }


def main() -> None:
    """Solve what is delivered."""
    (SUBMISSION / "points.json").write_text(json.dumps(solve(CHALLENGE)))


if __name__ == "__main__":
    main()
