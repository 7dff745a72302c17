"""Makes exports/gallery and the results of the README from real runs: one command, every model, both frameworks.

    python docs/gallery.py [--data-dir FOLDER] [--seeds 1,2,3] [--epochs 10] [--work FOLDER] [--recipes] [--finished]

FOLDER of --data-dir holds the official files of Fashion-MNIST; without it dltui looks where it always does. The twins
of a seed are trained one after the other on the CPU, so that their times can be compared. Figures are those of the
first seed. With --work, runs that are there and finished are not trained again; with --finished, no others are.
--recipes trains only the models with longer recipes of their own, which takes hours, and has no figures.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gallery_text
from gallery_text import ARCHITECTURES, FRAMEWORKS

from dltui.core.analysis.evaluation import latest
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import find_run
from dltui.exports import about

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "exports" / "gallery"
KEPT = (
    "model", "framework", "dataset", "seed", "epochs", "best_epoch", "parameters", "train_seconds",
    "validation_accuracy", "test_accuracy", "test_mse", "slope", "intercept", "weights_sha256", "versions",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run of the gallery."""

    architecture: str
    framework: str
    seed: int
    options: Sequence[str]

    @property
    def model(self) -> str:
        return f"{self.architecture}-{self.framework}"

    @property
    def name(self) -> str:
        return f"{self.model}-seed-{self.seed}"

    @property
    def command(self) -> list[str]:
        dataset = gallery_text.dataset(self.architecture)
        return ["train", self.model, "--dataset", dataset, *self.options, "--seed", str(self.seed), "--device", "cpu"]


def jobs(seeds: list[int], epochs: int) -> Iterator[Job]:
    length = ("--epochs", str(epochs))
    for architecture in ARCHITECTURES:
        options = () if gallery_text.dataset(architecture) == "lines" else length
        yield from _twins(architecture, seeds, options)


def recipes(seeds: list[int]) -> Iterator[Job]:
    """With one thread the weights are the same on any number of cores, and runs can train side by side."""
    for architecture, options in gallery_text.RECIPES.items():
        yield from _twins(architecture, seeds, (*options.split(), "--threads", "1"))


def _twins(architecture: str, seeds: list[int], options: Sequence[str]) -> Iterator[Job]:
    for seed in seeds:
        for framework in FRAMEWORKS:
            yield Job(architecture, framework, seed, options)


def train(job: Job, work: Path, data_dir: str | None) -> None:
    """Run `dltui train` in a home of its own, so that nobody's settings are in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DLTUI_") or name == "DLTUI_DATA"}
    environment = kept | {"DLTUI_HOME": str(work / "home")} | ({"DLTUI_DATA": data_dir} if data_dir else {})
    places = ["--name", job.name, "--exports", str(work / "exports"), "--format", "svg,png", "--plain"]
    print(f"== dltui {' '.join(job.command)}", flush=True)
    subprocess.run([sys.executable, "-P", "-m", "dltui", *job.command, *places], cwd=work, env=environment, check=True)


def finished(job: Job, work: Path) -> bool:
    try:
        return bool(json.loads((work / "exports" / job.name / "summary.json").read_text())["status"] == "finished")
    except OSError:
        return False


def collect(job: Job, work: Path) -> dict[str, Any]:
    """What the results tell of a run; nothing of it names a place or a machine."""
    summary = json.loads((work / "exports" / job.name / "summary.json").read_text())
    reader = RunReader(find_run(str(work / "home" / "runs" / job.name)))
    reader.refresh()
    found = {key: summary[key] for key in KEPT if key in summary}
    found["architecture"] = job.architecture
    found["command"] = about.command(["dltui", *job.command])
    evaluated = latest(reader)
    if evaluated is not None and evaluated.matrix is not None:
        # [true class, predicted class, images] of the commonest mistake.
        for images, true, predicted in evaluated.matrix.worst(1):
            found["confused"] = [*(evaluated.matrix.classes[number] for number in (true, predicted)), images]
    return found


def copy_figures(job: Job, work: Path) -> None:
    target = GALLERY / job.model
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in gallery_text.figures(job.architecture):
        shutil.copyfile(work / "exports" / job.name / name, target / name)


def make(wanted: list[Job], work: Path, data_dir: str | None, with_figures: bool) -> list[dict[str, Any]]:
    """Train what is not finished; the results of all."""
    results = []
    for job in wanted:
        if not finished(job, work):
            train(job, work, data_dir)
        results.append(collect(job, work))
        if with_figures and job.seed == wanted[0].seed:
            copy_figures(job, work)
    return results


def write(**changed: Any) -> None:
    """Replace parts of results.json, and write the texts."""
    path = GALLERY / "results.json"
    content = gallery_text.read(path) | changed
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    write_texts()


def write_texts() -> None:
    """The gallery's own page, and the results in the README, from results.json."""
    results = gallery_text.read(GALLERY / "results.json")
    (GALLERY / "README.md").write_text(gallery_text.page(results), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(gallery_text.with_results(readme.read_text(encoding="utf-8"), results), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--work", type=Path, help="folder for the runs; kept")
    parser.add_argument("--recipes", action="store_true", help="train the longer recipes instead")
    parser.add_argument("--finished", action="store_true", help="with --work: train nothing, take what is there")
    parser.add_argument("--texts", action="store_true", help="only write the texts again, from results.json")
    arguments = parser.parse_args()
    if arguments.texts:
        write_texts()
        return
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    data_dir = str(arguments.data_dir.resolve()) if arguments.data_dir else None
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        wanted = list(recipes(seeds) if arguments.recipes else jobs(seeds, arguments.epochs))
        if arguments.finished:
            wanted = [job for job in wanted if finished(job, work)]
        found = make(wanted, work, data_dir, with_figures=not arguments.recipes)
        if arguments.recipes:
            # Runs of hours are trained side by side, where their times say nothing.
            write(recipes=[{name: run[name] for name in run if name != "train_seconds"} for run in found])
        else:
            write(cores=os.cpu_count(), runs=found)


if __name__ == "__main__":
    main()
