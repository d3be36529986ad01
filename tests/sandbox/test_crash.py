"""Reading sanitizer reports: real ones of this machine's compilers, fixed ones of others, hostile ones of nobody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.sandbox.crash import (
    MAX_FRAMES,
    MAX_REPORTS,
    CrashReader,
    CrashReport,
    first_own_frame,
    first_report,
    from_exit,
    read_reports,
)
from seatrial.sandbox.frames import read_frame

SOURCE = r"""
#include <limits.h>
#include <stdlib.h>
#include <string.h>
int table[4]; volatile int zero = 0;
__attribute__((noinline)) int stack(int i) { volatile int a[4]; a[i] = 1; return a[0]; }   /* line 6 */
__attribute__((noinline)) int deep(int n) { volatile char b[1000]; b[0] = n; return deep(n + 1) + b[0]; }
__attribute__((noinline)) void put(char *p, int i) { p[i] = 1; }                            /* line 8 */
__attribute__((noinline)) void drop(char *p) { free(p); }                                   /* line 9 */
int main(int argc, char **argv) {
  char *p = malloc(10);                                                                     /* line 11 */
  switch (atoi(argv[1])) {
    case 0: put(p, 10); break;
    case 1: put(p, -1); break;
    case 2: drop(p); return p[3];
    case 3: drop(p); drop(p); break;
    case 4: drop(p + 1); break;
    case 5: return stack(4 + zero);
    case 6: return stack(-1 + zero);
    case 7: return table[4 + zero];
    case 8: *(volatile int *)(long)zero = 1; break;
    case 9: return *(volatile char *)(16L + zero);
    case 10: return deep(0);
    case 11: memcpy(p + 1, p + zero, 5); break;
    case 12: memset(p, 0, zero - 1L); break;
    case 13: abort();
    case 14: p = 0; return 0;
    case 15: return INT_MAX + (argc - 1);
    case 16: return 1 / zero;
    case 17: return 1 << (32 + zero);
  }
  free(p);
  return 0;
}
"""
# case: fault, access, size, own function, line, side, distance, region size, allocation line, free line
ADDRESS_CASES = {
    0: ("heap-buffer-overflow", "write", 1, "put", 8, "after", 0, 10, 11, None),
    1: ("heap-buffer-overflow", "write", 1, "put", 8, "before", 1, 10, 11, None),
    2: ("heap-use-after-free", "read", 1, "main", 15, "inside", 3, 10, 11, 9),
    3: ("double-free", "", None, "drop", 9, "inside", 0, 10, 11, 9),
    4: ("bad-free", "", None, "drop", 9, "inside", 1, 10, 11, None),
    5: ("stack-buffer-overflow", "write", 4, "stack", 6, "after", 0, 16, None, None),
    6: ("stack-buffer-underflow", "write", 4, "stack", 6, "before", 4, 16, None, None),
    7: ("global-buffer-overflow", "read", 4, "main", 20, "after", 0, 16, None, None),
    8: ("SEGV", "write", None, "main", 21, "", None, None, None, None),
    9: ("SEGV", "read", None, "main", 22, "", None, None, None, None),
    10: ("stack-overflow", "", None, "deep", 7, "", None, None, None, None),
    11: ("memcpy-param-overlap", "", None, "main", 24, "inside", 1, 10, 11, None),
    12: ("negative-size-param", "", None, "main", 25, "inside", 0, 10, 11, None),
    13: ("ABRT", "", None, "main", 26, "", None, None, None, None),
    14: ("memory-leak", "", 10, "main", 11, "", None, None, 11, None),
}
UNDEFINED_CASES = {
    15: ("signed-integer-overflow", 28),
    16: ("division-by-zero", 29),
    17: ("shift-exponent", 30),
    5: ("index-out-of-bounds", 6),
    8: ("null-pointer|SEGV", 21),  # clang leaves a volatile access unchecked
}
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]


@pytest.fixture(
    scope="module", params=COMPILERS or [pytest.param("gcc", marks=pytest.mark.skip(reason="no C compiler"))]
)
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("crash")
    (folder / "target.c").write_text(SOURCE)
    made = {}
    for kind in ("address", "undefined"):
        command = [request.param, "-g", "-O0", f"-fsanitize={kind}", "-w", "-o", f"target-{kind}", "target.c"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"{request.param} cannot link -fsanitize={kind}")
        made[kind] = folder / f"target-{kind}"
    return made


def run_case(program: Path, case: int, folder: Path) -> bytes:
    """Run one case and read only the file that the sanitizer's own option made."""
    path = folder / f"report-{case}"
    environment = {
        "ASAN_OPTIONS": f"log_path={path}:handle_abort=1:detect_leaks={int(case == 14)}",
        "UBSAN_OPTIONS": f"log_path={path}:print_stacktrace=1",
        "PATH": os.environ["PATH"],
    }
    subprocess.run([program, str(case)], env=environment, capture_output=True, check=False, timeout=60)
    files = list(folder.glob(f"report-{case}.*"))
    assert len(files) == 1, files
    return files[0].read_bytes()


