"""A program model as C99 text, in any rendering of its flawed unit.

Two renderings of one model are separate texts without a conditional in them; they differ in the functions whose
statements differ and nowhere else, since nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.battery.c.parts import FLAWED

if TYPE_CHECKING:
    from seatrial.battery.c.message import Checksum
    from seatrial.battery.c.program import Handler, Program

FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


@dataclass(frozen=True)
class Source:
    """The C files of one rendering and where each handler stands in them: name → (file, first line, last line)."""

    files: Mapping[str, str]
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)


def render(program: Program, style: str = FLAWED) -> Source:
    """The program with its flawed unit in the given style: `flawed`, or a style of the hazard."""
    return _Renderer(program, style).source()


def layout(lines: list[str], indent: str) -> list[str]:
    """Indent statements by their braces; a leading tab means one step more for a single statement."""
    out: list[str] = []
    depth = 0
    for line in lines:
        text = line.lstrip("\t")
        extra = len(line) - len(text)
        if text.startswith("}"):
            depth -= 1
        label = text.startswith(("case ", "default:"))
        steps = 0 if text.startswith("#") else depth + extra - (1 if label else 0)
        out.append(indent * steps + text if text else "")
        depth += text.count("{") - text.count("}") + (1 if text.startswith("}") else 0)
    return out


class _Renderer:
    def __init__(self, program: Program, style: str) -> None:
        self.program, self.style = program, style
        self.d, self.n, self.g = program.dialect, program.names, program.grammar
        self.split = len(program.names.files) > 1
        self.static = "" if self.split else "static "
        self.me = f"struct {self.d.struct} *{self.d.state}"
        self.body = f"const {self.d.u8} *{self.d.data}, size_t {self.d.size}"

    def source(self) -> Source:
        files = [self._file(number) for number in range(len(self.n.files))]
        texts: dict[str, str] = {}
        places: dict[str, tuple[str, int, int]] = {}
        for name, chunks in zip(self.n.files, files, strict=True):
            lines: list[str] = []
            for owner, chunk in chunks:
                first = len(lines) + 1
                lines += [*layout(chunk, self.d.indent), ""]
                if owner:
                    places[owner] = (name, first, len(lines) - 1)
            texts[name] = "\n".join(lines)
        if self.split:
            texts[self.n.header] = "\n".join(layout(self._header(), self.d.indent)) + "\n"
        return Source(texts, places)

    def _file(self, number: int) -> list[tuple[str, list[str]]]:
        """Chunks of one file with the handler each belongs to, if any."""
        main = number == 0
        includes = ["stdio.h", "stdlib.h", "string.h"] if main else ["stdlib.h", "string.h"]
        chunks: list[tuple[str, list[str]]] = []
        if self.split:
            chunks.append(("", [*(f"#include <{name}>" for name in includes), "", f'#include "{self.n.header}"']))
        else:
            chunks.append(("", ["#include <stdint.h>", *(f"#include <{name}>" for name in includes)]))
            chunks.append(("", self._types()))
            chunks.append(("", self._struct()))
        later: list[tuple[str, list[str]]] = []
        seen: set[int] = set()
        for handler in self.program.handlers:
            unit = self.program.units[handler.unit]
            if unit.file != number:
                continue
            if handler.unit not in seen:
                seen.add(handler.unit)
                held = unit.part.globals(self.d, self._style(handler.unit))
                if held:
                    later.append(("", held))
            later.append((handler.name, self._handler(handler)))
        if main:
            later += [("", chunk) for chunk in self._driver()]
            chunks += [("", chunk) for chunk in self._primitives(later)]
            if not self.split and self.g.container is not None:
                chunks.append(("", [f"{self._walk_head()};"]))
        return chunks + later

    def _style(self, unit: int) -> str:
        return self.style if unit == self.program.flawed else self.program.units[unit].style

    def _types(self) -> list[str]:
        d = self.d
        out = []
        if d.u8 != "uint8_t":
            pairs = zip((d.u8, d.u16, d.u32, d.u64), (8, 16, 32, 64), strict=True)
            out += [f"typedef uint{bits}_t {name};" for name, bits in pairs]
        if "REFUSED" in d.bad:
            out.append("#define REFUSED (-1)")
        return out

    def _struct(self) -> list[str]:
        d, n = self.d, self.n
        own = [f"{d.u64} {n.digest};", f"{d.u32} {n.running};", f"unsigned {n.level};"]
        own += [f"unsigned {n.phase};"] if self.program.chain else []
        held = [line for unit in self.program.units for line in unit.part.members(d)]
        return [f"struct {d.struct} {{", *own, *held, "};"]

    def _header(self) -> list[str]:
        guard = self.n.header.replace(".", "_").upper()
        heads = [f"{head};" for head in (*self._primitive_heads(), self._walk_head())]
        heads += [f"{self._head(handler)};" for handler in self.program.handlers]
        return [
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stddef.h>",
            "#include <stdint.h>",
            "",
            *self._types(),
            "",
            *self._struct(),
            "",
            *heads,
            "",
            "#endif",
        ]

    def _primitive_heads(self) -> list[str]:
        d = self.d
        return [
            f"{self.static}void {d.fold}({self.me}, const void *from, size_t count)",
            f"{self.static}void {d.fold_number}({self.me}, {d.u64} number)",
            f"{self.static}{d.u32} {d.get16}(const {d.u8} *at)",
            f"{self.static}{d.u32} {d.get32}(const {d.u8} *at)",
            f"{self.static}int {d.varint}(const {d.u8} **at, size_t *left, {d.u32} *out)",
        ]

    def _primitives(self, later: list[tuple[str, list[str]]]) -> list[list[str]]:
        """The functions that everything calls; in a program of one file only those that something does call."""
        d = self.d
        digest = d.member(self.n.digest)
        fold, number, get16, get32, varint = self._primitive_heads()
        two, four = ((8, 0), (24, 16, 8, 0)) if self.g.order == "big" else ((0, 8), (0, 8, 16, 24))
        chunks = {
            d.fold: [
                f"{fold} {{",
                f"const {d.u8} *byte = from;",
                "while (count-- > 0) {",
                f"{digest} ^= *byte++;",
                f"{digest} *= 0x{FNV_PRIME:x}u;",
                "}",
                "}",
            ],
            d.fold_number: [
                f"{number} {{",
                "for (int shift = 0; shift < 64; shift += 8) {",
                f"{digest} ^= (number >> shift) & 255;",
                f"{digest} *= 0x{FNV_PRIME:x}u;",
                "}",
                "}",
            ],
            d.get16: [f"{get16} {{", f"return {self._shifted(two)};", "}"],
            d.get32: [f"{get32} {{", f"return {self._shifted(four)};", "}"],
            d.varint: [
                f"{varint} {{",
                f"{d.u32} value = 0;",
                "for (unsigned shift = 0; shift < 35 && *left > 0; shift += 7) {",
                f"{d.u8} next = **at;",
                "*at += 1;",
                "*left -= 1;",
                f"value |= ({d.u32})(next & 127) << (shift & 31);",
                "if (next < 128) {",
                "*out = value;",
                "return 0;",
                "}",
                "}",
                "return -1;",
                "}",
            ],
        }
        called = "\n".join(line for _, chunk in later for line in chunk)
        kept = [chunk for name, chunk in chunks.items() if self.split or f"{name}(" in called]
        return [*kept, self._checksum(self.g.checksum)] if self.g.checksum else kept

    def _shifted(self, shifts: tuple[int, ...]) -> str:
        parts = [f"({self.d.u32})at[{at}]" + (f" << {shift}" if shift else "") for at, shift in enumerate(shifts)]
        return " | ".join(parts)

    def _checksum(self, checksum: Checksum) -> list[str]:
        d = self.d
        head = f"static {d.u32} {self.n.check}(const {d.u8} *from, size_t count) {{"
        start = f"{d.u32} value = 0x{checksum.init:x}u;"
        if checksum.kind == "sum16":
            work = ["while (count-- > 0)", f"\tvalue = (value + *from++ * {checksum.poly}u) & 0xffff;"]
        elif checksum.kind == "crc16":
            work = [
                "while (count-- > 0) {",
                f"value ^= ({d.u32})*from++ << 8;",
                "for (int bit = 0; bit < 8; bit++)",
                f"\tvalue = (value & 0x8000 ? value << 1 ^ 0x{checksum.poly:x}u : value << 1) & 0xffff;",
                "}",
            ]
        else:
            work = [
                "while (count-- > 0) {",
                "value ^= *from++;",
                "for (int bit = 0; bit < 8; bit++)",
                f"\tvalue = value & 1 ? value >> 1 ^ 0x{checksum.poly:x}u : value >> 1;",
                "}",
            ]
        final = f" ^ 0x{checksum.final:x}u" if checksum.final else ""
        return [head, start, *work, f"return value{final};", "}"]

    def _head(self, handler: Handler) -> str:
        return f"{self.static}int {handler.name}({self.me}, {self.body})"

    def _handler(self, handler: Handler) -> list[str]:
        d, part, style = self.d, self.program.units[handler.unit].part, self._style(handler.unit)
        lines = [f"/* {handler.comment} */"] if handler.comment else []
        lines += [f"{self._head(handler)} {{", *self._relation(handler), *self._token(handler)]
        if handler.gate is not None:
            folded = [d.mix(d.data, d.size), d.good]
            lines += d.when(f"{d.member(self.n.phase)} != {handler.gate}", *folded)
        if handler.codes:
            lines += d.byte("what")
            for op, code in handler.codes.items():
                lines += [f"if (what == {code}) {{", *part.body(d, op, style), d.good, "}"]
            lines.append(d.bad)
        else:
            lines += [*part.body(d, handler.ops[0], style), d.good]
        return [*lines, "}"]

    def _relation(self, handler: Handler) -> list[str]:
        if not handler.relation:
            return []
        d, relation = self.d, handler.relation
        value = f"(({d.member(self.n.running)} * {relation.factor}u + {relation.offset}u) & 0xffff)"
        return [*d.need(2), *d.when(f"{d.get16}({d.data}) != {value}", d.bad), *d.skip(2)]

    def _token(self, handler: Handler) -> list[str]:
        if not handler.token:
            return []
        d, token, phase = self.d, handler.token, self.d.member(self.n.phase)
        read = {1: f"{d.data}[0]", 2: f"{d.get16}({d.data})", 4: f"{d.get32}({d.data})"}[token.width]
        lines = [
            *d.need(token.width),
            f"if ({phase} == {token.before} && {read} == 0x{token.value:x}u)",
            f"\t{phase} = {token.after};",
        ]
        if self.program.resets:
            lines += ["else", f"\t{phase} = {self.program.phases[0]};"]
        return [*lines, *d.skip(token.width)]

    def _walk_head(self) -> str:
        return f"{self.static}int {self.n.walk}({self.me}, {self.body})"

    def _driver(self) -> list[list[str]]:
        chunks = [self._dispatch()]
        if self.g.container is not None:
            chunks.append(self._descend())
        return [*chunks, self._walk(), self._release(), self._main()]

    def _descend(self) -> list[str]:
        d, level = self.d, self.d.member(self.n.level)
        return [
            f"static int {self.n.descend}({self.me}, {self.body}) {{",
            *d.when(f"{level} + 1 >= {self.program.nesting}", d.bad),
            f"{level}++;",
            f"int result = {self.n.walk}({d.state}, {d.data}, {d.size});",
            f"{level}--;",
            "return result;",
            "}",
        ]

    def _dispatch(self) -> list[str]:
        d = self.d
        head = f"static int {self.n.dispatch}({self.me}, unsigned tag, {self.body}) {{"
        call = f"({d.state}, {d.data}, {d.size})"
        level = d.member(self.n.level)
        handlers = sorted(self.program.handlers, key=lambda handler: handler.tag)
        if self.program.by_table:
            rows = [f"{{{handler.tag}, {handler.depth}, {handler.name}}}," for handler in handlers]
            return [
                head,
                "static const struct {",
                f"unsigned tag, {self.n.level};",
                f"int (*call)({self.me}, {self.body});",
                "} known[] = {",
                *rows,
                "};",
                "for (size_t row = 0; row < sizeof known / sizeof known[0]; row++)",
                f"\tif (known[row].tag == tag && known[row].{self.n.level} == {level})",
                f"\t\treturn known[row].call{call};",
                d.bad,
                "}",
            ]
        cases: list[str] = []
        for handler in handlers:
            inner = f"{level} == {handler.depth} ? {handler.name}{call} : {d.bad.removeprefix('return ')}"
            plain = f"{handler.name}{call};"
            cases += [f"case {handler.tag}:", f"return {inner if self.program.nesting > 1 else plain}"]
        return [head, "switch (tag) {", *cases, "default:", d.bad, "}", "}"]

    def _walk(self) -> list[str]:
        d, g, running = self.d, self.g, self.d.member(self.n.running)
        width = g.checksum.width if g.checksum else 0
        tag = [*d.need(g.tag_width), f"tag = {self._number(g.tag_width)};", *d.skip(g.tag_width)]
        if g.length == "varint":
            length = d.when(f"{d.varint}(&{d.data}, &{d.size}, &span) != 0", d.bad)
        else:
            bytes_ = 1 if g.length == "u8" else 2
            length = [*d.need(bytes_), f"span = {self._number(bytes_)};", *d.skip(bytes_)]
        fits = f"{d.size} < span" if not width else f"{d.size} < {width} || {d.size} - {width} < span"
        leaf = [
            *d.when(f"{self.n.dispatch}({d.state}, tag, {d.data}, span) != 0", d.bad),
            f"{running} = {running} * {g.sum_factor} + tag;",
            f"for ({d.u32} i = 0; i < span; i++)",
            f"\t{running} += {d.data}[i];",
            f"{running} &= 0xffff;",
        ]
        if g.container is not None:
            inside = d.when(f"{self.n.descend}({d.state}, {d.data}, span) != 0", d.bad)
            leaf = [f"if (tag == {g.container}) {{", *inside, "} else {", *leaf, "}"]
        return [
            f"{self._walk_head()} {{",
            f"while ({d.size} > 0) {{",
            *([f"const {d.u8} *start = {d.data};"] if width else []),
            f"{d.u32} tag, span;",
            *(tag + length if g.tag_first else length + tag),
            *d.when(fits, d.bad),
            *(self._verify("start", f"(size_t)({d.data} - start) + span", f"{d.data} + span") if width else []),
            *leaf,
            *d.skip(f"span + {width}" if width else "span"),
            "}",
            "return 0;",
            "}",
        ]

    def _number(self, width: int) -> str:
        return f"{self.d.data}[0]" if width == 1 else f"{self.d.get16}({self.d.data})"

    def _verify(self, start: str, size: str, field_at: str) -> list[str]:
        d, checksum = self.d, self.g.checksum
        get = d.get32 if checksum and checksum.width == 4 else d.get16
        return d.when(f"{self.n.check}({start}, {size}) != {get}({field_at})", d.bad)

    def _release(self) -> list[str]:
        lines = [line for unit in self.program.units for line in unit.part.teardown(self.d)]
        return [f"static void {self.n.release}({self.me}) {{", *(lines or [f"(void){self.d.state};"]), "}"]

    def _main(self) -> list[str]:
        d, g, n, struct = self.d, self.g, self.n, self.d.struct
        if self.program.static_state:
            state = [f"static struct {struct} whole;", f"struct {struct} *{d.state} = &whole;"]
        else:
            state = [f"struct {struct} *{d.state} = calloc(1, sizeof *{d.state});", *self._leave(f"{d.state} == NULL")]
        magic = " || ".join(f"all[{at}] != 0x{byte:02x}" for at, byte in enumerate(g.magic))
        plain = len(g.magic) + 3
        width = g.checksum.width if g.checksum and g.header_checksum else 0
        head = plain + width
        version = f"all[{len(g.magic)}] != {g.version}"
        seal = ""
        if width:
            get = d.get32 if width == 4 else d.get16
            seal = f" || {n.check}(all, {plain}) != {get}(all + {plain})"
        return [
            "int main(int argc, char **argv) {",
            *self._leave("argc != 2", f'fprintf(stderr, "usage: {n.program} FILE\\n");'),
            'FILE *file = fopen(argv[1], "rb");',
            *self._leave("file == NULL"),
            f"{d.u8} *all = malloc(65537);",
            *self._leave("all == NULL"),
            "size_t total = fread(all, 1, 65537, file);",
            "fclose(file);",
            *self._leave(f"total > 65536 || total < {head}", "free(all);"),
            "all = realloc(all, total);",
            *self._leave("all == NULL"),
            *self._leave(f"{magic} || {version}{seal}", "free(all);"),
            *state,
            f"{d.member(n.digest)} = 0x{FNV_OFFSET:x}u;",
            d.mix(f"all + {len(g.magic) + 1}", "2"),
            f"int result = {n.walk}({d.state}, all + {head}, total - {head});",
            f"{d.u64} digest = {d.member(n.digest)};",
            f"{n.release}({d.state});",
            *([] if self.program.static_state else [f"free({d.state});"]),
            "free(all);",
            *self._leave("result != 0", f'fprintf(stderr, "{n.program}: malformed\\n");'),
            'printf("digest %016llx\\n", (unsigned long long)digest);',
            "return 0;",
            "}",
        ]

    def _leave(self, condition: str, *then: str) -> list[str]:
        return self.d.when(condition, *then, "return 2;")
