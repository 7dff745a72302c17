"""The screen gives way, its workers do not. In a process of its own: a priority once lowered stays low."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, subprocess, sys, threading
from dltui.core import priority

def nice(start):
    child = start([sys.executable, "-c", "import os; print(os.nice(0))"], stdout=subprocess.PIPE)
    return int(child.communicate()[0])

before = os.nice(0)
seen = [nice(priority.start)]
priority.give_way()
priority.give_way()
seen += [os.nice(0), nice(subprocess.Popen), nice(priority.start)]
thread = threading.Thread(target=lambda: seen.append(os.nice(0)))
thread.start()
thread.join()
print([one - before for one in seen])
try:
    priority.start(["/nowhere"])
except FileNotFoundError:
    print("not found")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a nice value for each thread is Linux's")
def test_workers_start_at_the_priority_of_the_beginning() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[0, 10, 10, 0, 10]\nnot found\n"
