"""A pack as a person reads it, and two packs side by side: entry by entry, with source and date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.framework.pack import Entry, PolicyPack

_LEFT_OUT = frozenset({"id", "kind", "action", "source", "effective_from", "unverified", "note"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: an entry that was added or removed (no key), or one key of an entry with its two values."""

    table: str
    entry: str
    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """One line."""
        place = ".".join(part for part in (self.table, self.entry, self.key) if part)
        if self.before is None:
            return f"+ {place} = {self.after}" if self.key else f"+ {place}"
        if self.after is None:
            return f"- {place} = {self.before}" if self.key else f"- {place}"
        return f"~ {place}: {self.before} -> {self.after}"


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a pack holds
    """The value as JSON can say it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def changes(before: PolicyPack, after: PolicyPack) -> tuple[Change, ...]:
    """What the second pack changes, in the order of the first, additions last."""
    old = {(entry.table, entry.id): entry for entry in before.entries}
    new = {(entry.table, entry.id): entry for entry in after.entries}
    return tuple(change for place in {**old, **new} for change in _between(old.get(place), new.get(place)))


def _between(old: Entry | None, new: Entry | None) -> Iterator[Change]:
    if old is None or new is None:
        known = new or old
        if known is not None:
            values = plain(dict(known.values))
            yield Change(known.table, known.id, "", None if old is None else values, None if new is None else values)
        return
    for key in {**old.values, **new.values}:
        was, now = plain(old.values.get(key)), plain(new.values.get(key))
        if was != now:
            yield Change(old.table, old.id, key, was, now)


def record(pack: PolicyPack) -> dict[str, Any]:
    """The pack as JSON."""
    tables: dict[str, list[Any]] = {}
    for entry in pack.entries:
        tables.setdefault(entry.table, []).append(plain(dict(entry.values)))
    return {
        "schema": "seatrial.framework-pack/1",
        "id": pack.ref.id,
        "version": pack.ref.version,
        "sha256": pack.ref.sha256,
        "tables": tables,
    }


def lines(pack: PolicyPack) -> Iterator[str]:
    """The pack in lines of text; what nobody has seen in a primary text is marked `unverified`."""
    until = f" to {pack.effective_to}" if pack.effective_to else ""
    yield f"{pack.ref}  {pack.title}"
    yield f"{pack.status} from {pack.effective_from}{until}  {pack.ref.sha256}"
    for fact in pack.unverified:
        yield f"unverified: {fact}"
    table = ""
    for entry in pack.entries:
        if entry.table == "pack":
            continue
        if entry.table != table:
            table = entry.table
            yield ""
            yield table
        yield f"  {_line(entry)}"


def _line(entry: Entry) -> str:
    if entry.table == "source":
        values = entry.values
        return f"{entry.id}: {values['title']} ({values['publisher']}, {values['date']}; {values['kind']})"
    said = [f"{key} {_short(value)}" for key, value in entry.values.items() if key not in _LEFT_OUT]
    mark = "  unverified" if entry.unverified else ""
    name = f"{entry.id}: " if entry.id else ""
    return f"{name}{'; '.join(said)}  [{entry.source}, {entry.effective_from}]{mark}"


def _short(value: Any) -> str:  # noqa: ANN401 - whatever a pack holds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
