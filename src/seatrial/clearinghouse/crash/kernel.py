"""Linux kernel: KASAN, KMSAN, KCSAN, UBSAN, oopses, BUG, WARNING, hung tasks, stalls, locks, leaks, panics.

- Frames are `function+0xoff/0xsize`, with `[module]`, `file:line`, `[inline]` behind them, old ones after
  `[<address>]`. Lines with `?` are what was found on the stack by chance: kept as not reliable, and in no trace.
- `RIP: 0010:f+0x…` (x86), `pc : f+0x…` (arm64), `PC is at f+0x…` (arm) is the innermost frame of an oops.
- The type is that of ClusterFuzz (`Kernel failure`, the bug, the access, each in a line), the title that of syzbot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.report import Frame, Role

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_FRAME = re.compile(
    r"(?:[^\[(]{0,64}\[<([0-9a-fA-Fx]{1,18})>\]\s{1,4})?\s{0,8}(\?"
    r" )?\(?([A-Za-z_][\w.$]{0,255})\+(0x[0-9a-f]{1,16}|\d{1,8})/(?:0x[0-9a-f]{1,16}|\d{1,8})\)?(.*)$"
)
_INLINE = re.compile(r"\s{1,8}(\? )?([A-Za-z_][\w.]{0,255}) (\S{1,512}?):(\d{1,9}) \[inline\]$")
_DECODED = re.compile(r"\s{1,8}(\? )?([A-Za-z_][\w.]{0,255}) \((\S{1,512}?):(\d{1,9})(?: \(discriminator \d{1,6}\))?\)")
_TAIL = re.compile(
    r"(?: \[([\w-]{1,64})(?: [0-9a-f]{8,64})?\])?(?: (\S{1,512}?):(\d{1,9}))?(?: \[([\w-]{1,64})\])?( \[inline\])?\s*$"
)
_REGISTER = re.compile(
    r"(?:E?IP|RIP): (?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]{1,16}>\] )?(?:\[<[0-9a-f]{1,16}>\]"
    r" )?(?:__x86_indirect_thunk\w*\+\S+ )?([A-Za-z_][\w.]{0,255})\+(0x[0-9a-f]+)/0x[0-9a-f]+(.*)$"
)
_ARM = re.compile(r"(?:pc : (?:\[<[0-9a-f]+>\] )?|PC is at )([A-Za-z_][\w.]{0,255})\+(0x[0-9a-f]+)/0x[0-9a-f]+(.*)$")
_KASAN = re.compile(
    r"BUG: KASAN: ([\w -]{1,64}?)(?: in | on )(?:range \[([a-z0-9]+)-"
    r"|([A-Za-z_][\w.]{0,255})(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?)?"
)
_KASAN_RANGE = re.compile(r"KASAN: ([\w-]{1,64}) (?:in|on) range \[([a-z0-9]+)-[a-z0-9]+\]")
_KASAN_ADDRESS = re.compile(r"BUG: KASAN: (.{1,64}?) (?:in|on) .*\baddr(?:ess)? ([a-f0-9]+)")
_ACCESS = re.compile(r"\s{0,4}(Read|Write) of size (\d{1,12})(?: at addr(?:ess)? ([a-fx0-9]+))?")
_KMSAN = re.compile(r"BUG: KMSAN: ([\w-]{1,64})(?: in ([A-Za-z_][\w.]{0,255}))?")
_KCSAN = re.compile(r"BUG: KCSAN: ([\w-]{1,64}) in ([A-Za-z_][\w.]{0,255})(?:\+\S+)?(?: / ([A-Za-z_][\w.]{0,255}))?")
_KFENCE = re.compile(r"BUG: KFENCE: ([\w -]{1,64}?) in ([A-Za-z_][\w.]{0,255})")
_UBSAN = re.compile(
    r"UBSAN: (?:Undefined behaviour in |([\w-]{1,64}) in )(\S{1,512}?)(?::(\d{1,9}))?(?::(\d{1,9}))?\s*$"
)
_PAGING = re.compile(
    r"(?:BUG: (?:kernel (NULL pointer dereference), address: ([0-9a-f]+)|unable to handle (?:page"
    r" fault for address: (\S+)|kernel (NULL pointer dereference|paging request)(?: in .*?)?(?: at"
    r" (?:virtual address )?([0-9a-fx]+|\(null\)))?))"
    r"|Unable to handle kernel (NULL pointer dereference|paging request|access to user memory.*?)(?:"
    r" at virtual address ([0-9a-f]+))?)"
)
_GPF = re.compile(
    r"general protection fault(?:, maybe for address 0x[0-9a-f]+|, probably for non-canonical address (0x[0-9a-f]+))?"
)
_BUG_AT = re.compile(r"kernel BUG at (\S{1,512}?)(?::(\d{1,9}))?!?(?:\s|$)")
_WARNING = re.compile(r"WARNING: (?:CPU: \d+ PID: \d+ )?at (\S{1,512}?):(\d{1,9})(?: ([A-Za-z_][\w.]{0,255})\+\S+)?")
_LOCKDEP = re.compile(
    r"(?:WARNING|INFO|BUG): (possible circular locking dependency|possible recursive locking|inconsistent lock state"
    r"|suspicious RCU usage|possible irq lock inversion dependency|bad unlock balance|held lock freed"
    r"|lock held when returning to user space"
    r"|SOFTIRQ-safe -> SOFTIRQ-unsafe|trying to register non-static key|refcount bug)"
)
_HUNG = re.compile(r"INFO: task (.{1,64}?):\d+ blocked for more than \d+ seconds")
_STALL = re.compile(
    r"(?:INFO: )?rcu.{0,32}(?:detected stalls? on|self-detected stall)|detected(?: expedited)?"
    r" stalls? on CPUs|self-detected stall on CPU"
)
_LOCKUP = re.compile(r"(?:BUG: soft lockup|Watchdog detected hard LOCKUP|NMI watchdog: BUG: soft lockup)")
_LEAK = re.compile(r"unreferenced object (0x[0-9a-f]+) \(size (\d+)\)")
_DIVIDE = re.compile(r"divide error: [0-9a-f]{4}")
_OPCODE = re.compile(r"(?:invalid opcode|stack segment|int3|alignment check): [0-9a-f]{4}")
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OOPS = re.compile(r"Internal error: (?:Oops)?(?: -|:) (BUG|[0-9a-fA-F]+)")
_SLEEP = re.compile(
    r"BUG: (sleeping function called from invalid context|scheduling while atomic|workqueue leaked"
    r" lock or atomic|spinlock \w[\w ]{0,32}|Bad (?:page state|rss-counter state)|corrupted list"
    r"|stack guard page was hit|non-zero \w+ on freeing mm|using __this_cpu_\w+ in preemptible)"
)
_SUFFIX = re.compile(r"(?:\.(?:isra|part|cold|constprop|llvm|cfi_jt)(?:\.\d{1,20})*)+$")
_ROLES: tuple[tuple[str, Role | None], ...] = (
    ("Allocated by task", "alloc"), ("Allocated:", "alloc"), ("allocated by task", "alloc"), ("Freed by task", "free"),
    ("Freed:", "free"), ("freed by task", "free"), ("Last potentially related work creation", None),
    ("Second to last potentially related", None), ("Uninit was stored to memory at", "alloc"),
    ("Uninit was created at", "alloc"),
    ("The buggy address", None), ("Local variable", "alloc"), ("write to 0x", "peer"), ("read to 0x", "peer"),
    ("Showing all locks held", None), ("which lock already depends", "alloc"),
    ("the existing dependency chain", "alloc"), ("stack backtrace:", "crash"),
    ("INFO: Allocated in", "alloc"), ("INFO: Freed in", "free"), ("backtrace:", "crash"),
)  # fmt: skip
_ENDS = (
    "---[ end trace",
    "Kernel Offset",
    "Rebooting in",
    "---[ end Kernel panic",
    "Modules linked in",
    "Memory state around",
)
_FAULTS = {
    0b0001: "Alignment Fault", 0b0011: "Access Flag Fault, Section", 0b0100: "Instruction Cache Maintenance Fault",
    0b0101: "Translation Fault, Section", 0b0110: "Access Flag Fault, Page", 0b0111: "Translation Fault, Page",
    0b1001: "Domain Fault, Section", 0b1011: "Domain Fault, Page", 0b1100: "L1 Translation",
    0b1101: "Permission Fault, Section", 0b1110: "L2 Translation", 0b1111: "Permissions Fault, Page",
}  # fmt: skip


def line_of(reading: Reading, line: str) -> None:
    """A line with a word of the kernel's reports."""
    draft = reading.draft
    inside = draft is not None and draft.table.startswith("kernel") and not draft.closed
    for pattern, begin in _BEGINNINGS:
        found = pattern.search(line)
        if found is None:
            continue
        if inside and draft is not None:
            if pattern is _KASAN_RANGE:
                _range(draft, found)
            elif pattern in _GRAVER and not draft.stacks and draft.type == "Kernel failure\nPaging-request":
                begin(reading, found)
            return
        begin(reading, found)
        return


