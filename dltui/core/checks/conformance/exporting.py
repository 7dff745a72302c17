"""Checks that a short real run of a model ends well and that every figure and table of it opens."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from dltui.core import paths
from dltui.core.checks.conformance import samples
from dltui.core.errors import UsageError
from dltui.core.lifecycle.create import full_config
from dltui.core.lifecycle.forms import presets
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line, plural
from dltui.core.worker.figures import FORMATS

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.contract.types import Array, Task

DATASETS = {"classification": "digits", "regression": "lines", "segmentation": "shapes"}
"""The datasets in the box; a task without one is tried on a table."""
IMAGES = ("classification", "segmentation")
"""The tasks whose dataset in the box has images."""
SEQUENCES = "waves"
OWN_DATA = "give a dataset that suits it in the same plugin"
NOT_TRIED = f"not tried: no data in the box has its inputs; {OWN_DATA}"
SECONDS = 300.0


class Tried(NamedTuple):
    """What became of a short run: `drawn` is false where there was none whose figures and tables could be looked at."""

    ok: bool
    text: str
    drawn: bool = False


def export(model: ModelEntry, files: Sequence[Path], images: bool = True, beside: str = "", refused: str = "") -> Tried:
    """Train as few epochs as it can be through the command line and open the written files. A model that takes no
    `images` is trained on a table, one of images or named inputs on the dataset `beside` it where none in the box has
    them, and so is one that has `refused` the data in the box in these words.
    """
    with tempfile.TemporaryDirectory(prefix="dltui-check-") as temporary:
        place = Path(temporary)
        lacks = model.needs_images and model.task not in IMAGES
        unsuited = f"no dataset of images in the box is for {model.task}" if lacks else refused
        given = beside if unsuited else _named_data(model, place, beside)
        if unsuited and not beside:
            return Tried(True, clean_line(f"not tried: {unsuited}; {OWN_DATA}", 400))
        if given == NOT_TRIED:
            return Tried(True, given)
        dataset, words = (given, ()) if given else data_for(model.task, place, images)
        done = train(model, dataset, files, place, words)
        if isinstance(done, str):
            return Tried(False, done)
        written = sorted(path for path in (place / "exports").rglob("*") if path.is_file())
        bad = [f"{path.name}: {found}" for path in written if (found := problem(path))]
        lost = missing(done)
        if lost or bad:
            return Tried(False, clean_line("; ".join([*lost, *bad]), 400), True)
        return Tried(bool(written), f"{plural(len(written), 'file')} of a short run on {dataset.split(':')[0]}", True)


def usual_shape(model: ModelEntry, catalog: Catalog) -> tuple[tuple[int, ...], int] | None:
    """The input shape and the outputs of the data in the box that a model of a single input is trained on; None for
    one that is trained on other data.
    """
    entry = catalog.datasets.get(DATASETS.get(model.task, ""))
    if entry is None or "single" not in model.takes or (model.needs_images and model.task not in IMAGES):
        return None
    return entry.input_shape, entry.classes or 1


def data_for(task: str, place: Path, images: bool = True) -> tuple[str, tuple[str, ...]]:
    """A dataset for a run of a task, and the further words that it needs: one in the box, or a table made in `place`
    where that has none or only `images`.
    """
    if task in DATASETS and (images or not TASKS[task].has_classes):
        return DATASETS[task], ()
    labels = ("--data", "labels=class") if TASKS[task].targets == "labels" else ()
    return f"csv:{_table(place, cast('Task', task))}", labels


def _named_data(model: ModelEntry, place: Path, beside: str) -> str:
    """A dataset for a model that takes named inputs alone; "" for one that takes a single input."""
    if "single" in model.takes:
        return ""
    if "sequence" in model.takes and model.task == "classification":
        return SEQUENCES
    if "table" in model.takes and TASKS[model.task].targets == "class":
        return f"csv:{_table(place, cast('Task', model.task))}"
    return beside or NOT_TRIED


def _table(place: Path, task: Task) -> Path:
    """A table of made-up vectors with their classes or labels."""
    data = samples.make(task, *samples.VECTORS[task][0])
    file = place / "vectors.csv"
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow([*(f"x{n}" for n in range(data.train.x.shape[1])), "class"])
        writer.writerows(
            [*row, _named(target)] for row, target in zip(data.train.x.tolist(), data.train.y, strict=True)
        )
    return file


def _named(target: Array) -> str:
    """The class of a row, or its labels with bars between them."""
    if np.ndim(target):
        return "|".join(f"label {n}" for n in np.flatnonzero(target)) or "-"
    return f"class {target}"


def train(
    model: ModelEntry, dataset: str, files: Sequence[Path], place: Path, more: Sequence[str] = ()
) -> list[str] | str:
    """The lines that `train` printed; the reason as a text when it failed."""
    command = [sys.executable, "-P", "-m", "dltui", "train", model.id, "--dataset", dataset]
    command += ["--device", "cpu", "--epochs", str(_epochs(model)), "--plain", "--exports", str(place / "exports")]
    command += ["--format", ",".join(FORMATS), *(word for file in files for word in ("--plugin", str(file.absolute())))]
    command += ["--no-pretrained"] if model.field("pretrained") else []
    command += more
    own = {
        "DLTUI_HOME": str(place / "home"),
        "DLTUI_CONFIG": str(paths.config_file()),
        "DLTUI_CACHE": str(paths.cache_dir()),
        # A sound plugin must not fail by what the user has set for trainings.
        **presets.NONE,
    }
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a short run on {dataset} takes more than {SECONDS:.0f} s"
    lines = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode:
        last = next((line for line in reversed(lines) if "failed" in line or "dltui:" in line), (lines or ["?"])[-1])
        return clean_line(f"a short run ended with exit code {done.returncode}: {last}", 400)
    return lines


def _epochs(model: ModelEntry) -> int:
    """The fewest epochs that the bounds of the model's Config allow; its default where its own checks refuse them."""
    field = model.field("epochs")
    if field is None or field.type != "int":
        return 1 if field is None else int(field.default)
    least = math.ceil(max(1, field.minimum or 0, (field.exclusive_minimum or 0) + 1))
    try:
        full_config(model, {"epochs": least})
    except UsageError:
        return int(field.default)
    return least


def missing(lines: Sequence[str]) -> list[str]:
    """What was not drawn, without the advice to export the run again, of which nothing is left."""
    lost = (line for line in lines if "not written:" in line or "figures not drawn:" in line)
    return [line.split("; `dltui export ", 1)[0] for line in lost]


def problem(path: Path) -> str:
    """The reason why a file does not open; "" when it does, or when no reader here knows its type."""
    reader = READERS.get(path.suffix)
    if reader is None or path.name.startswith("."):
        return ""
    try:
        reader(path)
    except Exception as error:
        return f"does not open ({type(error).__name__}: {clean_line(error, 120)})"
    return ""


def _png(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        image.load()


def _pdf(path: Path) -> None:
    content = path.read_bytes()
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-64:]:
        raise ValueError("it is not a complete PDF")


def _csv(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        widths = {len(row) for row in csv.reader(file)}
    if len(widths) != 1:
        raise ValueError(f"its rows have {sorted(widths)} columns")


READERS: dict[str, Callable[[Path], object]] = {
    ".svg": lambda path: xml.parse(path),
    ".png": _png,
    ".pdf": _pdf,
    ".csv": _csv,
    ".json": lambda path: json.loads(path.read_bytes()),
}
