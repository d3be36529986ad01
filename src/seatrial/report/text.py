r"""Untrusted text made harmless to a reader's eye: what cannot be seen is shown, what is too long is cut and said so.

Escaping for HTML is the template's, which escapes everything; this is about characters that would still deceive.

>>> print(visible("a\x1b[2Jb\u202ec"))
a\x1b[2Jb\u202ec
"""

from __future__ import annotations

import re

# C0 and C1 controls but tab and newline; bidirectional marks, embeddings, overrides and isolates; zero-width; the BOM;
# line and paragraph separators; lone surrogates, which no file can hold.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with hidden characters written as escapes; line ends become plain newlines."""
    return _HIDDEN.sub(_escape, text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> tuple[str, int]:
    """The first `limit` characters and how many were left off."""
    return text[:limit], max(0, len(text) - limit)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
