r"""A run directory at a glance: what a page shows of a run without reading all of it.

- Nothing is computed here and nothing is judged: rows as they stand, flags as the rules wrote them, one transcript.
- A transcript file is as large as all transcripts of its run; one is found by looking for its place, not by parsing.
- Whatever is read again and did not change is kept, so that a list of many runs costs one look at each.
- Texts of transcripts and of evidence are untrusted: whoever shows them escapes them.

>>> _tail(b'    ],\n    "epoch": 0,\n    "level": 1,\n    "participant": "null",\n    "sample": "x-L1"\n  }')
('null', 'x-L1', 0)
"""

from __future__ import annotations

import csv
import json
import mmap
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.scrutiny.rulings import sample_key
from seatrial.evaluation.transcripts import Entry, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEPT = 512
"""Files whose content is kept: one for each run of the largest installation that is planned for."""
TAIL_BYTES = 4096
"""Of a transcript's end, in which its names stand: they are far shorter than that."""
_BEGIN, _END = b"\n  {\n", b"\n  }"
COLUMNS = (
    *("participant", "kind", "task", "family", "level", "epoch", "superseded", "outcome", "reason", "status"),
    *("turns", "tokens", "working_s", "flags", "submission_sha256"),
)


@dataclass(frozen=True, slots=True)
class Flag:
    """What one rule found: its name, what that means for the result, and the text that shows it."""

    rule: str
    effect: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """One sample with what the rules found in it."""

    participant: str
    sample: str
    epoch: int
    flags: tuple[Flag, ...]

    @property
    def key(self) -> str:
        """As an address has it."""
        return sample_key(self.participant, self.sample, self.epoch)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row of `samples.csv`, as text."""

    values: Mapping[str, str] = field(repr=False)

    def __getattr__(self, name: str) -> str:
        """A column."""
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def key(self) -> str:
        """As an address has it."""
        return sample_key(self.values["participant"], self.values["task"], int(self.values["epoch"]))


@dataclass(frozen=True, slots=True)
class Glance:
    """One run directory, which may not be there yet."""

    path: Path

    @property
    def begun(self) -> bool:
        """Whether its plan is there."""
        return (self.path / "plan.json").is_file()

    @property
    def reported(self) -> bool:
        """Whether its report is there."""
        return (self.path / "assessment.json").is_file() and (self.path / "report.html").is_file()

    def json(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - any JSON value
        """A file of it; the default where there is none."""
        content = self.bytes(name)
        return default if content is None else json.loads(content)

    def bytes(self, name: str) -> bytes | None:
        """A file of it, whole."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def rows(self) -> tuple[SampleRow, ...]:
        """The rows that count, in the plan's order; none before the run has ended."""
        stamp = _stamp(self.path / "samples.csv")
        return _rows(self.path / "samples.csv", stamp) if stamp else ()

    def flagged(self) -> tuple[Flagged, ...]:
        """The samples that the rules flagged, in the order of the file; none before the run has ended."""
        stamp = _stamp(self.path / "scrutiny.json")
        return _flagged(self.path / "scrutiny.json", stamp) if stamp else ()

    def transcript(self, key: str) -> Transcript | None:
        """The transcript of a sample: of several attempts at it, the last, which is the one that counts."""
        try:
            with (self.path / "transcripts.json").open("rb") as file, _mapped(file) as text:
                found = [(begin, end) for begin, end, names in _places(text) if sample_key(*names) == key]
                return _read(text[found[-1][0] : found[-1][1]]) if found else None
        except FileNotFoundError:
            return None


def _mapped(file: Any) -> mmap.mmap:  # noqa: ANN401 - an open file
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _places(text: mmap.mmap) -> Iterator[tuple[int, int, tuple[str, str, int]]]:
    """Where each transcript stands, and whose it is. In JSON no text has a line break, so lines tell records apart."""
    begin = text.find(_BEGIN)
    while begin >= 0:
        following = text.find(_BEGIN, begin + 1)
        end = text.rfind(_END, begin, following if following >= 0 else len(text)) + len(_END)
        yield begin + 1, end, _tail(text[max(begin, end - TAIL_BYTES) : end])
        begin = following


def _tail(text: bytes) -> tuple[str, str, int]:
    """Participant, sample and epoch, which stand after the entries."""
    lines = (line.strip().rstrip(b",") for line in text.splitlines() if line.startswith(b'    "'))
    pairs = (line.partition(b": ") for line in lines)
    named = {name: json.loads(value) for name, _, value in pairs if value[-1:] != b"["}
    return named[b'"participant"'], named[b'"sample"'], named[b'"epoch"']


def _read(text: bytes) -> Transcript:
    record = json.loads(text)
    return Transcript(**{**record, "entries": tuple(Entry(**entry) for entry in record["entries"])})


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of a file; None where there is none. Files are replaced whole, so a change shows in it."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=KEPT)
def _flagged(path: Path, _stamp: tuple[int, int]) -> tuple[Flagged, ...]:
    found: dict[tuple[str, str, int], list[Flag]] = {}
    for item in json.loads(path.read_bytes())["findings"]:
        key = (item["participant"], item["sample"], item["epoch"])
        found.setdefault(key, []).append(Flag(item["rule"], item["effect"], item["evidence"]))
    return tuple(Flagged(*key, tuple(flags)) for key, flags in found.items())


@lru_cache(maxsize=KEPT // 16)
def _rows(path: Path, _stamp: tuple[int, int]) -> tuple[SampleRow, ...]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = ({name: row[name] for name in COLUMNS} for row in csv.DictReader(file))
        return tuple(SampleRow(row) for row in rows if row["superseded"] != "True")
