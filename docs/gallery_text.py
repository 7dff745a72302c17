"""The texts of the gallery: what results.json says, as tables and captions in Markdown."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ARCHITECTURES = ("linear-regression", "softmax", "mlp", "cnn")
CLASSIFIERS = ARCHITECTURES[1:]
RECIPES = {"cnn-small": "--epochs 30 --augment flip --erase 0.25"}
"""Models with a longer recipe, and what it says beyond their defaults."""
FRAMEWORKS = ("torch", "tensorflow")
NAMES = {
    "linear-regression": "Linear regression",
    "softmax": "Softmax classifier",
    "mlp": "MLP",
    "cnn": "CNN",
    "cnn-small": "Small CNN [c]",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
}
SEEDS = 3
"""Runs of a model and framework."""
EARLIER = {"softmax": "76.6", "mlp": "79.3", "cnn": "89.5"}
"""Percent on one batch of 256 test images."""
PUBLISHED = {
    "softmax": "84.2 [a]",
    "mlp": "87.1 [a], 90.0 [b]",
    "cnn": "92.2 [b]",
}
SOURCES = (
    "[a] logistic regression, and scikit-learn's MLP with 100 hidden units: Xiao, Rasul, Vollgraf, "
    "[Fashion-MNIST](https://arxiv.org/abs/1708.07747), 2017, table 3. "
    "[b] MLP 256-128-64, and two convolutional layers with 113,000 parameters: the benchmark list of the "
    "[dataset's repository](https://github.com/zalandoresearch/fashion-mnist#benchmark). "
    "[c] with options of its own, chosen on the validation split: "
    f"`dltui train cnn-small-torch --dataset fashion-mnist {RECIPES['cnn-small']}`."
)
RECORDS = Path(__file__).parent.parent / "benchmarks" / "speedrun.md"
MARKS = ("<!-- results: written by docs/gallery.py -->", "<!-- end of results -->")
Results = dict[str, Any]
Run = dict[str, Any]


def dataset(architecture: str) -> str:
    return "lines" if architecture == "linear-regression" else "fashion-mnist"


def figures(architecture: str) -> tuple[str, ...]:
    """Files that the gallery shows of a model; all but the last two kinds are SVG only."""
    if architecture == "linear-regression":
        return ("regression.svg",)
    return ("training_metrics.svg", "confusion_matrix.svg", "mislabeled.svg", "structure.svg", "structure.png")


def read(path: Path) -> Results:
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found


def runs(results: Results, architecture: str, framework: str) -> list[Run]:
    """Those of all seeds, in order."""
    every = (*results["runs"], *results["recipes"])
    return [run for run in every if (run["architecture"], run["framework"]) == (architecture, framework)]


def accuracy(found: Sequence[Run]) -> str:
    """`84.45 ± 0.10`: percent, mean and standard deviation over the seeds."""
    values = [100 * run["test_accuracy"] for run in found]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {spread:.2f}"


def epoch_seconds(found: Sequence[Run]) -> float:
    """Seconds of training an epoch takes, the median over the seeds."""
    return statistics.median(run["train_seconds"] / run["epochs"] for run in found)


def table(results: Results) -> str:
    """Model x framework."""
    head = ["model", "framework", "test accuracy %", "parameters", "time per epoch", "speed beside its twin",
            "published %", "earlier scripts %"]  # fmt: skip
    rows = [_row(results, architecture, framework) for architecture in CLASSIFIERS for framework in FRAMEWORKS]
    rows += [row for architecture in RECIPES for row in _recipe_rows(results, architecture)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * 2 + ["---:"] * 6, *rows])


def _row(results: Results, architecture: str, framework: str) -> list[str]:
    found, twin = (runs(results, architecture, name) for name in (framework, _other(framework)))
    seconds = epoch_seconds(found)
    first = framework == FRAMEWORKS[0]
    return [
        NAMES[architecture] if first else "",
        NAMES[framework],
        accuracy(found),
        f"{found[0]['parameters']:,}",
        f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s",
        f"{epoch_seconds(twin) / seconds:.2f}x",
        PUBLISHED[architecture] if first else "",
        EARLIER[architecture] if first else "",
    ]


def _recipe_rows(results: Results, architecture: str) -> Iterator[list[str]]:
    """Of a recipe only the result, once all seeds are there: its runs were not timed alone."""
    for framework in FRAMEWORKS:
        found = runs(results, architecture, framework)
        if len(found) == SEEDS:
            name = NAMES[architecture] if framework == FRAMEWORKS[0] else ""
            yield [name, NAMES[framework], accuracy(found), f"{found[0]['parameters']:,}", "", "", "", ""]


def _other(framework: str) -> str:
    return FRAMEWORKS[1 - FRAMEWORKS.index(framework)]


def caption(run: Run, figure: str) -> str:
    """One line on what a figure shows."""
    kind = figure.partition(".")[0]
    if kind == "training_metrics":
        best = 100 * run["validation_accuracy"]
        return (
            f"loss and accuracy of each epoch; best validation accuracy after epoch {run['best_epoch']}, {best:.1f} %."
        )
    if kind == "confusion_matrix":
        true, predicted, count = run["confused"]
        share = 100 * run["test_accuracy"]
        return (
            f"all 10,000 test images, {share:.2f} % right; most often {true} is taken for {predicted} ({count} images)."
        )
    if kind == "mislabeled":
        return "the mistakes it was most certain of: true class above, prediction below."
    if kind == "structure":
        return f"layers, output shapes and its {run['parameters']:,} parameters."
    return (
        f"points, fitted line and residuals: slope {run['slope']:.3f} (true 2), "
        f"intercept {run['intercept']:.3f} (true 1), test mean squared error {run['test_mse']:.4f}."
    )


def _title(run: Run, figure: str) -> str:
    return f"{NAMES[run['architecture']]} in {NAMES[run['framework']]}: {_kind(figure)}"


def _kind(figure: str) -> str:
    return figure.partition(".")[0].replace("_", " ")


def picture(run: Run, figure: str, folder: str, width: int) -> str:
    path = f"{folder}{run['model']}/{figure}"
    return f'<a href="{path}"><img src="{path}" width="{width}" alt="{_title(run, figure)}"></a>'


def versions(results: Results) -> str:
    found: dict[str, str] = {}
    for run in results["runs"]:
        found |= run["versions"]
    wanted = ("dltui", "python", "torch", "tensorflow", "keras", "numpy")
    return ", ".join(f"{name} {found[name]}" for name in wanted if name in found)


def section(results: Results) -> str:
    """The results as the README has them."""
    seeds = sorted({run["seed"] for run in results["runs"]})
    first = {name: runs(results, name, FRAMEWORKS[0])[0] for name in ARCHITECTURES}
    parts = [
        "Fashion-MNIST: 54,000 images to train on, 6,000 to choose the epoch by, accuracy on all 10,000 test images, "
        f"mean ± standard deviation over the seeds {', '.join(map(str, seeds))}; {first['cnn']['epochs']} epochs on "
        f"{results['cores']} CPU cores. Every hyperparameter is the model's default, chosen on the validation split, "
        "but those of [c]. "
        "The earlier scripts, written by hand, were measured on one batch of 256 test images.",
        table(results),
        SOURCES,
        "Figures, commands, seeds and versions of each: [exports/gallery](exports/gallery/README.md); "
        "`python docs/gallery.py` makes all of it again; of [c], with `--recipes`, the numbers, which "
        "[results.json](exports/gallery/results.json) has. [recipes.md](benchmarks/recipes.md) has what was tried to "
        f"make the models better, the seeds of [c] one by one among it. {speedrun(RECORDS.read_text())}",
    ]
    return "\n\n".join(parts)


def speedrun(page: str) -> str:
    """What the table of benchmarks/speedrun.md says, as a sentence."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| 20")]
    records = [
        f"{target} in {seconds} on {hardware.rpartition(',')[0]} "
        f"(`{recipe}`, seeds 1 to {seeds}: {test} of the test images)"
        for _, target, seconds, _, test, _, seeds, recipe, hardware in rows
    ]
    # Without targets the program would also measure the test split of recipes that are no records yet.
    targets = ",".join(row[1].removesuffix(" %") for row in rows)
    return (
        "Seconds of training to an accuracy, by the rules of [speedrun.md](benchmarks/speedrun.md), mean and 95 % "
        f"interval: {', '.join(records)}; "
        f"`python benchmarks/speedrun.py --data-dir FOLDER --targets {targets} --record`. "
        "The hardware of the table above was not recorded: its times compare with one another, not with these."
    )


