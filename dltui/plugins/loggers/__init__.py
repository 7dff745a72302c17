"""The built-in loggers: TensorBoard, MLflow, Weights & Biases, Trackio, and a web address or a command that is notified
when a run has ended.
"""

from __future__ import annotations

from dltui.core.contract import Logger
from dltui.plugins.loggers import finish, mlflow, tensorboard, tracked

LOGGERS = [tensorboard.LOGGER, mlflow.LOGGER, tracked.WANDB, tracked.TRACKIO, finish.WEBHOOK, finish.COMMAND]

__all__ = ["LOGGERS", "Logger"]
