"""Threads of one process open the room at the same time."""

from __future__ import annotations

import subprocess
import sys

OPENING = """
import sys, threading
from pathlib import Path
sys.setswitchinterval(1e-6)
barrier, wrong = threading.Barrier(8), []

def tables():
    barrier.wait()
    try:
        from seatrial.storage.tables import rows
        rows.Submission
    except BaseException as error:
        wrong.append(repr(error))

def started():
    barrier.wait()
    try:
        from seatrial.storage.django_setup import start_django
        start_django()
    except BaseException as error:
        wrong.append(repr(error))

threads = [threading.Thread(target=(tables, started)[number % 2]) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(wrong)
"""


def test_threads_that_open_it_at_once_all_find_it_open() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", OPENING], capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout.strip() == "[]", done.stdout


DECODING = """
import sys, threading
from types import ModuleType
from seatrial.storage import codec
from seatrial.framework.standing import Standing

sys.setswitchinterval(1e-6)
over, wrong = threading.Event(), []

def importing():
    number = 0
    while not over.is_set():
        sys.modules[f"made_up_{number % 5000}"] = ModuleType("made_up")
        sys.modules.pop(f"made_up_{(number - 2500) % 5000}", None)
        number += 1

thread = threading.Thread(target=importing)
thread.start()
try:
    for _ in range(300):
        codec._room(Standing.__module__)
except RuntimeError as error:
    wrong.append(repr(error))
over.set()
thread.join()
print(wrong)
"""


def test_rows_are_read_while_another_thread_imports() -> None:
    done = subprocess.run([sys.executable, "-c", DECODING], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]", done.stdout
