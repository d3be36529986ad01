"""The shipped packs, and packs that are broken in one place."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.framework.pack_problem import PackError
from seatrial.framework.pack_reading import parse_pack

if TYPE_CHECKING:
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.pack_problem import Problem

ROOT = files("seatrial.framework") / "packs"
NAMES = ("eo-14409", "caisi-agreement", "minimal")


def read(name: str) -> bytes:
    return ROOT.joinpath(*name.split("/")).read_bytes()


def written(name: str) -> str:
    return read(f"{name}/2026.1.toml").decode()


def shipped(name: str) -> PolicyPack:
    return parse_pack(read(f"{name}/2026.1.toml"), read, name)


def problems(text: str, **replaced: bytes) -> tuple[Problem, ...]:
    """What is wrong with a pack; files named in `replaced` (with _ for what no name has) stand for the shipped ones."""

    def reader(name: str) -> bytes:
        key = name.replace("/", "_").replace(".", "_").replace("-", "_")
        return replaced[key] if key in replaced else read(name)

    try:
        parse_pack(text.encode(), reader, "broken.toml")
    except PackError as error:
        return error.problems
    return ()
