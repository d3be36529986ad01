"""Reading surfaces for the word list: code, schemas, pages, help texts and documents, each as `Wording`s.

- Members and values of enumerations, labels, options and headings are labels; other names are identifiers; the rest is
  running text.
- Nothing is opened here: source, HTML and Markdown arrive as text.
"""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from seatrial.framework.vocabulary import Form, Hit, Surface, Wording, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import Enum

_LABEL_TAGS = frozenset({"button", "label", "th", "option", "a", "h1", "h2", "h3", "h4", "title", "summary", "legend"})
_SPOKEN = ("title", "alt", "aria-label", "placeholder", "value")
_SILENT = frozenset({"script", "style"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "source", "wbr", "col", "area", "base", "embed"})
_ENUMS = frozenset({"Enum", "StrEnum", "IntEnum", "Flag"})


def of_enum(members: type[Enum]) -> Iterator[Wording]:
    """Names and values of an enumeration."""
    for name, member in members.__members__.items():
        yield Wording(Surface.CODE, f"{members.__name__}.{name}", name, Form.LABEL)
        if isinstance(member.value, str):
            yield Wording(Surface.CODE, f"{members.__name__}.{name}", member.value, Form.LABEL)


def of_source(source: str, location: str, surface: Surface = Surface.CODE) -> Iterator[Wording]:
    """Every name that a module defines, and the members and values of its enumerations."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield _name(node.name, location, node, surface)
            bases = {ast.unparse(base).rsplit(".", 1)[-1] for base in node.bases}
            if bases & _ENUMS:
                yield from _members(node, location)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _name(node.name, location, node, surface)
        elif isinstance(node, ast.arg):
            yield _name(node.arg, location, node, surface)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield _name(node.id, location, node, surface)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield _name(node.attr, location, node, surface)


def _name(text: str, location: str, node: Any, surface: Surface) -> Wording:  # noqa: ANN401 - any node with a line
    return Wording(surface, f"{location}:{node.lineno}", text, Form.IDENTIFIER)


def _members(node: ast.ClassDef, location: str) -> Iterator[Wording]:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
            place = f"{location}:{item.lineno}"
            yield Wording(Surface.CODE, place, item.targets[0].id, Form.LABEL)
            if isinstance(item.value, ast.Constant) and isinstance(item.value.value, str):
                yield Wording(Surface.CODE, place, item.value.value, Form.LABEL)


def of_schema(value: Any, location: str = "") -> Iterator[Wording]:  # noqa: ANN401 - any JSON
    """Paths, ids, properties, values and descriptions of an OpenAPI or JSON schema."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield Wording(Surface.API, f"{location}/{key}", str(key), Form.IDENTIFIER)
            labels = item if isinstance(item, list) else [item]
            if key in {"enum", "const", "title"}:
                yield from (
                    Wording(Surface.API, f"{location}/{key}", text, Form.LABEL)
                    for text in labels
                    if isinstance(text, str)
                )
            else:
                yield from of_schema(item, f"{location}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from of_schema(item, f"{location}/{index}")
    elif isinstance(value, str):
        yield Wording(Surface.API, location, value)


class _Page(HTMLParser):
    """Visible text by block, and what attributes say aloud."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location, self.open, self.found = location, [("", [""])], list[Wording]()
        self.quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        for name in _SPOKEN:
            if text := said.get(name):
                self.found.append(Wording(Surface.PAGE, f"{self.location} {tag}.{name}", text, Form.LABEL))
        if tag == "q" and "cite" in said:
            self.quoted += 1
        if tag not in _VOID:
            self.open.append((tag, [""]))

    def handle_data(self, data: str) -> None:
        if not self.quoted and not any(tag in _SILENT for tag, _ in self.open):
            for _, texts in self.open[-2:]:
                texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {name for name, _ in self.open}:
            return
        while True:
            name, texts = self.open.pop()
            self._say(name, "".join(texts))
            if name == "q" and self.quoted:
                self.quoted -= 1
            if name == tag:
                return

    def close(self) -> None:
        super().close()
        while self.open:
            name, texts = self.open.pop()
            self._say(name, "".join(texts))

    def _say(self, tag: str, text: str) -> None:
        if text.strip():
            form = Form.LABEL if tag in _LABEL_TAGS or len(text.split()) == 1 else Form.PROSE
            self.found.append(Wording(Surface.PAGE, f"{self.location} {tag}".strip(), " ".join(text.split()), form))


def of_page(html: str, location: str) -> tuple[Wording, ...]:
    """Visible text, labels, titles and alternative texts of a page; quotations of law are left out."""
    page = _Page(location)
    page.feed(html)
    page.close()
    return tuple(page.found)


def of_document(markdown: str, location: str) -> Iterator[Wording]:
    """Headings and cells of tables as labels, the rest as running text."""
    prose: list[str] = []
    for number, line in enumerate(markdown.splitlines(), 1):
        place = f"{location}:{number}"
        if line.lstrip().startswith("#"):
            yield Wording(Surface.DOCUMENT, place, line.lstrip("# "), Form.LABEL)
        elif line.lstrip().startswith("|"):
            cells = (part.strip() for part in re.split(r"(?<!\\)\|", line))
            yield from (Wording(Surface.DOCUMENT, place, part, Form.LABEL) for part in cells if part.strip("-: "))
        else:
            prose.append(line)
    yield Wording(Surface.DOCUMENT, location, "\n".join(prose))


def of_help(
    path: str, text: str, options: Iterable[tuple[str, str]], surface: Surface = Surface.HELP
) -> Iterator[Wording]:
    """A command's words, its help, and its options with theirs."""
    yield from (Wording(surface, path, word, Form.LABEL) for word in path.split())
    yield Wording(surface, path, text)
    for name, said in options:
        yield Wording(surface, f"{path} --{name}", name, Form.LABEL)
        yield Wording(surface, f"{path} --{name}", said)


def names_in_code(source: str, location: str, names: Iterable[str]) -> tuple[Hit, ...]:
    """Names of agencies in identifiers and strings of a module, docstrings left out: agencies are data, never code."""
    wanted = [words for words in (folded(name) for name in names) if words]
    found = []
    tree = ast.parse(source)
    docstrings = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        for text in _spoken(node) if id(node) not in docstrings else ():
            plain = f" {folded(text)} "
            hits = [name for name in wanted if f" {name} " in plain]
            found += [Hit(Surface.CODE, f"{location}:{_line(node)}", name, "agencies are data", text) for name in hits]
    return tuple(found)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _spoken(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for field in ("id", "attr", "name", "arg"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))
