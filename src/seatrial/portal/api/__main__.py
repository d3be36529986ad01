"""`python -m seatrial.portal.api FILE` writes the OpenAPI document; a test compares it with the one in `docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from seatrial.portal.opening import set_up
from seatrial.portal.settings import PortalSettings


def main(path: Path) -> None:
    """Write it. Django is set up first, which the rest of the room needs."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(PortalSettings.of(Path(folder), {}))
        from seatrial.portal.api.document import written  # noqa: PLC0415 - after that
        from seatrial.portal.operations import OPERATIONS  # noqa: PLC0415 - the same

        path.write_text(written(OPERATIONS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
