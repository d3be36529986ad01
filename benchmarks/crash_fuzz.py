"""Seeded mutations of every crash log of the tests, for a given time: no text may raise, and none may be slow.

    python benchmarks/crash_fuzz.py --minutes 60 --seed 1

A text is made of pieces of logs: lines dropped, doubled, swapped, cut; bytes flipped; logs mixed line by line; words
that begin a report put at random places; brackets and digits multiplied. Prints texts, bytes a CPU second and the
slowest text. Exit code 1 where one raised or was read more slowly than `FLOOR`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from seatrial.clearinghouse.crash import parse
from seatrial.clearinghouse.crash.sniff import WORDS

LOGS = Path(__file__).parent.parent / "tests" / "clearinghouse" / "crash" / "logs"
FLOOR = 5_000_000  # bytes a CPU second, of texts that are long enough to time
TIMED = 200_000  # bytes: shorter texts are timed too coarsely


def main() -> int:
    """Mutate until the time is over."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    random_ = random.Random(asked.seed)
    logs = [
        part.partition("\n")[2] for path in sorted(LOGS.glob("*.txt")) for part in path.read_text().split("@@@@ ")[1:]
    ]
    end = time.monotonic() + asked.minutes * 60
    texts = size = raised = reports = 0
    spent, slowest = 0.0, float("inf")
    while time.monotonic() < end:
        text = mutated(random_, logs)
        before = time.process_time()
        try:
            reports += len(parse(text))
        except Exception:  # noqa: BLE001 - that none is raised is what is measured
            raised += 1
            traceback.print_exc()
            keep(text, raised)
        took = time.process_time() - before
        texts, size, spent = texts + 1, size + len(text), spent + took
        if len(text) >= TIMED and len(text) / max(took, 1e-9) < slowest:
            slowest = len(text) / took
            if slowest < FLOOR:
                keep(text, 0)
    print(f"seed {asked.seed}: {texts} texts, {size / 1e6:.0f} MB, {reports} reports, {raised} raised")
    print(f"{size / 1e6 / spent:.1f} MB/CPU s, slowest long text {slowest / 1e6:.1f} MB/CPU s")
    return 1 if raised or slowest < FLOOR else 0


def keep(text: str | bytes, number: int) -> None:
    """Write a text that raised (or, as number 0, was slow) beside the caller."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    Path(f"crash_fuzz_{number}.bin").write_bytes(content)


def mutated(random_: random.Random, logs: list[str]) -> str | bytes:
    """One text."""
    way = random_.randrange(10)
    text = random_.choice(logs)
    if way == 0:
        return hostile(random_)
    if way == 1:
        mixed = [line for log in random_.sample(logs, 3) for line in log.splitlines()]
        random_.shuffle(mixed)
        text = "\n".join(mixed)
    if way == 2:
        text = "".join(random_.sample(logs, random_.randrange(2, 30)))
    lines = text.split("\n")
    for _ in range(random_.randrange(1, 12)):
        place = random_.randrange(len(lines))
        _change(random_, lines, place)
    text = "\n".join(lines)
    if way == 3:
        raw = bytearray(text.encode("utf-8", "replace"))
        for _ in range(random_.randrange(1, 60)):
            if raw:
                raw[random_.randrange(len(raw))] = random_.randrange(256)
        return bytes(raw)
    return text


def _change(random_: random.Random, lines: list[str], place: int) -> None:
    line = lines[place]
    cut = random_.randrange(len(line) + 1)
    change = random_.randrange(8)
    if change == 0:
        lines[place] = line[:cut]
    elif change == 1:
        lines[place] = line[cut:]
    elif change == 2:
        lines[place] = line[:cut] + random_.choice(WORDS) + line[cut:]
    elif change == 3:
        lines[place] = (
            line[:cut] + random_.choice("(<[{)>]}:'\"` \t0x+/\\#@=") * random_.choice((1, 3, 4000)) + line[cut:]
        )
    elif change == 4:
        lines.insert(place, lines[random_.randrange(len(lines))])
    elif change == 5 and len(lines) > 1:
        del lines[place]
    elif change == 6:
        lines[place] = line.replace("0", random_.choice(("9" * 400, "", "-1", "٣", "²")))
    else:
        lines[place] = random_.choice(("\x00", "\u2028", "\x1b[", "é" * 50, "")) + line


def hostile(random_: random.Random) -> str:
    """A long text of one kind of trouble: what a reader that is not linear would stumble over."""
    size = random_.choice((300_000, 1_000_000, 2_500_000))
    word = random_.choice(WORDS)
    filler = random_.choice(
        ("(", "<", "[", " ", "a", "0x", ": ", "::", "at ", "\t", "'", " on ", "failed ", "#1 0x1 in ")
    )
    length = random_.choice((1, 10, 100, 4000, 100_000))
    line = random_.choice((filler * length, word + filler * length, filler * length + word, (word + filler) * length))
    newline = random_.choice(("\n", "\n", "\r\n", ""))
    piece = (line + newline)[: size + 1] or " "
    text = piece * (size // len(piece) + 1)
    start = random_.choice(
        ("", "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n", "panic: x\n", "a.go:1\n")
    )
    return start + text[:size]


if __name__ == "__main__":
    sys.exit(main())
