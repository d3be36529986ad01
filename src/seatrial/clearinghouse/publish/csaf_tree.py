"""The product tree of a CSAF document: vendor, product, and its versions or ranges below it.

- A version that reads like a range, or a range that holds single versions, has no branch of its own kind that would be
  true of it: such a product stands in the flat list, with its full name.
- Product ids are local to the document: `CSAFPID-0001` and on, in the order of the set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.publish.vers import Vers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet, Product

_LIKE_A_RANGE = re.compile(
    r"[<>*|~^]|=|\.x\b|\b(after|all|any|before|earlier|later|less|newer|older|prior|since|through|to|until|up|versions?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree, the document's id of each product key, and which products lie under one product name."""

    document: dict[str, Any]
    ids: Mapping[str, str]
    families: Mapping[str, str]


def product_tree(advisory: AdvisorySet, *, many_purls: bool) -> Tree:
    """The tree of every product; 2.1 keeps purls in a list, 2.0 one purl."""
    ids = {product.key: f"CSAFPID-{number:04d}" for number, product in enumerate(advisory.products, 1)}
    vendors: dict[str, dict[str, list[dict[str, Any]]]] = {}
    flat: list[dict[str, Any]] = []
    families: dict[str, str] = {}
    for product in advisory.products:
        named = _full_name(product, ids[product.key], many_purls=many_purls)
        branch = _branch(product)
        if branch is None:
            flat.append(named)
            families[product.key] = ""
        else:
            families[product.key] = f"{product.vendor}\n{product.name}"
            leaf = {"category": branch[0], "name": branch[1], "product": named}
            vendors.setdefault(product.vendor, {}).setdefault(product.name, []).append(leaf)
    tree: dict[str, Any] = {}
    if vendors:
        tree["branches"] = [_vendor(vendor, names) for vendor, names in vendors.items()]
    if flat:
        tree["full_product_names"] = flat
    return Tree(tree, ids, families)


def _branch(product: Product) -> tuple[str, str] | None:
    if product.version and not _LIKE_A_RANGE.search(product.version):
        return "product_version", product.version
    if product.vers and Vers.parse(product.vers).bounded:
        return "product_version_range", product.vers
    return None


def _vendor(vendor: str, names: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    products = [{"category": "product_name", "name": name, "branches": leaves} for name, leaves in names.items()]
    return {"category": "vendor", "name": vendor, "branches": products}


def _full_name(product: Product, id_: str, *, many_purls: bool) -> dict[str, Any]:
    helper: dict[str, Any] = {}
    if product.cpe:
        helper["cpe"] = product.cpe
    if product.portable_purl:
        helper |= {"purls": [product.portable_purl]} if many_purls else {"purl": product.portable_purl}
    named: dict[str, Any] = {"name": product.label, "product_id": id_}
    return named | ({"product_identification_helper": helper} if helper else {})