def _begin(reading: Reading, bug: str, title: str, function: str = "") -> Draft:
    """A report of a kernel: `title` is that of syzbot up to its ` in `, and the function follows it."""
    draft = reading.begin("kernel", "c", kind=f"Kernel failure\n{bug}")
    draft.table = "kernel"
    draft.frame_line = frame_line
    draft.title, draft.process = title, function
    return draft


def _kasan(reading: Reading, found: re.Match[str]) -> None:
    bug = found[1].strip()
    draft = _begin(reading, bug.replace(" ", "-").capitalize(), f"KASAN: {bug}", found[3] or "")
    address = _KASAN_ADDRESS.search(found.string)
    if found[2]:
        draft.address = found[2]
    elif address:
        draft.address = "0x" + address[2]
        draft.process = ""


def _range(draft: Draft, found: re.Match[str]) -> None:
    """`KASAN: null-ptr-deref in range […]` behind a general protection fault names the bug."""
    if draft.type in {"Kernel failure\nGeneral-protection-fault", "Kernel failure\nPaging-request"}:
        draft.type = f"Kernel failure\n{found[1].capitalize()}"
    draft.address = found[2]


def _kmsan(reading: Reading, found: re.Match[str]) -> None:
    _begin(reading, found[1].capitalize(), f"KMSAN: {found[1]}", found[2] or "")


