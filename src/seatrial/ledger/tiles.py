"""Hash tiles (C2SP tlog-tiles): the tree as static pieces of 256 hashes, from which anybody computes any proof.

- A tile of level L holds the roots of complete subtrees of 256**L leaves; a full one never changes.
- Entries are not among them: growth can be checked by everyone, and what the entries say is seen by their parties.

>>> Tile.parse("tile/0/x001/x234/067"), str(Tile(1, 4, 17))
(Tile(level=0, index=1234067, width=256), 'tile/1/004.p/17')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatrial.ledger import merkle
from seatrial.ledger.errors import LedgerError, Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.ledger.merkle import Nodes

WIDTH: Final = 256
HEIGHT: Final = 8
"""Levels of the tree that one tile spans: 2**8 = 256."""
MAX_LEVEL: Final = 63
PATH: Final = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True)
class Tile:
    """Which tile: its level, its index in the level, and how many hashes it holds."""

    level: int
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        """Return the path below the log's prefix."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(groups)}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Read a path below the log's prefix.

        Raises:
            Malformed: It is no tile's path, or not the one spelling of it.
        """
        found = PATH.fullmatch(path)
        if found is None:
            raise Malformed("tile: a path is tile/<level>/<index in groups of three digits>[.p/<width>]")
        index = int(found["index"].replace("x", "").replace("/", ""))
        tile = cls(int(found["level"]), index, int(found["width"] or WIDTH))
        if tile.level > MAX_LEVEL or str(tile) != path:
            raise Malformed("tile: not the one spelling of its path")
        return tile


def tiles(size: int) -> Iterator[Tile]:
    """Yield the tiles of a tree, the lowest level first."""
    level, count = 0, size
    while count:
        full, partial = divmod(count, WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if partial:
            yield Tile(level, full, partial)
        level, count = level + 1, full


def read_tile(nodes: Nodes, size: int, tile: Tile) -> bytes:
    """Return a tile's hashes, 32 bytes each.

    Raises:
        LedgerError: The tree of `size` leaves has no such tile (yet).
    """
    first = tile.index * WIDTH
    if first + tile.width > size >> HEIGHT * tile.level:
        raise LedgerError(f"{tile} is not in a tree of {size} entries")
    return b"".join(nodes(HEIGHT * tile.level, first + offset) for offset in range(tile.width))


def tiled_nodes(read: Callable[[Tile], bytes], size: int) -> Nodes:
    """Return a reader of nodes that needs only tiles: what an outsider computes roots and proofs with."""

    def node(level: int, index: int) -> bytes:
        below, inside = divmod(level, HEIGHT)
        hashes = [_hash(read, size, below, (index << inside) + offset) for offset in range(1 << inside)]
        while len(hashes) > 1:
            hashes = [merkle.node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    return node


def _hash(read: Callable[[Tile], bytes], size: int, level: int, index: int) -> bytes:
    tile, offset = divmod(index, WIDTH)
    width = min(WIDTH, (size >> HEIGHT * level) - tile * WIDTH)
    start = offset * merkle.HASH_BYTES
    return read(Tile(level, tile, width))[start : start + merkle.HASH_BYTES]
