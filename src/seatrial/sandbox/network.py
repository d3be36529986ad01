"""Private networks: a network namespace without uplink, one bridge per segment, a pair of links per seat.

- Segments are separate bridges. There is no router, no packet filter and no way out; a field for an uplink does
  not exist.
- The switch belongs to the supervisor; each box's network namespace to the box's own user namespace, so root in a
  box commands its own links and nothing of the switch.
- Addresses are 10.77.<segment>.<host>/24. Names are in every box's `/etc/hosts`; there is no DNS, and no IPv6.

Links are made by the kernel's own interface (rtnetlink), so no network tool needs to be installed.

>>> from seatrial.sandbox.spec import RangeHost, RangeSpec
>>> lan = RangeSpec((RangeHost("one"), RangeHost("two", segments=("lan", "ops"))))
>>> [str(seat) for seat in seats(lan)["two"]]
['eth0 10.77.1.11 in lan', 'eth1 10.77.2.11 in ops']
>>> print(hosts_file(lan, "one"), end="")
127.0.0.1 localhost
::1 localhost
10.77.1.10 one
10.77.1.11 two
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.sandbox.errors import SpecError, Unavailable

if TYPE_CHECKING:
    from seatrial.sandbox.spec import RangeSpec

PREFIX = 24
FIRST_HOST = 10
_NETWORK = "10.77"
_RTM_NEWLINK, _NLMSG_ERROR = 16, 2
_FLAGS = 0x1 | 0x4 | 0x200 | 0x400  # request, acknowledge, exclusive, create
_IFF_UP = 1
_NAME, _MASTER, _LINKINFO, _NETNS_FD, _KIND, _CONTENT, _PEER = 3, 10, 18, 28, 1, 2, 1
_ANSWER_S = 5.0
_FIRST_BRIDGE = 1000  # interface numbers of our choosing, in a namespace that is ours alone


@dataclass(frozen=True)
class Seat:
    """One link of a host into one segment."""

    interface: str
    address: str
    segment: str

    def __str__(self) -> str:
        return f"{self.interface} {self.address} in {self.segment}"


def seats(spec: RangeSpec) -> dict[str, list[Seat]]:
    """The seats of every host, in the order of its segments."""
    found = {}
    for place, host in enumerate(spec.hosts):
        if len(set(host.segments)) != len(host.segments):
            raise SpecError(f"segments of {host.name}", host.segments, "each segment once")
        found[host.name] = [
            Seat(f"eth{number}", f"{_NETWORK}.{spec.segments.index(segment) + 1}.{FIRST_HOST + place}", segment)
            for number, segment in enumerate(host.segments)
        ]
    return found


def hosts_file(spec: RangeSpec, name: str) -> str:
    """`/etc/hosts` of one host: every name at an address it can reach, or at its first where none is shared."""
    table = seats(spec)
    own = {seat.segment for seat in table[name]}
    rows = ["127.0.0.1 localhost", "::1 localhost"]
    for host in spec.hosts:
        places = table[host.name]
        best = next((seat for seat in places if seat.segment in own), places[0])
        rows.append(f"{best.address} {host.name}")
    return "\n".join(rows) + "\n"


class Switch:
    """The switch of one range: an rtnetlink socket that was opened inside its namespace keeps it in being."""

    def __init__(self, descriptor: int, spec: RangeSpec) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.settimeout(_ANSWER_S)
        self._bridges = {name: _FIRST_BRIDGE + place for place, name in enumerate(spec.segments)}
        self._names = [host.name for host in spec.hosts]
        self._open = len(spec.hosts)

    def build(self) -> None:
        """Make the bridges."""
        bridges = [_link(f"br{index}", kind="bridge", index=index) for index in self._bridges.values()]
        self._ask(bridges)

    def connect(self, host: str, places: list[Seat], namespace: int) -> None:
        """Link one host's network namespace into its segments; closes the namespace's descriptor."""
        try:
            number = self._names.index(host)
            links = []
            for place, seat in enumerate(places):
                peer = _attribute(_PEER, _message(0, 0) + _text(_NAME, seat.interface) + _word(_NETNS_FD, namespace))
                master = _word(_MASTER, self._bridges[seat.segment])
                links.append(_link(f"p{number}x{place}", kind="veth", content=peer, more=master))
            self._ask(links)
        finally:
            os.close(namespace)

    def leave(self) -> None:
        """One host has gone; with the last one the switch ends."""
        self._open -= 1
        if self._open == 0:
            self._socket.close()

    def _ask(self, requests: list[bytes]) -> None:
        """Send requests and wait until each is acknowledged."""
        for number, request in enumerate(requests, 1):
            head = struct.pack("=IHHII", 16 + len(request), _RTM_NEWLINK, _FLAGS, number, 0)
            self._socket.send(head + request)
            answer = self._socket.recv(65536)
            kind, error = struct.unpack_from("=4xH10xi", answer)
            if kind != _NLMSG_ERROR or error != 0:
                raise Unavailable(f"the links of a private network cannot be made: {os.strerror(-error)}")


def _message(index: int, flags: int) -> bytes:
    """`struct ifinfomsg`."""
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _attribute(kind: int, content: bytes) -> bytes:
    length = 4 + len(content)
    return struct.pack("=HH", length, kind) + content + bytes(-length % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _word(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _link(name: str, *, kind: str, index: int = 0, content: bytes = b"", more: bytes = b"") -> bytes:
    """A request for a new interface that is up from the start."""
    described = _text(_KIND, kind) + (_attribute(_CONTENT, content) if content else b"")
    return _message(index, _IFF_UP) + _text(_NAME, name) + _attribute(_LINKINFO, described) + more
