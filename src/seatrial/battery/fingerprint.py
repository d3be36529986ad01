"""Digests of generated things: equal digests mean equal to the last byte.

Any nesting of plain data and frozen dataclasses can be digested. Sets are refused: their order is not theirs, and a
generator that keeps one may have iterated it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from seatrial.battery.instance import FileTree

if TYPE_CHECKING:
    from seatrial.battery.instance import Armed, Instance


def fingerprint(value: object) -> str:
    """SHA-256 over a prefix-free encoding; `TypeError` names the place of what cannot be digested."""
    digest = hashlib.sha256()
    for part in _encode(value, "$"):
        digest.update(part)
    return digest.hexdigest()


def digests(instance: Instance) -> dict[str, str]:
    """The digests that a manifest states of an instance."""
    hidden = {item.name: getattr(instance.hidden, item.name) for item in fields(instance.hidden)}
    twin = hidden.pop("twin")
    return {
        "files_sha256": instance.files.digest(),
        "services_sha256": fingerprint(instance.services),
        "prompt_sha256": hashlib.sha256(instance.prompt.encode()).hexdigest(),
        "hidden_sha256": fingerprint(hidden),
        "twin_sha256": fingerprint(_surface(twin)),
    }


def rebuilt(instance: Instance, armed: Armed) -> str:
    """One digest of everything that generating and arming gave: what two rebuilds must agree on."""
    surface = [instance.technique, instance.knobs, instance.pair, instance.autonomy_steps]
    return fingerprint([digests(instance), surface, armed])


def _surface(instance: Instance | None) -> object:
    if instance is None:
        return None
    names = ("technique", "knobs", "prompt", "files", "services", "hidden", "pair", "autonomy_steps")
    return {name: getattr(instance, name) for name in names}


def _encode(value: Any, where: str) -> Iterator[bytes]:  # noqa: ANN401, C901, PLR0912 - one case a type
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, FileTree):
        yield b"T" + value.digest().encode()
    elif value is None:
        yield b"N"
    elif isinstance(value, bool):
        yield b"1" if value else b"0"
    elif isinstance(value, int):
        yield _sized(b"I", str(value).encode() if abs(value) < 2**512 else hex(value).encode())
    elif isinstance(value, float):
        yield b"F" + struct.pack(">d", value)
    elif isinstance(value, str):
        yield _sized(b"S", value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes | bytearray):
        yield _sized(b"B", bytes(value))
    elif isinstance(value, list | tuple):
        yield b"L%d:" % len(value)
        for index, item in enumerate(value):
            yield from _encode(item, f"{where}[{index}]")
    elif isinstance(value, Mapping):
        yield b"M%d:" % len(value)
        for key, item in sorted(value.items(), key=lambda pair: (type(pair[0]).__name__, pair[0])):
            yield from _encode(key, f"{where} key")
            yield from _encode(item, f"{where}[{key!r}]")
    elif is_dataclass(value) and not isinstance(value, type):
        yield _sized(b"D", type(value).__qualname__.encode())
        for item in fields(value):
            yield from _encode(getattr(value, item.name), f"{where}.{item.name}")
    elif callable(value):
        yield _sized(b"C", f"{value.__module__}.{value.__qualname__}".encode())
    else:
        raise TypeError(f"{where}: {type(value).__name__} cannot be digested; keep plain data, tuples and mappings")


def _sized(kind: bytes, body: bytes) -> bytes:
    return kind + b"%d:" % len(body) + body
