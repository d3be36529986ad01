"""The API under schemathesis for as long as one likes: every operation as each of nine callers, good data and bad.

    python benchmarks/api_fuzz.py                     # 30 requests of each kind, some five minutes
    python benchmarks/api_fuzz.py --examples 200 --seed 7

In-process, over a fresh installation in a temporary folder. One line a fault, then how requests were answered.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from django.core.wsgi import get_wsgi_application
from django.db import connections

from portal import conftest as portal_of_tests  # its import sets Django up for a portal, before all others
from seatrial.installation import Installation
from seatrial.portal.api.pace import PACE
from seatrial.portal.opening import serve
from support.api_fuzz import fuzzed, planted, tokens


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20261124)
    chosen = parser.parse_args()
    PACE.a_minute = 10**9
    logging.getLogger("django.request").setLevel(logging.ERROR)
    installation = Installation.open()
    serve(installation)
    served = portal_of_tests.Served(installation, installation.custody.home)
    app, known, began, faults = get_wsgi_application(), planted(served), time.monotonic(), 0
    for name, headers in tokens(served, known).items():
        for fault in fuzzed(served, app, known, headers, examples=chosen.examples, seeded=chosen.seed):
            faults += 1
            print(f"as {name}: {fault}", flush=True)
        print(f"{name}: done after {time.monotonic() - began:.0f} s", flush=True)
    reached = Counter(line.rpartition(" ")[0] for line in known.reached if line.endswith(" 2"))
    print(f"{sum(known.statuses.values())} requests, {faults} faults, {len(reached)} operations answered with success")
    print(", ".join(f"{status}: {count}" for status, count in sorted(known.statuses.items())))
    for connection in connections.all():
        connection.close()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory():
        main()