def page(results: Results) -> str:
    """exports/gallery/README.md: every figure with where it comes from."""
    parts = [
        "# Gallery",
        "Made by `python docs/gallery.py` from real runs, on full Fashion-MNIST and on `lines`; figures are those of "
        f"the first seed. Versions: {versions(results)}. The numbers of all runs: [results.json](results.json).",
        table(results),
        SOURCES,
    ]
    for architecture in ARCHITECTURES:
        for framework in FRAMEWORKS:
            parts += _model(runs(results, architecture, framework))
    return "\n\n".join(parts) + "\n"


def _model(found: list[Run]) -> list[str]:
    run = found[0]
    parts = [
        f"## {NAMES[run['architecture']]} in {NAMES[run['framework']]}",
        f"```\n{run['command']}\n```",
        _outcome(found),
    ]
    for figure in figures(run["architecture"]):
        if figure.endswith(".svg"):
            parts += [f"{_kind(figure).capitalize()}: {caption(run, figure)}", picture(run, figure, "", 700)]
    if "structure.png" in figures(run["architecture"]):
        parts.append(f"The structure as a [PNG]({run['model']}/structure.png).")
    return parts


def _outcome(found: list[Run]) -> str:
    run = found[0]
    if run["architecture"] == "linear-regression":
        each = ", ".join(f"seed {one['seed']}: {one['slope']:.3f} and {one['intercept']:.3f}" for one in found)
        return f"Seed {run['seed']}. Slope and intercept, true values 2 and 1: {each}."
    each = ", ".join(f"seed {one['seed']}: {100 * one['test_accuracy']:.2f} %" for one in found)
    return f"Seed {run['seed']}. Test accuracy: {each}. Weights: SHA-256 `{run['weights_sha256'][:16]}`."


def with_results(readme: str, results: Results) -> str:
    """The README with its results written anew."""
    pattern = re.compile(f"{re.escape(MARKS[0])}.*{re.escape(MARKS[1])}", re.DOTALL)
    if not pattern.search(readme):
        raise SystemExit("README.md has lost the marks around its results")
    new = f"{MARKS[0]}\n\n{section(results)}\n\n{MARKS[1]}"
    return pattern.sub(lambda _: new, readme)
