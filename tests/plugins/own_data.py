"""Folders of images and tables as people have them, made by seeded random numbers, and their preparation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dltui.core.contract import Data
from dltui.core.data import load_prepared
from dltui.core.prepare import prepare

SOURCE = {
    "kind": "distribution",
    "name": "dltui",
    "entry_points": [["datasets", "dltui.plugins.datasets"]],
    "python": sys.executable,
}


def prepared(dataset: str, task: str = "classification", **options: Any) -> Data:
    """The data that a run would train on. Raises RunError as its preparation does."""
    asked = {"dataset": dataset, "dataset_source": SOURCE, "dataset_options": options, "task": task}
    return load_prepared(prepare(asked, lambda text, fraction: None))


def make_image(path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB", seed: int = 0) -> Path:
    """An image of noise; the ending of `path` says in which format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def make_folder(root: Path, classes: Sequence[str] = ("cat", "dog"), each: int = 10, **image: Any) -> Path:
    """A folder of class folders with `each` images."""
    ending = image.pop("ending", "png")
    for number, name in enumerate(classes):
        for index in range(each):
            make_image(root / name / f"{index}.{ending}", seed=1000 * number + index, **image)
    return root


def make_table(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def left_in_cache(home: Path) -> list[str]:
    """What a failed preparation left; locks are nobody's data."""
    return [path.name for path in (home / "cache" / "datasets").glob("*") if path.suffix != ".lock"] + [
        path.name for path in (home / "cache" / "datasets").glob(".*") if path.suffix != ".lock"
    ]
