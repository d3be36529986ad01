"""The controller beside a toy plant: Modbus/TCP and IEC 60870-5-104 in front, the plant behind, time by request.

* The plant advances by one tick (0.1 s) for each accepted request, after the answer was made, and by up to 600 s when
  asked at the time port. Refused requests cost nothing. No clock is read, so equal requests give equal trajectories.
* Every accepted request is one line of the log, with the tick at which it was served and a fingerprint of the plant
  after it. `Station.replay` takes such lines, so that a grader runs the very same code.
* A station is described by `config.json` beside this file; nothing in it is a secret.

Standard library only: this file is copied into the service's box and run there.
"""

from __future__ import annotations

import hashlib
import json
import socket
import socketserver
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.battery.families.ot.plants import TICKS, Disturbance, Plant, Unit
from seatrial.battery.wire.iec104 import (
    INTERROGATION,
    MEASURED_FLOAT,
    SET_POINT,
    SINGLE_COMMAND,
    SINGLE_POINT,
    UNKNOWN_OBJECT,
    UNKNOWN_STATION,
    Asdu,
    FrameError,
    Objects,
    Outstation,
    pack_asdu,
    parse_asdu,
)
from seatrial.battery.wire.modbus import (
    NO_TARGET,
    Bank,
    ModbusRefusal,
    exception_response,
    mbap,
    perform,
    split_mbap,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODBUS_PORT, IEC104_PORT, TIME_PORT, PROBE_PORT = 1502, 2404, 1600, 1599
MAX_ADVANCE = 600 * TICKS  # most ticks in one request at the time port
DEVICE_FAILURE = 4  # exception of a controller whose exercise is over
READ_ONLY = ("input", "discrete", "float", "single")
WHOLE = {"coil": 1, "discrete": 1, "holding": 0xFFFF, "input": 0xFFFF}


class Station(Objects):
    """Process image and plant; `on_tick` sees the plant after every tick, `emit` every accepted request."""

    def __init__(self, config: Mapping[str, Any], emit: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.plant = Plant(
            config["kind"],
            tuple(Unit(*row) for row in config["units"]),
            list(config["state"]),
            list(config["drive"]),
            list(config["relief"]),
            tuple(Disturbance(*row) for row in config["disturbances"]),
        )
        self.end: int = config["end"]
        self.on_tick: list[Callable[[Plant], None]] = []
        self._emit = emit
        self._points: list[dict[str, Any]] = config["points"]
        self._values: dict[int, float] = {}  # commands and fixed values by point index
        self._dead = {(role, index) for role, index in config["dead"]}
        self._stuck: dict[int, float] = {index: self.plant.state[index] for index in config["stuck"]}
        self._stations: dict[int, list[int]] = {}
        self.banks: dict[int, _StationBank] = {}
        for number, point in enumerate(self._points):
            if point["protocol"] == "modbus":
                self.banks.setdefault(point["unit"], _StationBank(self)).place(point, number)
            else:
                self._stations.setdefault(point["unit"], []).append(number)
            self._values[number] = self._initial(point)

    @property
    def over(self) -> bool:
        """Whether the plant's time has come to its end."""
        return self.plant.tick >= self.end

    def modbus(self, unit: int, pdu: bytes) -> bytes:
        """Answer one Modbus request; an accepted one costs a tick."""
        function = pdu[0] if pdu else 0
        bank = self.banks.get(unit)
        if bank is None:
            return exception_response(function, NO_TARGET)
        if self.over:
            return exception_response(function, DEVICE_FAILURE)
        try:
            _, response = perform(bank, pdu)
        except ModbusRefusal as refusal:
            return exception_response(function, refusal.code)
        self._served({"via": "modbus", "unit": unit, "pdu": pdu.hex()}, 1)
        return response

    def points(self, station: int) -> list[tuple[int, int, float]] | None:
        """Answer a station interrogation; an accepted one costs a tick."""
        if station not in self._stations or self.over:
            return None
        image = []
        for number in self._stations[station]:
            point = self._points[number]
            if point["table"] in {"float", "single"}:
                kind = MEASURED_FLOAT if point["table"] == "float" else SINGLE_POINT
                image.append((kind, point["address"], self.measure(number)))
        request = Asdu(INTERROGATION, 6, station, ((0, 20),))
        self._served({"via": "iec104", "asdu": pack_asdu(request).hex()}, 1)
        return sorted(image)

    def command(self, asdu: Asdu) -> int:
        """Carry out a single command or a set point; selecting (bit 7) is acknowledged and does nothing."""
        if asdu.station not in self._stations or self.over:
            return UNKNOWN_STATION
        table = {SINGLE_COMMAND: "command", SET_POINT: "setpoint"}[asdu.kind]
        place, value = asdu.objects[0]
        target = [
            number
            for number in self._stations[asdu.station]
            if (self._points[number]["table"], self._points[number]["address"]) == (table, place)
        ]
        if len(asdu.objects) != 1 or not target or value != value:  # noqa: PLR0124 - not a number is no set point
            return UNKNOWN_OBJECT
        select = asdu.qualifier if asdu.kind == SET_POINT else int(value)
        if not select & 0x80:
            self.set_value(target[0], value if asdu.kind == SET_POINT else int(value) & 1)
        self._served({"via": "iec104", "asdu": pack_asdu(asdu).hex()}, 1)
        return 0

    def advance(self, ticks: int) -> bool:
        """Let time pass without a request of the process; false when it cannot."""
        if not 1 <= ticks <= MAX_ADVANCE or self.over:
            return False
        self._served({"via": "time", "ticks": ticks}, ticks)
        return True

    def replay(self, event: Mapping[str, Any]) -> bool:
        """Serve a logged request again; false when it does not fit this station's state."""
        if event.get("tick") != self.plant.tick:
            return False
        if event["via"] == "time":
            self.advance(event["ticks"])
        elif event["via"] == "modbus":
            self.modbus(event["unit"], bytes.fromhex(event["pdu"]))
        else:
            asdu = parse_asdu(bytes.fromhex(event["asdu"]))
            if asdu.kind == INTERROGATION:
                self.points(asdu.station)
            else:
                self.command(asdu)
        return bool(event.get("print") == self.fingerprint())

    def fingerprint(self) -> str:
        """Eight hex digits of the plant's exact state."""
        plant = self.plant
        text = f"{plant.tick} {plant.state!r} {plant.drive!r} {plant.relief!r}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def measure(self, number: int) -> float:
        """The engineering value of a point now, or the raw one of a point without a scale."""
        point = self._points[number]
        role: str = point["role"]
        index: int = point["index"]
        if role == "state":
            return self._shown(index)
        if role == "second":
            return self.plant.second[index]
        if role == "alarm":
            return float(self._shown(index) > point["value"])
        if role == "counter":
            return float(self.plant.tick // point["value"] % 30_000)
        return self._values[number]

    def _shown(self, index: int) -> float:
        return self._stuck[index] if index in self._stuck else self.plant.state[index]

    def raw(self, number: int) -> int:
        """The register value of a point."""
        point = self._points[number]
        value = self.measure(number)
        if point["role"] in {"state", "second"}:
            value = value / point["scale"] + 0.5
        return max(0, min(WHOLE[point["table"]], int(value)))

    def set_value(self, number: int, value: float) -> None:
        """A command was accepted: remember it and move what it is wired to."""
        self._values[number] = value
        self._actuate()

    def _initial(self, point: Mapping[str, Any]) -> float:
        if point["role"] in {"drive", "relief"}:
            position: float = getattr(self.plant, point["role"])[point["index"]]
            value = position / point["scale"]
            return value if point["protocol"] == "iec104" else float(int(value + 0.5))
        return float(point["value"])

    def _actuate(self) -> None:
        remote = [True] * len(self.plant.units)
        for number, point in enumerate(self._points):
            if point["role"] == "remote":
                remote[point["index"]] = bool(self._values[number])
        for number, point in enumerate(self._points):
            role, index = point["role"], point["index"]
            if role in {"drive", "relief"} and remote[index] and (role, index) not in self._dead:
                getattr(self.plant, role)[index] = min(1.0, max(0.0, self._values[number] * point["scale"]))

    def _served(self, event: dict[str, Any], ticks: int) -> None:
        event = {"event": "request", "tick": self.plant.tick, **event}
        for _ in range(min(ticks, self.end - self.plant.tick)):
            self.plant.step()
            for watch in self.on_tick:
                watch(self.plant)
        if self._emit is not None:
            self._emit({**event, "print": self.fingerprint()})


class _StationBank(Bank):
    """The tables of one Modbus unit, backed by the station's points."""

    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station

    def place(self, point: Mapping[str, Any], number: int) -> None:
        """Map a point's address to its number."""
        getattr(self, point["table"])[point["address"]] = number

    def read(self, table: str, address: int, count: int) -> list[int]:
        """Register values of a range."""
        return [self._station.raw(number) for number in super().read(table, address, count)]

    def write(self, table: str, address: int, values: tuple[int, ...]) -> None:
        """Commands to a range, all of it or nothing."""
        for number, value in zip(super().read(table, address, len(values)), values, strict=True):
            self._station.set_value(number, float(value))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler], shared: Any) -> None:  # noqa: ANN401
        self.shared = shared
        super().__init__(address, handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.station: Station = self.server.shared["station"]
        self.lock: threading.Lock = self.server.shared["lock"]

    def received(self) -> bytes:
        try:
            return bytes(self.request.recv(4096))
        except OSError:
            return b""

    def reply(self, content: bytes) -> None:
        try:
            self.request.sendall(content)
        except OSError:
            return


class _ModbusHandler(_Handler):
    def handle(self) -> None:
        stream = b""
        while arrived := self.received():
            stream += arrived
            try:
                frame, stream = split_mbap(stream)
                while frame is not None:
                    transaction, unit, pdu = frame
                    with self.lock:
                        response = self.station.modbus(unit, pdu)
                    self.reply(mbap(transaction, unit, response))
                    frame, stream = split_mbap(stream)
            except ValueError:
                return


class _Iec104Handler(_Handler):
    def handle(self) -> None:
        outstation = Outstation(self.station)
        while arrived := self.received():
            try:
                with self.lock:
                    answer = outstation.feed(arrived)
            except FrameError:
                return
            self.reply(answer)


class _TimeHandler(_Handler):
    """Lines: `now`, or `advance SECONDS` with at most one decimal; each is answered by one line of JSON."""

    def handle(self) -> None:
        stream = b""
        while len(stream) < 4096 and (arrived := self.received()):
            *lines, stream = (stream + arrived).split(b"\n")
            for line in lines:
                with self.lock:
                    text = json.dumps(self._answer(line.split()))
                self.reply(text.encode() + b"\n")

    def _answer(self, words: list[bytes]) -> dict[str, Any]:
        station = self.station
        ticks = 0
        if len(words) == 2 and words[0] == b"advance" and len(words[1]) <= 12:
            try:
                ticks = int(float(words[1]) * TICKS + 0.5)
            except (ValueError, OverflowError):
                ticks = -1
        fine = words == [b"now"] or station.advance(ticks)
        state = {"seconds": station.plant.tick / TICKS, "over": station.over}
        if fine:
            return state
        return {**state, "error": "say `now` or `advance SECONDS` with 0.1 to 600"}


class _ProbeHandler(_Handler):
    """For the host's health probe: answers without touching the plant."""

    def handle(self) -> None:
        with self.lock:
            tick = self.station.plant.tick
        self.reply(f"ok {tick}\n".encode())


def serve(config: Mapping[str, Any], host: str = "0.0.0.0") -> None:  # noqa: S104 - a service listens on its private network
    """Run until the standard input closes for good, or for ever; never returns on its own."""
    out = sys.stdout
    talking = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        with talking:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")
            out.flush()

    shared = {"station": Station(config, emit), "lock": threading.Lock()}
    ports = config.get("ports", {})
    wanted: list[tuple[str, int, type[socketserver.BaseRequestHandler]]] = [
        (host, ports.get("modbus", MODBUS_PORT), _ModbusHandler),
        (host, ports.get("iec104", IEC104_PORT), _Iec104Handler),
        (host, ports.get("time", TIME_PORT), _TimeHandler),
        ("127.0.0.1", ports.get("probe", PROBE_PORT), _ProbeHandler),
    ]
    servers = [_Server((where, port), handler, shared) for where, port, handler in wanted]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    emit({"event": "ready"})
    servers[0].serve_forever()


if __name__ == "__main__":
    sys.stdin.readline()  # the start-up message: this service has no secret
    serve(json.loads(Path(__file__).with_name("config.json").read_text()))
