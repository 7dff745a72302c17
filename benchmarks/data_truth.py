"""Measures what the checks of data find: duplicates and wrong labels that are planted in Fashion-MNIST.

    python benchmarks/data_truth.py --data-dir FOLDER [--model softmax-torch] [--epochs 3] [--seed N] [--json FILE]

Planted are 50 exact duplicates, 50 near ones (noise, a shift by a pixel, brightness, JPEG), 20 across splits (half of
them exact), and 100 wrong labels in the validation and test splits. False near duplicates: Fashion-MNIST has near
duplicates of its own, such as a product that was photographed once and listed twice. All that is found in the official
files was looked at by eye; `OWN` are the pairs that show the same product, and any other pair of unplanted images is
false, as is a planted one that was paired with an image that is neither its original nor a duplicate of that. Wrong
labels are looked for in the predictions of a run of a few epochs. `--pairs FILE.png` draws the unplanted pairs.

The time is processor time of the whole check of 70,000 images, with one thread.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from dltui import hookimpl  # noqa: E402
from dltui.core.contract import Arrays, Dataset  # noqa: E402
from dltui.core.contract.config import DatasetOptions  # noqa: E402

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

EXACT, NEAR, ACROSS, LABELS = 50, 50, 20, 100
KINDS = ("noise", "shift", "brightness", "jpeg")
FOLDER, SEED = "DATA_TRUTH_FOLDER", "DATA_TRUTH_SEED"
NAME = "planted-labels"
FIRST = 200
"""The candidates among which wrong labels are counted."""
LOOKED_AT = """
    567 47750, 753 29413, 753 43549, 1928 3704, 3350 53657, 3568 5448, 5453 31038, 5503 28024, 5931 12109, 6300
    19456, 6300 66210, 10205 23412, 11412 24633, 11412 51970, 11932 51488, 11932 62605, 12981 50759, 13005 25251,
    13005 32812, 13360 64998, 14928 67799, 18103 24819, 18494 59025, 18494 62115, 18494 64926, 19456 66210, 20255
    64222, 20390 27080, 20554 36357, 21295 29413, 21295 43549, 24535 36921, 24633 51970, 24887 43863, 25370 26301,
    26301 28625, 27804 60534, 28325 28447, 29413 43549, 31061 51503, 31061 56201, 31836 32754, 34772 49602, 45497
    59812, 46517 54953, 49441 51322, 49469 57696, 51488 62605, 51503 56201, 58762 69867, 59025 62115, 60802 69921,
    62115 64926