def own(path: str) -> bool:
    return path.endswith("target.c")


@pytest.mark.parametrize("case", ADDRESS_CASES)
def test_a_real_address_sanitizer_report(programs: dict[str, Path], tmp_path: Path, case: int) -> None:
    fault, access, size, function, line, side, distance, region, allocated, freed = ADDRESS_CASES[case]
    report = first_report(run_case(programs["address"], case, tmp_path))
    assert report is not None
    frame = first_own_frame(report, own)
    assert frame is not None
    assert (report.fault, report.access, report.size) == (fault, access, size)
    assert (frame.function, frame.line) == (function, line)
    assert (report.region.side, report.region.distance, report.region.size) == (side, distance, region)
    assert report.complete
    assert report.summary.startswith("SUMMARY: AddressSanitizer")
    if allocated:
        assert next(f.line for f in report.allocation if own(f.file)) == allocated
    assert [f.line for f in report.free if own(f.file)][:1] == ([freed] if freed else [])


@pytest.mark.parametrize("case", UNDEFINED_CASES)
def test_a_real_undefined_behaviour_report(programs: dict[str, Path], tmp_path: Path, case: int) -> None:
    fault, line = UNDEFINED_CASES[case]
    report = first_report(run_case(programs["undefined"], case, tmp_path))
    assert report is not None
    assert report.tool == "UndefinedBehaviorSanitizer"
    assert report.fault in fault.split("|")
    frame = first_own_frame(report, own)
    assert frame is not None
    assert frame.line == line


