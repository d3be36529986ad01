"""Files, streams and commands as a hostile box would have them."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox.errors import BoxGone, ReadLimit
from seatrial.sandbox.spec import MIB, BoxSpec, Limits

if TYPE_CHECKING:
    from seatrial.sandbox.engine import EngineBox
    from seatrial.sandbox.sealed import SealedBoxes


@pytest.fixture(scope="module")
def traps(boxes: SealedBoxes) -> Iterator[EngineBox]:
    """A box full of things that are no plain files."""
    with boxes.open(BoxSpec()) as box:
        script = (
            "cd /tmp && mkdir folder && mkfifo fifo && echo plain > plain && ln -s plain link && ln -s loop loop && "
            "ln -s / root && ln -s /etc/shadow shadow && ln -s /proc/1/environ environ && ln -s /dev/zero zero"
        )
        assert box.exec(["sh", "-c", script]).returncode == 0
        yield box


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/tmp/shadow", errno.ELOOP), ("/tmp/environ", errno.ELOOP), ("/tmp/link", errno.ELOOP),
        ("/tmp/loop", errno.ELOOP), ("/tmp/root/etc/passwd", errno.ELOOP), ("/dev/zero", errno.EINVAL),
        ("/tmp/fifo", errno.EINVAL), ("/tmp/folder", errno.EISDIR), ("/tmp/none", errno.ENOENT),
        ("/dev/kmsg", errno.ENOENT), ("/tmp/../../../../etc/hostname", errno.EXDEV),
    ],
)  # fmt: skip
def test_only_plain_files_are_read(traps: EngineBox, path: str, error: int) -> None:
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the error number is the match
        traps.read(path)
    assert refused.value.errno == error


@pytest.mark.parametrize(
    "path", ["/proc/1/environ", "/proc/1/mem", "/proc/self/environ", "/dev/stdin", "/proc/self/mem"]
)
def test_no_file_of_the_kernel_is_read(traps: EngineBox, path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which error does not matter
        traps.read(path)


@pytest.mark.parametrize("path", ["/tmp/environ", "/tmp/zero", "/tmp/loop", "/tmp/fifo", "/proc/1/environ"])
def test_following_links_ends_inside_and_at_plain_files(traps: EngineBox, path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which error does not matter
        traps.read(path, follow=True)


def test_a_link_is_followed_within_the_box_only(traps: EngineBox) -> None:
    assert traps.read("/tmp/link", follow=True) == b"plain\n"
    assert traps.read("/tmp/root/etc/hostname", follow=True) == traps.read("/etc/hostname")
    assert (
        traps.read("/tmp/root/etc/hostname", follow=True).strip()
        != Path("/proc/sys/kernel/hostname").read_bytes().strip()
    )


@pytest.mark.parametrize(
    "path", ["/tmp/fifo", "/proc/sys/kernel/core_pattern", "/usr/bin/new", "/tmp/folder", "/dev/zero"]
)
def test_only_plain_files_are_written(traps: EngineBox, path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which error does not matter
        traps.write(path, b"x")


def test_a_file_beyond_the_limit_is_not_read(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec()) as box:
        assert box.exec(["sh", "-c", "head -c 106000000 /dev/zero > /tmp/large"]).returncode == 0
        with pytest.raises(ReadLimit):
            box.read("/tmp/large")
        with pytest.raises(ReadLimit):
            box.read("/tmp/large", limit=1000)


def test_a_hundred_mebibytes_go_in_and_come_out(boxes: SealedBoxes) -> None:
    content = os.urandom(MIB) * 100
    with boxes.open(BoxSpec()) as box:
        box.write("/tmp/large", content)
        assert box.read("/tmp/large") == content


def test_a_file_that_grows_while_it_is_read_is_cut_at_the_limit(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.spawn(["sh", "-c", "while :; do echo more >> /tmp/grow; done"])
        time.sleep(0.1)
        with contextlib.suppress(ReadLimit):
            assert len(box.read("/tmp/grow", limit=10_000_000)) <= 10_000_000


def test_two_gibibytes_of_output_are_cut(boxes: SealedBoxes) -> None:
    limits = Limits(stdout_bytes=MIB, stderr_bytes=MIB)
    with boxes.open(BoxSpec(limits=limits)) as box:
        done = box.exec(["head", "-c", "2147483648", "/dev/zero"], timeout_s=60)
        assert done.truncated
        assert len(done.stdout) <= MIB
        both = box.exec(["sh", "-c", "head -c 50000000 /dev/zero >&2; echo end"], timeout_s=60)
        assert (both.stdout, both.truncated) == (b"end\n", True)


def test_an_endless_command_ends_at_its_time(box: EngineBox) -> None:
    started = time.monotonic()
    done = box.exec(["yes"], timeout_s=1)
    assert done.timed_out
    assert 0.9 < time.monotonic() - started < 4
    assert box.exec(["true"]).returncode == 0


def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_caller(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec()) as box:
        started = time.monotonic()
        done = box.exec(["sh", "-c", "sleep 60 & setsid sleep 60 & echo started"], timeout_s=30)
        assert done.stdout == b"started\n"
        assert time.monotonic() - started < 6


def test_a_command_line_of_a_mebibyte(box: EngineBox) -> None:
    many = box.exec(["sh", "-c", "echo $#", "sh", *["x" * 65_536] * 16])
    assert many.stdout == b"16\n"
    long = box.exec(["true", "x" * MIB])  # beyond what the kernel takes for one argument
    assert long.returncode in (126, 127)
    assert box.exec(["true"]).returncode == 0


def test_the_box_works_after_everything_was_deleted(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.exec(["rm", "-rf", "--no-preserve-root", "--one-file-system", "/"], timeout_s=30)
        assert box.exec(["/usr/bin/true"]).returncode in (0, 126, 127)  # the link to the loader may be gone
        box.write("/tmp/after", b"still here")
        assert box.read("/tmp/after") == b"still here"
    assert Path("/usr/bin/env").exists()


def test_nothing_below_usr_can_be_changed(box: EngineBox) -> None:
    for command in (
        "echo x > /usr/bin/new",
        "rm /usr/bin/env",
        "chmod 777 /usr/bin/env",
        "touch /usr/local/x",
        "mkdir /usr/lib/new",
    ):
        assert box.exec(["sh", "-c", command]).returncode != 0, command
    assert box.exec(["sh", "-c", "echo x >> /etc/ld.so.cache"]).returncode != 0


def test_a_placed_tree_cannot_be_changed_or_taken_away(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.place("/challenge", {"flag/file": (b"true", 0o644), "run": (b"#!/bin/sh\necho ran\n", 0o755)})
        for command in (
            "echo x > /challenge/flag/file",
            "rm -rf /challenge/flag",
            "mv /challenge /gone",
            "umount /challenge",
        ):
            assert box.exec(["sh", "-c", command]).returncode != 0, command
        assert box.read("/challenge/flag/file") == b"true"
        assert box.exec(["/challenge/run"]).stdout == b"ran\n"


@pytest.mark.parametrize(
    "script", ["kill -9 -1", "kill -STOP 1; kill -KILL 1; kill -TERM 1", "kill -HUP 1; kill -INT 1; kill -USR1 1"]
)
def test_signals_do_not_reach_the_agent(boxes: SealedBoxes, script: str) -> None:
    with boxes.open(BoxSpec()) as box:
        box.exec(["sh", "-c", script], timeout_s=5)
        assert box.exec(["echo", "alive"]).stdout == b"alive\n"


def test_a_stopped_shim_does_not_outlive_the_time(boxes: SealedBoxes) -> None:
    box = boxes.open(BoxSpec())
    started = time.monotonic()
    try:
        done = box.exec(["sh", "-c", "kill -STOP $PPID; sleep 60"], timeout_s=1)
        assert done.timed_out
        assert box.exec(["echo", "alive"], timeout_s=5).stdout == b"alive\n"
    except BoxGone:
        pass  # closing the box is the other good end
    finally:
        box.close()
    assert time.monotonic() - started < 12


def test_a_tree_that_forks_faster_than_it_dies_is_ended(boxes: SealedBoxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(pids=200))) as box:
        bomb = "f() { setsid sh -c 'while :; do (setsid sleep 0.01 &) ; done' & }; f; f; f; wait"
        try:
            assert box.exec(["sh", "-c", bomb], timeout_s=1).timed_out
            box.kill_all()
            assert box.exec(["echo", "alive"], timeout_s=10).stdout == b"alive\n"
        except BoxGone:
            pass  # closing the box is the other good end
