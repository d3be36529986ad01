"""What applies to the software that an operator runs, and by when: the catalogue of this part."""

from seatrial.clearinghouse.operators.advisories import Feed, Statement, Status, read_document, read_feed
from seatrial.clearinghouse.operators.inventory import Component, NotAnInventory, read_inventory
from seatrial.clearinghouse.operators.listing import Kev, Listing, Row, by_sector, match
from seatrial.clearinghouse.operators.products import Fit, Product, fit

__all__ = [
    "Component",
    "Feed",
    "Fit",
    "Kev",
    "Listing",
    "NotAnInventory",
    "Product",
    "Row",
    "Statement",
    "Status",
    "by_sector",
    "fit",
    "match",
    "read_document",
    "read_feed",
    "read_inventory",
]
