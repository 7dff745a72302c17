"""Kills what Ray has started of a run with two workers on a cluster of this machine: its driver, a worker, or all.

    python -m tests.faults.ray_kills torch|tensorflow [--kills 8] [--seed N]

Each kill comes a random time after a checkpoint. With the driver everything must end that it has started, and the run
is resumed; a lost worker Ray replaces by itself. The weights must be those of a run that nobody disturbed.

Exit code 0: nothing was lost. 1: something was.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from tests.faults.lab import result
from tests.faults.slurm import differences

CONFIG: dict[str, Any] = {"epochs": 150, "threads": 2, "deterministic": True, "checkpoint_seconds": 0.3}
CONFIG |= {"dropout": 0.3, "schedule": "cosine"}
KINDS = ("driver", "worker 0", "worker 1", "all")
KILLS_A_RUN = 4
LONGEST, LEAVING = 400.0, 20.0
RAY_LEAVING = 300.0
"""Ray's own agents notice after some minutes that their cluster is gone."""


class RayKiller:
    """Runs of one framework, and what has become of them."""

    def __init__(self, framework: str, folder: Path, seed: int) -> None:
        self.framework, self.folder, self.random = framework, folder, random.Random(seed)
        self.catalog = load_catalog()
        self.struck: Counter[str] = Counter()
        self.resumes = 0
        self.below: list[psutil.Process] = []
        """What a killed driver had started."""
        self.faults: list[str] = []

    def begin(self, name: str) -> RunReader:
        request = RunRequest(
            f"cnn-{self.framework}", "digits", device="cpu", config=CONFIG, name=name, formats=("none",),
            exports=str(self.folder / "exports"), launcher="ray", launcher_options={"workers": 2},
        )  # fmt: skip
        run = create_run(request, self.catalog)
        start.spawn_worker(run)
        return RunReader(run)

    def undisturbed(self) -> RunDirectory:
        reader = self.begin("whole")
        self._until(lambda: self._status(reader) == "finished", reader)
        return reader.directory

    def disturbed(self, name: str, most: int, whole: RunDirectory) -> None:
        """A run that loses something up to `most` times."""
        reader = self.begin(name)
        for number in range(1, most + 1):
            self._until(functools.partial(self._trains, reader, number), reader)
            time.sleep(self.random.random())
            if self._status(reader) == "finished":
                break
            self._strike(reader)
        self._until(lambda: self._status(reader) == "finished", reader)
        self.faults += differences(whole, reader.directory)

    def _strike(self, reader: RunReader) -> None:
        kind = self.random.choice(KINDS)
        record = launch.read(reader.directory.path)
        assert record is not None
        driver = psutil.Process(int(record.job["pid"]))
        below = driver.children(recursive=True)
        workers = workers_of_ray(reader, below)
        own = [one for one in below if "dltui" in command_of(one)]
        chosen = {"driver": [driver], "worker 0": workers[:1], "worker 1": workers[1:], "all": [driver, *workers]}[kind]
        for one in chosen:
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(one.pid, signal.SIGKILL)
        self.struck[kind] += 1
        if driver not in chosen:
            return
        self._see_off([driver, *own], LEAVING)
        self.below += below
        self._until(lambda: self._status(reader) == "interrupted", reader)
        start.spawn_worker(reader.directory)
        self.resumes += 1

    def _see_off(self, processes: Sequence[psutil.Process], seconds: float) -> None:
        """Wait for the end of processes; those that do not end are faults."""
        for one in psutil.wait_procs(processes, seconds)[1]:
            self.faults.append(f"{one.pid} {command_of(one)[:80]} is left behind")

    def see_all_off(self) -> None:
        """Wait for what is left of Ray's own clusters."""
        self._see_off(self.below, RAY_LEAVING)

    def _trains(self, reader: RunReader, attempt: int) -> bool:
        """True once this attempt, or a later one, has left a checkpoint, or the run has ended."""
        status = self._status(reader)
        saved = [one for one in reader.history.checkpoints if one["attempt"] >= attempt]
        return status == "finished" or (bool(saved) and status == "running")

    def _status(self, reader: RunReader) -> str:
        launching.refresh(reader.directory, reader.status())
        reader.refresh()
        return reader.status().name

    def _until(self, done: Callable[[], bool], reader: RunReader) -> None:
        deadline = time.monotonic() + LONGEST
        while not done():
            if time.monotonic() > deadline:
                status = reader.status()
                raise SystemExit(f"{reader.directory.id} stays {status.name}: {status.why}")
            time.sleep(0.05)


def command_of(one: psutil.Process) -> str:
    """The command line of a process; "" of one that has ended."""
    with contextlib.suppress(psutil.Error):
        return " ".join(one.cmdline())
    return ""


def workers_of_ray(reader: RunReader, below: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Ray's workers, that of the first rank first."""
    live = reader.live()
    assert live is not None
    found = []
    for one in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            is_rank = "rank_process" in command_of(one) and one.ppid() != live.pid
            if one.pid == live.pid or is_rank:
                found.append((one.pid != live.pid, psutil.Process(one.ppid())))
    return [worker for _, worker in sorted(found, key=lambda item: item[0])]


def kill(killer: RayKiller, kills: int) -> None:
    whole, began, number = killer.undisturbed(), time.monotonic(), 0
    assert result(whole).weights
    while (done := killer.struck.total()) < kills:
        killer.disturbed(f"r{number}", min(KILLS_A_RUN, kills - done), whole)
        number += 1
        print(f"{killer.struck.total()} kills so far, {len(killer.faults)} faults", flush=True)  # noqa: T201
    killer.see_all_off()
    told = ", ".join(f"{name} {count}" for name, count in sorted(killer.struck.items()))
    taken = f"{time.monotonic() - began:.0f} s, {number} runs, {killer.resumes} resumes by hand"
    print(f"{killer.struck.total()} kills ({told}) in {taken}: {len(killer.faults)} faults", flush=True)  # noqa: T201


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("torch", "tensorflow"))
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        with mock.patch.dict(os.environ, {**places, "CUDA_VISIBLE_DEVICES": ""}):
            killer = RayKiller(asked.framework, Path(folder), asked.seed)
            try:
                kill(killer, asked.kills)
            finally:
                for run in (Path(folder) / "home" / "runs").iterdir():
                    if RunReader(RunDirectory(run)).status().over or not launching.has_job(RunDirectory(run)):
                        continue
                    launching.end(RunDirectory(run))
    print("\n".join(killer.faults[:20]), flush=True)  # noqa: T201
    return int(bool(killer.faults))


if __name__ == "__main__":
    sys.exit(main())
