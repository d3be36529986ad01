"""What can go wrong with a record: each error says what, where and what to do, and none repeats refused bytes."""

from __future__ import annotations


class LedgerError(ValueError):
    """The root of this room's errors: bad input unless a subclass says more."""


class Malformed(LedgerError):
    """Bytes that are not what they claim to be: an event, a note, a checkpoint, a receipt, a policy, a request."""


class NotVerified(LedgerError):
    """Well-formed, but false: a signature, a path or a root does not agree with the keys that were given."""


class NotTheSameLog(LedgerError):
    """The store is smaller than, or different from, what was already published: restored from a copy, or forked.

    Nothing may be appended to it: an old size signed again with another root would be a second history. What was
    published stays true; the record goes on under a new origin (`seatrial ledger continue`).
    """


class SplitView(LedgerError):
    """A witness holds a checkpoint that this log cannot grow from: two histories were signed with one key."""
