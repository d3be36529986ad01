"""Make the logs of this folder: programs with one planted bug each, built and run by the tools whose logs are read.

    python tests/clearinghouse/crash/make_logs.py FOLDER [format …]

Needs clang with compiler-rt, gcc, gdb, valgrind, go, rustc, a JDK, node, python. What a log must be read as is written
here with its bug (type, state) or follows from where the bug was planted (the line marked HERE); no reader is asked.
Each format is one file: logs apart by a line `@@@@ <expectation as JSON>`. Kernel logs are not made here: they are
written by hand after the kernel's own printing functions (`logs/kernel.txt`), as are those of tools not at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

MARK = "HERE"
TIMEOUT = 60


@dataclass(frozen=True)
class Bug:
    """A planted bug: the body of its innermost function, and what its crash is called."""

    name: str
    body: str
    kind: str
    state: tuple[str, ...] = ()  # empty: inner, outer, dispatch
    tool: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    line: bool = True  # the crash line is the marked one
    address: bool = True


HEADER = """\
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
volatile int zero, one = 1, two = 2, many = 1000;
char *volatile keep;
static int table[4];
struct pair { int a, b; };
"""
FRAME = """\
__attribute__((noinline)) int inner_{name}(int n) {{
{body}
  return n;
}}
__attribute__((noinline)) int outer_{name}(int n) {{
  int r = inner_{name}(n);
  return r + zero;
}}
"""
DISPATCH = """\
__attribute__((noinline)) int dispatch(int n) {
  int r = outer_%s(n);
  return r + zero;
}
int main(int argc, char **argv) {
  (void)argv;
  return dispatch(argc) ? 0 : 0;
}
"""


def c_source(bug: Bug) -> str:
    return HEADER + FRAME.format(name=bug.name, body=bug.body) + DISPATCH % bug.name


ASAN = (
    Bug(
        "heap_over_read",
        "  char *p = malloc(8);\n  keep = p;\n  n = p[7 + n]; // HERE\n  free(p);",
        "Heap-buffer-overflow\nREAD 1",
    ),
    Bug(
        "heap_over_write",
        "  int *p = malloc(8);\n  keep = (char *)p;\n  p[1 + n] = 7; // HERE\n  free(p);",
        "Heap-buffer-overflow\nWRITE 4",
    ),
    Bug(
        "heap_under_read",
        "  long *p = malloc(16);\n  keep = (char *)p;\n  n = (int)p[-n]; // HERE\n  free(p);",
        "Heap-buffer-overflow\nREAD 8",
    ),
    Bug(
        "stale_read",
        "  char *p = malloc(8);\n  keep = p;\n  free(p);\n  n = p[n]; // HERE",
        "Heap-use-after-free\nREAD 1",
    ),
    Bug(
        "stale_write",
        "  short *p = malloc(8);\n  keep = (char *)p;\n  free(p);\n  p[n] = 1; // HERE",
        "Heap-use-after-free\nWRITE 2",
    ),
    Bug("twice", "  char *p = malloc(8);\n  keep = p;\n  free(p);\n  free(p); // HERE", "Heap-double-free"),
    Bug("not_ours", "  char *p = malloc(8);\n  keep = p;\n  free(p + n); // HERE", "Invalid-free"),
    Bug(
        "stack_over_read",
        "  char b[8];\n  memset(b, 0, 8);\n  keep = b;\n  n = b[7 + n]; // HERE",
        "Stack-buffer-overflow\nREAD 1",
    ),
    Bug(
        "stack_over_write",
        "  int b[4];\n  keep = (char *)b;\n  b[3 + n] = n; // HERE",
        "Stack-buffer-overflow\nWRITE 4",
    ),
    Bug("table_over", "  n = table[3 + n]; // HERE", "Global-buffer-overflow\nREAD 4"),
    Bug(
        "scope",
        "  {\n    int x = n;\n    keep = (char *)&x;\n  }\n  n = *keep; // HERE",
        "Stack-use-after-scope\nREAD 1",
    ),
    Bug("null_read", "  int *p = (int *)(intptr_t)zero;\n  n = p[n]; // HERE", "Null-dereference READ"),
    Bug("null_write", "  int *p = (int *)(intptr_t)zero;\n  p[n] = 3; // HERE", "Null-dereference WRITE"),
    Bug("wild_read", "  int *p = (int *)(intptr_t)(0x10000000 + many);\n  n = p[n]; // HERE", "UNKNOWN READ"),
    Bug("wild_write", "  int *p = (int *)(intptr_t)(0x10000000 + many);\n  p[n] = 3; // HERE", "UNKNOWN WRITE"),
    Bug(
        "copy_over",
        "  char *p = malloc(8);\n  char q[64] = {0};\n  keep = p;\n  memcpy(p, q, 30 + n); // HERE\n  free(p);",
        "Heap-buffer-overflow\nWRITE {*}",
    ),
    Bug(
        "text_over",
        '  char *p = malloc(4);\n  keep = p;\n  strcpy(p, n ? "long text" : ""); // HERE\n  free(p);',
        "Heap-buffer-overflow\nWRITE 10",
    ),
    Bug(
        "overlap",
        "  char *p = calloc(1, 64);\n  keep = p;\n  memcpy(p, p + n, 32); // HERE\n  free(p);",
        "Memcpy-param-overlap",
    ),
    Bug(
        "negative",
        "  char *p = calloc(1, 64);\n  keep = p;\n  memmove(p, p + 8, (size_t)-n); // HERE\n  free(p);",
        "Negative-size-param",
    ),
    Bug(
        "huge",
        "  keep = malloc((size_t)1 << 60); // HERE",
        "Out-of-memory",
        environment={"ASAN_OPTIONS": "allocator_may_return_null=0"},
    ),
    Bug("counted", "  keep = calloc((size_t)-1 / 4, 16); // HERE", "Out-of-memory"),
    Bug(
        "deep",
        "  char b[256];\n  b[0] = (char)n;\n  keep = b;\n  n += inner_deep(n + 1); // HERE\n  n += keep[0];",
        "Stack-overflow",
        state=("inner_deep",),
        line=False,
    ),
    Bug("divided", "  n = n / zero; // HERE", "Floating-point-exception"),
    Bug("aborted", "  if (n) abort(); // HERE", "Abrt", environment={"ASAN_OPTIONS": "handle_abort=1"}),
    Bug("trapped", "  if (n) __builtin_trap(); // HERE", "Ill", environment={"ASAN_OPTIONS": "handle_sigill=1"}),
    Bug(
        "claimed",
        "  assert(n == 77); // HERE",
        "ASSERT",
        state=("n == 77", "inner_claimed", "outer_claimed"),
        environment={"ASAN_OPTIONS": "handle_abort=1"},
        address=False,
    ),
    Bug("bussed", "  if (n) raise(SIGBUS); // HERE", "Bus on unknown address"),
    Bug(
        "jump",
        "  void (*f)(void) = (void (*)(void))(intptr_t)(zero + 64);\n  f(); // HERE",
        "Null-dereference READ",
        state=("NULL",),
        line=False,
    ),
    Bug("leaked", "  keep = malloc(10 + n); // HERE\n  keep = 0;", "Direct-leak", address=False),
    Bug(
        "leaked_ring",
        "  void **a = malloc(16); // HERE\n  void **b = malloc(16);\n  *a = b;\n  *b = a;\n  a = b = 0;",
        "Indirect-leak",
        address=False,
        line=False,
    ),
)
SIGNALLED = ("aborted", "bussed", "claimed")
MSAN = (
    Bug(
        "branch",
        "  int *p = malloc(16);\n  keep = (char *)p;\n  if (p[n]) // HERE\n    n = 2;\n  free(p);",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "on_stack",
        "  int b[4];\n  keep = (char *)b;\n  if (b[n]) // HERE\n    n = 2;",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "returned",
        "  int x;\n  keep = (char *)&x;\n  return x ? 1 : n; // HERE",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "index",
        "  int i;\n  keep = (char *)&i;\n  n = table[i & 3] + 1; // HERE\n  if (n == 5) n = 6;",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "copied",
        "  char *p = malloc(8);\n  char q[8];\n  memcpy(q, p, 8);\n  if (q[n]) // HERE\n    n = 2;\n  free(p);",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "passed",
        "  char *p = malloc(8);\n  keep = p;\n  write(2, p, 0 * (n += write(1, p, 1))); // HERE\n  free(p);",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug("nulled", "  int *p = (int *)(intptr_t)zero;\n  n = p[n]; // HERE", "Null-dereference READ"),
    Bug("wild", "  int *p = (int *)(intptr_t)(0x10000000 + many);\n  p[n] = 1; // HERE", "UNKNOWN WRITE"),
    Bug(
        "field",
        "  struct pair *p = malloc(sizeof *p);\n  p->a = n;\n  if (p->b) // HERE\n    n = 2;\n  free(p);",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "printed",
        "  int x;\n  keep = (char *)&x;\n  switch (x) { // HERE\n  case 1: n = 3; break;\n  default: n = 4;\n  }",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug(
        "compared",
        "  char *p = malloc(8), q[8] = {0};\n  keep = p;\n  n = memcmp(p, q, 8); // HERE\n  free(p);",
        "Use-of-uninitialized-value",
        address=False,
    ),
    Bug("divided", "  n = n / zero; // HERE", "Floating-point-exception"),
)
THREADS = """\
static int shared; static char *block; static long both[2];
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
__attribute__((noinline)) void touch(int n) {
  %s
}
__attribute__((noinline)) void reach(int n) { touch(n); if (zero) shared++; }
static void *work(void *a) { (void)a; reach(1); if (zero) shared++; return 0; }
"""
TSAN = (
    ("write_write", "shared = n; // HERE", "Data race\nWRITE 4"),
    ("read_write", "one += shared + n; if (n == 1) usleep(1); shared++; // HERE", "Data race\nREAD 4"),
    ("long_write", "both[1] = n; // HERE", "Data race\nWRITE 8"),
    ("char_write", "block[n & 0] = (char)n; // HERE", "Data race\nWRITE 1"),
    ("short_write", "((short *)block)[0] = (short)n; // HERE", "Data race\nWRITE 2"),
    ("atomic_write", "__atomic_store_n(&shared, n, __ATOMIC_RELAXED); shared = n; // HERE", ""),
)
UBSAN = (
    ("added", "  int m = 0x7fffffff;\n  n = m + n; // HERE", "Integer-overflow"),
    ("multiplied", "  int m = 0x7fffffff;\n  n = m * (n + 1); // HERE", "Integer-overflow"),
    ("negated", "  int m = -0x7fffffff - n;\n  n = -m; // HERE", "Integer-overflow"),
    ("divided", "  n = n / zero; // HERE", "Divide-by-zero"),
    ("remainder", "  n = n % zero; // HERE", "Divide-by-zero"),
    ("shifted", "  n = n << (31 + two); // HERE", "Undefined-shift"),
    ("shifted_down", "  n = n >> (zero - 1); // HERE", "Undefined-shift"),
    ("indexed", "  n = table[n + 5]; // HERE", "Index-out-of-bounds"),
    (
        "null_load",
        "  struct pair *p = (struct pair *)(intptr_t)zero;\n  int *q = (int *)p;\n  n = *q; // HERE",
        "Null-dereference READ",
    ),
    ("null_store", "  int *p = (int *)(intptr_t)zero;\n  *p = n; // HERE", "Null-dereference WRITE"),
    ("null_member", "  struct pair *p = (struct pair *)(intptr_t)zero;\n  n = p->b; // HERE", "Null-dereference"),
    (
        "misaligned",
        "  char b[16] = {0};\n  int *p = (int *)(b + n + ((((uintptr_t)b + n) & 3) ? 0 : 1));\n  n = *p; // HERE",
        "Misaligned-address",
    ),
    (
        "boolean",
        "  unsigned char c = (unsigned char)(n + 4);\n  _Bool *p = (_Bool *)&c;\n  n = *p ? 3 : 4; // HERE",
        "Invalid-enum-value",
    ),  # the vocabulary takes `_Bool` for an enumeration
    ("cast", "  double d = 1e30 * n;\n  n = (int)d; // HERE", "Float-cast-overflow"),
    ("bound", "  int v[n - 2]; // HERE\n  v[0] = 1;\n  n = v[0];", "Non-positive-vla-bound-value"),
    ("unreachable", "  if (n) __builtin_unreachable(); // HERE", "Unreachable code"),
    ("pointer", "  char *p = (char *)&table;\n  p = p + (uintptr_t)-n; // HERE\n  keep = p;", ""),
    ("leading", "  n = __builtin_clz(zero); // HERE", "Invalid-builtin-use"),
    ("argument", "  memcpy((void *)(intptr_t)zero, table, (size_t)zero); // HERE", "Invalid-null-argument"),
)
LIBFUZZER = (
    ("over", "  if (size > 2 && data[0] == 'b') n = data[size + 1]; // HERE", "Heap-buffer-overflow\nREAD 1"),
    ("aborts", "  if (size > 2 && data[0] == 'b') abort(); // HERE", "Fatal-signal"),
    ("traps", "  if (size > 2 && data[0] == 'b') __builtin_trap(); // HERE", "Fatal-signal"),
    ("spins", "  while (size > 2 && data[0] == 'b' && one) n++; // HERE", "Timeout"),
    ("exits", "  if (size > 2 && data[0] == 'b') exit(3); // HERE", "Unexpected-exit"),
    ("claims", "  assert(!(size > 2 && data[0] == 'b')); // HERE", "ASSERT"),
    (
        "fills",
        "  while (size > 2 && data[0] == 'b') { keep = malloc(1 << 20); memset(keep, 1, 1 << 20); } // HERE",
        "Out-of-memory",
    ),
    ("writes_const", "  if (size > 2 && data[0] == 'b') ((uint8_t *)data)[1] = 9; // HERE", "Overwrites-const-input"),
    ("asks", "  if (size > 2 && data[0] == 'b') keep = malloc((size_t)1 << 40); // HERE", "Out-of-memory"),
    (
        "nulls",
        "  if (size > 2 && data[0] == 'b') n = *(volatile int *)(intptr_t)zero; // HERE",
        "Null-dereference READ",
    ),
    ("leaks", "  if (size > 2 && data[0] == 'b') { keep = malloc(33); keep = 0; } // HERE", "Direct-leak"),
    ("divides", "  if (size > 2 && data[0] == 'b') n = n / zero; // HERE", "Floating-point-exception"),
)


def run(argv: list[str], *, folder: Path, environment: dict[str, str] | None = None, timeout: int = TIMEOUT) -> str:
    """What a command prints on standard error, and then on standard output."""
    full = {**os.environ, **(environment or {})}
    done = subprocess.run(argv, cwd=folder, env=full, capture_output=True, timeout=timeout, check=False)
    return (done.stderr + done.stdout).decode("utf-8", "backslashreplace")


def build(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


def marked(source: str) -> int:
    return next(number for number, line in enumerate(source.splitlines(), 1) if MARK in line)


def tidy(log: str, folder: Path) -> str:
    """The log without the place where it was made, and without bulky tables."""
    log = log.replace(str(folder), "/src").replace("@@@@", "@@ @@")
    kept: list[str] = []
    for line in log.splitlines():
        if re.match(r"\s*(=>|  )0x[0-9a-f]{8,16}:", line) or "Shadow byte legend" in line:
            continue
        if re.match(
            r"  (Addressable|Partially|Heap left|Freed heap|Stack |Global|Poisoned|Container|Array|Intra|ASan int"
            r"|Left all|Right all|Shadow gap)",
            line,
        ):
            continue
        kept.append(line[:600])
    head, tail = kept[:60], kept[60:][-25:]
    return "\n".join(head + tail) + "\n"


Entry = tuple[dict[str, object], str]


def entry(
    name: str, kind: str, state: tuple[str, ...], log: str, *, line: str = "", address: str | None = None
) -> Entry:
    wanted: dict[str, object] = {"name": name, "type": kind, "state": list(state)}
    if line:
        wanted["line"] = line
    if address is not None:
        wanted["address"] = address
    return wanted, log


def address_of(log: str) -> str:
    """The address in the first line that states one, as a person would copy it."""
    for line in log.splitlines():
        if "is located" in line:
            break
        found = re.search(r"(?:address|free on|malloc\(\)-ed:) (0x[0-9a-f]+)", line)
        if found and "Sanitizer" in line and "FPE" not in line:
            return found[1]
    return ""


def sanitizer(bugs: tuple[Bug, ...], compiler: str, option: str, folder: Path, *, leaks: bool = False) -> list[Entry]:
    made: list[Entry] = []
    for bug in bugs:
        source = c_source(bug)
        (folder / f"{bug.name}.c").write_text(source)
        flags = ["-g", "-O0", "-fno-omit-frame-pointer", f"-fsanitize={option}", "-pthread", "-w", *bug.flags]
        build([compiler, *flags, f"{bug.name}.c", "-o", bug.name], folder)
        options = {"ASAN_OPTIONS": "detect_leaks=1" if leaks or "leak" in bug.kind else "detect_leaks=0"}
        options.update(bug.environment)
        log = tidy(run([f"./{bug.name}"], folder=folder, environment=options), folder)
        state = bug.state or (f"inner_{bug.name}", f"outer_{bug.name}", "dispatch")
        if compiler == "clang" and bug.name in SIGNALLED:
            # The vocabulary's filter knows `raise` alone; clang's symboliser puts its file behind it.
            state = {"claimed": (state[0], "raise", state[1])}.get(bug.name, ("raise", *state[:2]))
        line = f"{bug.name}.c:{marked(source)}" if bug.line else ""
        address = None if not bug.address or bug.kind == "Memcpy-param-overlap" else address_of(log)
        made.append(entry(f"{compiler}-{bug.name}", bug.kind, state, log, line=line, address=address))
    return made


def tsan(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in TSAN:
        if not kind:
            continue
        text = (
            HEADER
            + THREADS % body
            + (
                "int main(void) { pthread_t a, b; block = malloc(8);\n"
                "  pthread_create(&a, 0, work, 0); pthread_create(&b, 0, work, 0);\n"
                "  pthread_join(a, 0); pthread_join(b, 0); return 0; }\n"
            )
        )
        (folder / f"{name}.c").write_text(text)
        for compiler in ("clang", "gcc"):
            build([compiler, "-g", "-O0", "-fsanitize=thread", "-pthread", "-w", f"{name}.c", "-o", name], folder)
            log = run(["setarch", "-R", f"./{name}"], folder=folder, environment={"TSAN_OPTIONS": "halt_on_error=1"})
            log = tidy(log, folder)
            if "data race" not in log:
                continue
            found = re.search(r"^  (Write|Read) of size (\d+) at (0x[0-9a-f]+)", log, re.MULTILINE)
            assert found
            seen = f"Data race\n{found[1].upper()} {found[2]}"
            made.append(
                entry(
                    f"{compiler}-{name}",
                    seen,
                    ("touch", "reach", "work"),
                    log,
                    line=f"{name}.c:{marked(text)}",
                    address=found[3],
                )
            )
    return made


def ubsan(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in UBSAN:
        if not kind:
            continue
        source = c_source(Bug(name, body, kind))
        (folder / f"{name}.c").write_text(source)
        for compiler, extra in (("clang", "undefined,float-cast-overflow"), ("gcc", "undefined,float-cast-overflow")):
            for stack in ("1", "0"):
                if stack == "0" and compiler == "gcc":
                    continue
                flags = [
                    "-g",
                    "-O0",
                    "-fno-omit-frame-pointer",
                    f"-fsanitize={extra}",
                    "-fno-sanitize-recover=all",
                    "-pthread",
                    "-w",
                ]
                build([compiler, *flags, f"{name}.c", "-o", name], folder)
                log = tidy(
                    run([f"./{name}"], folder=folder, environment={"UBSAN_OPTIONS": f"print_stacktrace={stack}"}),
                    folder,
                )
                if "runtime error" not in log:
                    continue
                state = (f"inner_{name}", f"outer_{name}", "dispatch") if stack == "1" else ("NULL",)
                made.append(
                    entry(f"{compiler}-{name}-{stack}", kind, state, log, line=f"{name}.c:{marked(source)}", address="")
                )
    return made


def libfuzzer(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in LIBFUZZER:
        source = HEADER + (
            '#ifdef __cplusplus\nextern "C"\n#endif\n'
            f"__attribute__((noinline)) int parse(const uint8_t *data, size_t size) {{\n  int n = 0;\n"
            f"{body}\n  return n;\n}}\n"
            "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {\n"
            "  int r = parse(data, size);\n  return r ? 0 : 0;\n}\n"
        )
        (folder / f"{name}_fuzzer.c").write_text(source)
        asan = kind.startswith(("Heap", "Null", "Direct")) or name == "asks"
        option = "fuzzer,address" if asan else "fuzzer"
        build(["clang", "-g", "-O0", "-w", f"-fsanitize={option}", f"{name}_fuzzer.c", "-o", name], folder)
        (folder / "input").write_bytes(b"bad!")
        argv = [f"./{name}", "-timeout=2", "-rss_limit_mb=256", "-malloc_limit_mb=4096", "input"]
        log = tidy(run(argv, folder=folder), folder)
        state = ("parse", f"{name}_fuzzer.c")
        if kind == "ASSERT":
            state = ("!(size > 2 && data[0] == 'b')", "parse", f"{name}_fuzzer.c")
        # The vocabulary's filter knows these names alone; behind a module or file it keeps them.
        state = {
            "aborts": ("raise", "parse"), "exits": ("exit", "parse", state[-1]), "claims": (state[0], "raise", "parse"),
        }.get(name, state)  # fmt: skip
        if name in {"writes_const", "fills"}:
            state = ("NULL",)
        line = "" if name in {"writes_const", "fills"} else f"{name}_fuzzer.c:{marked(source)}"
        made.append(entry(name, kind, state, log, line=line))
    return made


GO = (
    ("bounds", "s := make([]int, n)\n\treturn s[n+2] // HERE", "Index out of range"),
    ("slice", "s := make([]int, n)\n\treturn len(s[n+1:]) // HERE", "Slice bounds out of range"),
    ("null", "var p *struct{ a, b int }\n\treturn p.b // HERE", "Invalid memory address"),
    ("divide", "return n / zero // HERE", "Integer divide by zero"),
    ("makes", "return len(make([]int, n-9)) // HERE", "Makeslice: len out of range"),
    ("plain", 'panic("broken rule") // HERE', "ASSERT"),
    ("failed", 'panic(fmt.Errorf("no such %d", 7)) // HERE', "ASSERT"),
    ("map", "var m map[int]int\n\tm[n] = 1 // HERE\n\treturn n", "ASSERT"),
    ("converted", "var x interface{} = n\n\treturn len(x.(string)) // HERE", "ASSERT"),
    ("sent", "c := make(chan int)\n\tclose(c)\n\tclose(c) // HERE\n\treturn n", "ASSERT"),
    ("waits", "c := make(chan int)\n\treturn <-c // HERE", "Fatal error"),
    ("deep", "return 1 + Inner(n+1) // HERE", "Stack overflow"),
)
GO_MESSAGES = {
    "plain": "broken rule", "failed": "no such 7", "map": "assignment to entry in nil map",
    "converted": "interface conversion: interface {} is int, not string", "sent": "close of closed channel",
    "waits": "all goroutines are asleep - deadlock!",
}  # fmt: skip


def go(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in GO:
        place = folder / f"go_{name}"
        (place / "codec").mkdir(parents=True)
        uses = 'import "fmt"\n' if "fmt." in body else ""
        text = (
            f"package codec\n\n{uses}\nvar zero int\n\n//go:noinline\nfunc Inner(n int) int {{\n\t{body}\n}}\n\n"
            "type Box struct{ N int }\n\n//go:noinline\nfunc (b *Box) Open(n int) int { return Inner(n) + zero }\n"
        )
        (place / "go.mod").write_text("module example.org/ship/demo\n\ngo 1.19\n")
        (place / "codec" / "codec.go").write_text(text)
        (place / "main.go").write_text(
            'package main\n\nimport "example.org/ship/demo/codec"\n\n'
            "func main() {\n\tb := &codec.Box{N: 1}\n\tprintln(b.Open(1))\n}\n"
        )
        build(["go", "build", "-o", "demo", "."], place)
        log = tidy(run(["./demo"], folder=place, environment={"GOTRACEBACK": "single"}), place)
        frames = ("codec.Inner", "codec.(*Box).Open")
        message = GO_MESSAGES.get(name)
        if name == "failed":
            message = None
        state = (message, *frames) if message else frames
        if name == "failed":
            state = (re.search(r"^panic: (.*)$", log, re.MULTILINE)[1], *frames)  # type: ignore[index]
        if name == "deep":
            state = ("codec.Inner", "codec.Inner", "codec.Inner")
        line = "" if name == "deep" else f"codec.go:{marked(text)}"  # the stack ends at the function's entry
        made.append(entry(name, kind, state, log, line=line, address=""))
    return made


RUST = (
    ("bounds", "let v = vec![1, 2, 3]; v[n + 7] // HERE", "index out of bounds: the len is 3 but the index is 8"),
    ("unwrap", "let o: Option<usize> = if n > 5 { Some(1) } else { None }; o.unwrap() // HERE", None),
    ("expect", 'let r: Result<usize, String> = Err("bad".into()); r.expect("wanted") // HERE', None),
    ("overflow", "let m = usize::MAX; m + n // HERE", "attempt to add with overflow"),
    ("divide", "n / (n - n) // HERE", "attempt to divide by zero"),
    ("plain", 'panic!("rule {} broken", n) // HERE', "rule 1 broken"),
    ("equals", "assert_eq!(n, 2); n // HERE", None),
    ("missing", "unreachable!() // HERE", "internal error: entered unreachable code"),
    ("todo", "todo!() // HERE", "not yet implemented"),
    ("sliced", 'let s = "abc"; s[n..9].len() // HERE', None),
    (
        "borrowed",
        "let c = std::cell::RefCell::new(n); let _a = c.borrow_mut(); let b = c.borrow_mut(); *b // HERE",
        None,
    ),
    ("capacity", "let v: Vec<u64> = Vec::with_capacity(usize::MAX / n); v.len() // HERE", "capacity overflow"),
)


def rust(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, message in RUST:
        text = (
            "#[inline(never)]\nfn inner_part(n: usize) -> usize {\n    " + body + "\n}\n"
            "#[inline(never)]\nfn outer_part(n: usize) -> usize {\n    inner_part(n) + 1\n}\n"
            'fn main() {\n    println!("{}", outer_part(std::env::args().count()));\n}\n'
        )
        (folder / f"{name}.rs").write_text("#![allow(warnings)]\n" + text)
        text = "#![allow(warnings)]\n" + text
        build(["rustc", "-g", "-C", "opt-level=0", "-A", "warnings", f"{name}.rs", "-o", f"r_{name}"], folder)
        log = tidy(run([f"./r_{name}"], folder=folder, environment={"RUST_BACKTRACE": "1"}), folder)
        said = message
        if said is None:
            lines = log.splitlines()
            place = next(number for number, line in enumerate(lines) if "panicked at" in line)
            said = lines[place + 1]
        state = (said[:80], f"{name}::inner_part", f"{name}::outer_part")
        made.append(entry(name, "ASSERT", state, log, line=f"{name}.rs:{marked(text)}", address=""))
    return made


JAVA = (
    ("Bounds", "int[] a = new int[n]; return a[n + 3]; // HERE", "ArrayIndexOutOfBoundsException"),
    ("Nothing", 'String s = n > 5 ? "" : null; return s.length(); // HERE', "NullPointerException"),
    ("Divide", "return n / (n - 1); // HERE", "ArithmeticException"),
    ("Casts", "Object o = n; return ((String) o).length(); // HERE", "ClassCastException"),
    ("Sized", "return new int[n - 9].length; // HERE", "NegativeArraySizeException"),
    ("State", 'throw new IllegalStateException("broken rule"); // HERE', "IllegalStateException"),
    (
        "Wrapped",
        (
            'try { return Integer.parseInt("x"); } '
            'catch (NumberFormatException e) { throw new RuntimeException("outer", e); } // HERE'
        ),
        "RuntimeException",
    ),
    ("Deep", "return 1 + inner(n + 1); // HERE", "StackOverflowError"),
    ("Numbers", 'return Integer.parseInt("x" + n); // HERE', "NumberFormatException"),
    ("Lists", "return java.util.List.of(1, 2).get(n + 4); // HERE", "ArrayIndexOutOfBoundsException"),
    ("Iterates", "return java.util.Collections.<Integer>emptyIterator().next(); // HERE", "NoSuchElementException"),
    ("Claims", "throw new AssertionError(n); // HERE", "AssertionError"),
)


def java(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, _ in JAVA:
        place = folder / f"java_{name}"
        (place / "org/example").mkdir(parents=True)
        text = (
            f"package org.example;\npublic class {name} {{\n  static int inner(int n) {{\n    {body}\n  }}\n"
            "  static int outer(int n) { return inner(n); }\n"
            "  public static void main(String[] a) { System.out.println(outer(a.length + 1)); }\n}\n"
        )
        (place / f"org/example/{name}.java").write_text(text)
        build(["javac", "-g", "-d", ".", f"org/example/{name}.java"], place)
        log = tidy(
            run(["java", "-XX:MaxJavaStackTraceDepth=40", "-cp", ".", f"org.example.{name}"], folder=place), place
        )
        state = tuple(f"org.example.{name}.{part}" for part in ("inner", "outer"))  # `main` is an entry only in C
        lines = [line.strip() for line in log.splitlines() if line.strip().startswith("at ")]
        state = tuple(line[3:].partition("(")[0] for line in lines[:3])
        made.append(entry(name, "Uncaught exception", state, log, line=f"{name}.java:{marked(text)}", address=""))
    return made


PYTHON = (
    ("index", "return [1, 2][n + 5]  # HERE"),
    ("key", "return {}[n]  # HERE"),
    ("divide", "return n / (n - n)  # HERE"),
    ("kind", "return 'x' + n  # HERE"),
    ("attribute", "return n.nothing  # HERE"),
    ("value", "return int('x')  # HERE"),
    ("raised", "raise RuntimeError('broken\\nrule')  # HERE"),
    (
        "chained",
        "try:\n        int('x')\n    except ValueError as bad:\n        raise RuntimeError('outer') from bad  # HERE",
    ),
    ("during", "try:\n        int('x')\n    except ValueError:\n        raise KeyError(n)  # HERE"),
    ("claimed", "assert n == 9, 'no'  # HERE"),
    ("deep", "return inner(n + 1)  # HERE"),
    ("grouped", "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])  # HERE"),
)


def python(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body in PYTHON:
        text = f"def inner(n):\n    {body}\n\n\ndef outer(n):\n    return inner(n)\n\n\nouter(1)\n"
        (folder / f"{name}.py").write_text(text)
        log = tidy(run([sys.executable, f"{name}.py"], folder=folder), folder)
        state: tuple[str, ...] = ("inner", "outer", "<module>")
        if name == "deep":
            state = ("inner", "inner", "inner")
        made.append(entry(name, "Uncaught exception", state, log, line=f"{name}.py:{marked(text)}", address=""))
    return made


JS = (
    ("kind", "return n.missing.deeper; // HERE"),
    ("reference", "return nothing + n; // HERE"),
    ("range", "return new Array(-n); // HERE"),
    ("plain", "throw new Error('broken rule'); // HERE"),
    ("deep", "return inner(n + 1) + 1; // HERE"),
    ("syntax", "return JSON.parse('{x'); // HERE"),
    ("uri", "return decodeURIComponent('%'); // HERE"),
    ("big", "return BigInt(1.5); // HERE"),
    ("caused", "throw new Error('outer', { cause: new TypeError('inner') }); // HERE"),
    ("called", "return n(); // HERE"),
    ("many", "throw new AggregateError([new Error('a')], 'many'); // HERE"),
    ("claimed", "require('assert').strictEqual(n, 2); // HERE"),
)


def js(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body in JS:
        text = f"function inner(n) {{\n  {body}\n}}\nfunction outer(n) {{\n  return inner(n);\n}}\nouter(1);\n"
        (folder / f"{name}.js").write_text(text)
        log = tidy(run(["node", f"{name}.js"], folder=folder), folder)
        frames = [
            line.strip()[3:].partition(" (")[0]
            for line in log.splitlines()
            if re.search(r"^\s+at .* \(.*:\d+:\d+\)$", line)
        ]
        named = tuple(frame for frame in frames if " " not in frame and not frame.startswith("new"))[:3]
        made.append(entry(name, "Uncaught exception", named, log, line=f"{name}.js:{marked(text)}", address=""))
    return made


VALGRIND = (
    ("over_read", "  char *p = malloc(8);\n  keep = p;\n  n = p[7 + n]; // HERE\n  free(p);", "Invalid-read\nREAD 1"),
    (
        "over_write",
        "  int *p = malloc(8);\n  keep = (char *)p;\n  p[1 + n] = 1; // HERE\n  free(p);",
        "Invalid-write\nWRITE 4",
    ),
    (
        "stale",
        "  long *p = malloc(8);\n  keep = (char *)p;\n  free(p);\n  n = (int)p[0]; // HERE",
        "Invalid-read\nREAD 8",
    ),
    (
        "branch",
        "  int *p = malloc(8);\n  keep = (char *)p;\n  if (p[0] == 5) // HERE\n    n = 2;\n  free(p);",
        "Use-of-uninitialized-value",
    ),
    ("address", "  int x;\n  keep = (char *)&x;\n  n = table[x & 3]; // HERE", "Use-of-uninitialized-value"),
    ("twice", "  char *p = malloc(8);\n  keep = p;\n  free(p);\n  free(p); // HERE", "Invalid-free"),
    (
        "overlap",
        "  char *p = calloc(1, 64);\n  keep = p;\n  memset(p, 65, 16);\n  strncpy(p + n, p, 16); // HERE\n  free(p);",
        "Memcpy-param-overlap",
    ),
    ("null", "  int *p = (int *)(intptr_t)zero;\n  n = p[n]; // HERE", "Invalid-read\nREAD 4"),
    ("leaked", "  keep = malloc(10 + n); // HERE\n  keep = 0;", "Direct-leak"),
    (
        "written",
        "  char *p = malloc(8);\n  keep = p;\n  write(1, p, 1); // HERE\n  free(p);",
        "Use-of-uninitialized-value",
    ),
    ("divided", "  n = n / zero; // HERE", "Floating-point-exception"),
    ("fishy", "  keep = malloc((size_t)(zero - n)); // HERE", "Negative-size-param"),
)


def valgrind(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in VALGRIND:
        source = c_source(Bug(name, body, kind))
        (folder / f"{name}.c").write_text(source)
        build(["gcc", "-g", "-O0", "-w", "-fno-builtin", "-pthread", f"{name}.c", "-o", f"v_{name}"], folder)
        log = tidy(run(["valgrind", "--leak-check=full", f"./v_{name}"], folder=folder), folder)
        found = re.search(r"Address (0x[0-9a-fA-F]+) is", log)
        state = (f"inner_{name}", f"outer_{name}", "dispatch")
        line = f"{name}.c:{marked(source)}"
        if name == "written":
            state, line = ("write", *state[:2]), ""
        made.append(entry(name, kind, state, log, line=line, address=found[1] if found else None))
    return made


GDB = (
    ("null", "  int *p = (int *)(intptr_t)zero;\n  n = p[n]; // HERE", "SIGSEGV"),
    ("wild", "  int *p = (int *)(intptr_t)(0x10000000 + many);\n  p[n] = 1; // HERE", "SIGSEGV"),
    ("aborted", "  if (n) abort(); // HERE", "SIGABRT"),
    ("divided", "  n = n / zero; // HERE", "SIGFPE"),
    ("trapped", "  if (n) __builtin_trap(); // HERE", "SIGILL"),
    ("claimed", "  assert(n == 77); // HERE", "SIGABRT"),
    ("twice", "  char *p = malloc(8);\n  keep = p;\n  free(p);\n  free(p); // HERE", "SIGABRT"),
    ("bussed", "  if (n) raise(SIGBUS); // HERE", "SIGBUS"),
    ("smashed", "  char b[8];\n  keep = b;\n  memset(b, 65, 64); // HERE", "SIGABRT"),
    ("copied", "  memcpy((void *)(intptr_t)zero, table, 16); // HERE", "SIGSEGV"),
    ("jumped", "  void (*f)(void) = (void (*)(void))(intptr_t)(zero + 64);\n  f(); // HERE", "SIGSEGV"),
    (
        "deep",
        "  char b[4096];\n  keep = b;\n  b[0] = 1;\n  n += inner_deep(n + 1); // HERE\n  n += keep[0];",
        "SIGSEGV",
    ),
)


def gdb(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind in GDB:
        source = c_source(Bug(name, body, kind))
        (folder / f"{name}.c").write_text(source)
        build(["gcc", "-g", "-O0", "-w", "-fstack-protector-all", "-pthread", f"{name}.c", "-o", f"g_{name}"], folder)
        argv = ["gdb", "-batch", "-nx", "-ex", "run", "-ex", "bt 40", f"./g_{name}"]
        raw = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        log = tidy(raw.stdout, folder)
        state = (f"inner_{name}", f"outer_{name}", "dispatch")
        if name == "deep":
            state = ("inner_deep",) * 3
        line = "" if name in {"deep", "smashed"} else f"{name}.c:{marked(source)}"
        if name == "smashed":
            state = ()
        made.append(entry(name, kind, state, log, line=line))
    return made


NATIVE = (
    ("claimed", "  assert(n == 77); // HERE", "ASSERT", ("n == 77",)),
    (
        "twice",
        "  char *p = malloc(8);\n  keep = p;\n  free(p);\n  free(p); // HERE",
        "Abrt",
        ("free(): double free detected in tcache 2",),
    ),
    (
        "smashed",
        "  char b[8];\n  keep = b;\n  memset(keep, 65, (size_t)(many - 900 + n)); // HERE",
        "Abrt",
        ("stack smashing detected",),
    ),
    ("foreign", "  free((char *)&table + n); // HERE", "Abrt", ("free(): invalid pointer",)),
    (
        "fortified",
        (
            "  char b[8];\n  keep = b;\n  extern void *__memset_chk(void *, int, size_t, size_t);\n"
            "  __memset_chk(keep, 65, (size_t)(many + n), 8); // HERE"
        ),
        "Abrt",
        ("buffer overflow detected",),
    ),
)
THROWN = '#include <stdexcept>\nint main() { throw std::runtime_error("broken"); }\n'


def native(folder: Path) -> list[Entry]:
    made: list[Entry] = []
    for name, body, kind, state in NATIVE:
        source = c_source(Bug(name, body, kind))
        (folder / f"{name}.c").write_text(source)
        build(
            [
                "gcc",
                "-g",
                "-O2",
                "-w",
                "-D_FORTIFY_SOURCE=2",
                "-fstack-protector-all",
                "-pthread",
                f"{name}.c",
                "-o",
                f"n_{name}",
            ],
            folder,
        )
        log = tidy(run([f"./n_{name}"], folder=folder, environment={"LIBC_FATAL_STDERR_": "1"}), folder)
        made.append(entry(name, kind, state, log))
    (folder / "thrown.cc").write_text(THROWN)
    for compiler in ("g++", "clang++"):
        build([compiler, "thrown.cc", "-o", "thrown"], folder)
        log = tidy(run(["./thrown"], folder=folder), folder)
        made.append(entry(f"thrown-{compiler}", "Uncaught exception", ("std::runtime_error",), log))
    return made


MAKERS = {
    "asan": lambda folder: sanitizer(ASAN, "clang", "address", folder) + sanitizer(ASAN, "gcc", "address", folder),
    "msan": lambda folder: sanitizer(MSAN, "clang", "memory", folder),
    "tsan": tsan, "ubsan": ubsan, "libfuzzer": libfuzzer, "go": go, "rust": rust, "java": java, "python": python,
    "js": js, "valgrind": valgrind, "gdb": gdb, "native": native,
}  # fmt: skip


def main() -> int:
    """Make the asked formats into a folder of work; write them beside this file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="an empty folder to build in")
    options.add_argument("formats", nargs="*", default=list(MAKERS))
    asked = options.parse_args()
    target = Path(__file__).parent / "logs"
    target.mkdir(exist_ok=True)
    for name in asked.formats:
        folder = (asked.folder / name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        made = MAKERS[name](folder)
        text = "".join(f"@@@@ {json.dumps(wanted, sort_keys=True)}\n{log}" for wanted, log in made)
        (target / f"{name}.txt").write_text(text)
        sys.stdout.write(f"{name}: {len(made)} logs\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
