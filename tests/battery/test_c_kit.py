"""The C kit with the real compiler: every technique, every rendering, messages of every kind."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from seatrial.battery.c.bugs import POOLS, TECHNIQUES
from seatrial.battery.c.build import ADDRESS
from seatrial.battery.c.compose import Composer
from seatrial.battery.c.message import Checksum, Encoder, Grammar, Relation, varint
from seatrial.battery.c.names import THEMES, VERBS
from seatrial.battery.c.parts import AMOUNTS, FLAWED
from seatrial.battery.c.program import Program, draw_program
from seatrial.battery.c.render import Source, render
from seatrial.battery.draw import Draw
from seatrial.battery.families.memfind.ladder import size_of

ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
CASES = [(level, technique) for level in (1, 3, 5) for technique in POOLS[size_of(level).pool - 1]]


def draws(seed: int, level: int, purpose: str) -> Draw:
    return Draw(seed.to_bytes(32, "big"), family="kit", version="1", level=level, stream=purpose)


def program(level: int, technique: str, seed: int = 0) -> Program:
    return draw_program(size_of(level), technique, lambda purpose: draws(seed, level, purpose))


def compiled(source: Source, folder: Path, *flags: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in source.files.items():
        (folder / name).write_text(text)
    sources = [name for name in source.files if name.endswith(".c")]
    command = ["gcc", "-std=c99", "-Wall", "-Werror", *ADDRESS, *flags, *sources, "-o", "target"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "target"


def run(target: Path, message: bytes) -> subprocess.CompletedProcess[bytes]:
    path = target.parent / "message"
    path.write_bytes(message)
    return subprocess.run([target, path], capture_output=True, env=ENV, check=False, timeout=20)


def fault(done: subprocess.CompletedProcess[bytes]) -> tuple[str, set[str]]:
    text = done.stderr.decode(errors="replace")
    found = re.search(r"ERROR: AddressSanitizer: (?:attempting )?(\S+)", text)
    return (found[1] if found else ""), set(re.findall(r" in (\w+) \S*?\w+\.c:\d+", text))


@pytest.mark.slow
@pytest.mark.parametrize(("level", "technique"), CASES)
def test_flawed_faults_at_the_site_and_every_repair_is_clean(level: int, technique: str, tmp_path: Path) -> None:
    made = program(level, technique)
    composer, draw = Composer(made), draws(0, level, "messages")
    target = compiled(render(made), tmp_path / "flawed")
    triggers = [composer.trigger(draw, amount).message() for amount in AMOUNTS]
    triggers.append(composer.trigger(draw, "middle", used_before=True).message())
    triggers.append(composer.trigger(draw, "middle", detour=True, noise=True).message())
    for message in triggers:
        seen, functions = fault(run(target, message))
        assert seen in TECHNIQUES[technique].faults
        assert made.site().name in functions
    valid = [composer.sample(draw, 6), composer.empty(), composer.at_limit(draw), composer.minimal(draw)]
    valid += [composer.mixed(draw) for _ in range(3)] + [composer.feature(draw) for _ in range(2)]
    valid += [composer.of_unit(draw, unit) for unit in range(len(made.units))][:8]
    malformed = [composer.malformed(draw) for _ in range(3)]
    lookalikes = [composer.trigger(draw, "middle", unit=unit).message() for unit in composer.lookalikes()[:4]]
    said = [run(target, message) for message in valid]
    assert all(done.returncode == 0 and done.stdout.startswith(b"digest ") for done in said)
    for style in made.hazard.styles:
        sound = compiled(render(made, style), tmp_path / style)
        assert all(run(sound, message).returncode in {0, 2} for message in triggers)
        assert [run(sound, message).stdout for message in valid] == [done.stdout for done in said]
    for message in malformed:
        done = run(target, message)
        assert (done.returncode, done.stdout) == (2, b"")
    assert all(run(target, message).returncode in {0, 2} for message in lookalikes)


@pytest.mark.slow
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_poor_repairs_still_fault_or_change_what_is_valid(technique: str, tmp_path: Path) -> None:
    for seed in range(3):
        made = program(3 if technique != "type-confusion" else 4, technique, seed)
        composer, draw = Composer(made), draws(seed, 3, "messages")
        triggers = [composer.trigger(draw, amount).message() for amount in AMOUNTS]
        fine = [composer.at_limit(draw), *(composer.feature(draw) for _ in range(4))]
        wanted = [run(compiled(render(made, made.repair), tmp_path / f"{seed}-right"), fine[0]).stdout]
        for style in made.hazard.poor_styles:
            target = compiled(render(made, style), tmp_path / f"{seed}-{style}")
            faults = any(fault(run(target, message))[0] for message in triggers)
            assert faults or run(target, fine[0]).stdout != wanted[0]


@pytest.mark.slow
def test_the_optimiser_keeps_the_flaw(tmp_path: Path) -> None:
    """Folding what was stored into the printed digest is what keeps it: at -O2 as well."""
    for technique in TECHNIQUES:
        made = program(4, technique, 5)
        message = Composer(made).trigger(draws(5, 4, "messages")).message()
        target = compiled(render(made), tmp_path / technique, "-O2")
        assert fault(run(target, message))[0] in TECHNIQUES[technique].faults


def test_renderings_differ_in_the_site_only() -> None:
    for level, technique in CASES:
        made = program(level, technique, 9)
        for style in (*made.hazard.styles, *made.hazard.poor_styles):
            flawed, other = render(made, FLAWED), render(made, style)
            assert flawed.files != other.files
            assert set(flawed.files) == set(other.files)
            storage = [made.hazard.globals(made.dialect, each) for each in (FLAWED, style)]
            site = made.site(style).name
            assert body(flawed, site) != body(other, site) or storage[0] != storage[1]
            for handler in made.handlers:
                if handler.name != site:
                    assert body(flawed, handler.name) == body(other, handler.name)


def body(source: Source, name: str) -> list[str]:
    file, first, last = source.places[name]
    lines = source.files[file].splitlines()[first - 1 : last]
    assert any(f"{name}(" in line for line in lines)
    return lines


def test_no_conditional_and_no_telling_word_in_any_rendering() -> None:
    telling = re.compile(r"(?i)vuln|planted|patched|twin|overflow|exploit|flaw|look-?alike|#if(?!ndef \w+_H\b)")
    for level, technique in CASES:
        made = program(level, technique, 3)
        for style in (FLAWED, *made.hazard.styles):
            for text in render(made, style).files.values():
                assert not telling.search(text)
    assert not telling.search(" ".join([*THEMES.values(), *VERBS]))


@pytest.mark.parametrize("order", ["big", "little"])
def test_records_by_hand(order: str) -> None:
    big = order == "big"
    grammar = Grammar(b"AB\x99", 7, 2, "u16", order, tag_first=True, checksum=Checksum("sum16", 3, 5))  # type: ignore[arg-type]
    whole = (b"\x01\x02\x00\x02" if big else b"\x02\x01\x02\x00") + b"hi"
    value = (5 + 3 * sum(whole)) & 0xFFFF
    assert grammar.record(0x0102, b"hi") == whole + value.to_bytes(2, order)  # type: ignore[arg-type]
    assert grammar.header(1) == b"AB\x99\x07" + (b"\0\1" if big else b"\1\0")


@pytest.mark.parametrize(
    ("checksum", "value"),
    [
        # Catalogue of parametrised CRC algorithms (Cook), check values over "123456789".
        (Checksum("crc16", 0x1021, 0xFFFF), 0x29B1),  # CRC-16/IBM-3740
        (Checksum("crc16", 0x1021, 0x0000), 0x31C3),  # CRC-16/XMODEM
        (Checksum("crc32", 0xEDB88320, 0xFFFFFFFF, 0xFFFFFFFF), 0xCBF43926),  # CRC-32/ISO-HDLC
        (Checksum("sum16", 1, 0), sum(b"123456789")),
    ],
)
def test_checksums_against_published_values(checksum: Checksum, value: int) -> None:
    assert checksum.of(b"123456789") == value


def test_varint_and_relation_by_hand() -> None:
    assert [varint(number).hex() for number in (0, 127, 128, 300, 16384)] == ["00", "7f", "8001", "ac02", "808001"]
    grammar = Grammar(b"AB", 1, 1, "u8", "big", tag_first=False, sum_factor=3)
    encoder = Encoder(grammar)
    encoder.leaf(9, b"\x05")
    assert encoder.running == 5 + 9
    encoder.leaf(4, b"", relation=Relation(7, 100))
    assert encoder.message() == b"AB\x01\0\0" + b"\x01\x09\x05" + b"\x02\x04" + (7 * 14 + 100).to_bytes(2, "big")
    assert encoder.running == 3 * 14 + 198 + 4


def test_a_body_that_does_not_fit_is_refused() -> None:
    grammar = Grammar(b"AB", 1, 1, "u8", "big", tag_first=False)
    with pytest.raises(ValueError, match="256 bytes does not fit"):
        grammar.record(1, bytes(256))
    with pytest.raises(ValueError, match="no container"):
        Encoder(grammar).leaf(1, b"", depth=1)
