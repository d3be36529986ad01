"""There is no call on a store without its viewer: every public method of every store of rows takes one first."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import seatrial.framework
import seatrial.storage
import seatrial.storage.stores
from seatrial.storage import tables  # noqa: F401 - sets Django up, which modules of the room need

WORKERS = ("claim", "beat", "settle", "wake", "beats", "free", "seen", "gone", "quiet_for")
WITHOUT: dict[str, str] = {
    "LogTables.reading": "the log holds digests and ids; who may read an entry is the ledger's rule",
    "LogTables.writing": "the same",
    **dict.fromkeys(
        (f"JobTables.{name}" for name in WORKERS),
        "a worker's own, of every submission: each looks as the house and names its reason",
    ),
    "JobTables.close": "it closes this thread's connections",
}
"""Calls that take none, each with the reason."""


def stores() -> list[type]:
    """Every class of the packages that is named as one."""
    packages = (seatrial.framework, seatrial.storage, seatrial.storage.stores)
    names = [one.name for package in packages for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    found = {
        name: item
        for module in names
        for name, item in vars(importlib.import_module(module)).items()
        if inspect.isclass(item) and item.__module__ == module and name.endswith(("Store", "Tables"))
    }
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize("store", stores(), ids=lambda store: store.__name__)
def test_the_first_parameter_of_every_call_is_the_viewer(store: type) -> None:
    for name, method in inspect.getmembers(store, inspect.isfunction):
        if name.startswith("_") or f"{store.__name__}.{name}" in WITHOUT:
            continue
        parameters = [*inspect.signature(method).parameters.values()][1:]
        assert parameters, f"{store.__name__}.{name}"
        assert (parameters[0].name, parameters[0].annotation) == ("viewer", "Viewer"), f"{store.__name__}.{name}"


def test_the_stores_are_found() -> None:
    assert {"SubmissionStore", "SubmissionTables", "PaperTables", "ReadTables"} <= {one.__name__ for one in stores()}
