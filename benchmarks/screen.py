"""What watching costs: bytes to the terminal and CPU of the viewer while a run grows, beside the same drawn by plotext.

    python benchmarks/screen.py [--seconds 30] [--size 80x24] [--points 0] [--keys ""] [--without-plotext]

A run that grows as fast as a tiny model trains (an epoch and 400 points a second) is watched in a terminal of its own:
two charts over the whole run, bars, the table, the log, four times a second. Prints medians over seconds, and the
memory at the end. plotext draws two charts of the same points at the same pace and sends whole frames, the way it is
used. Needs `pip install plotext`; run it on a machine that does nothing else.
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
from importlib.util import find_spec
from pathlib import Path
from termios import TIOCSWINSZ

import psutil

HERE = Path(__file__).parent
VIEWER = [sys.executable, "-P", "-c", "from dltui.tui.cli.entry import main; main()", "attach"]
SETTLE = 4.0


def watch(command: list[str], size: tuple[int, int], seconds: int, home: Path, keys: str) -> dict[str, float]:
    """Run a program in a terminal; medians of bytes and CPU of each second, and its memory in the end."""
    environment = {**os.environ, "DLTUI_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(HERE.parent)}
    environment.pop("CI", None)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = psutil.Process(pid)
    try:
        drain(terminal, SETTLE)
        os.write(terminal, keys.encode())
        drain(terminal, 1.0)
        rows = [second(terminal, process) for _ in range(seconds)]
        memory = process.memory_full_info()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    sent, cpu = ([row[column] for row in rows] for column in (0, 1))
    return {
        "bytes": statistics.median(sent),
        "most": max(sent),
        "cpu": statistics.median(cpu),
        "mean": statistics.mean(cpu),
        "rss": memory.rss / 1e6,
        "uss": memory.uss / 1e6,
    }


def second(terminal: int, process: psutil.Process) -> tuple[float, float]:
    """Bytes and the share of a core, of one second."""
    before, began = sum(process.cpu_times()[:2]), time.perf_counter()
    sent = drain(terminal, 1.0)
    passed = time.perf_counter() - began
    return sent / passed, (sum(process.cpu_times()[:2]) - before) / passed


def drain(terminal: int, seconds: float) -> int:
    """Read what comes; how many bytes that were."""
    end, count = time.perf_counter() + seconds, 0
    while (left := end - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            count += len(os.read(terminal, 1 << 20))
    return count


def report(title: str, found: dict[str, float]) -> None:
    print(
        f"{title:<18} {found['bytes'] / 1000:7.1f} kB/s (most {found['most'] / 1000:.1f})"
        f"   {100 * found['cpu']:5.1f} % of a core (mean {100 * found['mean']:.1f})"
        f"   {found['rss']:4.0f} MB resident, {found['uss']:.0f} MB its own",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--points", type=int, default=0, help="logged before the viewer starts")
    parser.add_argument("--keys", default="", help="typed when it has settled, such as f for the recent window")
    parser.add_argument("--without-plotext", action="store_true")
    given = parser.parse_args()
    if not given.without_plotext and find_spec("plotext") is None:
        parser.error("plotext is not installed: pip install plotext, or --without-plotext")
    columns, rows = (int(part) for part in given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run = home / "runs" / "bench"
        epochs = max(200, given.points // 400 + 200)
        growing = [sys.executable, str(HERE / "growing_run.py"), str(run), "--epochs", str(epochs)]
        writer = subprocess.Popen(
            [*growing, "--points", str(given.points)], env={**os.environ, "PYTHONPATH": str(HERE.parent)}
        )
        try:
            time.sleep(3 + given.points / 50_000)
            report(f"dltui {given.size}", watch([*VIEWER, "bench"], (columns, rows), given.seconds, home, given.keys))
            if not given.without_plotext:
                other = [sys.executable, str(HERE / "plotext_screen.py"), str(run)]
                report(f"plotext {given.size}", watch(other, (columns, rows), given.seconds, home, ""))
        finally:
            writer.kill()
            writer.wait()


if __name__ == "__main__":
    main()
