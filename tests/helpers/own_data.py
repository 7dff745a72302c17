"""Folders of images and tables as people have them, made by seeded random numbers, and their preparation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dltui.core.contract import Data
from dltui.core.data.prepare_process import prepare
from dltui.core.data.prepared import load_prepared

SOURCE = {
    "kind": "distribution",
    "name": "dltui",
    "entry_points": [["datasets", "dltui.plugins.datasets"]],
    "python": sys.executable,
}


def prepared(dataset: str, task: str = "classification", takes: Sequence[str] = ("single",), **options: Any) -> Data:
    """The data that a run of a model that `takes` these inputs would train on. Raises RunError as its preparation
    does.
    """
    asked = {"dataset": dataset, "dataset_source": SOURCE, "dataset_options": options, "task": task, "takes": takes}
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
    """What a failed preparation left."""
    folder = home / "cache" / "datasets"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def make_shapes(root: Path, each: int, side: int = 32, seed: int = 0) -> Path:
    """Ten classes of drawn shapes in color as JPEGs: any colors, any place, noise over all of it."""
    random = np.random.default_rng(seed)
    for name, draw in SHAPES.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            _shape(draw, side, random).save(root / name / f"{name} {index}.jpg", quality=90)
    return root


def make_digits(root: Path) -> Path:
    """The digits of scikit-learn, gray PNGs of 8x8, in folders 0 to 9."""
    from sklearn.datasets import load_digits

    found = load_digits()
    for index, (pixels, digit) in enumerate(zip(found.images, found.target, strict=True)):
        (root / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(pixels * 255 / 16).astype(np.uint8)).save(root / str(digit) / f"{index}.png")
    return root


def _shape(draw: Any, side: int, random: np.random.Generator) -> Image.Image:
    back, ink = (tuple(int(v) for v in random.integers(0, 256, 3)) for _ in range(2))
    while sum(abs(a - b) for a, b in zip(back, ink, strict=True)) < 150:
        ink = tuple(int(v) for v in random.integers(0, 256, 3))
    image = Image.new("RGB", (side, side), back)
    size = random.uniform(0.25, 0.42) * side
    x, y = (random.uniform(size, side - size) for _ in range(2))
    draw(ImageDraw.Draw(image), x, y, size, ink)
    noisy = np.asarray(image).astype(np.float64) + random.normal(0, 18, (side, side, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _bars(reach: float) -> tuple[float, float, float]:
    return -0.8 * reach, 0.0, 0.8 * reach


SHAPES: dict[str, Any] = {
    "disc": lambda d, x, y, r, ink: d.ellipse((x - r, y - r, x + r, y + r), fill=ink),
    "ring": lambda d, x, y, r, ink: d.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=3),
    "square": lambda d, x, y, r, ink: d.rectangle((x - r, y - r, x + r, y + r), fill=ink),
    "frame": lambda d, x, y, r, ink: d.rectangle((x - r, y - r, x + r, y + r), outline=ink, width=3),
    "triangle": lambda d, x, y, r, ink: d.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=ink),
    "diamond": lambda d, x, y, r, ink: d.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill=ink),
    "plus": lambda d, x, y, r, ink: (
        d.line((x - r, y, x + r, y), fill=ink, width=4),
        d.line((x, y - r, x, y + r), fill=ink, width=4),
    ),
    "cross": lambda d, x, y, r, ink: (
        d.line((x - r, y - r, x + r, y + r), fill=ink, width=4),
        d.line((x - r, y + r, x + r, y - r), fill=ink, width=4),
    ),
    "bars upright": lambda d, x, y, r, ink: [d.line((x + s, y - r, x + s, y + r), fill=ink, width=3) for s in _bars(r)],
    "bars flat": lambda d, x, y, r, ink: [d.line((x - r, y + s, x + r, y + s), fill=ink, width=3) for s in _bars(r)],
}  # fmt: skip
