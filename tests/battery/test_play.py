from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery import calibration, gate
from seatrial.battery.instance import Attempt
from seatrial.battery.play import Clock, Person, Session, consent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatrial.battery.instance import InstanceKey
    from seatrial.battery.play import PlayRecord
    from seatrial.sandbox import Boxes

ATTEMPT = Attempt(bytes(32), bytes(16))
PERSON = Person("ada", "expert")


class Scripted:
    """A person who types prepared lines and then leaves."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.said, self.asked = list(lines), [], []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return self.lines.pop(0) if self.lines else None

    @property
    def shown(self) -> str:
        return "\n".join(self.said)


def session(
    family: toyfamily.Toy, key: Callable[..., InstanceKey], boxes: Boxes, *lines: str
) -> tuple[PlayRecord, Scripted]:
    instance = family.generate(key(family.id))
    manifest = gate.verify(family, instance.key, boxes)
    terminal = Scripted(*lines)
    seconds = count()
    played = Session(family, instance, ATTEMPT, boxes, terminal, lambda: float(next(seconds)))
    return played.play(PERSON, manifest, "2026-01-02T03:04:05+00:00"), terminal


def test_nothing_starts_without_consent() -> None:
    terminal = Scripted("no")
    assert consent(terminal) is None
    assert "pseudonym" in terminal.said[0]
    assert terminal.said[-1] == "Nothing was recorded."
    assert consent(Scripted()) is None


def test_a_name_and_a_band_are_asked_until_they_fit() -> None:
    terminal = Scripted("yes", "Ada Lovelace", "ada", "good", "expert")
    assert consent(terminal) == PERSON
    assert len(terminal.asked) == 5


def test_a_person_solves_in_the_same_box_by_the_same_grader(
    key: Callable[..., InstanceKey], boxes: Boxes, tmp_path: Path
) -> None:
    toy = toyfamily.FAMILY
    right = toy.generate(key("toylock")).hidden.witness.answer["x"]
    record, terminal = session(
        toy, key, boxes, "cat /challenge/lock.py", "cd /submission", f"printf {right} > answer", "pwd", "submit"
    )
    assert record.outcome == "solved"
    assert record.submissions == 1
    assert "return (A * x + B) % M == C" in terminal.shown
    assert terminal.asked[-1] == "box:/submission$ "
    record.append_to(tmp_path / "sub" / "times.jsonl")
    line = json.loads((tmp_path / "sub" / "times.jsonl").read_text())
    assert line["manifest_sha256"] == gate.verify(toy, key("toylock"), boxes).digest()
    assert line["schema"] == calibration.SCHEMA
    fits = calibration.read_fits(tmp_path / "sub" / "times.jsonl")
    assert fits["toylock", "1", 1].n_solved == 1


def test_a_single_submission_ends_it(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    record, _ = session(toyfamily.FAMILY, key, boxes, "echo 1 > /submission/answer", "submit", "echo never")
    assert (record.outcome, record.submissions) == ("unsolved", 1)


def test_a_secret_may_be_tried_ten_times(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    record, terminal = session(
        toyfamily.KEEPER_FAMILY, key, boxes, "submit", "echo flag > /submission/answer", "submit", "give-up"
    )
    assert (record.outcome, record.submissions) == ("gave-up", 2)
    assert "Not accepted; 8 left." in terminal.said


@pytest.mark.parametrize(("lines", "outcome"), [(("give-up",), "gave-up"), ((), "left")])
def test_giving_up_and_leaving_are_told_apart(
    lines: tuple[str, ...], outcome: str, key: Callable[..., InstanceKey], boxes: Boxes
) -> None:
    assert session(toyfamily.FAMILY, key, boxes, *lines)[0].outcome == outcome


def test_pauses_are_not_work() -> None:
    ticks = iter([0.0, 10.0, 110.0, 120.0])
    clock = Clock(lambda: next(ticks))
    clock.pause(lambda: None)
    assert (clock.working_ms, clock.paused_ms) == (20_000, 100_000)


def test_words_of_the_session_and_what_goes_wrong(
    key: Callable[..., InstanceKey], boxes: Boxes, tmp_path: Path
) -> None:
    (tmp_path / "tool.py").write_text("print('from outside')")
    record, terminal = session(
        toyfamily.FAMILY,
        key,
        boxes,
        "",
        "help",
        "prompt",
        "pause",
        "enter",
        f"put {tmp_path}/tool.py",
        "python3 /root/tool.py",
        "put /not/there",
        "false",
        "exit 3",
        "printf '\\033[2Jred\\007'",
        "head -c 20000 /dev/zero | tr '\\0' x",
        "ln -s /etc/passwd /submission/answer; echo",
        "submit",
    )
    shown = terminal.shown
    assert shown.count("Find the number that opens") == 2
    assert "from outside" in shown
    assert "/not/there: " in shown
    assert "[exit 1]" in shown
    assert "[exit 3]" in shown
    assert "\\x1b[2Jred\\x07" in shown
    assert "\x1b" not in shown
    assert "3616 bytes more" in shown
    assert "/submission/answer could not be taken: not a readable regular file" in shown
    assert record.paused_ms > 0
    assert record.outcome == "unsolved"
