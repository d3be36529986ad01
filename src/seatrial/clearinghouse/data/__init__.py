"""Tables and schemas of others, as they were published: `SOURCES.md` says where each came from.

- Nothing here is changed by hand, and nothing is fetched while running.
- `digest` is the SHA-256 of a file as it lies here; a test holds it against `SOURCES.md`.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

PACKAGE = "seatrial.clearinghouse.data"


def read(name: str) -> bytes:
    """The bytes of a vendored file, by its path under this folder."""
    return files(PACKAGE).joinpath(name).read_bytes()


@lru_cache(maxsize=32)
def table(name: str) -> Any:  # noqa: ANN401 - what a JSON file of others holds
    """A vendored JSON file. It is shared: read it, never change it."""
    return json.loads(read(name))


def digest(name: str) -> str:
    """SHA-256 of a vendored file, in hex."""
    return hashlib.sha256(read(name)).hexdigest()
