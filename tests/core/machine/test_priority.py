"""The screen gives way, its workers do not. In a process of its own: a priority once lowered stays low."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os, subprocess, sys, threading
from dltui.core.machine import priority

def priority_here():
    return os.nice(0) - before, os.sched_getscheduler(0) == os.SCHED_BATCH

def of_child(start):
    code = "import os; print(os.nice(0), os.sched_getscheduler(0))"
    child = start([sys.executable, "-c", code], stdout=subprocess.PIPE)
    nice, policy = map(int, child.communicate()[0].split())
    return nice - before, policy == os.SCHED_BATCH

before = os.nice(0)
seen = [of_child(priority.start)]
priority.give_way()
priority.give_way()
seen += [priority_here(), of_child(subprocess.Popen), of_child(priority.start)]
thread = threading.Thread(target=lambda: seen.append(priority_here()))
thread.start()
thread.join()
print(seen)
try:
    priority.start(["/nowhere"])
except FileNotFoundError:
    print("not found")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a nice value for each thread is Linux's")
def test_workers_start_at_the_priority_of_the_beginning() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    # There is none lower than 19.
    low, high = (min(os.nice(0) + 10, 19) - os.nice(0), True), (0, False)
    assert done.stdout == f"{[high, low, low, high, low]}\nnot found\n"
