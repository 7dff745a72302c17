"""How much of its speed a worker keeps while a screen shows it: seconds within the epochs of one run, in turn.

    python -m benchmarks.watched --data-dir FOLDER [--model cnn-torch] [--rounds 100] [--size 80x24]

One worker trains; one viewer in a terminal of its own is attached to it all the time and is stopped (SIGSTOP) for two
of every three turns. A turn is the time between some entries of the run's log that say how many steps were trained,
about a second; one in which an epoch ends or a checkpoint is written is not counted. Nor are rounds in one of whose
turns a hypervisor gave more than a hundredth of the cores to others. Prints how many times as fast the worker was in
watched turns as in the two unwatched ones next to them, and one of these as the other (A/A): medians with 95 %
bootstrap intervals, and the ratio of all steps by all seconds. Run it on a machine that does nothing else.
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
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

from benchmarks.turns import MOST_STOLEN, interval, stolen
from dltui.core.rundir.log import LogTail

DLTUI = [sys.executable, "-P", "-c", "from dltui.tui.cli.entry import main; main()"]
CYCLE = ("watched", "alone", "alone again")
ENTRIES = 2
# Up to 20,000 steps each of them is logged: what an entry tells is then all that was trained until its time.
EPOCHS = 47
# The first seconds warm up; the viewer starts in them.
BEFORE = 16
POLL = 0.005


@dataclass(frozen=True)
class Turn:
    """Steps and seconds of the worker in one state, and the part of its cores' time that other machines got."""

    state: str
    steps: int
    seconds: float
    stolen: float = 0.0

    @property
    def speed(self) -> float:
        return self.steps / self.seconds


def train(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    """Start the worker, with as many epochs as can be."""
    given = ["--dataset", "fashion-mnist", "--data-dir", str(arguments.data_dir), "--epochs", str(EPOCHS)]
    subprocess.run(
        [*DLTUI, "train", arguments.model, *given, "--device", "cpu", "--name", "bench", "--detach"],
        cwd=environment["DLTUI_HOME"],
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
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """What is appended to the log, within some milliseconds, to the end of the run."""
    tail, size = LogTail(path), -1
    while True:
        now = path.stat().st_size if path.exists() else -1
        if now != size:
            size = now
            for entry in tail.read():
                yield entry
                if entry["type"] == "run_ended":
                    return
        time.sleep(POLL)


def turns(log: Iterator[dict[str, Any]], rounds: int, viewer: int) -> list[Turn]:
    """Each state in turn, every second round the other way about, so that no state always follows the same one; as
    many whole rounds as the run has time for."""
    done: list[Turn] = []
    order = [state for number in range(rounds) for state in (CYCLE if number % 2 == 0 else CYCLE[::-1])]
    for state in order:
        os.kill(viewer, signal.SIGCONT if state == "watched" else signal.SIGSTOP)
        turn = _turn(log, state)
        if turn is None:
            break
        done.append(turn)
        if len(done) % (10 * len(CYCLE)) == 0:
            print(f"{len(done):5} turns of {len(order)}", file=sys.stderr, flush=True)
    return done[: len(done) // len(CYCLE) * len(CYCLE)]


def _turn(log: Iterator[dict[str, Any]], state: str) -> Turn | None:
    """It begins with an entry of steps and ends with one; if anything else comes between, it begins anew. None when
    the run has ended."""
    first: dict[str, Any] = {}
    count, before = 0, 0.0
    for entry in log:
        if entry["type"] != "trained":
            first, count = {}, 0
        elif not first:
            first, before = entry, stolen()
        else:
            count += 1
            if count == ENTRIES:
                seconds = entry["time"] - first["time"]
                part = (stolen() - before) / seconds / (os.cpu_count() or 1)
                return Turn(state, entry["steps"][-1] - first["steps"][-1], seconds, part)
    return None


def compete(arguments: argparse.Namespace, home: str) -> list[Turn]:
    """All turns, in the order in which they were taken."""
    environment = {**os.environ, "DLTUI_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= {"LC_ALL": "C.UTF-8"}
    environment.pop("CI", None)
    train(arguments, environment)
    columns, rows = (int(part) for part in arguments.size.split("x"))
    log = entries(Path(home) / "runs" / "bench" / "events.jsonl")
    viewer = 0
    try:
        viewer = attach((columns, rows), environment)
        for _ in range(BEFORE):
            _turn(log, "before")
        return turns(log, arguments.rounds, viewer)
    finally:
        if viewer:
            os.kill(viewer, signal.SIGKILL)
            os.waitpid(viewer, 0)
        subprocess.run([*DLTUI, "kill", "bench", "--yes"], env=environment, check=False, stdout=subprocess.DEVNULL)


def undisturbed(done: list[Turn]) -> list[Turn]:
    """The turns of rounds in which the cores were ours."""
    rounds = [done[first : first + len(CYCLE)] for first in range(0, len(done), len(CYCLE))]
    kept = [turns for turns in rounds if all(turn.stolen <= MOST_STOLEN for turn in turns)]
    print(f"{len(rounds) - len(kept)} of {len(rounds)} rounds left out: a hypervisor took cores away")
    return [turn for turns in kept for turn in turns]


def report(done: list[Turn]) -> None:
    by_state = {state: [turn for turn in done if turn.state == state] for state in CYCLE}
    for state, found in by_state.items():
        print(f"{state:<12} {overall(found):8.2f} steps/s over {sum(turn.seconds for turn in found):.0f} s")
    watched, alone, again = (by_state[state] for state in CYCLE)
    both = [Turn("both", a.steps + b.steps, a.seconds + b.seconds) for a, b in zip(alone, again, strict=True)]
    for title, first, second in (("watched", watched, both), ("A/A", again, alone)):
        middle, low, high = interval([a.speed / b.speed for a, b in zip(first, second, strict=True)])
        print(f"{title:<8} {middle:.3f} times as fast as alone [{low:.3f}, {high:.3f}], {len(first)} rounds", end="; ")
        print(f"all together {overall(first) / overall(second):.3f}")


def overall(turns: list[Turn]) -> float:
    """Steps per second of all of them."""
    return sum(turn.steps for turn in turns) / sum(turn.seconds for turn in turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="cnn-torch")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--size", default="80x24")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        report(undisturbed(compete(arguments, home)))


if __name__ == "__main__":
    main()
