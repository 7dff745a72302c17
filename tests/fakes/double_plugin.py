"""A plugin with the CNNs of both frameworks in double precision, so that curves can be compared to the last digits:
`--plugin tests/fakes/double_plugin.py`, models cnn-torch64 and cnn-tensorflow64.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dltui.core.contract.hooks import hookimpl
from dltui.plugins.tensorflow.backend import TensorFlowBackend
from dltui.plugins.tensorflow.models import cnn as of_tensorflow
from dltui.plugins.torch.backend import TorchBackend
from dltui.plugins.torch.models import cnn as of_torch

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Data, Model, Rank, Trainable
    from dltui.core.contract.config import TrainConfig


class DoubleTorch(TorchBackend):
    framework = "torch64"
    title = "PyTorch in double precision"

    def trainable(
        self, model: Model, config: TrainConfig, data: Data, device: str, rank: Rank | None = None
    ) -> Trainable:
        import torch

        from dltui.plugins.torch import session
        from dltui.plugins.torch.trainable import TorchTrainable

        return TorchTrainable(model.build, config, data, session.start(config, device), torch.float64, rank)


class DoubleTensorFlow(TensorFlowBackend):
    framework = "tensorflow64"
    title = "TensorFlow in double precision"

    def trainable(
        self,
        model: Model,
        config: TrainConfig,
        data: Data,
        device: str,
        replicas: int = 1,
        rank: Rank | None = None,
    ) -> Trainable:
        from dltui.plugins.tensorflow import session

        session.import_framework()
        import keras

        keras.config.set_floatx("float64")
        return super().trainable(model, config, data, device, replicas, rank)


@hookimpl
def dltui_backends() -> list[Backend]:
    return [DoubleTorch(), DoubleTensorFlow()]


@hookimpl
def dltui_models() -> list[Model]:
    return [
        replace(of_torch.MODEL, id="cnn-torch64", name="cnn64", framework="torch64"),
        replace(of_tensorflow.MODEL, id="cnn-tensorflow64", name="cnn64", framework="tensorflow64"),
    ]
