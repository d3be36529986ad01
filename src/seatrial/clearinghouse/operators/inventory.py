"""What an operator runs, read from a software bill of materials: CycloneDX (JSON, XML) or SPDX (2.x and 3.0, JSON).

The inventory is read where it lies and goes nowhere. Reading is lenient about what is not needed and exact about what
is: a component keeps its package URL, its CPE, its name and version; one that has neither of the first two cannot be
matched and is counted, never dropped unseen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GROUP = "seatrial:asset-group"
"""The CycloneDX property by which a component names the group of assets that it is part of."""
NO_GROUP = "all assets"
DEPTH = 64
"""Components inside components: deeper is no inventory."""


class NotAnInventory(ValueError):
    """Bytes that are no bill of materials in a form that is read here."""


@dataclass(frozen=True, slots=True)
class Component:
    """One piece of software: as much of purl, CPE 2.3, name and version as is stated, and its group of assets."""

    name: str
    version: str = ""
    purl: str = ""
    cpe: str = ""
    group: str = NO_GROUP

    @property
    def nameable(self) -> bool:
        """Whether anything can be matched with it."""
        return bool(self.purl or self.cpe)


def read_inventory(content: bytes, source: str = "inventory") -> tuple[Component, ...]:
    """The components of a bill of materials, each different one once, in the order of the file.

    Raises:
        NotAnInventory: not CycloneDX and not SPDX; says what it is and what to give instead.
    """
    if content.lstrip()[:1] == b"<":
        return _unique(_cyclonedx_xml(content, source))
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotAnInventory(f"{source}: neither JSON nor XML ({error}); give CycloneDX, or SPDX as JSON") from error
    if not isinstance(document, dict):
        raise NotAnInventory(f"{source}: JSON, and no object; give CycloneDX or SPDX")
    if document.get("bomFormat") == "CycloneDX":
        return _unique(_cyclonedx(document))
    if str(document.get("spdxVersion", "")).startswith("SPDX-2"):
        return _unique(_spdx2(document))
    if "@graph" in document and "spdx" in str(document.get("@context", "")):
        return _unique(_spdx3(document))
    raise NotAnInventory(f"{source}: JSON, and neither CycloneDX (`bomFormat`) nor SPDX (`spdxVersion`, `@graph`)")


def _unique(components: Iterator[Component]) -> tuple[Component, ...]:
    return tuple(dict.fromkeys(components))


def _cyclonedx(document: Mapping[str, Any]) -> Iterator[Component]:
    top = document.get("metadata")
    main = top.get("component") if isinstance(top, dict) else None
    group = _group(main, NO_GROUP) if isinstance(main, dict) else NO_GROUP
    for component in _dicts(document.get("components")):
        yield from _component(component, group, 0)


def _component(given: Mapping[str, Any], group: str, depth: int) -> Iterator[Component]:
    own = _group(given, group)
    name = "/".join(part for part in (_text(given.get("group")), _text(given.get("name"))) if part)
    yield Component(name, _text(given.get("version")), _text(given.get("purl")), _text(given.get("cpe")), own)
    if depth < DEPTH:
        for inner in _dicts(given.get("components")):
            yield from _component(inner, own, depth + 1)


def _group(component: Mapping[str, Any], otherwise: str) -> str:
    for one in _dicts(component.get("properties")):
        if one.get("name") == GROUP and _text(one.get("value")):
            return _text(one.get("value"))
    return otherwise


def _cyclonedx_xml(content: bytes, source: str) -> Iterator[Component]:
    from cyclonedx.model.bom import Bom  # noqa: PLC0415 - slow to import, for XML only
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - the same

    try:
        bom = Bom.from_xml(fromstring(content))  # type: ignore[attr-defined]
    except Exception as error:
        raise NotAnInventory(f"{source}: XML, and no CycloneDX that can be read: {error}") from error
    if bom is None:
        raise NotAnInventory(f"{source}: XML, and no CycloneDX")
    for one in bom.components:
        groups = [held.value for held in one.properties if held.name == GROUP and held.value]
        name = "/".join(part for part in (one.group, one.name) if part)
        purl = str(one.purl) if one.purl else ""
        yield Component(name, one.version or "", purl, one.cpe or "", groups[0] if groups else NO_GROUP)


def _spdx2(document: Mapping[str, Any]) -> Iterator[Component]:
    for package in _dicts(document.get("packages")):
        named = {_text(one.get("referenceType")): one for one in _dicts(package.get("externalRefs"))}
        purl = _text(named.get("purl", {}).get("referenceLocator"))
        cpe = _text((named.get("cpe23Type") or named.get("cpe22Type") or {}).get("referenceLocator"))
        yield Component(_text(package.get("name")), _text(package.get("versionInfo")), purl, cpe)


def _spdx3(document: Mapping[str, Any]) -> Iterator[Component]:
    for element in _dicts(document.get("@graph")):
        if element.get("type") != "software_Package":
            continue
        purl, cpe = _text(element.get("software_packageUrl")), ""
        for one in _dicts(element.get("externalIdentifier")):
            kind, value = one.get("externalIdentifierType"), _text(one.get("identifier"))
            purl = purl or (value if kind == "packageUrl" else "")
            cpe = cpe or (value if kind == "cpe23" else "")
        yield Component(_text(element.get("name")), _text(element.get("software_packageVersion")), purl, cpe)


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
