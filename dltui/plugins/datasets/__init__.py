"""The datasets in the box: downloaded, embedded in scikit-learn, made up, and whatever lies at a path of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.hooks import hookimpl

if TYPE_CHECKING:
    from dltui.core.contract import Dataset


@hookimpl
def dltui_datasets() -> list[Dataset]:
    from dltui.plugins.datasets import cifar10, csv_file, digits, folder, lines, mnist_like

    return [*mnist_like.DATASETS, cifar10.DATASET, digits.DATASET, lines.DATASET, folder.DATASET, csv_file.DATASET]
