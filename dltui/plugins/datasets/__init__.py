"""The built-in datasets: downloaded, embedded, generated, or at the user's path; and the registration of the
loggers and launchers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract.hooks import hookimpl

if TYPE_CHECKING:
    from dltui.core.contract import Dataset, Logger
    from dltui.core.contract.launchers import Launcher


@hookimpl
def dltui_datasets() -> list[Dataset]:
    from dltui.plugins.datasets import cifar10, digits, fashion_mnist, lines, shapes
    from dltui.plugins.datasets.images import folder, hugging_face, shards
    from dltui.plugins.datasets.images import table as images
    from dltui.plugins.datasets.masks import folder as masks
    from dltui.plugins.datasets.sequences import dataset as sequences_dataset
    from dltui.plugins.datasets.sequences import waves
    from dltui.plugins.datasets.tables import dataset

    return [
        *fashion_mnist.DATASETS,
        cifar10.DATASET,
        digits.DATASET,
        lines.DATASET,
        shapes.DATASET,
        waves.DATASET,
        folder.DATASET,
        masks.DATASET,
        dataset.DATASET,
        images.DATASET,
        shards.DATASET,
        hugging_face.DATASET,
        sequences_dataset.DATASET,
    ]


@hookimpl
def dltui_loggers() -> list[Logger]:
    from dltui.plugins.loggers import LOGGERS

    return LOGGERS


@hookimpl
def dltui_launchers() -> list[Launcher]:
    from dltui.plugins.launchers import LAUNCHERS

    return LAUNCHERS
