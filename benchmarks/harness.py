"""CPU per agent turn: our provider, scaffold and hooks against bare Inspect with its `local` sandbox, on the same work.

Both sides run `react()` with the same scripted model, which calls `bash` with the same command in every turn; the
model answers from memory, so all CPU is the harness's. One subprocess per measurement, CPU of the whole process tree.

    python benchmarks/harness.py [TURNS] [SAMPLES]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 3


def measure(side: str, turns: int, samples: int) -> None:
    """Run one side and print its CPU seconds after the imports and the first sample."""
    from inspect_ai import Task, eval  # noqa: A004, PLC0415 - Inspect's name; only the measured process loads it
    from inspect_ai.agent import AgentPrompt, AgentSubmit, react  # noqa: PLC0415
    from inspect_ai.dataset import MemoryDataset, Sample  # noqa: PLC0415
    from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: PLC0415

    from seatrial.evaluation.extensions._sandbox import SeatrialSandbox, boxes  # noqa: PLC0415
    from seatrial.evaluation.extensions._tools import bash, submit  # noqa: PLC0415

    def said(name: str, **arguments: str) -> ModelOutput:
        output = ModelOutput.for_tool_call("mockllm/model", name, arguments)
        output.usage = ModelUsage(input_tokens=1000, output_tokens=50, total_tokens=1050)
        return output

    conversation = [
        *(said("bash", command=f"echo {turn}; ls /usr/bin | head -50") for turn in range(turns)),
        said("submit"),
    ]

    def task(count: int) -> Task:
        return Task(
            dataset=MemoryDataset([Sample(id=str(number), input="go", target="") for number in range(count)]),
            solver=react(
                prompt=AgentPrompt(instructions="Work.", assistant_prompt=None, submit_prompt=None),
                tools=[bash()],
                submit=AgentSubmit(tool=submit(), keep_in_messages=True),
            ),
            sandbox="seatrial" if side == "seatrial" else "local",
        )

    def run(count: int, folder: str) -> None:
        model = get_model("mockllm/model", custom_outputs=conversation * count, memoize=False)
        (log,) = eval(task(count), model=model, display="none", log_dir=folder, max_samples=1, score=False)
        if log.status != "success" or len(log.samples or []) != count:
            raise SystemExit(f"{side}: {log.status} {log.error}")
        used = sum(sample.turn_count or 0 for sample in log.samples or [])
        if used != count * (turns + 1):
            raise SystemExit(f"{side}: {used} turns, {count * (turns + 1)} expected")

    with tempfile.TemporaryDirectory() as folder:
        run(1, folder)
        before = _cpu()
        run(samples, folder)
        if side == "seatrial":
            boxes().close()
        spent = _cpu() - before
    _ = SeatrialSandbox
    print(json.dumps({"cpu_s": spent, "turns": samples * (turns + 1)}))


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Measure both sides in turn, several times, and print the ratio of the best."""
    if len(sys.argv) > 1 and sys.argv[1] in {"seatrial", "local"}:
        measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
        return
    turns, samples = (int(value) for value in ([*sys.argv[1:], "20", "10"])[:2])
    best: dict[str, float] = {}
    for number in range(ROUNDS):
        for side in ("local", "seatrial"):
            command = [sys.executable, str(Path(__file__)), side, str(turns), str(samples)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
            if done.returncode:
                raise SystemExit(done.stdout + done.stderr)
            figures = json.loads(done.stdout.strip().splitlines()[-1])
            per_turn = 1000 * figures["cpu_s"] / figures["turns"]
            best[side] = min(best.get(side, per_turn), per_turn)
            print(f"round {number + 1}  {side:<9} {per_turn:6.2f} ms CPU a turn")
    ratio = best["seatrial"] / best["local"]
    print(f"load {os.getloadavg()[0]:.1f}; best of {ROUNDS}: local {best['local']:.2f}, ours {best['seatrial']:.2f}")
    print(f"ratio {ratio:.2f} (wanted: at most 1.30)")


if __name__ == "__main__":
    main()