CLANG_REPORT = b"""\
=================================================================
==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x0000004dd1a3 bp 0x7ffd sp 0x7ffd
READ of size 8 at 0x602000000010 thread T0
    #0 0x4dd1a2 in png::Reader::row(std::vector<char, std::allocator<char> > const&, int) const /src/a b/reader.cc:71:14
    #1 0x4dd300 in operator() /src/a b/main.cc:12:3
    #2 0x4dd3ff in main /src/a b/main.cc:30:10
    #3 0x7f00 in __libc_start_main (/lib/x86_64-linux-gnu/libc.so.6+0x29d8f) (BuildId: 490fef8403)

0x602000000010 is located 0 bytes inside of 8-byte region [0x602000000010,0x602000000018)
freed by thread T0 here:
    #0 0x4a1 in operator delete(void*) /llvm/compiler-rt/lib/asan/asan_new_delete.cpp:152:3
    #1 0x4dd111 in png::Reader::close() /src/a b/reader.cc:20:5

previously allocated by thread T0 here:
    #0 0x4a0 in operator new(unsigned long) /llvm/compiler-rt/lib/asan/asan_new_delete.cpp:95:3
    #1 0x4dd222 in (anonymous namespace)::make(int) /src/a b/reader.cc:9:7

SUMMARY: AddressSanitizer: heap-use-after-free /src/a b/reader.cc:71:14 in png::Reader::row
Shadow bytes around the buggy address:
==4242==ABORTING
"""
MEMORY_REPORT = b"""\
==9==WARNING: MemorySanitizer: use-of-uninitialized-value
    #0 0x49 in decode /src/d.c:40:7
    #1 0x50 in main /src/d.c:90:3

  Uninitialized value was created by a heap allocation
    #0 0x42 in malloc /llvm/msan_interceptors.cpp:901:3
    #1 0x51 in fresh /src/d.c:12:9

SUMMARY: MemorySanitizer: use-of-uninitialized-value /src/d.c:40:7 in decode
"""
THREAD_REPORT = b"""\
==================
WARNING: ThreadSanitizer: data race (pid=77)
  Write of size 4 at 0x7b0400000010 by thread T1:
    #0 bump /src/t.c:8:10 (t+0x4b6f)
  Previous read of size 4 at 0x7b0400000010 by main thread:
    #0 main /src/t.c:20:3 (t+0x4c00)
SUMMARY: ThreadSanitizer: data race /src/t.c:8:10 in bump
"""
UNSYMBOLISED = b"""\
==5==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000000 (pc 0x55d0 bp 0x7ffe sp 0x7ffe T0)
==5==The signal is caused by a WRITE memory access.
==5==Hint: address points to the zero page.
    #0 0x55d0  (/replay/prog (copy)+0x11d0) (BuildId: 00ff)
    #1 0x7f01  (<unknown module>)
SUMMARY: AddressSanitizer: SEGV (/replay/prog (copy)+0x11d0)
"""


def test_a_clang_report_with_cpp_names_and_spaces_in_paths() -> None:
    report = first_report(CLANG_REPORT)
    assert report is not None
    assert report.frames[0].function.endswith("const&, int) const")
    assert (report.frames[0].file, report.frames[0].line, report.frames[0].column) == ("/src/a b/reader.cc", 71, 14)
    assert (report.frames[3].module, report.frames[3].offset) == ("/lib/x86_64-linux-gnu/libc.so.6", 0x29D8F)
    assert [frame.function for frame in report.free] == ["operator delete(void*)", "png::Reader::close()"]
    assert report.allocation[1].function == "(anonymous namespace)::make(int)"
    assert report.region.size == 8


def test_other_sanitizers() -> None:
    memory, race, bare = (first_report(text) for text in (MEMORY_REPORT, THREAD_REPORT, UNSYMBOLISED))
    assert memory is not None
    assert race is not None
    assert bare is not None
    assert (memory.fault, memory.frames[0].function) == ("use-of-uninitialized-value", "decode")
    assert memory.allocation[1].function == "fresh"
    assert (race.fault, race.access, race.size, race.frames[0].line) == ("data-race", "write", 4, 8)
    assert len(race.frames) == 1
    assert (bare.fault, bare.access, bare.frames[0].module, bare.frames[0].offset) == (
        "SEGV",
        "write",
        "/replay/prog (copy)",
        0x11D0,
    )


def test_undefined_behaviour_without_a_stack() -> None:
    text = b"a.c:3:7: runtime error: load of misaligned address 0x61 for type 'int', which requires 4 byte alignment\n"
    report = first_report(text + b"a.c:4:1: runtime error: signed integer overflow: 1 + 2 cannot be represented\n")
    assert report is not None
    assert (report.fault, report.access, report.frames[0].file, report.frames[0].column) == (
        "misaligned-pointer",
        "read",
        "a.c",
        7,
    )


def test_colours_and_carriage_returns_change_nothing() -> None:
    coloured = b"".join(b"\x1b[1m\x1b[31m" + line + b"\x1b[0m\r\n" for line in CLANG_REPORT.splitlines())
    assert first_report(coloured) == first_report(CLANG_REPORT)


def test_several_reports_in_one_stream_are_kept_apart() -> None:
    tools = [report.tool for report in read_reports([MEMORY_REPORT, CLANG_REPORT + UNSYMBOLISED])]
    assert tools == ["MemorySanitizer", "AddressSanitizer", "AddressSanitizer"]


