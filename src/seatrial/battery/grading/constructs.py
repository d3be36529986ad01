"""What a repair may not bring in: ways to hide a fault from whoever looks for it, instead of mending it.

* Only more of it than before counts: what the program had stays allowed, may move, and may have its names changed.
* Words in comments and strings, members and variables of such names are no use of them.
* Harmless attributes and pragmas (`unused`, `format`, `once`, `GCC diagnostic`, …) may be added.

>>> found(count("int signal; s.system(1); // asm"))
()
>>> found(count("void f(void) { signal(SIGSEGV, quiet); }"))
('signal',)
>>> found(count("signal(SIGINT, stop);") - count("signal(SIGINT, on_stop);"))
()
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Uses = Counter[tuple[str, str]]  # (name, what it is used with) → how often

# Functions that catch a fault, run code at the end, start programs, or reach the kernel round the library.
CALLS = (
    *("signal", "sigaction", "bsd_signal", "sysv_signal", "ssignal", "sigset", "sigvec", "sigaltstack", "signalfd"),
    *("atexit", "on_exit", "at_quick_exit", "system", "popen", "dlopen", "dlmopen", "dlsym", "syscall", "wordexp"),
    *("execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe", "execveat", "fexecve", "posix_spawn"),
    *("posix_spawnp", "fork", "vfork", "clone", "prctl", "ptrace", "setrlimit", "prlimit", "process_vm_writev"),
)
# Functions that the sanitizer watches: another definition of one takes them out of its sight.
WATCHED = (
    *("malloc", "calloc", "realloc", "reallocarray", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc"),
    *("alloca", "memcpy", "memmove", "memset", "mempcpy", "memcmp", "memchr", "bcopy", "bzero", "strlen", "strnlen"),
    *("strcpy", "strncpy", "strcat", "strncat", "stpcpy", "strdup", "strndup", "strcmp", "strchr", "sprintf"),
    *("snprintf", "vsprintf", "vsnprintf", "read", "fread", "pread", "recv", "abort"),
)
HARMLESS = frozenset(
    (
        *("unused", "maybe_unused", "used", "fallthrough", "noreturn", "format", "format_arg", "warn_unused_result"),
        *("nodiscard", "deprecated", "packed", "aligned", "noinline", "cold", "hot", "sentinel", "visibility"),
        *("likely", "unlikely", "nonstring", "designated_init"),
    )
)
_PLAIN_PRAGMA = re.compile(r"(?:once|(?:GCC|clang) diagnostic\b.*|region\b.*|endregion\b.*|mark\b.*|message\b.*)?")
_TARGETED = re.compile(
    r"\b(?:__(?:asan|lsan|msan|tsan|ubsan|hwasan|sanitizer|sancov|dfsan|interceptor)_\w*|__SANITIZE_\w*"
    r"|(?:address|thread|memory|leak|hwaddress)_sanitizer|AS[Aa][Nn]_\w*POISON\w*|no_sanitize\w*"
    r"|disable_sanitizer_instrumentation|no_address_safety_analysis)"
)
_USE = re.compile(
    rf"(?P<targeted>{_TARGETED.pattern})"
    r"|\b(?P<attribute>__attribute(?:__)?)(?=\s*\()"
    r"|(?P<bracket>\[\s*\[)(?=\s*(?:using\b|\w+\s*::))"
    r"|\b(?P<assembly>asm|__asm|__asm__)\b"
    r"|\b(?P<operator>_Pragma)\b"
    r"|^[ \t]*\#[ \t]*(?P<directive>pragma|ident|line|\d)(?P<rest>[^\n]*)"
    rf"|^[ \t]*\#[ \t]*define[ \t]+(?P<replaced>{'|'.join(WATCHED)})\b"
    rf"|(?<![\w.])(?<!->)(?<!-> )\b(?P<call>{'|'.join(CALLS)})(?=\s*\()",
    re.MULTILINE,
)
# Paths that only a program which looks for its judge needs, in the strings that a repair adds.
_PATHS = re.compile(
    r"(?<![\w.])/case(?:/|$)|(?:^|/)(?:tests?|proofs?)/|/proc/|/dev/fd/|\b[A-Z]{1,3}SAN_OPTIONS\b|LD_PRELOAD|LD_AUDIT"
)
_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.DOTALL
)  # fmt: skip
_RAW = re.compile(r"\b(?:u8|[uUL])?R\"([^()\\\s]{0,16})\(.*?\)\1\"", re.DOTALL)
_SPLICE = re.compile(r"\\[ \t\f\v]*\r?\n")
_TRIGRAPHS = {f"??{sign}": meant for sign, meant in zip("=/'()!<>-", "#\\^[]|{}~", strict=True)}
_DIGRAPHS = {"%:%:": "##", "%:": "#", "<:": "[", ":>": "]", "<%": "{", "%>": "}"}
_ARGUMENTS = 400  # characters of what a name is used with that are compared


def count(text: str) -> Uses:
    """The uses in a source text. Where a dialect decides what a text means, every meaning is looked at."""
    uses: Uses = Counter()
    for reading in _readings(text):
        uses |= Counter((name, within) for _, name, within in uses_in(reading))
    return uses


def found(more: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """The names of the uses of which there are more than none, sorted."""
    return tuple(sorted({name for (name, _), number in more.items() if number > 0}))


def uses_in(plain: str) -> Iterator[tuple[int, str, str]]:
    """Offset, name, and what it is used with, in a text without comments and strings."""
    for match in _USE.finditer(plain):
        name = match.group(match.lastgroup or 0)
        if match["attribute"]:
            within = _between(plain, match.end(), "()")
            yield from ((match.start(), "__attribute__", item) for item in _attributes(within))
        elif match["bracket"]:
            within = _between(plain, match.start(), "[]")
            yield from ((match.start(), "[[attribute]]", item) for item in _attributes(within))
        elif match["directive"] or match["rest"]:
            yield from _directive(match)
        elif match["operator"]:
            yield match.start(), "_Pragma", _between(plain, match.end(), "()")
        elif match["replaced"]:
            yield match.start(), f"#define {match['replaced']}", ""
        elif match["call"]:
            yield match.start(), name, re.sub(r"\b[a-z_]\w*", "i", _between(plain, match.end(), "()"))
        else:
            yield match.start(), name, ""


def targeted(text: str) -> Uses:
    """The names of the sanitizer's own interface in a text."""
    return Counter((name, "") for name in _TARGETED.findall(text))


