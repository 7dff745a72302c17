"""What a long list of finished runs costs: `dltui runs`, and the Runs screen while nobody touches it.

    python benchmarks/resting_list.py [--runs 5000] [--seconds 20]

Prints processor time of the program's own (user and system, so that it may be measured on a busy machine) and the
resident memory of the screen. Only Linux.
"""

from __future__ import annotations

import argparse
import os
import pty
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.sample_run import make_sample_run

ROWS, COLUMNS = 40, 120
KEPT = (".json", ".jsonl")


def make(runs: Path, count: int) -> None:
    """Copies of a finished run; what a list does not read is linked."""
    first = make_sample_run(runs, run_id="run-00000").path

    def copy(source: str, target: str) -> str:
        if source.endswith(KEPT):
            return shutil.copy2(source, target)
        os.link(source, target)
        return target

    for number in range(1, count):
        shutil.copytree(first, runs / f"run-{number:05}", copy_function=copy)


def time_listing(environment: dict[str, str]) -> float:
    """Seconds of processor time of `dltui runs`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program(), "runs"], check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def watch_screen(environment: dict[str, str], seconds: float) -> tuple[float, float, float]:
    """Processor seconds until the list rests, then percent of a core, and resident megabytes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(program(), [program()], environment)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        read(terminal, 5.0)
        while True:
            before = spent(pid)
            read(terminal, 3.0)
            if spent(pid) - before < 0.3:
                break
        first = spent(pid)
        read(terminal, seconds)
        percent = 100 * (spent(pid) - first) / seconds
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return first, percent, pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    finally:
        os.kill(pid, signal.SIGTERM)
        read(terminal, 2.0)
        os.waitpid(pid, 0)


def read(terminal: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                os.read(terminal, 65_536)
            except OSError:
                return


def spent(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def program() -> str:
    return str(Path(sys.executable).parent / "dltui")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "runs", given.runs)
        time.sleep(3)
        environment = {**os.environ, "DLTUI_HOME": folder, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("CI", None)
        print(f"{given.runs} finished runs")
        for title in ("dltui runs, the first time", "dltui runs, again"):
            print(f"{title:<28} {time_listing(environment):6.2f} s of processor time")
        first, percent, size = watch_screen(environment, given.seconds)
        print(f"{'the screen until it rests':<28} {first:6.2f} s of processor time")
        print(f"{'the screen at rest':<28} {percent:6.2f} % of a core, {size:.0f} MB")


if __name__ == "__main__":
    main()