"""
OWN = frozenset((int(pair.split()[0]), int(pair.split()[1])) for pair in LOOKED_AT.split(","))
"""The near duplicates of the official files, by row: those of the 60,000, then of the 10,000. Each was looked at."""


@dataclass(frozen=True)
class Plant:
    """A planted duplicate: rows of its original and of itself, in the files as they are changed."""

    original: int
    copy: int
    kind: str


def official(folder: Path) -> tuple[Array, Array]:
    """The 70,000 images and labels, the 60,000 first."""
    from dltui.plugins.datasets.downloads.idx import read_idx

    names = ("train-images-idx3", "t10k-images-idx3", "train-labels-idx1", "t10k-labels-idx1")
    found = [read_idx(folder / f"{name}-ubyte.gz") for name in names]
    return np.concatenate(found[:2])[..., np.newaxis], np.concatenate(found[2:]).astype(np.int64)


def changed(image: Array, kind: str, generator: np.random.Generator) -> Array:
    """An image (28, 28, 1) that was changed slightly."""
    from PIL import Image

    pixels = image[..., 0].astype(np.float64)
    if kind == "noise":
        pixels = pixels + generator.normal(0, 8, pixels.shape)
    elif kind == "shift":
        down, right = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1))[int(generator.integers(6))]
        moved = np.zeros_like(pixels)
        moved[max(down, 0) : 28 + min(down, 0), max(right, 0) : 28 + min(right, 0)] = pixels[
            max(-down, 0) : 28 + min(-down, 0), max(-right, 0) : 28 + min(-right, 0)
        ]
        pixels = moved
    elif kind == "brightness":
        pixels = pixels * generator.choice([0.8, 0.9, 1.1, 1.25])
    else:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "JPEG", quality=70)
        pixels = np.asarray(Image.open(file), dtype=np.float64)
    found: Array = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)[..., np.newaxis]
    return found


def plant(x: Array, seed: int, test_from: int = 60_000) -> tuple[Array, list[Plant]]:
    """The images with some of them replaced by duplicates of others."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    x = x.copy()
    train = generator.permutation(test_from)[: 2 * (EXACT + NEAR) + ACROSS]
    test = test_from + generator.permutation(len(x) - test_from)[:ACROSS]
    within = np.split(train[: 2 * (EXACT + NEAR)], 2)
    across = train[2 * (EXACT + NEAR) :]
    kinds = ["exact"] * EXACT + [KINDS[n % 4] for n in range(NEAR)]
    kinds += ["exact"] * (ACROSS // 2) + [KINDS[n % 4] for n in range(ACROSS - ACROSS // 2)]
    plants = [
        Plant(int(one), int(other), kind)
        for one, other, kind in zip([*within[0], *across], [*within[1], *test], kinds, strict=True)
    ]
    for one in plants:
        x[one.copy] = x[one.original] if one.kind == "exact" else changed(x[one.original], one.kind, generator)
    return x, plants


def wrong_labels(y: Array, rows: Array, classes: int, count: int, seed: int) -> tuple[Array, Array]:
    """The labels with `count` of those in `rows` replaced by other ones, and the rows that were."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    chosen = generator.choice(rows, count, replace=False)
    y = y.copy()
    y[chosen] = (y[chosen] + generator.integers(1, classes, count)) % classes
    return y, np.sort(chosen)


# The plugin with which a run trains on wrong labels.


def _prepare(options: DatasetOptions, context: Any) -> Arrays:
    from dltui.plugins.datasets.fashion_mnist import FAMILY

    x, y = official(Path(os.environ[FOLDER]))
    y, _ = planted_labels(y, int(os.environ[SEED]))
    return Arrays((x[:60_000], y[:60_000]), (x[60_000:], y[60_000:]), FAMILY[0].classes)


def planted_labels(y: Array, seed: int) -> tuple[Array, Array]:
    """The labels of the 70,000, wrong ones among the validation and test splits, and the rows of those."""
    from dltui.core.data.arrays import split_rows

    validation = split_rows(60_000, 0.1, 0)[1]
    return wrong_labels(y, np.concatenate([validation, np.arange(60_000, 70_000)]), 10, LABELS, seed)


@hookimpl
def dltui_datasets() -> list[Dataset]:
    return [
        Dataset(
            NAME,
            "classification",
            "Fashion-MNIST with wrong labels",
            DatasetOptions,
            _prepare,
            lambda options, folders: None,
            input_shape=(28, 28, 1),
            classes=10,
        )
    ]


def duplicates(folder: Path, seed: int, drawn: Path | None) -> dict[str, Any]:
    """What is found of planted duplicates, and how long it takes."""
    from dltui.core.contract import Data, Spec, Split
    from dltui.core.data.findings import check

    x, y = official(folder)
    x, plants = plant(x, seed)
    spec = Spec("classification", (28, 28, 1), 10, tuple(map(str, range(10))))
    # Validation samples are those that a run takes from the 60,000.
    from dltui.core.data.arrays import split_rows

    rows = {
        **dict(zip(("train", "validation"), split_rows(60_000, 0.1, 0), strict=True)),
        "test": np.arange(60_000, 70_000),
    }
    splits = {name: Split(x[some], y[some], some) for name, some in rows.items()}
    began = time.process_time()
    found = check.check(Data("planted", spec, **splits, fingerprint=""))
    seconds = time.process_time() - began
    pairs = {"exact": set(), "near": set()}
    for pair in found.pairs:
        both = sorted((pair.kept.id, pair.other.id))
        pairs[pair.kind].add((both[0], both[1]))
    planted = {
        kind: {tuple(sorted((one.original, one.copy))) for one in plants if (one.kind == "exact") == (kind == "exact")}
        for kind in pairs
    }
    original = {one.copy: one.original for one in plants}
    copies = set(original)

    def is_own(pair: tuple[int, int]) -> bool:
        back = sorted(original.get(row, row) for row in pair)
        return back[0] == back[1] or (back[0], back[1]) in OWN

    false = sorted(pair for pair in pairs["near"] - planted["near"] if not is_own(pair))
    unplanted = sorted(pair for pair in pairs["near"] if not copies & set(pair))
    if drawn:
        draw(x, unplanted, drawn)
    missed = planted["near"] - pairs["near"]
    return {
        "exact": [len(planted["exact"] & pairs["exact"]), len(planted["exact"])],
        "near": [len(planted["near"] & pairs["near"]), len(planted["near"])],
        "missed": sorted(one.kind for one in plants if tuple(sorted((one.original, one.copy))) in missed),
        "false": [list(pair) for pair in false],
        "false_exact": len(pairs["exact"] - planted["exact"]),
        "unplanted": [list(pair) for pair in unplanted],
        "seconds": round(seconds, 2),
    }


def draw(x: Array, pairs: Sequence[tuple[int, int]], path: Path) -> None:
    """A sheet of pairs, to be looked at."""
    from PIL import Image

    wide, side, times = 6, 28, 5
    sheet = np.full((-(-len(pairs) // wide) * (side + 3), wide * (2 * side + 5)), 110, np.uint8)
    for place, pair in enumerate(pairs):
        top, left = place // wide * (side + 3), place % wide * (2 * side + 5)
        for number, row in enumerate(pair):
            at = left + number * (side + 1)
            sheet[top : top + side, at : at + side] = x[row, ..., 0]
    Image.fromarray(np.kron(sheet, np.ones((times, times), np.uint8))).save(path)


def labels(folder: Path, model: str, epochs: int, seed: int) -> dict[str, Any]:
    """What is found of planted wrong labels by the predictions of a run."""
    from dltui.core.analysis import label_errors
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import find_run

    with tempfile.TemporaryDirectory(prefix="data-truth-") as home:
        places = {"DLTUI_HOME": home, "DLTUI_CACHE": f"{home}/cache", FOLDER: str(folder), SEED: str(seed)}
        os.environ.update(places)
        command = [sys.executable, "-m", "dltui", "train", model, "--dataset", NAME, "--plugin", __file__]
        command += ["--epochs", str(epochs), "--name", "planted", "--exports", f"{home}/exports", "--device", "cpu"]
        done = subprocess.run([*command, "--threads", "1", "--plain"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr or done.stdout)
        reader = RunReader(find_run("planted"))
        reader.refresh()
        found = label_errors.of_run(reader)
        accuracy = reader.history.test["metrics"]["accuracy"] if reader.history.test else None
    _, wrong = planted_labels(official(folder)[1], seed)
    rows = [one.id + (60_000 if one.split == "test" else 0) for one in found.candidates]
    hits = set(rows[:FIRST]) & set(wrong.tolist())
    return {
        "model": model,
        "epochs": epochs,
        "test_accuracy": accuracy,
        "candidates": len(rows),
        "among_first": [len(hits), LABELS],
        "among_all": len(set(rows) & set(wrong.tolist())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, metavar="FOLDER", help="with the official four files")
    parser.add_argument(
        "--model", action="append", metavar="ID", help="trained on wrong labels; repeatable; none: skip"
    )
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=Path, metavar="FILE.png", help="where to draw the unplanted pairs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    found: dict[str, Any] = {"duplicates": duplicates(asked.data_dir, asked.seed, asked.pairs)}
    said = found["duplicates"]
    print(f"exact: {said['exact'][0]} of {said['exact'][1]} found, {said['false_exact']} others")
    print(f"near: {said['near'][0]} of {said['near'][1]} found (missed: {', '.join(said['missed']) or 'none'})")
    print(f"unplanted near pairs: {len(said['unplanted'])}, of these and of mixed ones false: {len(said['false'])}")
    print(f"{said['seconds']} s of processor time for 70,000 images")
    found["labels"] = []
    for model in asked.model or ():
        found["labels"].append(one := labels(asked.data_dir, model, asked.epochs, asked.seed))
        print(f"{model}, {asked.epochs} epochs, test accuracy {one['test_accuracy']:.4f}: {one['among_first'][0]} of")
        print(f"  {LABELS} wrong labels among the first {FIRST} candidates, {one['among_all']} in all")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
