"""The storage room: rows, and the only way to them.

Read in this order: `address` (where the rows are), `viewer` (who is looking), `session` (the transaction that knows it),
`models` (the tables), `triggers` (what the database itself refuses), `stores` (the rooms' protocols over the tables).
Nothing here is imported before an installation is opened: Django loads with `session`.
"""

from seatrial.framework.viewer import Viewer
from seatrial.storage.address import Address, BadAddress

__all__ = ["Address", "BadAddress", "Viewer"]
