"""MLflow: an MLflow run for each attempt, in a local folder or on the server that `mlflow=URI` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.contract import Logger

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

STATUS = {"finished": "FINISHED", "stopped": "KILLED", "preempted": "KILLED", "paused": "KILLED"}


class Mlflow:
    """Logs parameters, curves, test metrics and tags."""

    def __init__(self, run: RunReader, uri: str, attempt: int) -> None:
        import os

        # A local folder of files is what takes no server; newer versions want to hear that it is meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow.tracking import MlflowClient

        asked = run.run
        if uri and "://" not in uri:
            uri = (Path(asked["cwd"]) / paths.expanded(uri)).as_uri()
        self.run = run
        self.client = MlflowClient(uri or (Path(asked["exports"]).parent / "mlruns").absolute().as_uri())
        found = self.client.get_experiment_by_name("dltui")
        experiment = found.experiment_id if found else self.client.create_experiment("dltui")
        tags = {"model": asked["model"], "dataset": asked["dataset"], "attempt": str(attempt)}
        self.id = self.client.create_run(experiment, run_name=run.directory.id, tags=tags).info.run_id
        for name, value in asked["config"].items():
            self.client.log_param(self.id, name, value)

    def event(self, record: Mapping[str, Any]) -> None:
        if record["type"] == "epoch_ended":
            self._log("train", record["train"], record)
        elif record["type"] == "evaluated":
            self._log(record["split"], record["metrics"], record)

    def close(self, status: str) -> None:
        self.client.set_terminated(self.id, STATUS.get(status, "FAILED"))

    def _log(self, split: str, values: Mapping[str, float | None], record: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if value is not None:
                when = int(1000 * record["time"])
                self.client.log_metric(self.id, f"{split}_{name}", value, timestamp=when, step=record["step"])


LOGGER = Logger(
    name="mlflow",
    summary="MLflow; mlflow=URI names a server or folder, else mlruns beside the figures",
    open=Mlflow,
    package="mlflow",
    install="pip install 'dltui[mlflow]'",
)
