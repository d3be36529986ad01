"""Boxes beside the one that is looked at: a sibling with canaries of its own, and listeners on the seats of a range."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from seatrial.sandbox.errors import SandboxError
from seatrial.sandbox.probes.inquiry import ProbedBox, ProbedEngine, ask, observe_in
from seatrial.sandbox.probes.judge import Eyes, control_of
from seatrial.sandbox.probes.probe import Observations, Probe, Reach, Scene, SiblingFacts

if TYPE_CHECKING:
    from seatrial.sandbox.spec import BoxSpec, RangeSpec

WAIT_S = 2.0  # for a service in a companion to be up; it takes some 5 ms
HOLD_S = 30.0  # a service ends with its box; this is for a box that nobody closes
PORT = 7077  # any port: a box has the whole range to itself


class Sibling:
    """A second box of the same spec: a service, a socket, a file, a marked process, and the control that sees them."""

    def __init__(self, engine: ProbedEngine, spec: BoxSpec, scene: Scene, probes: tuple[Probe, ...]) -> None:
        marker = f"sib{scene.canaries.nonce[:12]}"
        self.facts = SiblingFacts(marker, PORT, f"/tmp/{marker}")
        self.seen = Observations({})
        self._scene = replace(scene, sibling=self.facts)
        self._probes = tuple(probe for probe in probes if probe.sibling_control)
        self._box = engine.open(spec)
        params = {"marker": marker, "port": PORT, "file": self.facts.file, "seconds": HOLD_S}
        self._thread = _holding(self._box, params)

    def __enter__(self) -> Self:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and not self._ready():
            time.sleep(0.002)
        return self

    def _ready(self) -> bool:
        """Whether another process of the sibling finds all there is to find; without that, the probes stay blind."""
        self.seen = Observations(ask(self._box, self._probes, self._scene)[0])
        eyes = Eyes(Observations({}), self.seen, Observations({}))
        if any(control_of(probe, self._scene, eyes) != "seen" for probe in self._probes):
            return False
        self.facts = replace(self.facts, namespaces=dict(self.seen["namespaces"]))
        return True

    def __exit__(self, *_: object) -> None:
        self._box.close()
        self._thread.join(WAIT_S)


class Holders:
    """A listener on every seat of a range, so that a neighbour that answers and a stranger that does not both show."""

    def __init__(self, boxes: Mapping[str, ProbedBox], spec: RangeSpec, nonce: str) -> None:
        self._spec = spec
        self._addresses = {name: _addresses(box, nonce) for name, box in boxes.items()}
        for name, box in boxes.items():
            params = {
                "marker": f"seat{nonce[:10]}",
                "port": PORT,
                "addresses": self._addresses[name],
                "seconds": HOLD_S,
            }
            _holding(box, params)
        for name, box in boxes.items():
            self._wait(name, box, nonce)

    def _wait(self, name: str, box: ProbedBox, nonce: str) -> None:
        targets = [["tcp", address, PORT] for address in self._addresses[name]]
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            results = observe_in(box, {"connect": {"targets": targets}}, nonce)[0].get("connect", {}).get("results", [])
            if results and all(row[-1] == "connected" for row in results):
                return
            time.sleep(0.002)

    def reach(self, name: str) -> Reach:
        """Which addresses must answer this host and which must not: by the segments that the spec gives them."""
        segments = {host.name: set(host.segments) for host in self._spec.hosts}
        mine = {_network(address) for address in self._addresses[name]}
        others = [(other, address) for other, items in self._addresses.items() if other != name for address in items]
        shared = sum(len(segments[name] & segments[other]) for other in segments if other != name)
        near = tuple((address, PORT) for _, address in others if _network(address) in mine)
        far = tuple((address, PORT) for _, address in others if _network(address) not in mine)
        # More neighbours than the spec states is a hole in the segmentation: all of them must then be closed.
        return Reach(near, far) if len(near) <= shared else Reach((), near + far)


def _holding(box: ProbedBox, params: dict[str, Any]) -> threading.Thread:
    """A service in a box, on a thread that lasts as long as the box."""

    def hold() -> None:
        try:
            box.probe({"nonce": "hold", "observe": {"hold": params}}, HOLD_S + 1)
        except (SandboxError, TimeoutError, OSError):
            return  # the box was closed under it, which is how it is meant to end

    thread = threading.Thread(target=hold, name="seatrial-companion", daemon=True)
    thread.start()
    return thread


def _addresses(box: ProbedBox, nonce: str) -> list[str]:
    """IPv4 addresses of a box's seats."""
    links = observe_in(box, {"links": {}}, nonce)[0].get("links", {}).get("links", {})
    found = [text.partition("/")[0] for name, items in links.items() if name != "lo" for text in items]
    return [address for address in found if ":" not in address]


def _network(address: str) -> str:
    return address.rpartition(".")[0]
