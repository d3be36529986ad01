"""Logs with several crashes, with parts missing, with prefixes; the exact key; bounds and bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.crash import CrashReport, Frame, parse, signature
from seatrial.clearinghouse.crash.lines import HEAD, MAX_LINE, TAIL, lines_of
from seatrial.clearinghouse.crash.reading import MAX_REPORTS
from seatrial.clearinghouse.crash.sniff import WORDS

ASAN = """\
==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000050 at pc 0x1 bp 0x2 sp 0x3
READ of size 8 at 0x602000000050 thread T0
    #0 0x55 in take(int) /src/take.cc:12:3
    #1 0x56 in give /src/give.c:30:5
    #2 0x57 in keep /src/keep.c:31:5

0x602000000050 is located 0 bytes inside of 8-byte region
freed by thread T0 here:
    #0 0x61 in free (/bin/demo+0x61)
    #1 0x62 in release /src/give.c:21:2
previously allocated by thread T0 here:
    #0 0x71 in malloc (/bin/demo+0x71)
    #1 0x72 in make /src/give.c:11:2
SUMMARY: AddressSanitizer: heap-use-after-free /src/take.cc:12:3 in take(int)
==7==ABORTING
"""
UBSAN = "/src/a.c:3:5: runtime error: shift exponent 40 is too large for 32-bit type 'int'\n"


def only(log: str) -> CrashReport:
    (report,) = parse(log)
    return report


def test_stacks_keep_their_roles() -> None:
    report = only(ASAN)
    assert [(stack.role, stack.frames[-1].function) for stack in report.stacks] == [
        ("crash", "keep"),
        ("free", "release"),
        ("alloc", "make"),
    ]
    assert [frame.function for frame in report.trace] == ["take(int)", "give", "keep"]
    assert (report.access, report.size, report.security, report.partial) == ("READ", 8, True, False)
    assert report.summary.startswith("AddressSanitizer: heap-use-after-free")


def test_the_crash_comes_before_the_messages_its_process_went_on_after() -> None:
    reports = parse(UBSAN + ASAN)
    assert [report.type for report in reports] == ["Heap-use-after-free\nREAD 8", "Undefined-shift"]
    assert reports[1].crash_line == "/src/a.c:3:5"
    assert reports[1].state == "NULL"


def test_crashes_of_two_processes_stand_in_the_order_of_the_log() -> None:
    other = ASAN.replace("==7==", "==8==").replace("take", "lose")
    assert [report.trace[0].function for report in parse(ASAN + other)] == ["take(int)", "lose(int)"]


@pytest.mark.parametrize(
    ("log", "kind", "state"),
    [
        ("", "", ""),
        ("nothing happened\nall tests passed\n", "", ""),
        ("==7==ERROR: AddressSanitizer: stack-underflow on address 0x602000000050\n", "Stack-underflow", "NULL"),
        ("==7==FATAL: ThreadSanitizer: unexpected memory mapping 0x55-0x56\n", "", ""),
        ("==7==LeakSanitizer has encountered a fatal error.\n", "", ""),
        ("==7==WARNING: AddressSanitizer failed to allocate 0xf bytes\n", "", ""),
        (
            "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000000 (pc 0x0 bp 0x1 sp 0x2 T0)\n",
            "Null-dereference",
            "NULL",
        ),
        ("==7==ERROR: AddressSanitizer: odr-violation (0x1):\n", "Odr-violation", "NULL"),
        (
            "==7==ERROR: AddressSanitizer: alloc-dealloc-mismatch (malloc vs operator delete) on 0x602000000010\n",
            "Alloc-dealloc-mismatch (malloc vs operator delete)",
            "NULL",
        ),
        ("==7==ERROR: HWAddressSanitizer: tag-mismatch on address 0x1 at pc 0x2\n", "Tag-mismatch", "NULL"),
        ("==7== ERROR: libFuzzer: timeout after 3 seconds\n", "Timeout", "NULL"),
        ('AddressSanitizer: CHECK failed: a.cpp:1 "((p)) != (0)" (0x0, 0x0)\n', "Sanitizer CHECK failure", None),
        ("a.c:1:2: runtime error: something quite new\n", "UNKNOWN", "NULL"),
        ("[1:2:0101/1.2:FATAL:box.cc(9)] Check failed: a == b (1 vs. 2)\n", "CHECK failure", "a == b in box.cc"),
        ("F0813 00:29:27.775753 38 file.cc:130] Check failed: slow: 'x'\n", "CHECK failure", "slow in file.cc"),
        ("#\n# Fatal error in ../src/typer.cc, line 12\n# unreachable code\n", "Unreachable code", "typer.cc"),
        ("lib/vector:123: assertion n < size() failed: index out of bounds\n", "ASSERT", "index out of bounds"),
        ("Received signal 11 SEGV_MAPERR 7f6b0c580000\n", "UNKNOWN", "NULL"),
    ],
)  # fmt: skip
def test_short_logs(log: str, kind: str, state: str | None) -> None:
    reports = parse(log)
    if not kind:
        assert not reports
    else:
        assert reports[0].type == kind
        assert state is None or reports[0].state == state


GO_RACE = """\
==================
WARNING: DATA RACE
Write at 0x00c0000140a8 by goroutine 7:
  example.org/box.Put()
      /src/box.go:9 +0x3a

