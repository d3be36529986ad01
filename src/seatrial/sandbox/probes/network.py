"""No way out by any kind of address: interfaces, routes, IPv4, IPv6, names, metadata, vsock, unix sockets."""

from __future__ import annotations

import ipaddress
from typing import Any

from seatrial.sandbox.probes.probe import (
    Asks,
    Finding,
    Observations,
    Probe,
    Scene,
    Unseen,
    closed,
    complete,
    not_applicable,
    nothing,
    opened,
    shut_unless,
)

RANGE_NETWORK = ipaddress.ip_network("10.77.0.0/16")
TEST_ADDRESSES = ("192.0.2.1", "2001:db8::1")  # RFC 5737 and RFC 3849: documentation addresses
RESOLVERS = ("1.1.1.1", "8.8.8.8", "9.9.9.9", "2606:4700:4700::1111")
METADATA_ADDRESSES = ("169.254.169.254", "fd00:ec2::254")
METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data")
NO_WAY = frozenset({"ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"})  # a refusal would be an answer
RTN_UNREACHABLE = 7
# Tunnels that a kernel with such a module adds, down and without address, to every new network namespace
# (net.core.fb_tunnels_only_for_init_net). Nobody without CAP_NET_ADMIN can bring them up.
FALLBACK_TUNNELS = frozenset(
    {"tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "sit0", "ip6tnl0", "ip6gre0", "ip6gretap0", "ip6_vti0"}
)
LOOPBACK = "lo"


def _foreign(scene: Scene, addresses: tuple[str, ...]) -> dict[str, Any]:
    return {"addresses": list(addresses), "host_namespaces": dict(scene.host.namespaces)}


def _seat_names(scene: Scene) -> list[str]:
    return [f"eth{number}" for number in range(scene.seats)]


def _neighbours(scene: Scene) -> tuple[str, ...]:
    """The first address of each network that the host sits in: usually a gateway."""
    found = []
    for text in scene.host.networks:
        network = ipaddress.ip_interface(text).network
        if network.num_addresses > 2 and not network.is_loopback and not network.is_link_local:
            found.append(str(network.network_address + 1))
    return tuple(dict.fromkeys(found))


def _interfaces(scene: Scene, seen: Observations) -> Finding:
    links, up = seen["links"]["links"], seen["links"]["up"]
    idle = {name for name, addresses in links.items() if name in FALLBACK_TUNNELS and not addresses and name not in up}
    extra = {name: addresses for name, addresses in links.items() if name != LOOPBACK and name not in idle}
    strange = [
        f"{name} {address}"
        for name, addresses in extra.items()
        for address in addresses
        if scene.reach is None or ipaddress.ip_interface(address) not in RANGE_NETWORK
    ]
    if strange or len(extra) != scene.seats or LOOPBACK not in links:
        return opened("links: " + ", ".join([*sorted(links), *strange]))
    return closed("links: " + ", ".join(sorted(links)))


def _routes(scene: Scene, seen: Observations) -> Finding:
    allowed = {LOOPBACK, *_seat_names(scene)}
    problems = []
    if not seen["routes"]["table"]:
        raise Unseen("not even the routes of the loopback")
    for family, length, kind, link in seen["routes"]["table"]:
        if kind == RTN_UNREACHABLE:
            continue
        if length == 0:
            problems.append(f"default route of family {family} by {link}")
        elif link not in allowed:
            problems.append(f"route by {link or 'no link'}")
    return shut_unless(sorted(set(problems)), f"{seen['routes']['count']} routes, none leads out")


def _canary(key: str, *kinds: str) -> Probe:
    """A probe that dials our canaries of these kinds: outside every one answers, inside none."""

    def asks(scene: Scene) -> Asks:
        return {key: {"targets": scene.canaries.of(*kinds), "word": scene.canaries.word}}

    def sees(scene: Scene, seen: Observations) -> bool | None:
        if not scene.canaries.of(*kinds):
            return None
        return all(result == "connected" for *_, result in seen[key]["results"])

    def judge(scene: Scene, seen: Observations) -> Finding:
        if not scene.canaries.of(*kinds):
            return not_applicable(f"no canary of kind {', '.join(kinds)} can be placed on this host")
        results = seen[key]["results"]
        if len(results) != len(scene.canaries.of(*kinds)):
            raise Unseen(f"{len(results)} of {len(scene.canaries.of(*kinds))} canaries dialled")
        reached = [f"{address}:{port}" for _, address, port, result in results if result == "connected"]
        touched = [name for name in scene.touched if name.split(" ")[0] in kinds]
        problems = [f"reached {item}" for item in reached] + [f"the host saw a touch of {item}" for item in touched]
        return shut_unless(problems, ", ".join(sorted({result for *_, result in results})))

    name = key.partition("#")[2]
    return Probe(f"network.{name}", "canaries", "unreachable or refused; no canary touched", asks, judge, asks, sees)


def _outside(scene: Scene) -> Asks:
    return {"foreign#outside": _foreign(scene, (*TEST_ADDRESSES, *_neighbours(scene), *RESOLVERS))}


def _metadata(scene: Scene) -> Asks:
    return {"foreign#metadata": _foreign(scene, METADATA_ADDRESSES), **_names(scene)}


def _names(scene: Scene) -> dict[str, Any]:
    return {"lookup": _foreign(scene, ())}


def _unreachable(key: str, asked: Asks, seen: Observations) -> list[str]:
    if "not_tried" in seen[key]:
        return [f"not tried, because a packet could leave: {seen[key]['not_tried']}"]
    complete(seen[key]["results"], asked[key]["addresses"])
    return [
        f"{address}: {', '.join(results) if isinstance(results, list) else results}"
        for address, results in seen[key]["results"].items()
        if not isinstance(results, list) or not NO_WAY.issuperset(results)
    ]


def _judge_outside(scene: Scene, seen: Observations) -> Finding:
    problems = _unreachable("foreign#outside", _outside(scene), seen)
    return shut_unless(problems, f"{len(seen['foreign#outside']['results'])} unreachable")


def _judge_metadata(scene: Scene, seen: Observations) -> Finding:
    named = [name for name in METADATA_NAMES if name in seen["lookup"]["hosts"]]
    problems = [*_unreachable("foreign#metadata", _metadata(scene), seen), *(f"hosts names {name}" for name in named)]
    return shut_unless(problems, "unreachable, not in hosts")


def _judge_names(_: Scene, seen: Observations) -> Finding:
    answer = seen["lookup"]
    if not {"not_tried", "resolved", "error_code"} & set(answer):
        raise Unseen("no name was looked up")
    problems = [f"resolver file: {line}" for line in answer["nameservers"]]
    if "not_tried" in answer:
        problems.append(f"not tried: {answer['not_tried']}")
    if answer.get("resolved"):
        problems.append("a name was resolved")
    return shut_unless(problems, "no resolver; lookup fails")


def _vsock(_: Scene) -> Asks:
    return {"families#vsock": {"wanted": [["vsock", 40, 1, 0]]}}


def _judge_vsock(_: Scene, seen: Observations) -> Finding:
    result = seen["families#vsock"]["results"]["vsock"]
    return closed(result) if result in ("EAFNOSUPPORT", "EPERM", "EACCES") else opened(f"vsock socket: {result}")


def _sees_vsock(_: Scene, seen: Observations) -> bool | None:
    return True if seen["families#vsock"]["results"]["vsock"] == "made" else None


def _judge_sockets(_: Scene, seen: Observations) -> Finding:
    if seen["sockets"]["looked"] < 1:
        raise Unseen("nothing was looked at")
    return shut_unless([f"socket at {path}" for path in seen["sockets"]["found"]], "no path socket in the tree")


def _segments(scene: Scene) -> Asks:
    if scene.reach is None:
        return {}
    return {
        "connect#own": {"targets": [["tcp", *target] for target in scene.reach.own]},
        "connect#others": {"targets": [["tcp", *target] for target in scene.reach.others]},
    }


def _judge_own(scene: Scene, seen: Observations) -> Finding:
    if scene.reach is None or not scene.reach.own:
        return not_applicable("no other seat in its segments")
    missing = [
        f"{address}: {result}" for _, address, _, result in seen["connect#own"]["results"] if result != "connected"
    ]
    if missing:
        return Finding("limited", "; ".join(missing)[:200])
    return closed(f"{len(scene.reach.own)} neighbours answer")


def _judge_others(scene: Scene, seen: Observations) -> Finding:
    if scene.reach is None or not scene.reach.others:
        return not_applicable("no seat outside its segments")
    results = seen["connect#others"]["results"]
    complete({address: None for _, address, *_ in results}, (address for address, _ in scene.reach.others))
    reached = [f"reached {address}" for _, address, _, result in results if result not in NO_WAY]
    return shut_unless(reached, f"{len(results)} addresses of other segments unreachable")


def _sees_loopback(_: Scene, seen: Observations) -> bool | None:
    return LOOPBACK in seen["links"]["links"]


def _sees_routes(_: Scene, seen: Observations) -> bool | None:
    return bool(seen["routes"]["table"])


PROBES = (
    Probe(
        "network.interfaces", "interfaces", "only lo, or the links of the seat",
        lambda _: {"links": {}}, _interfaces, lambda _: {"links": {}}, _sees_loopback, door=True,
    ),
    Probe(
        "network.routes", "interfaces", "no default route, no route but by lo or the seat's links",
        lambda _: {"routes": {}}, _routes, lambda _: {"routes": {}}, _sees_routes,
    ),
    _canary("connect#host_tcp", "tcp"),
    _canary("connect#host_udp", "udp"),
    _canary("connect#host_abstract", "abstract"),
    _canary("connect#host_unix", "unix"),
    _canary("connect#host_vsock", "vsock"),
    Probe("network.outside", "IPv4, IPv6", "test, gateway, resolver addresses unreachable", _outside, _judge_outside),
    Probe("network.metadata", "metadata", "cloud metadata unreachable and unnamed", _metadata, _judge_metadata),
    Probe("network.names", "DNS", "no resolver, no name found", _names, _judge_names),
    Probe("network.vsock", "other channels", "vsock refused", _vsock, _judge_vsock, _vsock, _sees_vsock, door=True),
    Probe("network.sockets", "other channels", "no path socket in the tree", lambda _: {"sockets": {}}, _judge_sockets),
    Probe("network.own_segment", "range", "neighbours answer", _segments, _judge_own, nothing, mandatory=False),
    Probe("network.other_segments", "range", "other segments unreachable", _segments, _judge_others),
)  # fmt: skip
