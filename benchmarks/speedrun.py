"""Seconds of training to 92, 93, 94 and 95 % on Fashion-MNIST, by the rules of speedrun.md.

    python benchmarks/speedrun.py --data-dir FOLDER [--targets 92,93] [--seeds 5] [--device auto] [--epochs N]
                                  [--set NAME=VALUE ...] [--record] [--json FILE]

FOLDER holds the four official files. For each target its recipe is trained once a seed (1, 2, ...), all of the 54,000
images that dltui trains on, and measured on the 6,000 held out for validation: --epochs and --set try other values.
With --record, and then only, the test split is measured too, and a line is printed for the table in speedrun.md.
--json writes all results to a file after each seed, and goes on with the seeds that are missing there: they need not
all be trained in one sitting.
--tiny trains softmax regression on scikit-learn's digits for a moment, as a trial of the program itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contender import make_attempt

import dltui
from dltui.core import fs
from dltui.core.catalog.assemble import load_catalog
from dltui.core.errors import DltuiError, UsageError
from dltui.core.machine.devices import choose, list_devices, worker_environment
from dltui.core.train.evaluation import rows_at_once

STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""The 97.5 % points of Student's distribution by number of values."""
SEEDS = 5
"""The least number of seeds of a record."""
WARM_UP_STEPS = 16


@dataclass(frozen=True)
class Recipe:
    """A model and its hyperparameters, where they differ from its defaults."""

    model: str
    options: Mapping[str, Any]
    dataset: str = "fashion-mnist"


RECIPES = {
    92.0: Recipe("cnn-torch", {"epochs": 10}),
    93.0: Recipe("cnn-small-torch", {"epochs": 10, "augment": "flip"}),
    94.0: Recipe("cnn-small-torch", {"epochs": 30, "augment": "flip", "erase": 0.25}),
    95.0: Recipe("resnet-torch", {"epochs": 40, "augment": "flip+shift", "erase": 0.25}),
}
"""Starting points; speedrun.md says which of them have been measured."""
TINY = Recipe("softmax-torch", {"epochs": 2}, "digits")


@dataclass(frozen=True)
class Result:
    """One seed: seconds of training, seconds before that, and accuracies in percent."""

    seed: int
    seconds: float
    warm_up: float
    validation: float
    test: float | None = None


def train(recipe: Recipe, folder: Path | None, device: str, seed: int, with_test: bool) -> Result:
    """Train with the last weights of the last epoch as the result: there is no choice among epochs."""
    began = time.perf_counter()
    attempt = make_attempt(recipe.model, folder, device, {**recipe.options, "seed": seed}, recipe.dataset)
    loop = attempt._prepare()
    _warm_up(loop)
    warm_up = time.perf_counter() - began
    loop.run()
    accuracy = {split: measure(loop, split) for split in ("validation", *(["test"] if with_test else []))}
    return Result(seed, loop.at.train_seconds, warm_up, accuracy["validation"], accuracy.get("test"))


def _warm_up(loop: Any) -> None:
    """Take a few steps and leave no trace of them: memory is allocated, kernels are chosen, compiled, captured."""
    trainable, steps = loop.trainable, min(WARM_UP_STEPS, loop.planner.steps_per_epoch)
    state = {name: array.copy() for name, array in trainable.state().items()}
    trainable.begin_epoch(loop.planner.epoch(0))
    trainable.advance(steps)
    trainable.load_state(state)