def paths(text: str) -> Counter[str]:
    """Strings of a text that name a place of the judge's; neighbouring strings are one."""
    plain = _without_comments(text)
    tokens = [token["text"] for form in (plain, re.sub(r'"\s*"', "", plain)) for token in _TOKEN.finditer(form)]
    return Counter({token for token in tokens if token and _PATHS.search(token[1:-1])})


def blanked(text: str) -> str:
    """A text of the same length with comments and the insides of strings as blanks."""

    def plain(match: re.Match[str]) -> str:
        text = match["text"]
        if text:
            return text[0] + " " * (len(text) - 2) + text[-1]
        return re.sub(r"[^\n]", " ", match[0])

    return _TOKEN.sub(plain, text)


def _readings(text: str) -> Iterator[str]:
    forms = {text}
    if "??" in text:
        forms.add(_replaced(text, _TRIGRAPHS))
    for form in sorted(forms):
        spliced = _SPLICE.sub("", form)
        yield _replaced(blanked(spliced), _DIGRAPHS)
        if 'R"' in spliced:
            yield _replaced(blanked(_RAW.sub('""', spliced)), _DIGRAPHS)


def _replaced(text: str, table: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, table)), lambda match: table[match[0]], text)


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda match: match["text"] or " ", _SPLICE.sub("", text))


def _directive(match: re.Match[str]) -> Iterator[tuple[int, str, str]]:
    word, rest = match["directive"], " ".join(match["rest"].split())
    if word in {"pragma", "ident"}:
        if word == "pragma" and not _PLAIN_PRAGMA.fullmatch(rest):
            yield match.start(), "#pragma", rest
    else:
        yield match.start(), "#line", rest


def _between(text: str, start: int, pair: str) -> str:
    """What stands between the next opening sign and its closing one, with single blanks."""
    opening = text.find(pair[0], start, start + _ARGUMENTS)
    depth = 0
    for at in range(max(opening, start), min(len(text), start + _ARGUMENTS)):
        depth += (text[at] == pair[0]) - (text[at] == pair[1])
        if depth == 0:
            return " ".join(text[opening + 1 : at].split())
    return " ".join(text[start : start + _ARGUMENTS].split())


def _attributes(within: str) -> Iterator[str]:
    """The attributes of one list that are not harmless."""
    inner = within.strip()
    if inner[:1] + inner[-1:] in {"()", "[]"}:
        inner = inner[1:-1]
    if re.match(r"using\s+\w+\s*:", inner):
        inner = inner.partition(":")[2]
    depth, item, items = 0, "", []
    for sign in inner:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            items.append(item)
            item = ""
        else:
            item += sign
    for entry in (*items, item):
        name = re.sub(r"\(.*", "", entry, flags=re.DOTALL).rpartition("::")[2].strip().strip("_")
        if name and name not in HARMLESS:
            yield " ".join(entry.split())
