"""A client of the controller: Modbus/TCP, IEC 60870-5-104 and the time port; for solvers and scripted participants.

Standard library only: this file is copied beside them.
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from seatrial.battery.wire.iec104 import (
    ACTIVATION,
    ACTIVATION_TERM,
    INTERROGATION,
    STARTDT_ACT,
    Asdu,
    i_frame,
    pack_asdu,
    parse_apdu,
    parse_asdu,
    s_frame,
    split_apdu,
    u_frame,
)
from seatrial.battery.wire.modbus import mbap, split_mbap

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_S = 20.0


class Controller:
    """Connections to one controller, each opened when first needed."""

    def __init__(self, host: str, modbus: int = 1502, iec104: int = 2404, clock: int = 1600) -> None:
        self._host = host
        self._ports = {"modbus": modbus, "iec104": iec104, "time": clock}
        self._sockets: dict[str, socket.socket] = {}
        self._rest: dict[str, bytes] = {"modbus": b"", "iec104": b"", "time": b""}
        self._transaction = self._sent = self._received = 0

    def _socket(self, name: str) -> socket.socket:
        if name not in self._sockets:
            link = socket.create_connection((self._host, self._ports[name]), timeout=WAIT_S)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[name] = link
            if name == "iec104":
                link.sendall(u_frame(STARTDT_ACT))
                self._frame()
        return self._sockets[name]

    def _more(self, name: str) -> None:
        arrived = self._sockets[name].recv(65536)
        if not arrived:
            raise ConnectionError(f"the controller closed {name}")
        self._rest[name] += arrived

    def modbus(self, unit: int, pdu: bytes) -> bytes:
        """One request and its response PDU."""
        self._transaction = self._transaction + 1 & 0xFFFF
        self._socket("modbus").sendall(mbap(self._transaction, unit, pdu))
        while True:
            frame, self._rest["modbus"] = split_mbap(self._rest["modbus"])
            if frame is not None:
                return frame[2]
            self._more("modbus")

    def _frame(self) -> bytes:
        while True:
            frame, self._rest["iec104"] = split_apdu(self._rest["iec104"])
            if frame is not None:
                return frame
            self._more("iec104")

    def iec104(self, asdu: bytes) -> list[Asdu]:
        """One command and what answers it, up to its termination or refusal."""
        link = self._socket("iec104")
        link.sendall(i_frame(self._sent, self._received, asdu))
        self._sent += 1
        answers = []
        while True:
            apdu = parse_apdu(self._frame())
            if apdu.form != "I":
                continue
            self._received += 1
            answers.append(parse_asdu(apdu.body))
            if len(answers) % 8 == 0:
                link.sendall(s_frame(self._received))
            if answers[-1].cause == ACTIVATION_TERM or answers[-1].negative:
                return answers

    def interrogate(self, station: int) -> list[Asdu]:
        """A station interrogation."""
        return self.iec104(pack_asdu(Asdu(INTERROGATION, ACTIVATION, station, ((0, 20),))))

    def time(self, line: str) -> dict[str, Any]:
        """One line at the time port, as `now` or `advance 12.5`."""
        self._socket("time").sendall(line.encode() + b"\n")
        while b"\n" not in self._rest["time"]:
            self._more("time")
        first, self._rest["time"] = self._rest["time"].split(b"\n", 1)
        answer: dict[str, Any] = json.loads(first)
        return answer

    def advance(self, ticks: int) -> bool:
        """Let up to 600 s pass; true when the exercise is over."""
        return bool(self.time(f"advance {ticks // 10}.{ticks % 10}")["over"])

    def perform(self, step: Sequence[Any]) -> None:
        """One recorded request: ("modbus", unit, pdu), ("iec104", asdu) or ("time", ticks)."""
        if step[0] == "modbus":
            self.modbus(step[1], bytes.fromhex(step[2]))
        elif step[0] == "iec104":
            self.iec104(bytes.fromhex(step[1]))
        else:
            self.advance(step[1])
