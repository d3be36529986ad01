"""Papers of origins that were shredded: their bytes and keys follow, as soon as anybody looks.

Rows are emptied in the transaction of a withdrawal. Files follow here: whoever opens the place asks for it, and so does
every import. Asked twice it is done once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.clearinghouse.blobs import of_origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.clearinghouse.blobs import Blobs


def shred_papers(blobs: Blobs, refs: Iterable[str]) -> int:
    """Destroy the papers of these origins and their keys; of how many there were any."""
    return sum(blobs.shred(of_origin(ref)) for ref in refs)