def _kfence(reading: Reading, found: re.Match[str]) -> None:
    bug = found[1].strip()
    _begin(reading, bug.replace(" ", "-").capitalize(), f"KFENCE: {bug}", found[2])


def _kcsan(reading: Reading, found: re.Match[str]) -> None:
    both = " / ".join(sorted([found[2], found[3]])) if found[3] else found[2]
    _begin(reading, found[1].capitalize(), f"KCSAN: {found[1]}", both)


def _ubsan(reading: Reading, found: re.Match[str]) -> None:
    bug = found[1] or "Undefined-behaviour"
    draft = _begin(reading, bug.capitalize(), f"UBSAN: {bug}")
    if found[3]:
        draft.site = Frame(0, file=found[2], line=int(found[3]), column=int(found[4]) if found[4] else None)


def _paging(reading: Reading, found: re.Match[str]) -> None:
    what = found[1] or found[4] or found[6] or "paging request"
    null = what.startswith("NULL")
    draft = _begin(
        reading,
        "Null-pointer-dereference" if null else "Paging-request",
        f"BUG: unable to handle kernel {'NULL pointer dereference' if null else 'paging request'}",
    )
    address = found[2] or found[3] or found[5] or found[7] or ""
    if address and address != "(null)":
        draft.address = address if address.startswith("0x") else "0x" + address


def _gpf(reading: Reading, found: re.Match[str]) -> None:
    draft = _begin(reading, "General-protection-fault", "general protection fault")
    draft.address = found[1] or ""


def _bug_at(reading: Reading, found: re.Match[str]) -> None:
    place = found[1] + (f":{found[2]}" if found[2] else "") + "!"
    draft = _begin(reading, place.replace(" ", "-").capitalize(), "kernel BUG")
    if found[2]:
        draft.site = Frame(0, file=found[1], line=int(found[2]))


def _warning(reading: Reading, found: re.Match[str]) -> None:
    draft = _begin(reading, "Warning", "WARNING", found[3] or "")
    draft.site = Frame(0, function=found[3] or "", file=found[1], line=int(found[2]))


def _lockdep(reading: Reading, found: re.Match[str]) -> None:
    said = found[1]
    title = "possible deadlock" if said.startswith(("possible", "SOFTIRQ")) else said
    draft = _begin(reading, title.replace(" ", "-").capitalize(), f"WARNING: {said}" if title == said else title)
    draft.table = "kernel-lock"


def _hung(reading: Reading, _found: re.Match[str]) -> None:
    _begin(reading, "Task-hung", "INFO: task hung").table = "kernel-lock"


def _stall(reading: Reading, _found: re.Match[str]) -> None:
    _begin(reading, "Rcu-stall", "INFO: rcu detected stall")


def _lockup(reading: Reading, _found: re.Match[str]) -> None:
    _begin(reading, "Soft-lockup", "BUG: soft lockup")


def _leak(reading: Reading, found: re.Match[str]) -> None:
    draft = _begin(reading, "Memory-leak", "memory leak")
    draft.address, draft.size = found[1], int(found[2][:12])


def _divide(reading: Reading, _found: re.Match[str]) -> None:
    _begin(reading, "Divide-error", "divide error")


def _opcode(reading: Reading, found: re.Match[str]) -> None:
    word = found[0].partition(":")[0]
    _begin(reading, word.replace(" ", "-").capitalize(), word)


def _sleep(reading: Reading, found: re.Match[str]) -> None:
    _begin(reading, found[1].replace(" ", "-").capitalize(), f"BUG: {found[1]}")


