"""How near each task comes to the best that can be reached, with nothing but the defaults of its models. CPU.

    python benchmarks/optima.py [--only WORD ...] [--frameworks torch tensorflow] [--seed 0] [--json FILE]

The data are drawn from distributions that are known, so that the optimum is that of the rule by Bayes: for classes
and labels the mean probability of the likeliest, for numbers the deviation of their noise, for the shapes, which
hide nothing, a mean IoU of 1. Each problem is trained by `dltui train` in both frameworks, one run after the other,
about 15 minutes on two cores. Told are the optimum, what the test split gave, and their ratio, which is below 1 where
something is missing; `blind` is what a model reaches that sees no inputs. Exit code 1 if a ratio is below 0.95.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dltui.plugins.datasets.sequences import waves

NEAR = 0.95
ROWS, TEXTS = 10_000, 4_000
TEST = "test=0.4"
"""Of the tables: chance then changes the ratio by no more than a hundredth."""
CLASSES = ("ash", "birch", "cedar")
SCALES, OFFSETS, NOISE = (1.0, 1_000.0, 0.01), (0.0, 50_000.0, -3.0), 0.4
"""Of the three targets; the noise is that of the targets before they are scaled."""
CITIES, COLORS = 12, 4
WORDS, SHORTEST, LONGEST, TOPICAL = 200, 6, 24, 0.6
"""Words of the texts, their lengths, and how much a topic changes the logarithm of a word's frequency."""


@dataclass(frozen=True)
class Problem:
    """`metric` is a name in `summary.json`, or `rmse`: the root of the squared error of each target in its own units,
    divided by its scale, of which the largest counts.
    """

    task: str
    models: tuple[str, ...]
    dataset: str
    metric: str
    optimum: float
    blind: float
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """What came of a problem in a framework."""

    task: str
    model: str
    metric: str
    optimum: float
    blind: float
    reached: float
    ratio: float
    seconds: float


def scores(random: np.random.Generator, rows: int) -> tuple[list[list[str]], Any]:
    """The cells of the columns x, y, city and color, and three scores of each row (rows, 3), each with deviation 1:
    they bend, depend on categories, and on a number in another way for each color.
    """
    x, y = random.normal(size=(2, rows))
    city, color = random.integers(CITIES, size=rows), random.integers(COLORS, size=rows)
    effects, slopes = random.normal(size=(3, CITIES)), random.normal(size=(3, COLORS))
    found = np.stack([np.sin(2 * x + n) + effects[n][city] + slopes[n][color] * y for n in range(3)], axis=1)
    cells = [[f"{a:.6f}", f"{b:.6f}", f"city{c}", f"color{d}"] for a, b, c, d in zip(x, y, city, color, strict=True)]
    return cells, (found - found.mean(axis=0)) / found.std(axis=0)


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The name of the table as a dataset."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return f"csv:{path}"


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(random: np.random.Generator, chances: Any) -> Any:
    """A class for each row of probabilities (n, classes)."""
    return (random.random((len(chances), 1)) > np.cumsum(chances, axis=1)[:, :-1]).sum(axis=1)


def of_classes(folder: Path, random: np.random.Generator) -> Problem:
    cells, found = scores(random, ROWS)
    chances = softmax(3 * found)
    y = drawn(random, chances)
    dataset = write(
        folder / "classes.csv",
        ("x", "y", "city", "color", "label"),
        [[*row, CLASSES[label]] for row, label in zip(cells, y, strict=True)],
    )
    best, blind = chances.max(axis=1).mean(), np.bincount(y).max() / ROWS
    return Problem("classes of a table", ("tabular",), dataset, "accuracy", best, blind, (TEST,))


def of_labels(folder: Path, random: np.random.Generator) -> Problem:
    cells, found = scores(random, ROWS)
    chances = 1 / (1 + np.exp(-4 * found))
    present = random.random(chances.shape) < chances
    dataset = write(
        folder / "labels.csv",
        ("x", "y", "city", "color", *(f"is_{name}" for name in CLASSES)),
        [[*row, *map(str, labels)] for row, labels in zip(cells, present.astype(int), strict=True)],
    )
    best = np.maximum(chances, 1 - chances).mean()
    blind = np.maximum(present.mean(axis=0), 1 - present.mean(axis=0)).mean()
    return Problem("several labels", ("tabular",), dataset, "label_accuracy", best, blind, ("labels=is_*", TEST))