def test_a_report_cut_off_is_given_as_incomplete() -> None:
    report = first_report(CLANG_REPORT[: CLANG_REPORT.index(b"freed by")])
    assert report is not None
    assert not report.complete
    assert len(report.frames) == 4


def test_signals() -> None:
    for code, name in ((139, "SIGSEGV"), (-signal.SIGABRT, "SIGABRT"), (137, "SIGKILL")):
        report = from_exit(code)
        assert report is not None
        assert report.fault == name
    assert [from_exit(code) for code in (0, 1, 77, 128, 255)] == [None] * 5


@given(st.binary(max_size=4000), st.lists(st.integers(1, 97), max_size=20))
def test_pieces_do_not_change_what_is_read(noise: bytes, sizes: list[int]) -> None:
    text = noise[: len(noise) // 2] + b"\n" + CLANG_REPORT + noise[len(noise) // 2 :]
    reader, got, at = CrashReader(), [], 0
    for size in sizes * 50:
        got += reader.feed(text[at : at + size])
        at += size
    got += reader.feed(text[at:]) + reader.close()
    assert got == list(read_reports([text]))


FRAGMENTS = st.sampled_from(
    [
        "==1==ERROR: AddressSanitizer: ", "SUMMARY: AddressSanitizer: ", "    #0 0x1 in ", "    #99999 ",
        "READ of size ",
        " at 0x", "(", ")", "+0x", "<", ">", "'", "0 bytes to the right of ", "-byte region", ": runtime error: ",
        "freed by thread T0 here:", "is located ", "[0, 9) 'x' <== Memory access at offset ", "\x1b[31m", "9" * 30,
        " here:",
        "operator<", "/a/b c.c:1:2", "(BuildId: ff)", "\r", "\t", "\0", "é", "Direct leak of 1 byte",
    ]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.one_of(FRAGMENTS, st.just("\n"), st.text(max_size=20)), max_size=60))
def test_hostile_text_never_raises_and_stays_printable(parts: list[str]) -> None:
    for report in read_reports(["".join(parts).encode("utf-8", "surrogatepass")]):
        assert isinstance(report, CrashReport)
        texts = [report.tool, report.fault, report.summary, report.message, report.region.name]
        for frame in (*report.frames, *report.allocation, *report.free):
            texts += [frame.function, frame.file, frame.module]
        assert all(text.isprintable() and len(text) <= 512 for text in texts)


@given(st.text(max_size=300))
def test_any_frame_text(text: str) -> None:
    frame = read_frame(0, text)
    assert len(frame.function) <= 512


def test_bounds_hold_against_floods() -> None:
    many = b"a.c:1:1: runtime error: division by zero\n" * 1000
    assert len(list(read_reports([many]))) == MAX_REPORTS
    deep = b"==1==ERROR: AddressSanitizer: stack-overflow on address 0x1\n" + b"    #1 0x1 in f /a.c:1\n" * 5000
    report = first_report(deep)
    assert report is not None
    assert len(report.frames) == MAX_FRAMES


@pytest.mark.parametrize(
    "line",
    [
        b"    #0 0x1 in " + b"(" * 4000 + b"+0x1)",
        b"    #0 0x1 in " + b"(a +0x" * 600,
        b"==1==ERROR: AddressSanitizer: " + b"x-" * 2000,
        b"freed by thread " * 250,
        b"is located 1 bytes to the right of global variable '" + b"a" * 4000,
        b"<== " * 1000,
        b":1:1" * 1000 + b": runtime error: ",
        b"a" * 4_000_000,
    ],
)
def test_no_line_takes_long(line: bytes) -> None:
    text = b"==1==ERROR: AddressSanitizer: SEGV on unknown address\n" + (line + b"\n") * max(1, 1_000_000 // len(line))
    start = time.process_time()
    list(read_reports([text]))
    assert time.process_time() - start < 5
