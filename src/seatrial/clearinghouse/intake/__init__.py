"""Intake: bytes become findings. The catalogue of this part.

| what | for |
|---|---|
| `sources_of`, `read` | what a path holds, and its items |
| `Intake`, `Sender` | taking items in; a `BatchReceipt` is for what is durable |
| `Draft`, `Fault`, `Defaults` | what readers make of bytes |
| `Form`, `form_of` | what bytes are, by their content |
"""

from seatrial.clearinghouse.intake.item import Defaults, Draft, Facts, Fault, File, Item, Source, Unreadable
from seatrial.clearinghouse.intake.reading import read, sources_of
from seatrial.clearinghouse.intake.receive import BatchReceipt, Intake, ItemReceipt, Sender
from seatrial.clearinghouse.intake.sniff import Form, form_of

__all__ = [
    "BatchReceipt",
    "Defaults",
    "Draft",
    "Facts",
    "Fault",
    "File",
    "Form",
    "Intake",
    "Item",
    "ItemReceipt",
    "Sender",
    "Source",
    "Unreadable",
    "form_of",
    "read",
    "sources_of",
]
