"""What every implementation of `Boxes` must do, as plain functions, so that any process of any user can run them.

As a program it runs all of them over the engine of this machine and prints one JSON line a check.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from seatrial.sandbox import (
    Box,
    Boxes,
    BoxGone,
    BoxSpec,
    Limits,
    Profile,
    RangeHost,
    RangeSpec,
    ReadLimit,
    SealedBoxes,
    SpecError,
    Unavailable,
    UserUnsupported,
)

Check = Callable[[Boxes], None]
E = TypeVar("E", bound=BaseException)
CHECKS: dict[str, Check] = {}
MIB = 1024 * 1024


def check(function: Check) -> Check:
    """Enter a check in the list."""
    CHECKS[function.__name__] = function
    return function


def raised(kind: type[E], work: Callable[[], object]) -> E:
    """The error that `work` raises, which must be of a kind."""
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def many(box: Box) -> bool:
    """Whether a box can switch users."""
    return box.record().users_mode == "many"


# Commands


@check
def output_error_and_code(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        result = box.exec(["sh", "-c", "echo out; echo err >&2; exit 70"])
        assert (result.returncode, result.stdout, result.stderr) == (70, b"out\n", b"err\n")
        assert not result.truncated
        assert not result.timed_out
        assert result.duration_ns > 0


@check
def a_signal_is_128_and_its_number(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        assert box.exec(["sh", "-c", "kill -TERM $$"], timeout_s=30).returncode == 143


@check
def what_cannot_be_started_is_told_as_a_shell_tells_it(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        absent = box.exec(["no-such-program"])
        assert absent.returncode == 127
        assert b"no-such-program: not found" in absent.stderr
        plain = box.exec(["/etc/passwd"])
        assert plain.returncode == 126
        assert b"/etc/passwd: Permission denied" in plain.stderr
        folder = box.exec(["pwd"], cwd="/no/such/folder")
        assert folder.returncode == 126
        assert b"/no/such/folder: No such file or directory" in folder.stderr


@check
def a_script_without_interpreter_line_runs(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.write("/root/script", b"echo from the script $1\n", mode=0o755)
        assert box.exec(["./script", "x"]).stdout == b"from the script x\n"


@check
def standard_input_is_given_whole(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        odd = b"\xc3\x28\x00\xff$HOME `id` 'a' \"b\" \\c\n"
        assert box.exec(["cat"], stdin=odd).stdout == odd
        assert box.exec(["cat"]).stdout == b""
        assert box.exec(["wc", "-c"], stdin=b"a" * (20 * MIB)).stdout.split() == [str(20 * MIB).encode()]
        assert box.exec(["true"], stdin=b"a" * (20 * MIB)).returncode == 0


@check
def the_environment_is_ours_alone(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(env=(("GIVEN", "spec"), ("BOTH", "spec")))) as box:
        result = box.exec(["env"], env={"BOTH": "call", "UMLAUT": "Grüße"})
        names = dict(line.split("=", 1) for line in result.stdout.decode().splitlines())
        assert names["GIVEN"] == "spec"
        assert names["BOTH"] == "call"
        assert names["UMLAUT"] == "Grüße"
        assert names["HOME"] == "/root"
        assert set(names) == {"GIVEN", "BOTH", "UMLAUT", "PATH", "HOME", "USER", "LANG"}


@check
def folders_count_from_the_working_folder(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(workdir="/task/deep")) as box:
        assert box.exec(["pwd"]).stdout == b"/task/deep\n"
        assert box.exec(["mkdir", "sub"]).returncode == 0
        assert box.exec(["pwd"], cwd="sub").stdout == b"/task/deep/sub\n"
        assert box.exec(["pwd"], cwd="/usr/bin").stdout == b"/usr/bin\n"
        box.write("sub/file", b"1")
        assert box.read("/task/deep/sub/file") == b"1"


@check
def users_are_those_of_the_box(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        assert box.exec(["id", "-u"], user="root").stdout == b"0\n"
        if not many(box):
            raised(UserUnsupported, lambda: box.exec(["id"], user="user"))
            return
        assert box.exec(["id", "-un"], user="user").stdout == b"user\n"
        assert box.exec(["sh", "-c", "id -u; id -g"], user="1234:77").stdout == b"1234\n77\n"
        unknown = box.exec(["id"], user="somebody")
        assert unknown.returncode == 126
        assert b"unable to find user somebody: no matching entries in passwd file" in unknown.stderr
        streams = box.exec(["sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr"], user="user")
        assert (streams.stdout, streams.stderr) == (b"out\n", b"err\n")
        assert box.exec(["sh", "-c", "echo >> /etc/passwd"], user="user").returncode != 0


@check
def a_time_out_kills_every_descendant(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        started = time.monotonic()
        script = "setsid sh -c 'sleep 61; :' & (sleep 61 & sleep 61) & sleep 61"
        result = box.exec(["sh", "-c", script], timeout_s=0.5)
        assert result.timed_out
        assert time.monotonic() - started < 5
        assert b"sleep 61" not in box.exec(["ps", "axww"]).stdout
        assert not box.exec(["true"], timeout_s=30).timed_out


@check
def a_time_out_spares_other_commands(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        service = box.spawn(["sh", "-c", "sleep 62 & echo up; wait"])
        assert next(service.lines()) == b"up"
        assert box.exec(["sh", "-c", "sleep 61 & setsid sleep 61"], timeout_s=0.3).timed_out
        table = box.exec(["ps", "axww"]).stdout
        assert b"sleep 62" in table
        assert b"sleep 61" not in table
        assert service.poll() is None


@check
def output_beyond_the_cap_is_drained_and_said(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(stdout_bytes=1000, stderr_bytes=500))) as box:
        result = box.exec(["sh", "-c", "head -c 50000000 /dev/zero; head -c 600 /dev/zero >&2; exit 3"])
        assert (result.returncode, len(result.stdout), len(result.stderr)) == (3, 1000, 500)
        assert result.truncated
        exact = box.exec(["head", "-c", "1000", "/dev/zero"])
        assert len(exact.stdout) == 1000
        assert not exact.truncated


@check
def an_endless_writer_ends_at_its_time_out(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        started = time.monotonic()
        assert box.exec(["yes"], timeout_s=0.5).timed_out
        assert time.monotonic() - started < 5


@check
def a_background_child_holds_nobody_up(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        started = time.monotonic()
        result = box.exec(["sh", "-c", "sleep 20 & echo done"])
        assert (result.returncode, result.stdout) == (0, b"done\n")
        assert 1.5 < time.monotonic() - started < 6
        assert b"sleep 20" in box.exec(["ps", "axww"]).stdout


@check
def a_command_line_may_be_a_mebibyte(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        words = ["x" * 65536] * 16
        assert box.exec(["printf", "%s", *words]).stdout == b"x" * MIB
        too_long = box.exec(["true", "x" * 200_000])
        assert too_long.returncode == 126
        assert b"Argument list too long" in too_long.stderr


@check
def odd_words_are_refused_before_they_travel(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        raised(SpecError, lambda: box.exec([]))
        raised(SpecError, lambda: box.exec(["a\0b"]))
        raised(SpecError, lambda: box.exec(["true"], env={"A=B": "1"}))
        raised(SpecError, lambda: box.read("a\0b"))
        raised(SpecError, lambda: box.place("/opt/x", {"../up": (b"", 0o644)}))
        assert box.exec(["true"]).returncode == 0


@check
def killing_what_watches_a_command_is_an_answer(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        assert box.exec(["sh", "-c", "kill -9 $PPID; sleep 0.2"]).returncode == 137
        box.exec(["sh", "-c", "kill -9 -1"])
        for signal in ("STOP", "KILL", "INT", "TERM", "CHLD"):
            box.exec(["sh", "-c", f"kill -{signal} 1"])
        assert box.exec(["echo", "alive"]).stdout == b"alive\n"


# Services


@check
def a_spawned_command_streams_and_ends(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        service = box.spawn(["sh", "-c", "echo one; echo two; sleep 0.3; printf three; exit 4"])
        assert service.poll() is None
        assert list(service.lines()) == [b"one", b"two", b"three"]
        result = service.wait(10)
        assert (result.returncode, result.stdout) == (4, b"one\ntwo\nthree")
        assert service.poll() == 4


@check
def a_spawned_command_can_be_killed_and_waited_for(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        service = box.spawn(["sh", "-c", "sleep 63 & echo up; wait"])
        assert next(service.lines()) == b"up"
        raised(TimeoutError, lambda: service.wait(0.1))
        service.kill()
        assert service.wait(5).returncode == 137
        assert b"sleep 63" not in box.exec(["ps", "axww"]).stdout


@check
def killing_all_leaves_a_usable_box(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        services = [box.spawn(["sh", "-c", "setsid sleep 64 & sleep 64"]) for _ in range(3)]
        box.write("/root/kept", b"1")
        box.kill_all()
        assert all(service.wait(5).returncode == 137 for service in services)
        assert b"sleep 64" not in box.exec(["ps", "axww"]).stdout
        assert box.read("/root/kept") == b"1"


# Files


@check
def files_go_in_and_come_out(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        for content in (b"", b"\xc3\x28", "✨☽".encode(), bytes(range(256)) * (40 * 4096)):
            box.write("deep/er/file with space", content)
            assert box.read("deep/er/file with space") == content
        box.write("/root/tool", b"#!/bin/sh\necho ran\n", mode=0o755)
        assert box.exec(["/root/tool"]).stdout == b"ran\n"
        box.write("/root/tool", b"#!/bin/sh\necho again\n")
        assert box.exec(["/root/tool"]).stdout == b"again\n"


@check
def files_refuse_with_the_right_error(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.exec(["sh", "-c", "echo x > no; chmod 0 no; mkfifo fifo; ln -s /etc/passwd link"])
        assert "absent" in str(raised(FileNotFoundError, lambda: box.read("absent")))
        assert "directory" in str(raised(IsADirectoryError, lambda: box.read("/etc")))
        raised(IsADirectoryError, lambda: box.write("/etc", b""))
        raised(PermissionError, lambda: box.read("no"))
        raised(PermissionError, lambda: box.write("no", b""))
        for path in ("fifo", "/dev/zero", "/dev/null", "/proc/meminfo"):
            assert raised(OSError, lambda path=path: box.read(path)).errno == 22, path  # type: ignore[misc]
        assert raised(OSError, lambda: box.write("fifo", b"")).errno == 22
        raised(OSError, lambda: box.write("/proc/sys/kernel/core_pattern", b"x"))
        raised(PermissionError, lambda: box.read("/proc/1/environ"))


@check
def links_are_followed_only_when_asked_and_never_out(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.write("/root/real/file", b"inside")
        box.exec(["sh", "-c", "ln -s real via; ln -s /root/real/file direct; ln -s ../../../../../etc/shadow up"])
        for path in ("via/file", "direct"):
            raised(OSError, lambda path=path: box.read(path))  # type: ignore[misc]
            assert box.read(path, follow=True) == b"inside"
        assert b"root:" in box.read("up", follow=True)  # the box's own, made by us: every path ends in its root
        assert box.read("/root/../root/./real/file") == b"inside"


@check
def reading_is_capped(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(read_bytes=1000))) as box:
        box.write("file", b"a" * 1001)
        raised(ReadLimit, lambda: box.read("file"))
        raised(ReadLimit, lambda: box.read("file", limit=10))
        assert len(box.read("file", limit=2000)) == 1001


@check
def a_file_may_belong_to_another_user(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        if not many(box):
            raised(UserUnsupported, lambda: box.write("/tmp/x", b"", user="user"))
            return
        box.write("/home/user/mine", b"1", user="user")
        assert box.exec(["stat", "-c", "%U", "/home/user/mine"]).stdout == b"user\n"
        raised(PermissionError, lambda: box.write("/root/mine", b"1", user="user"))


@check
def a_placed_tree_is_read_only_and_timeless(boxes: Boxes) -> None:
    files = {f"d{number % 9}/f{number}": (b"%d" % number, 0o755 if number % 2 else 0o600) for number in range(300)}
    with boxes.open(BoxSpec()) as box:
        box.place("/opt/task", files)
        assert box.read("/opt/task/d1/f1") == b"1"
        seen = box.exec(["sh", "-c", "find /opt/task -type f | wc -l; find /opt/task -newermt 1970-01-02 | wc -l"])
        assert seen.stdout.split() == [b"300", b"0"]
        assert box.exec(["stat", "-c", "%a %U", "/opt/task/d1/f1", "/opt/task/d2/f2"]).stdout == b"755 root\n600 root\n"
        attack = "echo x > d1/f1; rm -rf *; touch new; mount -o remount,rw .; umount /opt/task; chmod 0 d1/f1"
        box.exec(["sh", "-c", attack], cwd="/opt/task")
        assert box.read("/opt/task/d1/f1") == b"1"
        assert box.exec(["sh", "-c", "find . -type f | wc -l"], cwd="/opt/task").stdout == b"300\n"


@check
def a_tree_may_be_placed_to_be_changed(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.place("/srv/app", {"main.sh": (b"echo 1\n", 0o755), "conf/a": (b"a", 0o644)}, read_only=False)
        assert box.exec(["sh", "-c", "echo 2 >> main.sh; rm -r conf; ls"], cwd="/srv/app").stdout == b"main.sh\n"


@check
def a_planted_link_misleads_no_placing(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        box.exec(["ln", "-s", "/etc", "/opt/task"])
        for read_only in (True, False):
            raised(OSError, lambda only=read_only: box.place("/opt/task", {"passwd": (b"", 0o644)}, read_only=only))  # type: ignore[misc]
        assert b"root" in box.read("/etc/passwd")


# Bounds


@check
def processes_are_bounded(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(pids=40))) as box:
        script = "i=0; while [ $i -lt 80 ]; do sleep 5 & i=$((i+1)); done; ps ax | wc -l"
        assert b"annot fork" in box.exec(["sh", "-c", script], timeout_s=10).stderr
        box.kill_all()
        assert box.exec(["true"]).returncode == 0


@check
def disk_and_inodes_are_bounded(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(disk_bytes=8 * MIB, inodes=400))) as box:
        full = box.exec(["sh", "-c", "head -c 50000000 /dev/zero > big"])
        assert full.returncode != 0
        assert 4 * MIB < int(box.exec(["stat", "-c", "%s", "big"]).stdout) <= 8 * MIB
        box.exec(["rm", "big"])
        many_files = box.exec(["sh", "-c", "i=0; while [ $i -lt 600 ]; do : > f$i || exit 9; i=$((i+1)); done"])
        assert many_files.returncode != 0


@check
def memory_is_bounded(boxes: Boxes) -> None:
    with boxes.open(BoxSpec(limits=Limits(memory_bytes=96 * MIB, cpus=2))) as box:
        bomb = "x = b'a' * 400_000_000\nimport time\ntime.sleep(3)"
        try:
            assert box.exec(["python3", "-c", bomb], timeout_s=30).returncode == 137
            assert box.exec(["true"]).returncode == 0
        except BoxGone:
            assert box.record().limits_mode == "rlimit"
            assert box.record().end == "watchdog"


@check
def a_crash_leaves_no_core(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        assert box.exec(["sh", "-c", "kill -SEGV $$"]).returncode == 139
        assert box.exec(["sh", "-c", "ls -A /root; ulimit -Hc"]).stdout in {b"0\n", b"1\n"}


@check
def a_life_is_bounded(boxes: Boxes) -> None:
    box = boxes.open(BoxSpec(limits=Limits(lifetime_s=1)))
    raised(BoxGone, lambda: box.exec(["sleep", "10"]))
    assert box.record().end == "watchdog"
    box.close()


# Many at once


@check
def boxes_do_not_see_each_other(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as one, boxes.open(BoxSpec()) as two:
        one.write("/tmp/mine", b"1")
        service = one.spawn(["sh", "-c", "exec -a marker-of-one sleep 30 || sleep 30"])
        raised(FileNotFoundError, lambda: two.read("/tmp/mine"))
        assert b"sleep" not in two.exec(["ps", "axww"]).stdout
        assert two.exec(["hostname"]).stdout == b"box\n"
        service.kill()


@check
def many_boxes_and_threads_at_once(boxes: Boxes) -> None:
    def work(number: int) -> bytes:
        with boxes.open(BoxSpec()) as box:
            box.write("/tmp/n", b"%d" % number)
            return box.exec(["cat", "/tmp/n"]).stdout

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(36))) == [b"%d" % number for number in range(36)]


@check
def one_box_serves_many_threads(boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box, ThreadPoolExecutor(12) as pool:
        results = pool.map(lambda number: box.exec(["sh", "-c", f"echo {number}; exit {number}"]), range(60))
        assert [(found.returncode, found.stdout) for found in results] == [(n, b"%d\n" % n) for n in range(60)]


@check
def the_asynchronous_forms_need_no_thread(boxes: Boxes) -> None:
    async def work(box: Box) -> None:
        threads = threading.active_count()
        await box.write_async("/tmp/a", b"1")
        waiting = [asyncio.create_task(box.exec_async(["sh", "-c", f"sleep 0.3; echo {n}"])) for n in range(30)]
        await asyncio.sleep(0.1)
        assert threading.active_count() == threads
        assert [(await task).stdout for task in waiting] == [b"%d\n" % n for n in range(30)]
        assert await box.read_async("/tmp/a") == b"1"
        cut = asyncio.create_task(box.exec_async(["sleep", "65"]))
        await asyncio.sleep(0.2)
        cut.cancel()
        await asyncio.sleep(0.3)
        assert b"sleep 65" not in (await box.exec_async(["ps", "axww"])).stdout

    with boxes.open(BoxSpec(limits=Limits(cpus=2))) as box:
        asyncio.run(work(box))
        asyncio.run(work(box))  # another loop, the same box


# Ends


@check
def a_closed_box_says_so(boxes: Boxes) -> None:
    box = boxes.open(BoxSpec())
    service = box.spawn(["sleep", "66"])
    box.close()
    box.close()
    for work in (lambda: box.exec(["true"]), lambda: box.read("/etc/passwd"), box.kill_all, lambda: service.wait(5)):
        raised(BoxGone, work)  # type: ignore[arg-type]
    record = box.record()
    assert record.end == "closed"
    assert record.closed_ns is not None
    assert record.closed_ns > record.opened_ns


@check
def a_record_tells_what_the_box_is(boxes: Boxes) -> None:
    spec = BoxSpec(hostname="named", profile=Profile(users="one"))
    with boxes.open(spec) as box:
        record = box.record()
        assert record.spec_digest == spec.digest()
        assert len(record.preflight_digest) == 64
        assert record.users_mode == "one"
        assert record.level >= 1
        assert box.name == "named"
        assert box.address is None
        raised(UserUnsupported, lambda: box.exec(["id"], user="user"))


@check
def a_level_that_is_not_there_is_refused(boxes: Boxes) -> None:
    raised(Unavailable, lambda: boxes.open(BoxSpec(min_level=4)))


# Private networks

SERVE = ["python3", "-c", "import http.server as h; h.HTTPServer(('', 80), h.SimpleHTTPRequestHandler).serve_forever()"]


def reaches(box: Box, host: str) -> bool:
    """Whether a box gets an answer from a host's web service, tried until it does or half a second is over."""
    code = f"import socket; socket.create_connection(({host!r}, 80), timeout=1)"
    until = time.monotonic() + 5
    while time.monotonic() < until:
        result = box.exec(["python3", "-c", code])
        if result.returncode == 0:
            return True
        if b"refused" not in result.stderr:
            return False
        time.sleep(0.05)
    return False


