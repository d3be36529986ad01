"""Texts that say nearly the same: for findings without a crash, where the words are all there is.

MinHash signatures over runs of three words (Broder, *On the resemblance and containment of documents*, 1997), by
datasketch; the estimate picks pairs and the exact Jaccard similarity decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.grouping.candidates import ALIKE, Hint, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN = 3
PERMUTATIONS = 128
_WORD = re.compile(r"\w+")


def shingles(text: str) -> frozenset[str]:
    """Runs of three words of a text in lower case; of a shorter text its words as one run."""
    words = _WORD.findall(text.lower())
    if len(words) < RUN:
        return frozenset({" ".join(words)}) if words else frozenset()
    return frozenset(" ".join(words[start : start + RUN]) for start in range(len(words) - RUN + 1))


def alike(texts: Mapping[str, str]) -> list[Hint]:
    """Pairs of groups whose texts are alike. `texts` holds one text a group; an empty one is like nothing."""
    from datasketch import MinHash, MinHashLSH  # noqa: PLC0415 - slow to import, for this question only

    runs = {group: some for group in sorted(texts) if (some := shingles(texts[group]))}
    index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS, weights=(0.2, 0.8))
    hints = []
    encoded = [[run.encode() for run in some] for some in runs.values()]
    for group, sketch in zip(runs, MinHash.generator(encoded, num_perm=PERMUTATIONS, seed=1), strict=True):
        for other in sorted(index.query(sketch)):
            share = len(runs[group] & runs[other]) / len(runs[group] | runs[other])
            if share >= ALIKE:
                words = f"their texts share {share:.0%} of their runs of {RUN} words"
                hints.append(Hint(other, group, Kind.ALIKE_TEXT, share, words))
        index.insert(group, sketch)
    return hints
