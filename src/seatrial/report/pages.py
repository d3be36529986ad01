"""The one template environment of all pages: escapes everything, refuses unknown names, shows hidden characters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seatrial.report.text import visible


@cache
def environment() -> Environment:
    """Shared by all pages."""
    return Environment(
        loader=PackageLoader("seatrial.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )


@cache
def style(*names: str) -> Markup:
    """Style sheets to stand inside a page; they are ours, so they are not escaped."""
    folder = files("seatrial.report").joinpath("templates")
    sheets = ("base.css", *names)
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in sheets))  # noqa: S704


def _finalize(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