def _panic(reading: Reading, found: re.Match[str]) -> None:
    if reading.after_kernel:
        return  # the end of what was reported before it
    _begin(reading, found[1].replace(" ", "-"), f"kernel panic: {found[1]}")


def _oops(reading: Reading, found: re.Match[str]) -> None:
    if reading.after_kernel:
        return
    code = found[1]
    if code == "BUG":
        _begin(reading, "BUG", "kernel BUG")
        return
    number = int(code, 16)
    word = "READ" if number & 0x800 == 0 else "WRITE"
    _begin(reading, f"{word} {_FAULTS.get(number & 0b1111, 'Unknown')} ({number})", "Internal error: Oops")


_BEGINNINGS = (
    (_KASAN, _kasan), (_KASAN_RANGE, _gpf), (_KMSAN, _kmsan), (_KCSAN, _kcsan), (_KFENCE, _kfence), (_UBSAN, _ubsan),
    (_PAGING, _paging), (_GPF, _gpf), (_BUG_AT, _bug_at), (_LOCKDEP, _lockdep), (_WARNING, _warning), (_HUNG, _hung),
    (_LOCKUP, _lockup), (_STALL, _stall), (_LEAK, _leak), (_DIVIDE, _divide), (_OPCODE, _opcode), (_SLEEP, _sleep),
    (_OOPS, _oops), (_PANIC, _panic),
)  # fmt: skip
_GRAVER = (_KASAN, _KMSAN)


def frame_line(draft: Draft, line: str) -> bool:
    """A line of a stack, a register that names the innermost frame, or a heading."""
    if draft.closed:
        return False
    found = _FRAME.match(line)
    if found:
        _add(draft, found[3], found[4], found[5], address=found[1] or "", reliable=not found[2])
        return True
    found = _INLINE.match(line)
    if found:
        _add(draft, found[2], "", f" {found[3]}:{found[4]} [inline]", reliable=not found[1])
        return True
    found = _DECODED.match(line)
    if found:
        _add(draft, found[2], "", f" {found[3]}:{found[4]}", reliable=not found[1])
        return True
    return _fact(draft, line)


def _fact(draft: Draft, line: str) -> bool:
    access = _ACCESS.match(line)
    if access and draft.access is None and not draft.has_stack(3):
        word = access[1].upper()
        draft.access = "READ" if word == "READ" else "WRITE"
        draft.size = int(access[2])
        draft.type += f"\n{word} {access[2]}"
        draft.title += f" {access[1]}"
        if access[3] and not draft.address:
            draft.address = access[3] if access[3].startswith("0x") else "0x" + access[3]
        return True
    pointer = _REGISTER.match(line) or _ARM.match(line)
    if pointer:
        if not draft.pointed:
            draft.pointed = True
            _point(draft, _named(0, pointer[1], pointer[2], pointer[3]))
        return True
    for words, role in _ROLES:
        if line.startswith(words):
            if role == "crash" and draft.has_stack(1):
                return True
            first = role == "peer" and not draft.stacks  # of a race: the side that is told first
            draft.section("crash" if first else role)
            return True
    if line.startswith(_ENDS) and draft.stacks:
        draft.closed = line.startswith(("---[ end", "Memory state", "Rebooting"))
        draft.section(None)
    return False


def _point(draft: Draft, frame: Frame) -> None:
    """The innermost frame from a register: it stands before the stack."""
    if not draft.stacks:
        draft.point(frame)
        _count(draft, frame)


def _count(draft: Draft, frame: Frame) -> None:
    name = _SUFFIX.sub("", frame.function)
    if draft.role == "crash" and frame.reliable and tables.of_state(name) and tables.kept(frame, draft.table):
        draft.name(name)


def _named(index: int, function: str, offset: str, tail: str, address: str = "", *, reliable: bool = True) -> Frame:
    found = _TAIL.match(tail)
    module = (found[1] or found[4] or "") if found else ""
    inlined = bool(found and (found[5] or module == "inline"))
    return Frame(
        index,
        function,
        address,
        (found[2] or "") if found else "",
        int(found[3]) if found and found[3] else None,
        module="" if module == "inline" else module,
        offset=offset,
        inlined=inlined,
        reliable=reliable,
    )


def _add(draft: Draft, function: str, offset: str, tail: str, address: str = "", *, reliable: bool) -> None:
    index = 0 if draft.fresh else draft.previous + 1
    frame = _named(index, function, offset, tail, address, reliable=reliable)
    first = draft.stacks[0][1][0] if draft.pointed and len(draft.stacks) == 1 and len(draft.stacks[0][1]) == 1 else None
    if first is not None and first.function == function and first.offset == offset:
        return  # the register named it already
    draft.frame(frame, None)
    _count(draft, frame)
