"""G5: made again in two other processes with other surroundings, an instance is equal to the last byte.

The two processes differ from us and from each other in working directory, hash seed, time zone, language and umask.
They live on for the next instance, since starting an interpreter costs more than generating.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import pickle
import select
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.battery.fingerprint import rebuilt
from seatrial.battery.manifest import Guarantee

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.battery.gate.trial import Trial

_AGAIN = Path(__file__).with_name("again.py")
REBUILD_S = 120.0  # generation takes milliseconds; some crypto at a high level takes seconds


@dataclass(frozen=True)
class Surroundings:
    """What must not matter."""

    cwd: str
    umask: str
    env: dict[str, str]


SURROUNDINGS = (
    Surroundings("/", "022", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LANG": "C", "LC_ALL": "C"}),
    Surroundings(
        "/tmp",
        "077",
        {
            "PYTHONHASHSEED": "4242",
            "TZ": "Pacific/Chatham",
            "LANG": "tr_TR.UTF-8",
            "MAKEFLAGS": "-j7",
            "HOME": "/nowhere",
        },
    ),
)


class Rebuilder:
    """One process that makes instances again."""

    def __init__(self, around: Surroundings) -> None:
        self.cpu_s = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-P", "-B", str(_AGAIN), around.umask],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=around.cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), **around.env},
            text=True,
        )

    def ask(self, request: str) -> None:
        """Send one request, without waiting for the answer."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(request)
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to the last request; an `error` when there is none in time."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        ready, _, _ = select.select([self._process.stdout], [], [], REBUILD_S)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.close()
            return {"error": f"no answer in {REBUILD_S:.0f} s" if not ready else "the rebuilding process died"}
        reply: dict[str, Any] = json.loads(line)
        return reply

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


_idle: list[tuple[Rebuilder, ...]] = []
_lock = threading.Lock()


@atexit.register
def close_rebuilders() -> None:
    """End the idle processes; new ones start when they are needed."""
    with _lock:
        while _idle:
            for one in _idle.pop():
                one.close()


def _take() -> tuple[Rebuilder, ...]:
    with _lock:
        while _idle:
            pair = _idle.pop()
            if all(one.alive for one in pair):
                return pair
    return tuple(Rebuilder(around) for around in SURROUNDINGS)


@dataclass
class Pending:
    """Rebuilds under way while the rest of the gate goes on."""

    pair: tuple[Rebuilder, ...]
    expected: str
    fault: str = ""  # why nobody could be asked

    def abandon(self) -> None:
        """End the two processes, when the verification ends before their answers are wanted."""
        pair, self.pair = self.pair, ()
        for one in pair:
            one.close()

    def check(self) -> Guarantee:
        """G5 of the instance."""
        if self.fault:
            return Guarantee.broken(self.fault)
        replies = [one.answer() for one in self.pair]
        pair, self.pair = self.pair, ()
        if all(one.alive for one in pair):
            with _lock:
                _idle.append(pair)
        else:
            for one in pair:
                one.close()
        errors = [reply["error"] for reply in replies if "error" in reply]
        if errors:
            return Guarantee.broken(f"it cannot be made again in another process: {errors[0]}"[:400])
        digests = [self.expected, *(reply["digest"] for reply in replies)]
        if len(set(digests)) > 1:
            found = ", ".join(digest[:12] for digest in digests)
            return Guarantee.broken(f"here and in two other surroundings it has the digests {found}", rebuilds=2)
        return Guarantee.held(rebuilds=2)


def start(trial: Trial) -> Pending:
    """Ask two processes to make the instance and its first attempt again."""
    attempt = trial.attempt(0)
    key = trial.instance.key
    try:
        family = located(trial.family)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return Pending((), "", f"no other process can find the family; make it an attribute of its module ({error})")
    request = {
        "path": [str(Path(entry).resolve()) for entry in sys.path],
        "family": family,
        "key": {
            "family": key.family,
            "version": key.version,
            "level": key.level,
            "seed": key.seed.hex(),
            "form": key.form,
            "hint": key.hint,
        },
        "run_secret": attempt.run_secret.hex(),
        "nonce": attempt.nonce.hex(),
        "epoch": attempt.epoch,
    }
    pair = _take()
    for one in pair:
        one.ask(json.dumps(request) + "\n")
    return Pending(pair, rebuilt(trial.instance, trial.armed(0)))


def located(family: Family) -> dict[str, str]:
    """How another process finds the family: as an attribute of a module, else by its pickle."""
    name = type(family).__module__
    while name:
        for attribute, value in vars(sys.modules.get(name, object)).items():
            if value is family:
                return {"module": name, "attribute": attribute}
        name = name.rpartition(".")[0]
    return {"pickle": base64.b64encode(pickle.dumps(family)).decode()}
