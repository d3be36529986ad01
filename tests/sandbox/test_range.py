"""Private networks: who reaches whom, and that nobody reaches anything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox import Box, BoxGone, BoxSpec, Profile, RangeHost, RangeSpec, Rootfs, SpecError, Unavailable
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.network import hosts_file, seats

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox

ATTACKER = BoxSpec(profile=Profile(capabilities="range"))
RANGE = RangeSpec(
    (
        RangeHost("attacker", ATTACKER, ("dmz",)),
        RangeHost("web", segments=("dmz", "inner")),
        RangeHost("data", segments=("inner",)),
    )
)
ANSWER = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
print("up", flush=True)
while True:
    server.accept()[0].close()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    try:
        made = EmbeddedEngine()
        made.open(BoxSpec()).close()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


@pytest.fixture
def hosts(engine: EmbeddedEngine) -> Iterator[dict[str, EmbeddedBox]]:
    boxes = engine.open_range(RANGE)
    yield boxes
    for box in boxes.values():
        box.close()


def serve(box: Box, port: int) -> None:
    assert next(box.spawn(["python3", "-c", ANSWER, str(port)]).lines()) == b"up"


def connect(box: Box, host: str, port: int = 80) -> str:
    """Empty when a connection is made, else the error."""
    result = box.exec(["python3", "-c", CONNECT, host, str(port)])
    return "" if result.returncode == 0 else result.stderr.decode().splitlines()[-1]


def test_hosts_of_a_segment_reach_each_other_by_name(hosts: dict[str, EmbeddedBox]) -> None:
    for name in ("web", "data"):
        serve(hosts[name], 80)
    for source, target in (("attacker", "web"), ("web", "data"), ("data", "web"), ("web", "web")):
        assert connect(hosts[source], target) == "", (source, target)


def test_segments_are_apart(hosts: dict[str, EmbeddedBox]) -> None:
    serve(hosts["data"], 80)
    assert "unreachable" in connect(hosts["attacker"], "data")
    # not even with a route of its own making through the host that sits in both, which does not forward
    assert hosts["web"].exec(["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout == b"0\n"
    for command in (
        ["ip", "route", "add", "10.77.2.0/24", "via", hosts["web"].address or ""],
        ["ip", "link", "del", "eth0"],
    ):
        assert hosts["attacker"].exec(command).returncode != 0
    assert "unreachable" in connect(hosts["attacker"], "data")


def test_nothing_else_is_reachable(hosts: dict[str, EmbeddedBox]) -> None:
    for box in hosts.values():
        for address in ("192.0.2.1", "169.254.169.254", "8.8.8.8", "10.78.0.1", "2001:db8::1"):
            assert "unreachable" in connect(box, address), address
        routes = box.exec(["cat", "/proc/net/route"]).stdout.splitlines()[1:]
        assert all(row.split()[1].startswith(b"00") and row.split()[1] != b"00000000" for row in routes)  # 10.77.x.0
        assert box.exec(["cat", "/etc/resolv.conf"]).stdout == b""
        assert b"fe80" not in box.exec(["cat", "/proc/net/if_inet6"]).stdout


def test_two_ranges_with_the_same_addresses_do_not_meet(engine: EmbeddedEngine, hosts: dict[str, EmbeddedBox]) -> None:
    other = engine.open_range(RANGE)
    try:
        serve(hosts["web"], 80)
        assert connect(hosts["attacker"], "web") == ""
        assert "refused" in connect(other["attacker"], "web")
    finally:
        for box in other.values():
            box.close()


def test_raw_packets_are_for_the_range_profile(hosts: dict[str, EmbeddedBox]) -> None:
    code = "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768).bind(('eth0', 0))"
    assert hosts["attacker"].exec(["python3", "-c", code]).returncode == 0
    assert b"not supported" in hosts["web"].exec(["python3", "-c", code]).stderr
    ping = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"
    assert hosts["attacker"].exec(["python3", "-c", ping]).returncode == 0
    assert b"not permitted" in hosts["web"].exec(["python3", "-c", ping]).stderr


def test_a_host_that_goes_leaves_the_others_connected(hosts: dict[str, EmbeddedBox]) -> None:
    serve(hosts["web"], 80)
    hosts["attacker"].close()
    assert connect(hosts["data"], "web") == ""
    with pytest.raises(BoxGone):
        hosts["attacker"].exec(["true"])


def test_the_widest_range_opens(engine: EmbeddedEngine) -> None:
    names = [f"h{number}" for number in range(32)]
    segments = tuple(f"s{number}" for number in range(8))
    wide = RangeSpec(
        tuple(
            RangeHost(name, segments=segments if name == "h0" else (segments[n % 8],)) for n, name in enumerate(names)
        )
    )
    started = time.monotonic()
    boxes = engine.open_range(wide)
    opened = time.monotonic() - started
    try:
        assert list(boxes) == names
        assert boxes["h0"].exec(["sh", "-c", "ls /sys/class/net 2>/dev/null; wc -l < /proc/net/dev"]).stdout == b"11\n"
        serve(boxes["h0"], 80)
        assert connect(boxes["h31"], "h0") == ""
    finally:
        for box in boxes.values():
            box.close()
    assert opened < 20  # about 0.3 s on an idle machine


def test_a_range_that_cannot_be_made_leaves_nothing(engine: EmbeddedEngine) -> None:
    broken = RangeSpec((RangeHost("good"), RangeHost("bad", BoxSpec(rootfs=Rootfs("tree", "/no/such/tree")))))
    held = engine.blocks.held if engine.blocks else 0
    with pytest.raises(Unavailable):
        engine.open_range(broken)
    assert len(engine._boxes) == 0
    assert (engine.blocks.held if engine.blocks else 0) == held


@pytest.mark.parametrize(
    "make",
    [
        lambda: RangeSpec(()),
        lambda: RangeSpec((RangeHost("a"), RangeHost("a"))),
        lambda: RangeSpec(tuple(RangeHost(f"h{number}") for number in range(33))),
        lambda: RangeSpec(tuple(RangeHost(f"h{number}", segments=(f"s{number}",)) for number in range(9))),
        lambda: RangeHost("a", segments=()),
        lambda: RangeHost("Upper"),
        lambda: seats(RangeSpec((RangeHost("a", segments=("lan", "lan")),))),
    ],
    ids=["none", "same name", "33 hosts", "9 segments", "no segment", "odd name", "segment twice"],
)
def test_ranges_that_make_no_sense_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(SpecError):
        make()


def test_every_name_is_in_every_hosts_file() -> None:
    assert hosts_file(RANGE, "data").splitlines()[2:] == ["10.77.1.10 attacker", "10.77.2.11 web", "10.77.2.12 data"]
    assert hosts_file(RANGE, "attacker").splitlines()[2:] == [
        "10.77.1.10 attacker",
        "10.77.1.11 web",
        "10.77.2.12 data",
    ]
