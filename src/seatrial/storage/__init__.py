"""The storage room: rows, and the only way to them.

Read in this order: `address` (where the rows are), `session` (the transaction that knows who is looking), `models` (the
tables), `triggers` (what the database itself refuses), `stores` (the rooms' protocols over the tables), `agreement`
(whether rows and log say the same). Django is loaded with `session`, and by nothing before it.
"""

from seatrial.storage.address import Address, BadAddress

__all__ = ["Address", "BadAddress"]