def of_numbers(folder: Path, random: np.random.Generator) -> Problem:
    cells, found = scores(random, ROWS)
    targets = (found + NOISE * random.normal(size=found.shape)) * SCALES + OFFSETS
    dataset = write(
        folder / "numbers.csv",
        ("x", "y", "city", "color", *(f"out_{name}" for name in CLASSES)),
        [[*row, *(f"{value:.9g}" for value in values)] for row, values in zip(cells, targets, strict=True)],
    )
    blind = (1 + NOISE**2) ** 0.5
    return Problem("several numbers", ("tabular",), dataset, "rmse", NOISE, blind, ("targets=out_*", TEST))


def of_texts(folder: Path, random: np.random.Generator) -> Problem:
    """Texts whose words are drawn one by one, with other frequencies for each topic."""
    chances = softmax(random.normal(size=WORDS) + TOPICAL * random.normal(size=(len(CLASSES), WORDS)))
    topics = random.integers(len(CLASSES), size=TEXTS)
    words = [random.choice(WORDS, random.integers(SHORTEST, LONGEST + 1), p=chances[topic]) for topic in topics]
    rows = [[" ".join(f"w{n}" for n in text), CLASSES[topic]] for text, topic in zip(words, topics, strict=True)]
    logits = np.stack([np.log(chances)[:, text].sum(axis=1) for text in words])
    best, blind = softmax(logits).max(axis=1).mean(), np.bincount(topics).max() / TEXTS
    dataset = write(folder / "texts.csv", ("text", "topic"), rows)
    return Problem("texts", ("transformer", "lstm"), dataset, "accuracy", best, blind)


def problems(folder: Path, seed: int) -> list[Problem]:
    random = [np.random.default_rng([seed, number]) for number in range(4)]
    lengths = np.arange(waves.SHORTEST, waves.LONGEST + 1)
    best = waves.optimum(waves.WavesOptions().noise, lengths)
    return [
        Problem("sequences", ("lstm", "transformer"), "waves", "accuracy", best, 0.5),
        of_texts(folder, random[0]),
        of_classes(folder, random[1]),
        of_labels(folder, random[2]),
        of_numbers(folder, random[3]),
        Problem("masks", ("unet",), "shapes", "miou", 1.0, 0.25),
    ]


def train(problem: Problem, model: str, folder: Path, seed: int) -> Row:
    """Train a run to its end. Raises SystemExit where it fails."""
    exports = folder / "exports" / f"{problem.task}-{model}"
    words = [model, "--dataset", problem.dataset, "--seed", str(seed), "--device", "cpu", "--exports", str(exports)]
    options = [word for option in problem.data for word in ("--data", option)]
    began = time.perf_counter()
    command = [sys.executable, "-m", "dltui", "train", *words, *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DLTUI_HOME": f"{folder}/home"})
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    (path,) = exports.glob("*/summary.json")
    optimum, reached = float(problem.optimum), value(problem.metric, json.loads(path.read_text()))
    ratio = optimum / reached if problem.metric == "rmse" else reached / optimum
    return Row(problem.task, model, problem.metric, optimum, float(problem.blind), reached, ratio, seconds)


def value(metric: str, summary: dict[str, Any]) -> float:
    """The value of the test split."""
    if metric != "rmse":
        return float(summary[f"test_{metric}"])
    errors = [found["mse"] ** 0.5 for found in summary["targets"].values()]
    return float(max(error / scale for error, scale in zip(errors, SCALES, strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="problems or models with these in a name")
    parser.add_argument("--frameworks", nargs="*", default=["torch", "tensorflow"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: list[Row] = []
    print(f"{'task':<20} {'model':<23} {'metric':<15} optimum   blind reached  ratio seconds", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for problem in problems(Path(folder), asked.seed):
            for model in (f"{name}-{framework}" for name in problem.models for framework in asked.frameworks):
                if all(word not in f"{problem.task} {model}" for word in asked.only or [""]):
                    continue
                row = train(problem, model, Path(folder), asked.seed)
                rows.append(row)
                values = f"{row.optimum:7.4f} {row.blind:7.4f} {row.reached:7.4f} {row.ratio:6.3f} {row.seconds:7.0f}"
                print(f"{row.task:<20} {row.model:<23} {row.metric:<15} {values}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return int(any(row.ratio < NEAR for row in rows))


if __name__ == "__main__":
    sys.exit(main())
