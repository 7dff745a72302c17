"""What pruning saves and whether it finds the best, and whether a sampler is better than chance. CPU.

    python benchmarks/sweeps.py [--epochs 9] [--seeds 5] [--trials 40] [--part pruners|samplers] [--json FILE]

Pruners: on three fixed problems (softmax, mlp and cnn of PyTorch on the digits) every trial of a grid of 24 is trained
for real and to its end. The rules of `dltui sweep` are then applied to these curves in the order of the grid: the curve
of a trial that is pruned is the beginning of its whole curve, bit for bit, so that this is what a sweep with
`--parallel 1` does. Told are the epochs that each pruner spends, and the rank of the trial that it finds.

Samplers: the mean over the seeds of the best value after `--trials` trials, found by random, tpe and, with `--gp`, gp:
on three analytic functions, which are labelled so, and for real on the mlp (validation loss on the digits, 3 epochs,
5 hyperparameters, `--real-trials` trials).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dltui.core.analysis.trials import pruning, space
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Dimension, Values
from dltui.core.analysis.trials.trial import Trial, curve
from dltui.core.catalog import plugin_loader
from dltui.core.catalog.sources import FIRST
from dltui.core.contract import Data
from dltui.core.data import prepare_process
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import RunError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Evaluated, Event
from dltui.core.sweep import samplers
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.train.loop import Loop
from dltui.core.train.plan import Planner

LR = Dimension("lr", "float", 0.003, 1.0, True, 8)
BATCH = Dimension("batch_size", "choice", values=(16, 64, 256))
GRIDS: dict[str, dict[str, Any]] = {
    "softmax": {},
    "mlp": {"layers": [64], "dropout": 0.1},
    "cnn": {"dropout": 0.1},
}
REAL = (
    Dimension("lr", "float", 1e-4, 2.0, True),
    Dimension("batch_size", "int", 16, 256, True),
    Dimension("momentum", "float", 0.0, 0.99),
    Dimension("dropout", "float", 0.0, 0.6),
    Dimension("weight_decay", "float", 1e-6, 0.1, True),
)
ANALYTIC_SPACE = tuple(Dimension(name, "float", -2.0, 2.0) for name in "abcd")
WORST = -100.0
NOWHERE = RunDirectory("/nowhere")


def _sphere(v: Mapping[str, float]) -> float:
    return -sum((x - 0.7) ** 2 for x in v.values())


def _rosenbrock(v: Mapping[str, float]) -> float:
    x = list(v.values())
    return -sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def _ridge(v: Mapping[str, float]) -> float:
    """Two of the four matter, with a small waviness."""
    return -((v["a"] - 1) ** 2) - 2 * (v["b"] + 0.5) ** 2 + 0.1 * math.cos(9 * v["a"])


ANALYTIC = {"sphere": _sphere, "rosenbrock": _rosenbrock, "ridge": _ridge}


class Scores:
    """A journal that keeps the validation loss of each epoch, and nothing else."""

    def __init__(self) -> None:
        self.loss: dict[int, float] = {}

    def emit(self, event: Event, sync: bool = False) -> None:
        if isinstance(event, Evaluated) and event.split == "validation":
            self.loss[event.epoch] = event.metrics["loss"]

    def phase(self, name: str, detail: str = "") -> None: ...
    def progress(self, step: int, epoch: int) -> None: ...
    def totals(self, epochs: int, total_steps: int) -> None: ...
    def keep(self, record: dict[str, Any]) -> None: ...

    def commit(self, snapshots: list[Any], files: dict[str, Any]) -> None: ...
    def obeyed(self, command: Any) -> None: ...
    def commands(self) -> list[Any]:
        return []


class Trainer:
    """Trains a model of PyTorch on the digits, in this process."""

    def __init__(self, name: str) -> None:
        shipped = {"kind": "package", "name": FIRST}
        self._source = {**shipped, "entry_points": (("torch", "dltui.plugins.torch"),)}
        data = {**shipped, "entry_points": (("datasets", "dltui.plugins.datasets"),)}
        asked = {"dataset": "digits", "dataset_source": data, "dataset_options": {}}
        self.data: Data = load_prepared(prepare_process.prepare(asked, lambda text, fraction=None: None))
        self._model = plugin_loader.load_model(self._source, f"{name}-torch")
        self._backend = plugin_loader.load_backend(self._source, "torch")

    def losses(self, config: Mapping[str, Any]) -> dict[int, float]:
        """The validation loss after each epoch; fewer of a training that diverged."""
        checked = self._model.config.model_validate({"schedule": "cosine", "threads": 1, **config})
        journal = Scores()
        trainable = self._backend.trainable(self._model, checked, self.data, "cpu")
        planner = Planner(checked, len(self.data.train), shape=self.data.spec.input_shape)
        with contextlib.suppress(RunError):
            Loop(trainable, self.data, planner, journal, monitor=choose_monitor("classification", "-loss")).run()
        return journal.loss


def grid(name: str, fixed: Mapping[str, Any], epochs: int) -> list[dict[int, float]]:
    """The curves of all trials of a grid."""
    trainer = Trainer(name)
    return [trainer.losses({**fixed, "epochs": epochs, **values}) for values in space.grid((LR, BATCH))]


def pruned(plan: Plan, curves: list[dict[int, float]]) -> dict[str, Any]:
    """What a pruner would have made of these trials: epochs spent, and the rank of the best that it finds."""
    known: list[pruning.Curve] = []
    spent, finished = 0, {}
    for number, losses in enumerate(curves):
        own = curve(number, losses, -1)
        done = len(losses)
        for epoch in sorted(losses):
            if pruning.reason(plan, own, epoch, known):
                done = epoch
                break
        else:
            finished[number] = max(own.bests.values(), default=-math.inf)
        spent += done
        known.append(pruning.Curve(number, {epoch: value for epoch, value in own.values.items() if epoch <= done}))
    best = max(finished, key=lambda number: finished[number])
    order = sorted(range(len(curves)), key=lambda number: min(curves[number].values(), default=math.inf))
    return {"epochs": spent, "of": sum(map(len, curves)), "found": best, "rank": order.index(best) + 1}


def pruners(epochs: int) -> list[dict[str, Any]]:
    rows = []
    for name, fixed in GRIDS.items():
        began = time.perf_counter()
        curves = grid(name, fixed, epochs)
        for pruner in ("asha", "hyperband", "median"):
            found = pruned(Plan(name, (LR, BATCH), len(curves), "grid", pruner, epochs=epochs), curves)
            rows.append({"problem": f"{name} on digits", "pruner": pruner, "trials": len(curves), **found})
            share = 100 * found["epochs"] / found["of"]
            same = "the best of the grid" if found["rank"] == 1 else f"number {found['rank']} of the grid"
            print(f"{name:>8} {pruner:>10}: {found['epochs']:>4} of {found['of']} epochs ({share:.0f} %), finds {same}")
        print(f"{name:>8} grid trained in {time.perf_counter() - began:.0f} s")
    return rows


def best_of(plan: Plan, value: Callable[[Values], float]) -> float:
    """The best value that a sampler finds."""
    trials: list[Trial] = []
    for number in range(plan.trials):
        values = samplers.values(plan, number, trials)
        scores = {1: value(values)}
        trials.append(Trial(number, NOWHERE, values, "finished", scores=scores, epochs=1, over=True))
    return max(one.best or WORST for one in trials)


def compare_samplers(seeds: int, trials: int, real_trials: int, names: list[str]) -> list[dict[str, Any]]:
    rows = []
    base = Plan("bench", ANALYTIC_SPACE, trials, pruner="none")
    trainer = Trainer("mlp")

    def real(values: Values) -> float:
        losses = trainer.losses({**values, "layers": [32], "epochs": 3})
        return -min(losses.values()) if len(losses) == 3 else WORST

    problems = {f"{name} (analytic)": (base, function) for name, function in ANALYTIC.items()}
    problems["mlp on digits (real)"] = (replace(base, space=REAL, trials=real_trials), real)
    for problem, (plan, function) in problems.items():
        for sampler in names:
            found = [best_of(replace(plan, sampler=sampler, seed=seed), function) for seed in range(seeds)]
            row = {"problem": problem, "sampler": sampler, "trials": plan.trials, "best": found}
            rows.append(row | {"mean": statistics.fmean(found)})
            print(f"{problem:>22} {sampler:>7}: mean {statistics.fmean(found):.4f} of {seeds} seeds")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--real-trials", type=int, default=25)
    parser.add_argument("--gp", action="store_true", help="also the sampler gp, which takes much longer")
    parser.add_argument("--part", choices=("pruners", "samplers"))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    if asked.part != "samplers":
        found["pruners"] = pruners(asked.epochs)
    if asked.part != "pruners":
        names = ["random", "tpe", *(["gp"] if asked.gp else [])]
        found["samplers"] = compare_samplers(asked.seeds, asked.trials, asked.real_trials, names)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
