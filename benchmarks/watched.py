"""How much of its speed a worker keeps while a screen shows it: whole epochs of one run, watched and unwatched in turn.

    python -m benchmarks.watched --data-dir FOLDER [--model cnn-torch] [--rounds 20] [--size 80x24]

One worker trains; one viewer in a terminal of its own is attached to it all the time and is stopped (SIGSTOP) for two
of every three epochs. Prints how many times as fast the worker was in watched epochs as in the unwatched ones next to
them, and the same for the two unwatched ones (A/A): medians with 95 % bootstrap intervals. Run it on a machine that
does nothing else.
"""

from __future__ import annotations

import argparse
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from benchmarks.turns import interval
from dltui.core.reader import RunReader

DLTUI = [sys.executable, "-P", "-c", "from dltui.tui.cli.entry import main; main()"]
# The first epochs warm up; the one in which the viewer started is not counted either.
BEFORE = 2
CYCLE = ("watched", "alone", "alone again")


def train(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    """Start the worker, with more epochs than are needed, so that a schedule's end does not fall into the race."""
    epochs = BEFORE + len(CYCLE) * arguments.rounds + 2
    given = ["--dataset", "fashion-mnist", "--data-dir", str(arguments.data_dir), "--epochs", str(epochs)]
    subprocess.run(
        [*DLTUI, "train", arguments.model, *given, "--device", "cpu", "--name", "bench", "--detach"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def attach(size: tuple[int, int], environment: dict[str, str]) -> int:
    """The process id of a viewer in a terminal whose output is read and thrown away."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(DLTUI[0], [*DLTUI, "attach", "bench"], environment)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    threading.Thread(target=drain, args=(terminal,), daemon=True).start()
    return pid


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 20):
            pass
    except OSError:
        return


def wait_for(reader: RunReader, epoch: int) -> float:
    """Samples per second of that epoch's training, when its end is in the log."""
    while epoch not in reader.history.epochs:
        reader.refresh()
        if reader.status().name not in {"starting", "running"}:
            raise SystemExit(f"the run is {reader.status().name}")
        time.sleep(0.02)
    return reader.history.epochs[epoch].samples_per_second


def compete(arguments: argparse.Namespace, home: str) -> dict[str, list[float]]:
    """Samples per second of each epoch, by whether a viewer drew."""
    environment = {**os.environ, "DLTUI_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= {"LC_ALL": "C.UTF-8"}
    environment.pop("CI", None)
    train(arguments, environment)
    columns, rows = (int(part) for part in arguments.size.split("x"))
    reader = RunReader(Path(home) / "runs" / "bench")
    speeds: dict[str, list[float]] = {name: [] for name in CYCLE}
    viewer = 0
    try:
        viewer = attach((columns, rows), environment)
        wait_for(reader, BEFORE)
        for epoch in range(BEFORE + 1, BEFORE + len(CYCLE) * arguments.rounds + 1):
            state = CYCLE[(epoch - BEFORE - 1) % len(CYCLE)]
            os.kill(viewer, signal.SIGCONT if state == "watched" else signal.SIGSTOP)
            speeds[state].append(wait_for(reader, epoch))
            print(f"epoch {epoch:3}  {state:<12} {speeds[state][-1]:10,.0f} samples/s", flush=True)
    finally:
        if viewer:
            os.kill(viewer, signal.SIGKILL)
            os.waitpid(viewer, 0)
        subprocess.run([*DLTUI, "kill", "bench", "--yes"], env=environment, check=False, stdout=subprocess.DEVNULL)
    return speeds


def report(speeds: dict[str, list[float]]) -> None:
    watched, alone, again = (speeds[name] for name in CYCLE)
    for title, first, second in (("watched", watched, alone), ("A/A", again, alone)):
        middle, low, high = interval([a / b for a, b in zip(first, second, strict=True)])
        print(f"{title:<8} {middle:.3f} times as fast as alone [{low:.3f}, {high:.3f}], {len(first)} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="cnn-torch")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--size", default="80x24")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        report(compete(arguments, home))


if __name__ == "__main__":
    main()