def measure(loop: Any, split: Any) -> float:
    """The accuracy of all images of a split in percent."""
    targets = loop.data.split(split).y
    most = rows_at_once(loop.trainable, loop.data.spec)
    rows = [slice(first, min(first + most, len(targets))) for first in range(0, len(targets), most)]
    outputs = np.concatenate([loop.trainable.predict(split, some) for some in rows])
    return 100 * float((outputs.argmax(1) == targets).mean())


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean and half the width of its 95 % interval by Student's distribution; nan for a single value."""
    if len(values) < 2:
        return statistics.mean(values), math.nan
    half = STUDENT[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def with_interval(values: Sequence[float]) -> str:
    mean, half = mean_interval(values)
    return f"{mean:.2f}" if math.isnan(half) else f"{mean:.2f} ± {half:.2f}"


def summary(target: float, recipe: Recipe, results: Sequence[Result]) -> str:
    seconds = with_interval([result.seconds for result in results])
    validation = [result.validation for result in results]
    text = f"{target:g} %: {seconds} s, validation {with_interval(validation)} %"
    tested = [result.test for result in results if result.test is not None]
    if tested:
        text += f", test {with_interval(tested)} %"
    reached = statistics.mean(tested or validation) >= target
    return f"{text}, {recipe.model}: {'reached' if reached else 'NOT reached'}"


def record(target: float, recipe: Recipe, results: Sequence[Result], hardware: str) -> str:
    """The line for the table in speedrun.md."""
    options = " ".join(f"{name}={value}" for name, value in recipe.options.items())
    cells = (
        time.strftime("%Y-%m-%d"),
        f"{target:g} %",
        f"{with_interval([result.seconds for result in results])} s",
        f"{statistics.mean(result.warm_up for result in results):.1f} s",
        f"{with_interval([result.test for result in results if result.test is not None])} %",
        f"{statistics.mean(result.validation for result in results):.2f} %",
        str(len(results)),
        f"{recipe.model} {options}",
        hardware,
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    arguments = _arguments()
    try:
        device = choose(arguments.device, list_devices())
        # From here on it is the only one of its kind.
        os.environ.update(worker_environment(device))
        arguments.device = device.kind
        hardware = f"{device.title}, PyTorch {_version()}"
        print(hardware, flush=True)
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"DLTUI_HOME": home, "DLTUI_PLUGIN_SECONDS": "120"}
            kept = Kept(arguments.json, hardware, _code())
            for target in arguments.targets:
                _run(target, arguments, hardware, kept)
    except DltuiError as error:
        raise SystemExit(f"speedrun.py: {error}") from None


class Kept:
    """The results in a file, None keeps nothing: those of an earlier sitting count, on the same hardware and with the
    same code.

    Raises UsageError for a file that is none of this program, or of other hardware or code.
    """

    def __init__(self, path: Path | None, hardware: str, code: str) -> None:
        self._path = path
        self._found: dict[str, Any] = {"hardware": hardware, "code": code, "runs": []}
        if path is None or not path.exists():
            return
        here = f"{hardware}, code {code}"
        try:
            self._found = json.loads(path.read_text(encoding="utf-8"))
            there = f"{self._found['hardware']}, code {self._found['code']}"
            for run in self._found["runs"]:
                _results(run)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{path} is no file of results: {error!r}") from None
        if there != here:
            raise UsageError(f"{path} has results of {there}; this is {here}: name another file")

    def results(self, target: float, recipe: Recipe) -> dict[int, Result]:
        """The results of a recipe by seed."""
        return _results(self._run(target, recipe))

    def add(self, target: float, recipe: Recipe, result: Result) -> None:
        """Keep a result, in place of an earlier one of this seed."""
        results = self._run(target, recipe)["results"]
        results[:] = [*(one for one in results if one["seed"] != result.seed), asdict(result)]
        if self._path is not None:
            fs.write_atomic(self._path, (json.dumps(self._found, indent=1) + "\n").encode())

    def _run(self, target: float, recipe: Recipe) -> dict[str, Any]:
        named = {"target": target, "recipe": asdict(recipe)}
        for run in self._found["runs"]:
            if {key: run.get(key) for key in named} == named:
                return run
        self._found["runs"].append(named | {"results": []})
        return self._found["runs"][-1]


def _results(run: Mapping[str, Any]) -> dict[int, Result]:
    """The results of a run in a file, by seed. Raises KeyError and TypeError for what is none."""
    return {found["seed"]: Result(**found) for found in run["results"]}


def _code() -> str:
    """A short digest of dltui's own source files, which says whether two sittings have trained with the same code."""
    sources = sorted(Path(dltui.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _run(target: float, arguments: argparse.Namespace, hardware: str, kept: Kept) -> None:
    recipe = _recipe(target, arguments)
    known = kept.results(target, recipe)
    results = []
    for seed in range(1, arguments.seeds + 1):
        result = known.get(seed)
        if result is None or (arguments.record and result.test is None):
            result = train(recipe, arguments.data_dir, arguments.device, seed, arguments.record)
            kept.add(target, recipe, result)
        results.append(result)
        times = f"{result.seconds:.2f} s after {result.warm_up:.1f} s"
        print(f"  seed {seed}: {times}, validation {result.validation:.2f} %", flush=True)
    print(summary(target, recipe, results), flush=True)
    if arguments.record:
        print(record(target, recipe, results, hardware), flush=True)


def _recipe(target: float, arguments: argparse.Namespace) -> Recipe:
    recipe = TINY if arguments.tiny else RECIPES[target]
    changes = dict(word.partition("=")[::2] for word in arguments.set)
    if arguments.epochs:
        changes["epochs"] = str(arguments.epochs)
    model = load_catalog().model(recipe.model)
    options = dict(recipe.options)
    for name, text in changes.items():
        field = model.field(name)
        if field is None:
            raise UsageError(f"{recipe.model} has no hyperparameter {name!r}")
        options[name] = field.parse(text)
    return Recipe(recipe.model, options, recipe.dataset)


def _version() -> str:
    from importlib.metadata import version

    return version("torch")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--targets", type=_targets, default=list(RECIPES), help="92,93,94,95 or some of them")
    parser.add_argument("--seeds", type=int, choices=range(1, 11), default=SEEDS, metavar="1..10")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another hyperparameter")
    parser.add_argument("--record", action="store_true", help="measure the test split, once, and print the record")
    parser.add_argument("--json", type=Path, help="keep the results there, and go on from them")
    parser.add_argument("--tiny", action="store_true", help="a trial of the program itself")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.targets = arguments.targets[:1]
    elif arguments.data_dir is None:
        parser.error("--data-dir FOLDER is needed: the folder with the four files of Fashion-MNIST")
    if arguments.record and arguments.seeds < SEEDS and not arguments.tiny:
        parser.error(f"a record needs at least {SEEDS} seeds")
    return arguments


def _targets(text: str) -> list[float]:
    chosen = [float(word) for word in text.split(",")]
    for target in chosen:
        if target not in RECIPES:
            raise argparse.ArgumentTypeError(
                f"no recipe for {target:g}; there is {', '.join(f'{t:g}' for t in RECIPES)}"
            )
    return chosen


if __name__ == "__main__":
    main()
