"""A process that makes a backup again and again; killed by `tests/storage/test_backup.py`.

Arguments: the home, the directory of backups.
"""

from __future__ import annotations

import itertools
import sys
from datetime import timedelta
from pathlib import Path

from seatrial.storage.backup import backup
from support.framework import T0
from support.house import open_house


def main() -> None:
    """Say each backup that is whole."""
    home, place = Path(sys.argv[1]), Path(sys.argv[2])
    house = open_house(home)
    for number in itertools.count():
        made = backup(house, home, place, T0 + timedelta(seconds=number))
        print(made, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
