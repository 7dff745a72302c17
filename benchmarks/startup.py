"""How long a person waits: `dltui --help`, and `dltui` until its first whole frame, each in a terminal of its own.

    python benchmarks/startup.py [--count 20]

The first frame is whole when the footer is on the screen of a terminal emulator that reads the program's output.
Prints the median, the quickest and the slowest of N starts; run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from fcntl import ioctl
from termios import TIOCSWINSZ

import pyte

ROWS, COLUMNS = 24, 80
LIMIT = 20.0


def time_help(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([*program(), "--help"], check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began


def time_first_frame(environment: dict[str, str]) -> float:
    """Seconds from exec to a frame whose last row is filled."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(program()[0], program(), environment)
    try:
        ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        return wait_for_frame(terminal, began)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def wait_for_frame(terminal: int, began: float) -> float:
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    while time.perf_counter() - began < LIMIT:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        if not ready:
            continue
        stream.feed(os.read(terminal, 65_536))
        if screen.display[0].strip() and screen.display[-1].strip():
            return time.perf_counter() - began
    raise SystemExit(f"no whole frame within {LIMIT:g} s; the screen was:\n" + "\n".join(screen.display))


def program() -> list[str]:
    """The installed script, as people start it."""
    script = os.path.join(os.path.dirname(sys.executable), "dltui")  # noqa: PTH118, PTH120
    return [script]


def report(title: str, seconds: list[float]) -> None:
    low, middle, high = (1000 * f(seconds) for f in (min, statistics.median, max))
    print(f"{title:<22} median {middle:4.0f} ms   quickest {low:4.0f}   slowest {high:4.0f}   n {len(seconds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "DLTUI_HOME": home, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("CI", None)
        # One start of each before the clock counts: bytecode and the file cache are part of no later start.
        time_help(environment)
        time_first_frame(environment)
        helps, frames = [], []
        for _ in range(count):
            helps.append(time_help(environment))
            frames.append(time_first_frame(environment))
    report("dltui --help", helps)
    report("dltui, first frame", frames)


if __name__ == "__main__":
    main()
