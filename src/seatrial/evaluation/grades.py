"""A score as others write it, as a number between 0 and 1: letters, words, booleans and numbers, each by its name.

- Inspect's letters: C is 1, I is 0, N (no answer) is 0, P (partial credit) is one half.
- An empty cell, None and NaN are no score. Everything else that is not listed here is refused, never guessed.

>>> [grade(value) for value in ("C", "I", True, "0", 0.25, "n/a")]
[1.0, 0.0, 1.0, 0.0, 0.25, None]
>>> grade("mostly")
Traceback (most recent call last):
ValueError: 'mostly'; a score is a number from 0 to 1, true or false, or one of C, I, P, N
"""

from __future__ import annotations

import math
from decimal import Decimal

LETTERS = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0}
WORDS = {
    "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "correct": 1.0, "incorrect": 0.0, "solved": 1.0, "unsolved": 0.0,
    **LETTERS,
}  # fmt: skip
PERCENT = 100
EMPTY = frozenset({"", "na", "n/a", "nan", "none", "null"})  # how tools write a cell without a value


def grade(value: object) -> float | None:
    """The score that a cell or a scorer's value stands for; None where there is none. Raises `ValueError`."""
    if empty(value):
        return None
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in WORDS:
            return WORDS[word]
        return _number(word, value)
    if isinstance(value, (bool, int, float, Decimal)):
        return _number(value, value)
    raise ValueError(_refusal(value))


def empty(value: object) -> bool:
    """Whether a cell says that there is no value."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and value.strip().casefold() in EMPTY


def _number(value: str | float | Decimal, written: object) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(_refusal(written)) from None
    if not 0 <= number <= 1:
        raise ValueError(f"{_refusal(written)}{'; percent are divided by 100 first' if 1 < number <= PERCENT else ''}")
    return number


def _refusal(value: object) -> str:
    return f"{str(value)[:80]!r}; a score is a number from 0 to 1, true or false, or one of C, I, P, N"
