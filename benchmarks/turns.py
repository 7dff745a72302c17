"""Contenders of a benchmark take turns, each in its own process, so that a noisy machine hurts all of them alike."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

WARM_UP = 2
# Part of the cores' time.
MOST_STOLEN = 0.01


class Turns:
    """The contender's side: `begin` waits for a word, `end` says how long the slice took and waits for the next."""

    def __init__(self) -> None:
        # What frameworks print must not be taken for an answer.
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self._waited = 0.0
        self._began = 0.0

    def begin(self) -> None:
        waiting = time.perf_counter()
        if not sys.stdin.readline():
            os._exit(0)
        self._began = time.perf_counter()
        self._waited += self._began - waiting

    def end(self, seconds: float | None = None) -> None:
        """Without `seconds`: all of the time since the turn began."""
        self._answers.write(f"{time.perf_counter() - self._began if seconds is None else seconds}\n")
        self.begin()

    def clock(self) -> float:
        """Seconds without those in which the others had their turns."""
        return time.perf_counter() - self._waited


def start(command: Sequence[str], environment: dict[str, str], silent: bool = False) -> subprocess.Popen[str]:
    """With `silent`, what a framework says on standard error is dropped."""
    errors = subprocess.DEVNULL if silent else None
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env={**os.environ, **environment}
    )


def measure(
    children: dict[str, subprocess.Popen[str]], rounds: int, until: float | None = None
) -> dict[str, list[float]]:
    """Seconds of a slice in each round. The order within a round turns, so that nobody always follows the same one.

    With `until`, a time of `time.monotonic`, what ends early or has no answer by then is left out of later rounds.
    """
    names = list(children)
    times: dict[str, list[float]] = {name: [] for name in names}
    try:
        for number in range(-WARM_UP, rounds):
            turn = number % len(names) if names else 0
            for name in names[turn:] + names[:turn]:
                seconds = _take_turn(children[name], until)
                if seconds is None and until is None:
                    raise SystemExit(f"the contender {name} ended: what it said is above")
                if seconds is None:
                    names.remove(name)
                elif number >= 0:
                    times[name].append(seconds)
    finally:
        for child in children.values():
            child.kill()
            child.wait()
    return times


def _take_turn(child: subprocess.Popen[str], until: float | None) -> float | None:
    """What the contender says of its slice; None if it ends, or says nothing in time."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write("go\n")
        child.stdin.flush()
        left = None if until is None else max(0.0, until - time.monotonic())
        # Each answer is a line, asked for: between turns nothing waits in the buffer of `stdout`.
        if not select.select([child.stdout], [], [], left)[0]:
            return None
        answer = child.stdout.readline()
    except BrokenPipeError:
        answer = ""
    return float(answer) if answer else None


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Median and its 95 % bootstrap interval."""
    values = np.array(ratios)
    random = np.random.default_rng(0)
    medians = np.median(random.choice(values, (10_000, len(values))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(np.median(values)), float(low), float(high)


def stolen() -> float:
    """Seconds that a hypervisor gave to others than this machine, of all its cores together, proc_stat(5)."""
    times = Path("/proc/stat").read_text("ascii").splitlines()[0].split()
    return int(times[8]) / os.sysconf("SC_CLK_TCK")
