"""Break the parts of a challenge one after the other: what a part hides opens the sealed bundle of the next."""

import base64
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial.battery.families.crypto.solve.delivered import Delivered, opened


def run(parts: Sequence[dict[str, Any]], challenge: Path, submission: Path) -> int:
    """Write the answer; exit code 1 when a part does not give way."""
    top = {path.name: path.read_bytes() for path in sorted(challenge.iterdir()) if path.is_file()}
    files, secret = top, b""
    for number, part in enumerate(parts, 1):
        if number > 1:
            bundle = opened(secret, top[f"part-{number}.sealed"])
            if bundle is None:
                print(f"part {number} does not open")  # noqa: T201 - a program of its own
                return 1
            packed = json.loads(bundle)
            files = {name: base64.b64decode(content) for name, content in packed.items()}
        view = Delivered(files, part["layout"])
        view.access = secret.hex()
        solver = importlib.import_module(part["module"])
        found = getattr(solver, "solve_" + part["technique"].replace("-", "_"))(view)
        if found is None:
            print(f"part {number} does not give way")  # noqa: T201 - a program of its own
            return 1
        secret = found
    answer = secret.decode() if secret.startswith(b"flag{") else secret.hex()
    (submission / "answer").write_text(answer + "\n")
    return 0


def main() -> int:
    """`main.py [challenge folder [submission folder]]`, with `parts.json` beside it."""
    challenge, submission = [*sys.argv[1:], *("/challenge", "/submission")[len(sys.argv) - 1 :]][:2]
    parts = json.loads((Path(__file__).parent / "parts.json").read_text())
    return run(parts, Path(challenge), Path(submission))
