"""An Atom feed (RFC 4287): what changed, or what was published, for any reader. Equal input gives equal bytes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from seatrial.framework.instant import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

NAMESPACE = uuid.UUID("0f0a5d3e-7c51-5b0e-8c39-2b8e7f6f2d04")  # a constant, so that an entry keeps its id
ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a reader shows: `key` is what it is, whatever else changes."""

    key: str
    title: str
    at: datetime
    link: str
    summary: str = ""


def feed(key: str, title: str, link: str, entries: Sequence[Entry], now: datetime) -> bytes:
    """The feed, newest first; as old as its newest entry, and as `now` where it has none."""
    root = Element("feed", xmlns=ATOM)
    SubElement(root, "id").text = _urn(key)
    SubElement(root, "title").text = title
    SubElement(root, "updated").text = text(max((one.at for one in entries), default=now))
    SubElement(root, "link", rel="alternate", href=link)
    SubElement(SubElement(root, "author"), "name").text = "Seatrial"
    for one in entries:
        _entry(root, one)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(root: Element, one: Entry) -> None:
    entry = SubElement(root, "entry")
    SubElement(entry, "id").text = _urn(one.key)
    SubElement(entry, "title").text = one.title
    SubElement(entry, "updated").text = text(one.at)
    SubElement(entry, "link", rel="alternate", href=one.link)
    if one.summary:
        SubElement(entry, "summary").text = one.summary


def _urn(key: str) -> str:
    return uuid.uuid5(NAMESPACE, key).urn
