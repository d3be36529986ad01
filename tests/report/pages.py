"""A page taken apart by the standard library's parser, for tests that look at it as a browser would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "base"})
SILENT = frozenset({"style", "script"})
INLINE = frozenset({"a", "b", "code", "small", "span", "text", "tspan"})


@dataclass
class Element:
    """A tag with its attributes and the text below it."""

    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    text: str = ""


@dataclass
class Page:
    """All elements in document order, and the visible text in blocks."""

    elements: list[Element] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Page:
        """Parse a page."""
        reader = _Reader()
        reader.feed(text)
        reader.close()
        reader.flush()
        return cls(reader.elements, reader.blocks, [item.tag for item in reader.open] + reader.crossed)

    @property
    def tags(self) -> list[str]:
        """Tag names."""
        return [item.tag for item in self.elements]

    def all(self, tag: str) -> list[Element]:
        """Elements of one tag."""
        return [item for item in self.elements if item.tag == tag]

    def texts(self, tag: str) -> list[str]:
        """Their texts."""
        return [item.text for item in self.all(tag)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.blocks: list[str] = []
        self.open: list[Element] = []
        self.crossed: list[str] = []
        self._block = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in INLINE:
            self.flush()
        element = Element(tag, {key: value or "" for key, value in attrs}, tuple(item.tag for item in self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {key: value or "" for key, value in attrs}, tuple(e.tag for e in self.open)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.flush()
        if self.open and self.open[-1].tag == tag:
            self.open.pop()
        else:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data
        if not any(item.tag in SILENT for item in self.open):
            self._block += data

    def flush(self) -> None:
        """End a block of visible text."""
        text = " ".join(self._block.split())
        if text:
            self.blocks.append(text)
        self._block = ""
