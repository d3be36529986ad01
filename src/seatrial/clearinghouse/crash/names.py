"""Function names in two forms: as people read them, and the key by which frames of different builds are equal.

- `key` drops what differs between builds or instances of one function: parameters, return type, template and generic
  arguments, compiler suffixes, the hash of a Rust symbol. Operators and `(anonymous namespace)` stay.
- Both forms are bounded by `MAX_NAME`, linear, and remembered for names seen before.

>>> key("void std::vector<int, std::allocator<int> >::push_back(int&&)")
'std::vector::push_back'
>>> key("core::slice::index::slice_index_fail::h0123456789abcdef"), key("tcp_ack.isra.0")
('core::slice::index::slice_index_fail', 'tcp_ack')
>>> key("bool operator< <int>(Big<int> const&, Big<int> const&)"), key("main.(*Tree[...]).Insert")
('operator<', 'main.(*Tree).Insert')
"""

from __future__ import annotations

import re
from functools import lru_cache

from seatrial.clearinghouse.crash.demangling import demangle

MAX_NAME = 2048  # characters; longer names of templates are cut before they are read
_REMEMBERED = 65536  # names of a large batch; 100,000 reports of 3,000 bugs hold about 20,000

_SUFFIX = re.compile(
    r"(?:\.(?:isra|part|cold|constprop|lto_priv|llvm|cfi|cfi_jt|localalias|clone|warm|unlikely|exit)(?:\.\d{1,20})*"
    r"|\s*\[clone [^\]]{0,80}\])+$"
)
_HASH = re.compile(r"::h[0-9a-f]{16}(?:$|(?=\s|\())")
_QUALIFIER = re.compile(r"(?:\s+(?:const|volatile|noexcept|&&?|restrict))+$")
# Tokens that a bracket does not end: they are copied whole.
_WHOLE = re.compile(
    r"operator(?:\s?(?:new|delete)(?:\[\])?|\(\)|\[\]|\"\"\s?\w+|<=>|->\*|->|<<=|>>=|<<|>>|<=|>=|<|>"
    r"|[-+*/%^&|~!=,]{1,3}|\s[\w:]+)"
    r"|\(anonymous namespace\)"
    r"|<(?:init|clinit|anonymous|module|lambda|listcomp|dictcomp|setcomp|genexpr|locals|unknown|null)>"
)
_RECEIVER = re.compile(r"\(\*?[^()\[\]]{1,200}(?:\[[^\[\]]{0,200}\])?\)")  # Go: `(*T)`, `(*T[...])`
_OPEN, _CLOSE = "<([", ">)]"
_HELD = "\x00"  # stands for a space inside a token, so that the return type can be cut at the last space
_ESCAPES = (
    ("$LT$", "<"), ("$GT$", ">"), ("$RF$", "&"), ("$BP$", "*"), ("$C$", ","), ("$u20$", " "), ("$u27$", "'"),
    ("$u7b$", "{"), ("$u7d$", "}"), ("$u5b$", "["), ("$u5d$", "]"), ("$LP$", "("), ("$RP$", ")"),
)  # fmt: skip
_JAVA_NUMBERS = re.compile(r"(?<=\$\$Lambda)[$/][0-9a-fx$/]*|(?<=lambda\$)(\w+)\$\d+")


@lru_cache(maxsize=_REMEMBERED)
def display(function: str) -> str:
    """The name for people: demangled, without parameters and return type of its end; template arguments stay."""
    name = unescaped(demangle(function[:MAX_NAME]))
    name = _HASH.sub("", name)
    return _cut_parameters(name)


@lru_cache(maxsize=_REMEMBERED)
def key(function: str) -> str:
    """The name by which two frames are one function."""
    name = function[:MAX_NAME]
    if name.isidentifier() and not name.startswith(("_Z", "_R")):
        return name
    name = _HASH.sub("", unescaped(demangle(name)))
    name = _SUFFIX.sub("", name)
    if name.startswith("<") and "::" in name:
        return _rust_impl(name)
    bare = _QUALIFIER.sub("", _SUFFIX.sub("", _bare(name))).strip()
    bare = bare.rpartition(" ")[2].replace(_HELD, " ")
    if "$" in bare:
        bare = _JAVA_NUMBERS.sub(r"\1", bare)
    return bare or name


def unescaped(name: str) -> str:
    """A name of Rust's older mangling without its `$LT$` escapes.

    >>> unescaped("_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..Drop$GT$::drop")
    '<alloc::vec::Vec<T> as core::ops::Drop>::drop'
    """
    if "$" not in name or "$GT$" not in name:
        return name
    for escape, char in _ESCAPES:
        name = name.replace(escape, char)
    return name.replace("_<", "<").replace("..", "::")


def _bare(name: str) -> str:
    """The name without anything in brackets, but for the tokens that are copied whole."""
    out: list[str] = []
    depth, place, length = 0, 0, len(name)
    while place < length:
        char = name[place]
        if depth == 0 and char in "o(<":
            token = _token(name, place)
            if token:
                out.append(token.replace(" ", _HELD))
                place += len(token)
                continue
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            if not (char == ">" and place and name[place - 1] == "-"):
                depth = max(0, depth - 1)
        elif depth == 0:
            out.append(char)
        place += 1
    return re.sub(r"\[[^\]]*\]", "", "".join(out)) if ".(" in name else "".join(out)


def _token(name: str, place: int) -> str:
    if name[place] == "o":
        if place and (name[place - 1].isalnum() or name[place - 1] == "_"):
            return ""
    elif name[place] == "(" and place and name[place - 1] == ".":
        found = _RECEIVER.match(name, place)
        return found[0] if found else ""
    found = _WHOLE.match(name, place)
    return found[0] if found else ""


def _rust_impl(name: str) -> str:
    """`<Type<u8> as Trait<X>>::method::<Y>` without the arguments of its types."""
    out: list[str] = []
    depth = 0
    for place, char in enumerate(name):
        if char == "<":
            depth += 1
            if place == 0:
                out.append(char)
        elif char == ">" and not (place and name[place - 1] == "-"):
            depth -= 1
            if depth == 0 and ">" not in out:
                out.append(char)
        elif depth <= (0 if ">" in out[-64:] else 1):
            out.append(char)
    return "".join(out).replace("::::", "::").removesuffix("::")


def _cut_parameters(name: str) -> str:
    """The text before the parameters: before the first bracket at depth 0 that is not part of a token."""
    depth, place, length = 0, 0, len(name)
    while place < length:
        char = name[place]
        if depth == 0 and char in "o(":
            token = _token(name, place)
            if token:
                place += len(token)
                continue
            if char == "(":
                return name[:place].strip() or name
        if char in "<[{":
            depth += 1
        elif char in ">]}" and not (char == ">" and place and name[place - 1] == "-"):
            depth = max(0, depth - 1)
        place += 1
    return name.strip()
