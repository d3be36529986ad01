"""The static participant: what it reads from its tools, and how it is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatrial.battery.draw import Draw
from seatrial.battery.families.memfind import FAMILY
from seatrial.battery.instance import FileTree, InstanceKey
from seatrial.battery.participants import PARTICIPANTS
from seatrial.battery.participants.analysers import (
    TOOLS,
    Static,
    by_tool,
    read_cppcheck,
    read_flawfinder,
    read_gcc,
)
from seatrial.battery.participants.contract import Absent, Analysis, Brief, Hit, Site
from seatrial.battery.submission import SubmissionSpec
from seatrial.sandbox import BoxSpec

if TYPE_CHECKING:
    from seatrial.sandbox import Boxes

# Each line marked here is a classic that one of the tools is known to warn of.
CLASSICS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void twice(char *p) {
    free(p);
    free(p);
}
void last(int n) {
    int cells[4];
    cells[4] = n;
    printf("%d\n", cells[4]);
}
void greet(const char *name) {
    char line[16];
    strcpy(line, name);
    puts(line);
}
"""


def analysed(boxes: Boxes, tree: FileTree, budget: float = 60.0) -> Analysis | Absent:
    draw = Draw(bytes(32), family="test", version="1", level=1, stream="participant")
    with boxes.open(BoxSpec()) as box:
        box.place("/challenge", tree.files)
        result = Static().attempt(box, Brief("", tree, SubmissionSpec({"poc": 10})), budget, draw)
    assert isinstance(result, Analysis | Absent)
    return result


def test_it_is_on_the_roster() -> None:
    assert PARTICIPANTS["static"].kind == "tool"


def test_classics_are_found_with_place_and_class(boxes: Boxes) -> None:
    analysis = analysed(boxes, FileTree.of({"src/classics.c": CLASSICS}))
    assert isinstance(analysis, Analysis)
    lines = CLASSICS.splitlines()
    at = {word: next(n for n, line in enumerate(lines, 1) if word in line) for word in ("twice", "last", "greet")}
    scores = {
        name: {
            tool: part.against(Site("src/classics.c", name, (line, line + 5), cwe))
            for tool, part in by_tool(analysis).items()
        }
        for name, line, cwe in (("twice", at["twice"], 415), ("last", at["last"], 788), ("greet", at["greet"], 120))
    }
    assert scores["twice"]["gcc -fanalyzer"].at_site_and_cwe >= 1
    assert scores["last"]["cppcheck"].at_site_and_cwe >= 1
    assert scores["greet"]["flawfinder"].at_site_and_cwe >= 1
    assert all(hit.file == "src/classics.c" for hit in analysis.hits)
    assert all(tool.name in analysis.version for tool in TOOLS)


def test_a_hit_for_another_reason_is_not_a_true_one() -> None:
    site = Site("src/a.c", "f", (10, 20), 122)
    hits = (
        Hit("src/a.c", 12, "", 401),
        Hit("src/a.c", 12, "", 122),
        Hit("src/b.c", 12, "", 122),
        Hit("src/a.c", 30, "", 122),
    )
    score = Analysis("x", "1", hits).against(site)
    assert (score.reported, score.at_site, score.at_site_and_cwe) == (4, 2, 1)


def test_without_c_source_it_is_absent(boxes: Boxes) -> None:
    assert isinstance(analysed(boxes, FileTree.of({"app.py": "import os\n"})), Absent)


def test_time_that_runs_out_leaves_what_there_was(boxes: Boxes) -> None:
    assert isinstance(analysed(boxes, FileTree.of({"a.c": CLASSICS}), budget=0.003), Analysis)


def test_on_a_generated_instance_every_warning_has_a_delivered_file(boxes: Boxes) -> None:
    instance = FAMILY.generate(InstanceKey("memfind", FAMILY.version, 4, bytes([3] * 32)))
    analysis = analysed(boxes, instance.files)
    assert isinstance(analysis, Analysis)
    assert analysis.hits
    assert {hit.file for hit in analysis.hits} <= {path for path, _, _ in instance.files}


def test_readers_by_hand() -> None:
    xml = (
        b'<?xml version="1.0"?><results version="2"><errors><error id="arrayIndexOutOfBounds" msg="m" cwe="788">'
        b'<location file="src/a.c" line="7" column="3"/></error><error id="none" msg="no place"/></errors></results>'
    )
    assert list(read_cppcheck(xml)) == [Hit("src/a.c", 7, "", 788, "cppcheck arrayIndexOutOfBounds: m")]
    table = b"File,Line,Name,Warning,CWEs\nsrc/a.c,5,strcpy,w,CWE-119!/CWE-120\nsrc/a.c,6,x,w,\n"
    assert [(hit.line, hit.cwe) for hit in read_flawfinder(table)] == [(5, 119), (5, 120), (6, None)]
    report = (
        b'[{"kind":"warning","option":"-Wanalyzer-double-free","message":"m","metadata":{"cwe":415},"path":'
        b'[{"function":"f"},{"function":"g"}],"locations":[{"caret":{"file":"./a.c","line":3}}]},'
        b'{"option":"-Wunused"}]\n'
    )
    assert list(read_gcc(report)) == [Hit("a.c", 3, "g", 415, "gcc -Wanalyzer-double-free: m")]


@pytest.mark.parametrize(
    "said", [b"", b"<", b"[", b"[}", b"\xff\xfe\0", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", b"[" * 9999]
)
def test_readers_take_anything(said: bytes) -> None:
    for reader in (read_cppcheck, read_gcc):
        assert list(reader(said)) == []
    list(read_flawfinder(said))
