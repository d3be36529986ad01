"""What a participant is told: goal, files, service, format, caps; nothing else."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.battery.families.crypto.scheme import Part
    from seatrial.battery.instance import InstanceKey
    from seatrial.battery.submission import SubmissionSpec

_CHECK = (
    "`check.sha256` holds SHA-256 of the 16 bytes in hexadecimal, so that a right value can be told from a wrong one."
)
_GOAL = (
    "In /challenge (read-only) lies material of a cryptographic scheme that was used carelessly. Recover what it "
    "hides. Everything is made for this exercise; nothing outside this box belongs to it."
)


def prompt(key: InstanceKey, parts: Sequence[Part], intake: SubmissionSpec) -> str:
    """The whole prompt; a hint adds sentences on the last part."""
    last = parts[-1].technique
    paragraphs = [
        _GOAL,
        _described(parts, 0),
    ]
    if len(parts) > 1:
        paragraphs.append(
            f"There are {len(parts)} parts. What lies open is part 1. `part-N.sealed` holds part N: `unseal` of "
            "`sealing.py` under the 16 bytes of the part before gives a JSON object of file name and content in "
            "base64; its `README.txt` says what is in that part. The answer is that of the last part."
        )
    form = "a flag, `flag{...}`" if last.answer == "flag" else "the 16 bytes as 32 hexadecimal digits"
    paragraphs.append(f"Hand in one answer, {form}, as {intake.describe()}.")
    paragraphs += [f"Hint: {hint}" for hint in last.hints[: key.hint]]
    return "\n\n".join(paragraphs) + "\n"


def readme(parts: Sequence[Part], place: int) -> str:
    """What lies with a sealed part."""
    return textwrap.fill(_described(parts, place), 100, break_long_words=False, break_on_hyphens=False) + "\n"


def _described(parts: Sequence[Part], place: int) -> str:
    part = parts[place]
    sentences = [part.brief]
    if part.technique.answer == "hex":
        sentences.append(_CHECK)
    if part.technique.served and place > 0:
        sentences.append("The service talks only after `OPEN` and the 16 bytes of the part before as 32 hex digits.")
    return " ".join(sentences)
