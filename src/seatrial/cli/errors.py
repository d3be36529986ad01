"""How the command speaks of what went wrong: one line that says what, where and what to do; never a traceback."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    except (SandboxError, LookupError, ValueError) as error:
        _say(error, 2)
    except KeyboardInterrupt:
        _say("interrupted", 4)


def _say(error: object, code: int) -> None:
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    click.echo(f"seatrial: {text}", err=True)
    sys.exit(code)
