"""Handwritten digits that scikit-learn carries within itself: real images without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.dataset_options import DatasetOptions

SIDE = 8
LARGEST = 16
TRAIN, TEST = 1_437, 360
# Which images are the test split is fixed: results on it are compared.
SPLIT_KEY = 20_240_601


def prepare(options: DatasetOptions, context: PreparationContext) -> Arrays:
    import numpy as np
    from sklearn.datasets import load_digits

    context.progress("decoding digits")
    found = load_digits()
    x = np.rint(found.images * (255 / LARGEST)).astype(np.uint8)
    y = found.target.astype(np.int64)
    order = np.random.Generator(np.random.Philox(key=SPLIT_KEY)).permutation(len(y))
    train, test = order[:TRAIN], order[TRAIN:]
    return Arrays((x[train], y[train]), (x[test], y[test]), tuple(str(digit) for digit in range(10)))


def sources(options: DatasetOptions, folders: Sequence[Path]) -> None:
    return None


DATASET = Dataset(
    name="digits",
    task="classification",
    summary="handwritten digits, 8x8, part of scikit-learn",
    options=DatasetOptions,
    prepare=prepare,
    sources=sources,
    input_shape=(SIDE, SIDE, 1),
    classes=10,
    train_size=TRAIN,
    test_size=TEST,
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
)
