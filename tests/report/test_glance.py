"""A run directory at a glance: each transcript is found by its place, whatever stands in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report.made import without_model
from seatrial.evaluation.scrutiny.rulings import sample_key
from seatrial.evaluation.transcripts import Entry, Transcript
from seatrial.report.glance import Glance

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(max_size=60) | st.sampled_from(
    ['\n  {\n    "sample": "x"\n  },\n', '"participant": "y",', "  }", "\r\n"]
)
ONE = st.builds(
    Transcript,
    sample=st.sampled_from(("a-L1", "b-L1", 'c"-L1')),
    epoch=st.integers(0, 2),
    participant=st.sampled_from(("null", "simulated:0.5", "alpha, \u2028")),
    family=st.just("web"),
    level=st.just(1),
    outcome=st.just("solved"),
    entries=st.lists(st.builds(Entry, st.just("assistant"), TEXT, TEXT), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(ONE, max_size=5))
def test_a_transcript_is_found_as_it_was_written(tmp_path: Path, many: list[Transcript]) -> None:
    (tmp_path / "transcripts.json").write_text(
        json.dumps([asdict(one) for one in many], indent=2, sort_keys=True) + "\n"
    )
    expected = {sample_key(one.participant, one.sample, one.epoch): one for one in many}
    for key, one in expected.items():
        assert Glance(tmp_path).transcript(key) == one
    assert Glance(tmp_path).transcript("0" * 16) is None


def test_a_directory_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    empty = Glance(tmp_path / "none")
    assert (empty.begun, empty.reported, empty.rows(), empty.flagged()) == (False, False, (), ())
    assert empty.transcript("0" * 16) is None
    assert empty.json("run.json", {}) == {}


def test_rows_are_those_that_count(tmp_path: Path) -> None:
    run = without_model(tmp_path / "run")
    rows = Glance(run).rows()
    assert len({(row.participant, row.task, row.epoch) for row in rows}) == len(rows) > 0
    assert rows[0].key == sample_key(rows[0].participant, rows[0].task, int(rows[0].epoch))