@check
def a_range_joins_its_segments_and_nothing_else(boxes: Boxes) -> None:
    spec = RangeSpec(
        (RangeHost("first"), RangeHost("gate", segments=("lan", "inner")), RangeHost("store", segments=("inner",)))
    )
    hosts = boxes.open_range(spec)
    try:
        assert list(hosts) == ["first", "gate", "store"]
        assert [box.address for box in hosts.values()] == ["10.77.2.10", "10.77.2.11", "10.77.1.12"]
        for name in ("gate", "store"):
            hosts[name].spawn(SERVE)
        assert reaches(hosts["first"], "gate")
        assert reaches(hosts["store"], "gate")
        assert reaches(hosts["gate"], "store")
        assert not reaches(hosts["first"], "store")
        assert not reaches(hosts["first"], "192.0.2.1")
        assert hosts["gate"].exec(["hostname"]).stdout == b"gate\n"
        assert b"default" not in hosts["gate"].exec(["cat", "/proc/net/route"]).stdout
    finally:
        for box in hosts.values():
            box.close()


def main() -> None:
    """Run every check, or those named, and print a JSON line each."""
    with SealedBoxes() as boxes:
        for name in sys.argv[1:] or CHECKS:
            try:
                CHECKS[name](boxes)
                error = ""
            except Exception:  # noqa: BLE001 - every check is reported, whatever it met
                error = traceback.format_exc()
            sys.stdout.write(json.dumps({"check": name, "error": error}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
