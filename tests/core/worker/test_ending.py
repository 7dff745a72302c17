"""A worker that is done ends with its exit code, whatever a plugin has left behind in it."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from tests.helpers.far import wait_for
from tests.helpers.marks import few

CODE = """
import atexit, multiprocessing, threading, time
from dltui.core.worker import ending
{left}
ending.leave(75, {seconds})
"""
LEFT = {
    "a process": """
child = multiprocessing.Process(target=time.sleep, args=(1000,))
child.start()
print(child.pid, flush=True)
""",
    "a function at the exit": "atexit.register(time.sleep, 1000)",
    "a thread": "threading.Thread(target=time.sleep, args=(1000,)).start()",
}


def ended(left: str, seconds: float) -> subprocess.CompletedProcess[str]:
    code = CODE.format(left=left, seconds=seconds)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("left", few(LEFT.values(), 2))
def test_what_a_plugin_left_keeps_it_for_a_moment_only(left: str) -> None:
    done = ended(left, 0.5)
    assert done.returncode == 75
    assert done.stderr == "dltui: something of the plugin is still running; the process was ended\n"
    for pid in map(int, done.stdout.split()):
        # A process that was killed is there for another moment.
        wait_for(lambda pid=pid: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_without_any_it_ends_at_once() -> None:
    began = time.monotonic()
    done = ended("", 50)
    assert (done.returncode, done.stderr) == (75, "")
    assert time.monotonic() - began < 40
