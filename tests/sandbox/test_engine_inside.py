"""Parts of the engine's inside that need no box: the filter as a program, capabilities, packed trees, user files."""

from __future__ import annotations

import doctest
import os
import struct
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox import network, spec, wire
from seatrial.sandbox.embedded.inside import capabilities, files, identity, syscalls
from seatrial.sandbox.embedded.inside import filter as syscall_filter
from seatrial.sandbox.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS, EAFNOSUPPORT = (0x00050000 | number for number in (1, 38, 97))


@pytest.mark.parametrize("module", [wire, network, spec, syscalls, capabilities], ids=lambda module: module.__name__)
def test_worked_examples_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def judge(program: bytes, number: int, machine: str, *arguments: int) -> int:
    """Run a filter as the kernel would."""
    record = struct.pack("=iIQ6Q", number, syscall_filter.AUDIT_ARCH[machine], 0, *(*arguments, *[0] * 6)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    word, at = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            word = struct.unpack_from("=I", record, value)[0]
        elif code == 0x06:
            return int(value)
        else:
            met = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
            at += yes if met else no


@pytest.mark.parametrize("machine", syscalls.SUPPORTED)
def test_the_filter_refuses_the_whole_list(machine: str) -> None:
    program = syscall_filter.program(packet=False, machine=machine)
    names = [name for group in syscall_filter.DENIED.values() for name in group]
    assert len(names) == len(set(names)) == 51
    for name in names:
        number = syscalls.number(name, machine)
        if number is not None:
            assert judge(program, number, machine) == EPERM, name
    assert len(program) // 8 < 256  # jumps of classic BPF reach 255 steps


@pytest.mark.parametrize("machine", syscalls.SUPPORTED)
def test_the_filter_looks_at_arguments(machine: str) -> None:
    def ask(name: str, *arguments: int, packet: bool = False) -> int:
        number = syscalls.number(name, machine)
        assert number is not None
        return judge(syscall_filter.program(packet=packet, machine=machine), number, machine, *arguments)

    assert ask("clone3") == ENOSYS
    assert ask("clone", 17) == ALLOW
    for flag in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask("clone", 17 | flag) == EPERM, hex(flag)
    for family in range(46):
        expected = ALLOW if family in {1, 2, 10, 16} else EAFNOSUPPORT
        assert ask("socket", family) == expected, family
        assert ask("socket", family, packet=True) == (ALLOW if family == 17 else expected), family
    assert ask("ioctl", 0, 0x5412) == EPERM
    assert ask("ioctl", 0, 0x541C) == EPERM
    assert ask("ioctl", 0, 0xFFFFFFFF_00005412) == EPERM  # the kernel looks at the low word only, and so do we
    assert ask("ioctl", 0, 0x5413) == ALLOW
    assert judge(syscall_filter.program(packet=False, machine=machine), 0, machine) == ALLOW


def test_the_filter_kills_foreign_calls() -> None:
    program = syscall_filter.program(packet=False, machine="x86_64")
    assert judge(program, 0x40000000, "x86_64") == KILL
    assert judge(program, 0x40000000 | 59, "x86_64") == KILL
    assert judge(program, 0, "aarch64") == KILL


def test_a_packed_tree_can_be_unpacked(tmp_path: Path) -> None:
    tree = {"a": (b"1", 0o644), "b/c/d": (b"", 0o755), "b/e": (bytes(range(256)) * 100, 0o600)}
    content = wire.memory_file(wire.pack(tree))
    base = os.open(tmp_path, os.O_RDONLY)
    try:
        assert files.place(base, content) == 3
    finally:
        os.close(base)
        os.close(content)
    for path, (expected, mode) in tree.items():
        place = tmp_path / path
        assert place.read_bytes() == expected
        assert place.stat().st_mode & 0o7777 == mode
        assert place.stat().st_mtime_ns == 0
    assert (tmp_path / "b").stat().st_mtime_ns == 0


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "./a", "a/../b", "..", "a\0b"])
def test_a_tree_holds_plain_relative_paths_only(path: str) -> None:
    with pytest.raises(SpecError):
        wire.pack({path: (b"", 0o644)})


def test_users_of_a_hostile_passwd_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_bytes(b"\xff\n\nroot:x:7:7::/:/\nshort:x:1\nodd:x:-1:x::/:/\nann:x:1001:1002::/home/ann:/bin/sh\n")
    group = tmp_path / "group"
    group.write_text("staff:x:50:ann,bob\nann:x:1002:\nodd:x:minus:ann\n")
    plain = identity._rows
    monkeypatch.setattr(identity, "_rows", lambda path, width: plain(str(tmp_path / os.path.basename(path)), width))  # noqa: PTH119
    ann = identity.lookup("ann")
    assert (ann.uid, ann.gid, ann.groups, ann.home) == (1001, 1002, [1002, 50], "/home/ann")
    assert identity.lookup("root") is identity.ROOT  # whatever the file says
    assert identity.lookup("ann:staff").groups == [50]
    assert (identity.lookup("7000").uid, identity.lookup("7000").gid) == (7000, 0)
    for unknown in ("odd", "short", "bob", "ann:nobody"):
        with pytest.raises(identity.UnknownUser, match=r"unable to find (user|group)"):
            identity.lookup(unknown)
    passwd.unlink()
    os.mkfifo(passwd)
    with pytest.raises(identity.UnknownUser):
        identity.lookup("ann")
