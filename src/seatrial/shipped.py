"""The policy packs that come with the package: their names and versions, and each one read.

A shipped file never changes, so each is read once a process.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.framework.pack_reading import parse_pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

    from seatrial.framework.pack import PackRef, PolicyPack

DEFAULT_PACK = "minimal"
VERSION = re.compile(r"\d{4}\.\d{1,4}")


def shipped() -> Traversable:
    """The folder of the packs that come with the package."""
    return resources.files("seatrial.framework") / "packs"


@cache
def load_shipped(name: str, version: str | None = None) -> PolicyPack:
    """The shipped pack of that name, in its newest version unless one is given; `ValueError` names those there are."""
    file = _shipped(name, version)
    return parse_pack(file.read_bytes(), reader(), f"{name}/{file.name}")


def names() -> list[str]:
    """The ids of the shipped packs."""
    found = (item.name for item in shipped().iterdir() if item.is_dir() and versions(item.name))
    return sorted(found)


def versions(name: str) -> list[str]:
    """The versions of a shipped pack, oldest first."""
    folder = shipped() / name
    found = [item.name.removesuffix(".toml") for item in folder.iterdir()] if folder.is_dir() else []
    numbered = [version for version in found if VERSION.fullmatch(version)]
    return sorted(numbered, key=lambda version: [int(part) for part in version.split(".")])


def reader(beside: Path | None = None) -> Callable[[str], bytes]:
    """Reads the files that a pack names: beside it first, then among the shipped ones."""

    def read(name: str) -> bytes:
        if beside is not None and (beside / name).is_file():
            return (beside / name).read_bytes()
        return shipped().joinpath(*name.split("/")).read_bytes()

    return read


def _shipped(name: str, version: str | None) -> Traversable:
    there = versions(name) if name in names() else []
    if not there or (version and version not in there):
        known = f"{name} has {', '.join(there)}" if there else f"shipped: {', '.join(names())}"
        raise ValueError(f"no pack {name}{f' {version}' if version else ''}; {known}; or give the path of a file")
    return shipped() / name / f"{version or there[-1]}.toml"


def shipped_pack(ref: PackRef | None) -> PolicyPack:
    """The pack of a reference, which must be the very bytes that were pinned; without one, the default pack."""
    if ref is None:
        return pack_named(DEFAULT_PACK)
    pack = pack_named(ref.id, ref.version)
    if pack.ref != ref:
        raise ValueError(
            f"{ref}: the shipped file differs from the one that was pinned; install the version that had it"
        )
    return pack


def pack_named(name: str, version: str = "") -> PolicyPack:
    """A shipped pack by name, in its newest version unless one is given."""
    return load_shipped(name, version or None)
