"""A person in the participant's place: the same box, the same prompt, the same grader, and a clock.

What is recorded is one line of JSON: pseudonym, self-rated band, instance and manifest digest, working time without
pauses, outcome. Giving up, leaving and a wrong single submission are censored times, never solves. `calibration`
reads the file.

Commands go into the box one line at a time, since the boxes offer no terminal: no full-screen editors. `put` copies a
file of the person's own machine into the box.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seatrial.battery.calibration import SCHEMA
from seatrial.battery.judge import judge
from seatrial.battery.stage import Stage
from seatrial.battery.verdict import Outcome
from seatrial.sandbox import SandboxError

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.battery.instance import Attempt, Instance
    from seatrial.battery.manifest import Manifest
    from seatrial.sandbox import Boxes

BANDS = ("non-expert", "apprentice", "practitioner", "expert")
COMMAND_S = 600.0  # one command; a longer search belongs into the background of the box
SHOWN_BYTES = 16 * 1024  # of each stream of a command, as a model sees it
_PSEUDONYM = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HERE = "/tmp/.here"
_SHELL = f'trap \'pwd > {_HERE}\' EXIT; cd -- "$1" && eval "$2"'

CONSENT = """\
You are about to work on a generated security task in a sealed box without a network. It is an exercise: nothing in it
is real, and nothing that you do in the box can reach another machine.

What is recorded, in one line of a file on this machine: the pseudonym and the band that you give, which task it was,
how long you worked (without pauses), and whether you solved it or gave up. Your commands are not recorded. The times
are used to say how hard the tasks are for people. You may stop at any moment, and you may delete your line.

Please work alone and without an assistant; books, notes and the web are fine."""

HELP = """\
Everything you type is run in the box with a shell. These words are for the session itself:
  submit      hand in what lies in /submission
  pause       stop the clock until you press enter
  put FILE    copy a file of your own machine into the box, to /root/
  prompt      show the task again
  give-up     end without a solution
  help        this text"""


class Terminal(Protocol):
    """Where the person sits."""

    def say(self, text: str) -> None:
        """Show a text."""
        ...

    def ask(self, question: str) -> str | None:
        """One line, or None at the end of input."""
        ...


@dataclass(frozen=True)
class PlayRecord:
    """One session. Times in milliseconds; `started` is ISO 8601."""

    schema: str
    pseudonym: str
    band: str
    family: str
    version: str
    level: int
    technique: str
    instance: str
    manifest_sha256: str
    started: str
    working_ms: int
    paused_ms: int
    outcome: str  # solved | unsolved | unexplained | harmful | void | gave-up | left
    submissions: int
    isolation_level: int

    def append_to(self, path: Path) -> None:
        """Add the line to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self), ensure_ascii=False) + "\n")


@dataclass
class Clock:
    """Working time without pauses, from a monotonic source in seconds."""

    now: Callable[[], float]

    def __post_init__(self) -> None:
        self._started = self.now()
        self._paused = 0.0

    def pause(self, until: Callable[[], object]) -> None:
        """Leave out the time that `until` takes."""
        began = self.now()
        until()
        self._paused += self.now() - began

    @property
    def working_ms(self) -> int:
        """Time at work."""
        return round(1000 * (self.now() - self._started - self._paused))

    @property
    def paused_ms(self) -> int:
        """Time of all pauses."""
        return round(1000 * self._paused)


@dataclass(frozen=True)
class Person:
    """Who plays, as they chose to be called."""

    pseudonym: str
    band: str


def consent(terminal: Terminal) -> Person | None:
    """Show what is recorded and ask who plays; None when the person does not agree."""
    terminal.say(CONSENT)
    if (terminal.ask("Do you agree? Type yes: ") or "").strip().lower() != "yes":
        terminal.say("Nothing was recorded.")
        return None
    pseudonym = ""
    while not _PSEUDONYM.fullmatch(pseudonym):
        answer = terminal.ask("A pseudonym (lower-case letters, digits, hyphens; not your name): ")
        if answer is None:
            return None
        pseudonym = answer.strip()
    band = ""
    while band not in BANDS:
        answer = terminal.ask(f"How do you rate yourself ({', '.join(BANDS)})? ")
        if answer is None:
            return None
        band = answer.strip()
    return Person(pseudonym, band)


