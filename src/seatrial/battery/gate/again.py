"""Makes instances again, in a process of its own; started by `rebuild` as a script, one JSON request a line.

It imports nothing but the family: no numpy, no Inspect. Answers with one JSON object a line.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import pickle
import sys
import time
from typing import Any


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The digest of one instance, and the CPU seconds that it took."""
    started = time.process_time()
    sys.path[:] = request["path"]
    from seatrial.battery.fingerprint import rebuilt  # noqa: PLC0415 - the path is known only now
    from seatrial.battery.instance import Attempt, InstanceKey  # noqa: PLC0415

    family = _family(request["family"])
    key = InstanceKey(**{**request["key"], "seed": bytes.fromhex(request["key"]["seed"])})
    attempt = Attempt(bytes.fromhex(request["run_secret"]), bytes.fromhex(request["nonce"]), request["epoch"])
    instance = family.generate(key)
    return {"digest": rebuilt(instance, family.arm(instance, attempt)), "cpu_s": time.process_time() - started}


def _family(place: dict[str, str]) -> Any:  # noqa: ANN401 - a Family, whose module may not be imported here
    if "pickle" in place:
        return pickle.loads(base64.b64decode(place["pickle"]))  # noqa: S301 - written by our own parent
    return getattr(importlib.import_module(place["module"]), place["attribute"])


def main() -> None:
    """Serve requests until the parent closes standard input."""
    os.umask(int(sys.argv[1], 8))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a generator prints must not look like an answer
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever a generator raises is the answer
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
