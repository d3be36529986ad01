"""From files and directories to items: which reader reads what.

- A file is read by its content; a directory is a bundle (or bundles under a manifest), a fuzzer's own, or files.
- An archive is what its content is. An archive in an archive is not opened.
- Whatever a reader stumbles over is one fault; the rest goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seatrial.clearinghouse.blobs import BLOB_BYTES
from seatrial.clearinghouse.intake import bundle, casrep, crashdir, crashlog, csaf_report, plain, sarif
from seatrial.clearinghouse.intake.archive import unpacked
from seatrial.clearinghouse.intake.item import Fault, Source, Unreadable
from seatrial.clearinghouse.intake.limits import ARCHIVE_BYTES, clean
from seatrial.clearinghouse.intake.sniff import Form, form_of

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.clearinghouse.intake.item import Defaults, Item, Reader

READERS: Mapping[Form, Reader] = {
    Form.SARIF: sarif.read,
    Form.CSAF: csaf_report.read,
    Form.CASREP: casrep.read,
    Form.PLAIN: plain.read,
    Form.LOG: crashlog.read,
}
FORMS = "SARIF 2.1.0, CSAF 2.0 or 2.1, .casrep, a crash log, a bundle, or our plain form"
Given = tuple[Source, "Item"]
"""An item with the file it came from, for a receipt that names it."""


def sources_of(path: Path) -> Iterator[Source | tuple[str, Mapping[str, bytes]]]:
    """What a path holds: a file, or the files of one directory by name; a bundle's directory is one.

    A directory with neither a manifest nor a bundle's folders is walked file by file, and never held as a whole.
    """
    if not path.is_dir():
        yield Source(path.name, path.read_bytes())
        return
    names = sorted(_names(path))
    if bundle.is_bundle(names) or any(crashdir.is_reproducer(name) for name in names):
        yield path.name, _Files(path, names)
        return
    for name in names:
        yield Source(name, (path / name).read_bytes())


class _Files(Mapping[str, bytes]):
    """The files of a directory, each read when it is asked for and not kept."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        return (self._folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _names(folder: Path) -> Iterator[str]:
    """Regular files below a folder; links are not followed, hidden ones are passed over."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in names:
            full = os.path.join(here, name)  # noqa: PTH118 - os.walk's own way, a hundred thousand times
            if not name.startswith(".") and not os.path.islink(full):  # noqa: PTH114 - the same
                yield os.path.relpath(full, folder)


def read(given: Source | tuple[str, Mapping[str, bytes]], defaults: Defaults) -> Iterator[Given]:
    """The items of a source, each with the file that a receipt names."""
    if isinstance(given, Source):
        yield from ((given, item) for item in _safely(_of_source(given, defaults), given.name))
        return
    name, files = given
    for item in _safely(_of_files(name, files, defaults), name):
        yield Source(item.where if isinstance(item, Fault) else name, b""), item


def _safely(items: Iterator[Item], name: str) -> Iterator[Item]:
    try:
        yield from items
    except Unreadable as error:
        yield error.fault
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError) as error:
        yield Fault(name, f"cannot be read ({clean(str(error), 200)})", f"Hand in {FORMS}")


def _of_source(source: Source, defaults: Defaults) -> Iterator[Item]:
    form = form_of(source)
    if form is Form.ARCHIVE:
        if len(source.data) > ARCHIVE_BYTES:
            raise Unreadable(source.name, "is larger than what an archive may hold", "Split it")
        yield from _of_files(source.name, unpacked(source), defaults)
        return
    if form is not Form.SARIF and len(source.data) > BLOB_BYTES:
        raise Unreadable(source.name, f"is larger than {BLOB_BYTES // 2**20} MiB", "Split it")
    if form is Form.EMPTY:
        raise Unreadable(source.name, "is empty", "Hand in what the tool wrote")
    reader = READERS.get(form)
    if reader is None:
        raise Unreadable(source.name, "is JSON of no known form", f"Hand in {FORMS}")
    yield from reader(source, defaults)


def _of_files(name: str, files: Mapping[str, bytes], defaults: Defaults) -> Iterator[Item]:
    names = list(files)
    if not names:
        raise Unreadable(name, "holds no file", f"Hand in {FORMS}")
    inner = _single_folder(names)
    if inner and not bundle.is_bundle(names) and bundle.is_bundle([one.removeprefix(inner) for one in names]):
        files = {one.removeprefix(inner): files[one] for one in names}
        names = list(files)
    if bundle.is_bundle(names):
        yield from bundle.read(files, defaults, name)
        return
    if any(crashdir.is_reproducer(one) for one in names):
        yield from crashdir.read(files, defaults)
        return
    for one in names:
        source = Source(one, files[one])
        if form_of(source) is Form.ARCHIVE:
            yield Fault(one, "is an archive in an archive", "Unpack it, and hand in the directory", whole=False)
        else:
            yield from _safely(_of_source(source, defaults), one)


def _single_folder(names: list[str]) -> str:
    """The one folder that everything lies in, with its slash; empty where there is none."""
    first = names[0].partition("/")[0]
    return f"{first}/" if all(name.startswith(f"{first}/") for name in names) else ""