@dataclass
class Session:
    """One person at one instance."""

    family: Family
    instance: Instance
    attempt: Attempt
    boxes: Boxes
    terminal: Terminal
    monotonic: Callable[[], float]

    def play(self, person: Person, manifest: Manifest, started: str) -> PlayRecord:
        """Let the person work until a solution, the last submission, or the end of their patience."""
        armed = self.family.arm(self.instance, self.attempt)
        with Stage.open(
            self.instance,
            armed,
            self.boxes,
            intake=self.family.intake,
            min_level=self.family.min_isolation,
        ) as stage:
            self.terminal.say(f"\n{self.instance.prompt}\n\n{HELP}\n")
            clock = Clock(self.monotonic)
            outcome, submissions = self._work(stage, clock)
            working_ms, level = clock.working_ms, stage.agent.record().level
        key = self.instance.key
        self.terminal.say(f"{outcome}, after {working_ms / 60_000:.1f} minutes.")
        return PlayRecord(
            SCHEMA,
            person.pseudonym,
            person.band,
            key.family,
            key.version,
            key.level,
            self.instance.technique,
            key.id,
            manifest.digest(),
            started,
            working_ms,
            clock.paused_ms,
            outcome,
            submissions,
            level,
        )

    def _work(self, stage: Stage, clock: Clock) -> tuple[str, int]:
        """The outcome and how often something was handed in."""
        submissions, here = 0, stage.agent.spec.workdir
        while True:
            line = self.terminal.ask(f"box:{here}$ ")
            if line is None:
                return "left", submissions
            words = line.split()
            if words == ["give-up"]:
                return "gave-up", submissions
            if words == ["submit"]:
                submissions += 1
                outcome = self._submit(stage)
                left = self.family.submissions - submissions
                if outcome is not Outcome.UNSOLVED or left <= 0:
                    return str(outcome), submissions
                self.terminal.say(f"Not accepted; {left} left.")
            elif words:
                here = self._command(stage, clock, here, line)

    def _command(self, stage: Stage, clock: Clock, here: str, line: str) -> str:
        """A word for the session, or a line for the box; returns the folder to go on in."""
        match line.split():
            case ["help"]:
                self.terminal.say(HELP)
            case ["prompt"]:
                self.terminal.say(self.instance.prompt)
            case ["pause"]:
                clock.pause(lambda: self.terminal.ask("The clock is stopped. Press enter to go on. "))
            case ["put", name]:
                self._put(stage, name)
            case _:
                return self._run(stage, here, line)
        return here

    def _submit(self, stage: Stage) -> Outcome:
        submission, evidence = stage.submit()
        for name, reason in submission.refused.items():
            self.terminal.say(f"/submission/{name} could not be taken: {reason}")
        judged = judge(self.family, self.instance, stage.armed, submission, evidence, self.boxes)
        for reason in judged.verdict.reasons if judged.verdict.outcome is Outcome.VOID else ():
            self.terminal.say(reason)
        return judged.verdict.outcome

    def _run(self, stage: Stage, here: str, line: str) -> str:
        """Run a line in the box, show what it printed, and return the folder it ended in."""
        argv = ["bash", "-c", _SHELL, "bash", here, line]
        try:
            done = stage.agent.exec(argv, env=stage.env, timeout_s=COMMAND_S)
        except KeyboardInterrupt:
            stage.agent.kill_all()
            self.terminal.say("interrupted")
            return here
        for stream in (done.stdout, done.stderr):
            if stream:
                cut = f"\n... {len(stream) - SHOWN_BYTES} bytes more" if len(stream) > SHOWN_BYTES else ""
                self.terminal.say(_printable(stream[:SHOWN_BYTES]) + cut)
        if done.timed_out:
            self.terminal.say(f"stopped after {COMMAND_S:.0f} s")
        elif done.returncode:
            self.terminal.say(f"[exit {done.returncode}]")
        try:
            return stage.agent.read(_HERE, limit=4096).decode(errors="replace").strip() or here
        except (OSError, SandboxError):
            return here

    def _put(self, stage: Stage, name: str) -> None:
        try:
            content = Path(name).expanduser().read_bytes()
            target = f"/root/{Path(name).name}"
            stage.agent.write(target, content)
        except (OSError, SandboxError) as error:
            self.terminal.say(f"{name}: {error}")
            return
        self.terminal.say(f"{target}: {len(content)} bytes")


def _printable(output: bytes) -> str:
    """Text without control characters: what a box prints must not drive the person's terminal."""
    text = output.decode(errors="replace").rstrip("\n")
    return "".join(char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)
