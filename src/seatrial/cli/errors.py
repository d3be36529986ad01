"""How the command speaks of what went wrong: one line that says what, where and what to do; never a traceback."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_STORES = frozenset({"sqlite3", "django", "psycopg"})
"""Whose errors are those of a database; named, because only the storage room imports them all."""


def in_words(error: BaseException) -> str:
    """An error in one line: what, where, and of a database what to look at."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, RecursionError):
        return "what was given is nested too deeply to be read"
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if of_a_store(error):
        return f"a database does not answer: {' '.join(text.split())}; look at SEATRIAL_HOME and SEATRIAL_DATABASE"
    return text


def bounded(path: Path, most: int) -> bytes:
    """A file's bytes. Raises `ValueError` for one that is longer, before more of it is read."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path}: longer than {most} bytes; is it the right file?")
    return content


def of_a_store(error: BaseException) -> bool:
    """Whether a database said it: a file that is none, a full disk, a server that is away."""
    return type(error).__module__.partition(".")[0] in _STORES


@contextmanager
def spoken() -> Iterator[None]:
    """Turn the rooms' errors into one line and an exit code: 2 bad input, 3 boundary not shown closed, 4, 5 as told."""
    from seatrial.evaluation.rundir import RunError
    from seatrial.sandbox import NotSealed, SandboxError

    try:
        yield
    except RunError as error:
        _say(error, error.code)
    except NotSealed as error:
        _say(error, 3)
    except (SandboxError, LookupError, ValueError, OSError, RecursionError) as error:
        _say(in_words(error), 2)
    except KeyboardInterrupt:
        _say("interrupted", 4)


def _say(error: object, code: int) -> None:
    click.echo(f"seatrial: {error}", err=True)
    sys.exit(code)
