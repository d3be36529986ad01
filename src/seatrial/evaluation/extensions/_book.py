"""The open book of a review in this process: which instance stands behind a sample id, and the run's secret.

Samples carry ids and prompts only; the hidden half of an instance is looked up here, by the scorer and the setup,
and never enters a log. A book is named, so that Inspect logs the name of a book and not its contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from seatrial.battery.family import Family
    from seatrial.battery.instance import Instance


@dataclass(frozen=True)
class Page:
    """One sample: the instance, its family, and what the log may say of it."""

    family: Family
    instance: Instance
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """All samples of a review, by sample id."""

    run_secret: bytes
    pages: Mapping[str, Page]
    journal: Callable[[dict[str, Any]], None] | None = None  # told of every attempt before its first step


_BOOKS: dict[str, Book] = {}


def open_book(name: str, book: Book) -> str:
    """Make a book known in this process; returns its name."""
    _BOOKS[name] = book
    return name


def book_of(name: str) -> Book:
    """The book of that name; `LookupError` when this process has none."""
    try:
        return _BOOKS[name]
    except KeyError:
        raise LookupError(f"no review named {name!r} is open in this process; run it with `seatrial review`") from None
