"""The TensorFlow backend: makes a `Trainable` from a Keras 3 model. Importing this imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dltui.core.contract import Data, Layer, Model, Rank, Spec, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.ranks import Spread
    from dltui.core.contract.types import Array, DeviceKind


class TensorFlowBackend:
    """The backend for Keras 3 models on TensorFlow."""

    framework = "tensorflow"
    title = "TensorFlow"
    package = "tensorflow"
    install = "pip install 'dltui[tensorflow]'"
    formats = ("onnx", "keras")
    forbids = ("torch",)
    spread: Spread = "replicas+ranks"
    kinds: tuple[DeviceKind, ...] = ("cpu", "cuda")
    options = tuple(
        """nesterov lr_scales freeze unfreeze_at clip_norm accumulate ema label_smoothing class_weights color erase
        mixup cutmix mirror_test crop flip+crop adam rmsprop lion muon tf32 bf16 fp16 compile""".split()
    )

    def trainable(
        self,
        model: Model,
        config: TrainConfig,
        data: Data,
        device: str,
        replicas: int = 1,
        rank: Rank | None = None,
    ) -> Trainable:
        """Put a model and the data on `device` ("cpu", "cuda"), or on several of them; raises RunError when that cannot
        be used. With a `rank` this is one of several processes, whose plans are those of whole batches.
        """
        from dltui.plugins.tensorflow import session

        name = session.start(config, device, replicas, rank)
        from dltui.plugins.tensorflow.trainable import KerasTrainable

        return KerasTrainable(model.build, config, data, name, replicas, rank)

    def warm_up(self) -> None:
        """Import all that a run needs, without touching a device."""
        from importlib import import_module

        from dltui.plugins.tensorflow import session

        session.import_framework()
        import_module("dltui.plugins.tensorflow.trainable")

    def layers(self, model: Model, config: TrainConfig, spec: Spec) -> Sequence[Layer]:
        from dltui.plugins.tensorflow import session

        session.import_framework()
        from dltui.plugins.tensorflow import module
        from dltui.plugins.tensorflow.layers import list_layers

        return list_layers(module.build(model.build, config, spec))

    def devices(self) -> Sequence[Mapping[str, object]]:
        from dltui.plugins.tensorflow import session

        return session.list_devices()

    def convert(self, trainable: Trainable, spec: Spec, form: str, target: Path) -> None:
        """Write a trained model in one of `formats`; its input are float32 samples as datasets have them."""
        from dltui.plugins.tensorflow.convert import write
        from dltui.plugins.tensorflow.trainable import KerasTrainable

        assert isinstance(trainable, KerasTrainable)
        write(trainable.model, spec, form, target)

    def heat_maps(self, trainable: Trainable, rows: slice, outputs: Array) -> Array:
        """What in test samples speaks for each of the named outputs (n, k): float32 (n, k, height, width)."""
        from dltui.plugins.tensorflow.inside.heat_maps import heat_maps
        from dltui.plugins.tensorflow.trainable import KerasTrainable

        assert isinstance(trainable, KerasTrainable)
        return heat_maps(trainable, rows, outputs)

    def embeddings(self, trainable: Trainable, rows: slice) -> Array:
        """What the last layer is given for test samples: float32 (n, features)."""
        from dltui.plugins.tensorflow.inside.embeddings import embeddings
        from dltui.plugins.tensorflow.trainable import KerasTrainable

        assert isinstance(trainable, KerasTrainable)
        return embeddings(trainable, rows)
