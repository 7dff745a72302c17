"""TensorBoard's event files: curves, hyperparameters and the confusion matrix, written without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.analysis.evaluation import latest
from dltui.core.contract import Logger

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

CELL = 16
"""The side in pixels of a cell of the matrix."""


class TensorBoard:
    """Writes to `folder`/<run id>, or to `tensorboard` in the run's folder of figures."""

    def __init__(self, run: RunReader, folder: str, attempt: int) -> None:
        self.run = run
        asked = run.run
        # Relative to where the run was asked for, not to where its worker is.
        given = Path(asked["cwd"]) / paths.expanded(folder) / run.directory.id
        self.folder = given if folder else Path(asked["exports"]) / "tensorboard"
        self._writer: Any = None

    def event(self, record: Mapping[str, Any]) -> None:
        kind = record["type"]
        if kind == "attempt_started":
            self._open(record)
        if self._writer is None:
            return
        if kind == "trained":
            self._trained(record)
        elif kind == "epoch_ended":
            self._add("epoch", record["train"], record["step"], record["time"], "/train")
        elif kind == "evaluated":
            self._add("epoch", record["metrics"], record["step"], record["time"], f"/{record['split']}")

    def close(self, status: str) -> None:
        if self._writer is None:
            return
        best = self.run.history.best
        metrics = {f"best/{name}": value for name, value in (best.validation if best else {}).items()}
        test = self.run.history.test
        metrics |= {f"test/{name}": value for name, value in (test["metrics"] if test else {}).items()}
        self._hyperparameters({name: value for name, value in metrics.items() if not math.isnan(value)})
        found = latest(self.run)
        if found is not None and found.matrix is not None:
            name = f"confusion_matrix/{found.matrix.split}"
            self._writer.add_image(name, picture(found.matrix), self.run.history.step, dataformats="HW")
        self._writer.close()

    def _open(self, record: Mapping[str, Any]) -> None:
        from tensorboardX import SummaryWriter

        # What an earlier attempt wrote after its start step does not count: TensorBoard hides this step and later ones.
        first = int(record["start_step"]) + 1
        self._writer = SummaryWriter(str(self.folder), purge_step=first, write_to_disk=True)

    def _trained(self, record: Mapping[str, Any]) -> None:
        for position, step in enumerate(record["steps"]):
            values = {name: column[position] for name, column in record["metrics"].items()}
            self._add("step", {"loss": record["loss"][position], **values}, step, record["time"])
            self._writer.add_scalar("step/lr", record["lr"][position], step, walltime=record["time"])

    def _add(self, where: str, values: Mapping[str, float | None], step: int, when: float, split: str = "") -> None:
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(f"{where}/{name}{split}", value, step, walltime=when)

    def _hyperparameters(self, metrics: dict[str, float]) -> None:
        """Write the hyperparameters for TensorBoard's HParams tab, in the same folder."""
        from tensorboardX.summary import hparams

        config = self.run.run["config"]
        plain = {name: v if isinstance(v, (bool, int, float, str)) else str(v) for name, v in config.items()}
        plain |= {"model": self.run.run["model"], "dataset": self.run.run["dataset"]}
        for summary in hparams(plain, metrics):
            self._writer.file_writer.add_summary(summary)
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, self.run.history.step)


def picture(matrix: Matrix) -> Array:
    """The confusion matrix as a gray image uint8 (classes * CELL, classes * CELL): rows are true classes, white is
    zero.
    """
    import numpy as np

    cells = 255 - 255 * np.asarray(matrix.shares)
    image: Array = np.kron(cells, np.ones((CELL, CELL))).astype(np.uint8)
    return image


LOGGER = Logger(
    name="tensorboard",
    summary="TensorBoard event files; tensorboard=DIR writes to DIR/<run id>",
    open=TensorBoard,
    package="tensorboardX",
    install="pip install 'dltui[tensorboard]'",
)
