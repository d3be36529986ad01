"""The probes of the preflight, in the order of the record, and the digest that names this list."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from seatrial.sandbox.embedded.inside import probe as inside
from seatrial.sandbox.probes import agent, host, kernel, network, resources
from seatrial.sandbox.probes.probe import Probe

PROBES: tuple[Probe, ...] = (
    *resources.PROBES,
    *host.PROBES,
    *network.PROBES,
    *kernel.PROBES,
    *agent.PROBES,
)
DOOR_PROBES = tuple(probe for probe in PROBES if probe.door)


def probe_list_digest() -> str:
    """SHA-256 over the names, expectations and code of the probes: another list is another preflight."""
    summary = [[probe.id, probe.group, probe.expected, probe.mandatory] for probe in PROBES]
    files = [module.__file__ for module in (inside, agent, host, kernel, network, resources)]
    code = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files if path]
    return hashlib.sha256(json.dumps([summary, code], separators=(",", ":")).encode()).hexdigest()


__all__ = ["DOOR_PROBES", "PROBES", "Probe", "probe_list_digest"]
