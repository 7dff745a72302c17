"""The handwritten digits that scikit-learn ships: real images without a network."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SIDE = 8
LARGEST = 16
TRAIN, TEST = 1_437, 360
# Which images are the test split is fixed: results on it are compared.
SPLIT_KEY = 20_240_601


def prepare(options: DatasetOptions, context: PreparationContext) -> Arrays:
    import numpy as np

    context.progress("decoding digits")
    found = _read()
    x = np.rint(found[:, :-1].reshape(-1, SIDE, SIDE) * (255 / LARGEST)).astype(np.uint8)
    y = found[:, -1].astype(np.int64)
    order = np.random.Generator(np.random.Philox(key=SPLIT_KEY)).permutation(len(y))
    train, test = order[:TRAIN], order[TRAIN:]
    return Arrays((x[train], y[train]), (x[test], y[test]), tuple(str(digit) for digit in range(10)))


def _read() -> Array:
    """The images and labels, float64 (1797, 65): the pixels of an image, 0 to 16, and its class. Taken from the file
    that scikit-learn's `load_digits` reads, because importing scikit-learn takes more than a second.
    """
    import numpy as np

    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            with gzip.open(path, "rt", encoding="ascii") as file:
                return np.loadtxt(file, delimiter=",")
    # It may lie elsewhere in another version, or in an archive.
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    return np.column_stack([images, classes])


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
