"""Preempts runs in the queue of a small Slurm (`tests.fakes.slurm`) at random moments.

    python -m tests.faults.slurm numpy|torch|tensorflow|nodes [--preemptions N] [--seed N] [--bugs]

Jobs are warned by USR2, USR1 or TERM, or killed with their node without a word, while they start, train, evaluate or
save, and go into the queue again. Each run must end by itself with the weights and the curve, bit for bit, of a run
that nobody disturbed. `nodes` are two, with a rank of PyTorch each. `--bugs` plants a bug that must be found.

Exit code 0: nothing was lost. 1: something was. With --bugs: 0 when the bug was found.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from tests.fakes.slurm import FakeSlurm
from tests.faults.lab import FAKE, result

LONGEST = 300.0
WARNINGS = ("USR2", "USR2", "USR2", "USR1", "TERM", "KILL")
DATA: dict[str, tuple[str, str, dict[str, Any]]] = {
    "numpy": ("softmax-numpy", "blobs", {"n": 400}),
    "torch": ("mlp-torch", "digits", {}),
    "tensorflow": ("mlp-tensorflow", "digits", {}),
    "nodes": ("cnn-torch", "digits", {}),
}
CONFIG: dict[str, Any] = {"batch_size": 32, "threads": 1, "checkpoint_seconds": 0.2, "schedule": "cosine"}
OWN: dict[str, dict[str, Any]] = {
    "numpy": {"epochs": 40, "lr": 1.0, "step_seconds": 0.01},
    "torch": {"epochs": 60, "lr": 0.02, "dropout": 0.3, "optimizer": "adamw"},
    "tensorflow": {"epochs": 60, "lr": 0.02, "dropout": 0.3, "optimizer": "adamw"},
    "nodes": {"epochs": 60, "threads": 2, "dropout": 0.3, "deterministic": True},
}


BUG = """
import sys
if "dltui.core.worker.worker_process" in " ".join(sys.orig_argv):
    from dltui.core.rundir import checkpoint
    sound = checkpoint.load_latest
    def forgetful(*arguments):
        found = sound(*arguments)
        for name in list(found.state) if found else ():
            found.state[name] = found.state[name] * (not name.startswith("optimizer/"))
        return found
    checkpoint.load_latest = forgetful
"""


class Cluster:
    """A cluster, and runs of one model in its queue."""

    def __init__(self, framework: str, folder: Path, seed: int) -> None:
        self.framework, self.folder, self.random = framework, folder, random.Random(seed)
        self.slurm = FakeSlurm(folder / "slurm")
        os.environ.update(self.slurm.environment)
        self.catalog = load_catalog([FAKE])
        self.warned: Counter[str] = Counter()
        self.starts = 0

    def new_run(self, name: str, launcher: str) -> RunDirectory:
        model, dataset, options = DATA[self.framework]
        nodes, away = 2 if self.framework == "nodes" else 1, launcher == "slurm"
        request = RunRequest(
            model,
            dataset,
            options,
            device="cpu" if nodes == 1 else "auto" if away else f"cpu:{nodes}",
            config=CONFIG | OWN[self.framework],
            name=name,
            exports=str(self.folder / "exports"),
            formats=("none",),
            plugins=(FAKE,),
            launcher=launcher,
            launcher_options={"nodes": nodes} if away and nodes > 1 else {},
        )
        return create_run(request, self.catalog)

    def undisturbed(self) -> tuple[RunDirectory, float]:
        """A run that nobody disturbs, and the seconds that it took."""
        run, began = self.new_run("whole", "local"), time.monotonic()
        os.waitpid(start.spawn_worker(run), 0)
        return run, time.monotonic() - began

    def disturbed(self, name: str, most: int, seconds: float) -> RunDirectory:
        """A run that is preempted up to `most` times, each a random time of up to `seconds` after its job began."""
        run = self.new_run(name, "slurm")
        start.spawn_worker(run)
        number = self.slurm.jobs()[-1]["id"]
        for start_number in range(1, most + 1):
            if not self._until(lambda wanted=start_number: self._starts(number) >= wanted or self.slurm.ended()):
                break
            self._until(self.slurm.ended, self.random.random() * seconds)
            if self.slurm.ended():
                break
            warning = self.random.choice(WARNINGS)
            self.slurm.preempt(number, warning, grace=self.random.choice((0.1, 20.0, 20.0)))
            self.warned[warning] += 1
        self.slurm.wait(LONGEST)
        self.starts += self._starts(number)
        return run

    def _starts(self, number: str) -> int:
        return int(next(job for job in self.slurm.jobs() if job["id"] == number).get("starts", 0))

    def _until(self, done: Callable[[], bool], seconds: float = LONGEST) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def differences(whole: RunDirectory, run: RunDirectory) -> list[str]:
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    if status.name != "finished":
        return [f"{run.id} is {status.name}: {status.why}"]
    before, after = result(whole), result(run)
    return [
        f"{run.id}: other {name}"
        for name in ("weights", "epochs", "curve", "test")
        if getattr(before, name) != getattr(after, name)
    ]


def preempt_all(cluster: Cluster, preemptions: int) -> list[str]:
    whole, seconds = cluster.undisturbed()
    print(f"undisturbed: {seconds:.1f} s", flush=True)  # noqa: T201
    faults: list[str] = []
    number, began = 0, time.monotonic()
    while (done := cluster.warned.total()) < preemptions:
        run = cluster.disturbed(f"d{number}", min(20, preemptions - done), 0.5 * seconds)
        found = differences(whole, run)
        faults += found
        number += 1
        print(f"{run.id}: {cluster.warned.total()} preemptions so far, {len(found)} differences", flush=True)  # noqa: T201
    told = ", ".join(f"{name} {count}" for name, count in sorted(cluster.warned.items()))
    taken = f"{time.monotonic() - began:.0f} s, {number} runs, {cluster.starts} starts"
    print(f"{cluster.warned.total()} preemptions ({told}) in {taken}: {len(faults)} differences", flush=True)  # noqa: T201
    return faults


def find_bug(cluster: Cluster) -> list[str]:
    """The differences when a job that begins again has lost the state of its optimizer."""
    site = cluster.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BUG)
    with mock.patch.dict(os.environ, {"PYTHONPATH": str(site)}):
        return preempt_all(cluster, 6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=tuple(DATA))
    parser.add_argument("--preemptions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        with mock.patch.dict(os.environ, {**places, "CUDA_VISIBLE_DEVICES": ""}):
            cluster = Cluster(asked.framework, Path(folder), asked.seed)
            try:
                faults = find_bug(cluster) if asked.bugs else preempt_all(cluster, asked.preemptions)
            finally:
                cluster.slurm.stop()
    print("\n".join(faults[:20]), flush=True)  # noqa: T201
    return int(not faults if asked.bugs else bool(faults))


if __name__ == "__main__":
    sys.exit(main())
