"""Many inputs through one program in one box: what each run answered, as digests.

The runner sits in the box as its root; the program runs as another user where the box has one, gets one input at a
time, and cannot see the next. Expected answers never enter the box.

- Output is cut at `OUTPUT_BYTES`; a run that takes longer than its time-out is killed with its descendants.
- The answer of a run is exit code (128 + signal when killed) and the SHA-256 of its standard output.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.c.build import HOME, SOURCE, STEADY
from seatrial.battery.grading.case import INPUT
from seatrial.sandbox import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seatrial.battery.c.build import Built
    from seatrial.sandbox import Boxes, BoxSpec

OUTPUT_BYTES = 1024 * 1024  # of one run; a toy prints a line, a foreign test case rarely more
CHUNK = 512  # inputs per call: bounded memory in the box, one start of the interpreter for many runs
SLACK_S = 30.0  # over the sum of the time-outs that are likely to be used up
SLOW_RUNS = 8  # runs of a chunk that may use their whole time before the chunk is given up

_RUNNER = r"""
import base64, hashlib, json, os, select, signal, sys
ask = json.load(sys.stdin)
argv, stdin, limit, cap = ask["argv"], ask["stdin"], ask["timeout_s"], ask["cap"]
os.makedirs("/case/in", exist_ok=True)
path = "/case/in/input"
def child(out):
    os.setsid()
    os.dup2(os.open(path if stdin else "/dev/null", os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
    try:
        os.setgroups([]); os.setgid(1000); os.setuid(1000)
    except OSError:
        pass
    os.closerange(3, 64)
    os.execvpe(argv[0], argv, ask["env"])
for text in ask["inputs"]:
    with open(path, "wb") as file:
        file.write(base64.b64decode(text))
    os.chmod(path, 0o644)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(writing)
        finally:
            os._exit(127)
    os.close(writing)
    watch = os.pidfd_open(pid)
    said, open_end, ended, late = hashlib.sha256(), True, False, False
    seen = 0
    import time
    deadline = time.monotonic() + limit
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    poll.register(watch, select.POLLIN)
    grace = None
    while open_end or not ended:
        left = (grace if grace is not None else deadline) - time.monotonic()
        if left <= 0:
            late = not ended
            break
        for fd, _ in poll.poll(left * 1000):
            if fd == watch:
                ended = True
                poll.unregister(watch)
                grace = time.monotonic() + 0.5
            else:
                block = os.read(reading, 65536)
                if not block:
                    open_end = False
                    poll.unregister(reading)
                elif seen < cap:
                    said.update(block[: cap - seen])
                    seen += len(block)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    status = os.waitpid(pid, 0)[1]
    os.close(reading); os.close(watch)
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps([128 - code if code < 0 else code, said.hexdigest(), late]))
"""


@dataclass(frozen=True)
class Answer:
    """What one run answered."""

    code: int
    stdout_sha256: str
    timed_out: bool = False


def answers(
    boxes: Boxes,
    built: Built,
    command: Sequence[str],
    inputs: Sequence[bytes],
    *,
    stdin: bool = False,
    timeout_s: float = 10.0,
    env: Mapping[str, str] | None = None,
    box: BoxSpec,
) -> tuple[Answer, ...]:
    """The answer to each input, in order; all in one fresh box.

    Raises `SandboxError` when the runner itself could not do its work: that says nothing of the program.
    """
    argv = [word.replace(INPUT, f"{HOME}/in/input") for word in command]
    found: list[Answer] = []
    with boxes.open(box) as opened:
        built.unpack(opened)
        opened.exec(["chmod", "-R", "a+rX", SOURCE], cwd="/")
        opened.place(f"{HOME}/runner", {"run.py": (_RUNNER.encode(), 0o600)})
        for chunk in _chunks(inputs):
            ask = {
                "argv": argv,
                "stdin": stdin,
                "timeout_s": timeout_s,
                "cap": OUTPUT_BYTES,
                "env": {**STEADY, **(env or {})},
                "inputs": [base64.b64encode(item).decode() for item in chunk],
            }
            done = opened.exec(
                ["python3", "-I", "-S", f"{HOME}/runner/run.py"],
                stdin=json.dumps(ask).encode(),
                cwd=SOURCE,
                timeout_s=SLACK_S + SLOW_RUNS * timeout_s,
            )
            found += _read(done.stdout, len(chunk), timed_out=done.timed_out, said=done.stderr)
    return tuple(found)


def _chunks(inputs: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (inputs[start : start + CHUNK] for start in range(0, len(inputs), CHUNK))


def _read(stdout: bytes, wanted: int, *, timed_out: bool, said: bytes) -> list[Answer]:
    """The runner's lines; inputs that a given-up chunk never came to count as timed out."""
    found = []
    for line in stdout.splitlines()[:wanted]:
        try:
            code, digest, late = json.loads(line)
            found.append(Answer(int(code), str(digest), bool(late)))
        except (ValueError, TypeError) as error:
            raise SandboxError(f"the runner said {line[:80]!r}") from error
    if len(found) < wanted and not timed_out:
        raise SandboxError(f"the runner stopped after {len(found)} of {wanted} inputs: {said[-200:]!r}")
    return found + [Answer(-1, "", timed_out=True)] * (wanted - len(found))