Previous read at 0x00c0000140a8 by main goroutine:
  example.org/box.Get()
      /src/box.go:12 +0x88
==================
"""
GO_SERVED = """\
2026/01/02 10:00:00 http: panic serving 127.0.0.1:5000: runtime error: index out of range [5] with length 3
goroutine 34 [running]:
net/http.(*conn).serve.func1()
\t/usr/lib/go/src/net/http/server.go:1868 +0xb0
panic({0x6, 0x7})
\t/usr/lib/go/src/runtime/panic.go:884 +0x1c8
example.org/web.(*H).ServeHTTP(0x1, {0x2, 0x3?}, 0x4)
\t/src/web.go:33 +0x50
"""


def test_go_races_and_panics_that_a_server_logged() -> None:
    race, served = only(GO_RACE), only(GO_SERVED)
    assert (race.type, race.address, race.access) == ("Data race", "0x00c0000140a8", "WRITE")
    assert [stack.role for stack in race.stacks] == ["crash", "peer"]
    assert (race.state, race.crash_line) == ("box.Put", "/src/box.go:9")
    assert served.type == "Index out of range"
    assert served.state == "http.(*conn).serve.func1\nweb.(*H).ServeHTTP"
    assert served.crash_line == "/src/web.go:33"


def test_a_log_that_lost_its_head_is_named_by_its_summary() -> None:
    cut = only(ASAN.partition("\n")[2])
    assert (cut.type, cut.partial) == ("Heap-use-after-free\nREAD 8", True)
    last = only("SUMMARY: AddressSanitizer: heap-use-after-free /src/take.cc:12:3 in take(int)\n")
    assert (last.type, last.crash_line, last.partial) == ("Heap-use-after-free", "/src/take.cc:12:3", True)


def test_the_exact_key_holds_over_addresses_and_folders_and_differs_by_what_counts() -> None:
    report = only(ASAN)
    key = signature.exact_key("demo", report)
    moved = (
        ASAN.replace("0x602000000050", "0x60b0000000a0").replace("#0 0x55", "#0 0x9955").replace("/src/", "/build/7/")
    )
    assert signature.exact_key("demo", only(moved)) == key
    assert signature.exact_key("other", report) != key
    for other in ("READ of", "heap-use-after-free", "take.cc:12", "give /src"):
        changed = ASAN.replace(other, {"READ of": "WRITE of", "take.cc:12": "take.cc:14"}.get(other, "x" + other))
        assert signature.exact_key("demo", only(changed)) != key
    assert signature.exact_key("demo", replace(report, trace=report.trace[:2])) != key


def test_a_log_without_symbols_is_named_by_module_and_offset() -> None:
    report = only(
        "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000050\n"
        "    #0 0x55  (/lib/x86_64-linux-gnu/libc.so.6+0x1234)\n"
    )
    assert report.state == "/lib/x86_64-linux-gnu/libc.so.6+0x1234"
    assert report.unfiltered
    assert only(ASAN.replace(" in take(int) /src/take.cc:12:3", " (/bin/demo+0x1f)")).crash_line == "/bin/demo+0x1f"


def test_of_a_long_log_both_ends_are_read_and_said_to_be_a_part() -> None:
    filler = "some output of the program\n" * (3 * HEAD // 27)
    (first, last) = parse(ASAN + filler + ASAN.replace("==7==", "==9=="))
    assert first.partial
    assert last.partial
    assert not parse(filler[: HEAD // 2] + ASAN)[0].partial
    assert max(map(len, lines_of("x" * (MAX_LINE * 3))[0])) == MAX_LINE
    assert sum(map(len, lines_of(b"y\n" * (HEAD + TAIL))[0])) <= HEAD + TAIL


def test_reports_are_bounded() -> None:
    assert len(parse(UBSAN * 5000)) == MAX_REPORTS


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_a_reader_alone_raises_nothing(word: str) -> None:
    for text in (word, word * 500, f"{word}(" * 300, f"x {word}\n" * 50, f"==1== {word} 0x1 \n#0 0x1 in f\n{word}"):
        parse(text)
        parse(text.encode() + b"\xff\x00")


@given(
    st.lists(
        st.sampled_from([*WORDS, *ASAN.splitlines(), "\n", "\n", " ", "0x", "(", "a.go:1", "\tat ", "²"]), max_size=40
    )
)
def test_no_mixture_raises(parts: list[str]) -> None:
    for report in parse("".join(parts)):
        assert report.type
        assert report.state
        assert cast("int", report.span[0]) <= report.span[1]
        assert all(isinstance(frame, Frame) for frame in report.trace)
