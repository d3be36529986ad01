"""How verbs over an installation read secrets, write private files, and speak of what went wrong."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from seatrial.cli.errors import in_words, of_a_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.custody.secret import Secret


@contextmanager
def spoken() -> Iterator[None]:
    """Turn these rooms' errors into one line and an exit code: 1 false, 2 bad input."""
    from seatrial.custody.keys import CustodyError
    from seatrial.custody.receipt import NotThisReceipt
    from seatrial.ledger.errors import NotVerified

    try:
        yield
    except (NotVerified, NotThisReceipt) as error:
        _say(f"false: {error}", 1)
    except (CustodyError, ValueError, LookupError, OSError, RecursionError) as error:
        _say(in_words(error), 2)
    except Exception as error:
        if not of_a_store(error):
            raise
        _say(in_words(error), 2)


def _say(text: str, code: int) -> None:
    click.echo(f"seatrial: {text}", err=True)
    sys.exit(code)


def read_credential(source: str) -> Secret:
    """A credential from a file, or from standard input for `-`; never from the command line itself."""
    from seatrial.custody.deposit import MAX_KEY_BYTES
    from seatrial.custody.secret import Secret

    if source == "-":
        raw = sys.stdin.buffer.read(MAX_KEY_BYTES + 2)
    else:
        with Path(source).open("rb") as file:
            raw = file.read(MAX_KEY_BYTES + 2)
    return Secret(raw.strip())


def write_private(path: Path, content: bytes) -> None:
    """A new file that its owner alone reads."""
    with private_file(path) as file:
        file.write(content)


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that its owner alone reads, for what the block makes; gone again where the block raises."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise
