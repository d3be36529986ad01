"""Replays: a fresh box each time, observations and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from seatrial.sandbox.errors import SpecError
from seatrial.sandbox.replay import MAX_REPORT_BYTES, ReplayFile, ReplaySpec, replay
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import MIB, BoxSpec, Limits

TARGET = rb"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char here[64] = {0};
  volatile char *heap = malloc(8);
  if (!fgets(here, sizeof here, stdin)) return 3;
  switch (here[0]) {
    case 'h': heap[8 + (argc - 1)] = 1; break;
    case 'a': abort();
    case 't': for (;;) pause();
    case 'b': for (volatile long i = 0; i < 300000000; i++); break;
    case 'p': printf("%p\n", (void *)here); break;
    case 's': fputs("==1==ERROR: AddressSanitizer: SEGV on unknown address 0x0\n", stderr); return 1;
    case 'm': { FILE *f = fopen("/tmp/mark", "r"); puts(f ? "seen before" : "fresh"); fopen("/tmp/mark", "w"); break; }
  }
  return here[0] == 'x' ? 7 : 0;
}
"""
ASAN = (("ASAN_OPTIONS", "log_path=/tmp/asan:detect_leaks=0:exitcode=99"),)


@pytest.fixture(scope="module")
def boxes() -> Iterator[SealedBoxes]:
    with SealedBoxes() as sealed:
        yield sealed


@pytest.fixture(scope="module")
def programs(boxes: SealedBoxes) -> dict[str, bytes]:
    with boxes.open(BoxSpec()) as box:
        box.write("/tmp/target.c", TARGET)
        made = {}
        for name, option in (("plain", "-O0"), ("asan", "-fsanitize=address")):
            done = box.exec(["gcc", "-g", "-w", option, "-o", f"/tmp/{name}", "/tmp/target.c"], timeout_s=120)
            if done.returncode:
                pytest.skip("no gcc with AddressSanitizer in a box")
            made[name] = box.read(f"/tmp/{name}")
        return made


def case(program: bytes, stdin: bytes, **changes: object) -> ReplaySpec:
    base = ReplaySpec(argv=("/replay/target",), files=(ReplayFile("target", program, 0o755),), stdin=stdin, repeats=2)
    return replace(base, **changes)


def test_exit_codes_and_signals(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    left = {word: replay(boxes, case(programs["plain"], word, repeats=1))[0] for word in (b"ok", b"x", b"a")}
    assert [(seen.exit_code, seen.signal) for seen in left.values()] == [(0, None), (7, None), (None, "SIGABRT")]
    assert all(not seen.timed_out and seen.record.preflight_digest for seen in left.values())


def test_every_repeat_is_a_fresh_box(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    seen = replay(boxes, case(programs["plain"], b"m", repeats=3))
    assert [one.stdout for one in seen] == [b"fresh\n"] * 3
    assert len({one.record.opened_ns for one in seen}) == 3


def test_a_sanitizer_report_is_pulled_and_read(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    for seen in replay(boxes, case(programs["asan"], b"h", env=ASAN, reports=("/tmp/asan.*",))):
        assert seen.exit_code == 99
        [(path, _)] = seen.reports
        assert path.startswith("/tmp/asan.")
        [crash] = seen.crashes()
        assert (crash.fault, crash.access, crash.region.side, crash.region.size) == (
            "heap-buffer-overflow",
            "write",
            "after",
            8,
        )
        assert any(frame.function == "main" and frame.line == 12 for frame in crash.frames)


def test_a_report_on_standard_error_is_no_report(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    [seen] = replay(boxes, case(programs["plain"], b"s", env=ASAN, reports=("/tmp/asan.*",), repeats=1))
    assert b"AddressSanitizer" in seen.stderr
    assert seen.crashes() == ()
    assert seen.missing == ("/tmp/asan.*",)


def test_time_runs_out_and_processor_time_is_told(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    [hanging] = replay(boxes, case(programs["plain"], b"t", timeout_s=0.5, repeats=1))
    assert (hanging.timed_out, hanging.exit_code, hanging.signal) == (True, None, None)
    [idle], [busy] = (replay(boxes, case(programs["plain"], word, repeats=1)) for word in (b"ok", b"b"))
    assert idle.cpu_ns is not None
    assert busy.cpu_ns is not None
    assert 0 < idle.cpu_ns < busy.cpu_ns
    assert busy.wall_ns >= busy.cpu_ns // 2


def test_addresses_are_fixed_on_request_only(boxes: SealedBoxes, programs: dict[str, bytes]) -> None:
    fixed = replay(boxes, case(programs["plain"], b"p", fixed_addresses=True, repeats=3))
    assert len({seen.stdout for seen in fixed}) == 1
    moving = replay(boxes, case(programs["plain"], b"p", repeats=3))
    assert len({seen.stdout for seen in moving}) == 3


def test_files_lie_read_only(boxes: SealedBoxes) -> None:
    spec = ReplaySpec(
        argv=("sh", "-c", "echo x >> /replay/deep/case; rm -rf /replay; cat /replay/deep/case"),
        files=(ReplayFile("deep/case", b"as given", sha256=hashlib.sha256(b"as given").hexdigest()),),
        repeats=1,
    )
    [seen] = replay(boxes, spec)
    assert seen.stdout == b"as given"


def test_hostile_report_files_are_missing_not_followed(boxes: SealedBoxes) -> None:
    script = (
        "ln -s /etc/shadow /tmp/asan.1; mkfifo /tmp/asan.2; mkdir /tmp/asan.3; echo good > /tmp/asan.4; "
        f"head -c {MAX_REPORT_BYTES + 1} /dev/zero > /tmp/asan.5; echo out > '/tmp/asan.6 spaced'; sleep 100 &"
    )
    [seen] = replay(boxes, ReplaySpec(argv=("sh", "-c", script), reports=("/tmp/asan.*", "/tmp/none"), repeats=1))
    assert dict(seen.reports) == {"/tmp/asan.4": b"good\n", "/tmp/asan.6 spaced": b"out\n"}
    assert set(seen.missing) == {"/tmp/asan.1", "/tmp/asan.2", "/tmp/asan.3", "/tmp/asan.5", "/tmp/none"}


def test_a_box_closed_by_its_watchdog_is_an_observation(boxes: SealedBoxes) -> None:
    box = BoxSpec(limits=Limits(lifetime_s=1))
    [seen] = replay(boxes, ReplaySpec(argv=("sleep", "30"), box=box, repeats=1))
    assert (seen.signal, seen.exit_code, seen.timed_out, seen.record.end) == ("SIGKILL", None, False, "watchdog")


def test_output_is_capped(boxes: SealedBoxes) -> None:
    box = BoxSpec(limits=Limits(stdout_bytes=MIB))
    [seen] = replay(boxes, ReplaySpec(argv=("head", "-c", "50000000", "/dev/zero"), box=box, repeats=1))
    assert seen.truncated
    assert len(seen.stdout) <= MIB


def test_there_is_no_network(boxes: SealedBoxes) -> None:
    [seen] = replay(boxes, ReplaySpec(argv=("cat", "/proc/net/dev"), repeats=1))
    assert [line.split(b":")[0].strip() for line in seen.stdout.splitlines() if b":" in line] == [b"lo"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "", "a\0b"])
def test_files_outside_the_case_are_refused(path: str) -> None:
    with pytest.raises(SpecError):
        ReplayFile(path, b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"argv": ()}, {"repeats": 0}, {"timeout_s": 0}, {"reports": ("tmp/x",)}, {"reports": ("/tmp/*/x",)},
        {"reports": ("/tmp/../x",)}, {"files": (ReplayFile("a", b""), ReplayFile("a", b"1"))},
    ],
)  # fmt: skip
def test_a_wrong_description_is_refused_before_anything_runs(changes: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        replace(ReplaySpec(argv=("true",)), **changes)


def test_a_wrong_digest_is_refused_before_anything_runs() -> None:
    with pytest.raises(SpecError, match="sha256"):
        ReplayFile("a", b"content", sha256="0" * 64)
