"""The datasets in the box: downloaded, embedded in scikit-learn, and made up; and the door of the loggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.hooks import hookimpl

if TYPE_CHECKING:
    from dltui.core.contract import Dataset, Logger


@hookimpl
def dltui_datasets() -> list[Dataset]:
    from dltui.plugins.datasets import digits, lines, mnist_like

    return [*mnist_like.DATASETS, digits.DATASET, lines.DATASET]


@hookimpl
def dltui_loggers() -> list[Logger]:
    from dltui.plugins.loggers import LOGGERS

    return LOGGERS
