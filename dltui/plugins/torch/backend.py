"""The PyTorch backend: makes a `Trainable` from an `nn.Module`. Importing this imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dltui.core.contract import Data, Layer, Model, Rank, Spec, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.ranks import Spread
    from dltui.core.contract.types import Array


class TorchBackend:
    """The backend for PyTorch modules."""

    framework = "torch"
    title = "PyTorch"
    package = "torch"
    install = "pip install 'dltui[torch]'"
    formats = ("onnx", "torch")
    forbids = ("tensorflow", "keras")
    spread: Spread = "ranks"
    options = tuple(
        """nesterov lr_scales freeze unfreeze_at clip_norm accumulate ema label_smoothing class_weights color erase
        mixup cutmix mirror_test crop flip+crop adam rmsprop lion muon tf32 bf16 fp16 compile""".split()
    )

    def trainable(
        self, model: Model, config: TrainConfig, data: Data, device: str, rank: Rank | None = None
    ) -> Trainable:
        """Put a model and the data on `device` ("cpu", "cuda", "mps"); raises RunError when that cannot be used."""
        from dltui.plugins.torch import session
        from dltui.plugins.torch.trainable import TorchTrainable

        return TorchTrainable(model.build, config, data, session.start(config, device), rank=rank)

    def warm_up(self) -> None:
        """Import all that a run needs, without touching a device."""
        from importlib import import_module

        import_module("dltui.plugins.torch.session")
        import_module("dltui.plugins.torch.trainable")

    def layers(self, model: Model, config: TrainConfig, spec: Spec) -> Sequence[Layer]:
        from dltui.plugins.torch import module
        from dltui.plugins.torch.layers import list_layers

        return list_layers(module.build(model.build, config, spec), spec)

    def devices(self) -> Sequence[Mapping[str, object]]:
        from dltui.plugins.torch import session

        return session.list_devices()

    def convert(self, trainable: Trainable, spec: Spec, form: str, target: Path) -> None:
        """Write a trained model in one of `formats`; its input are float32 samples as datasets have them."""
        from dltui.plugins.torch.convert import write
        from dltui.plugins.torch.trainable import TorchTrainable

        assert isinstance(trainable, TorchTrainable)
        write(trainable.module, spec, form, target)

    def heat_maps(self, trainable: Trainable, rows: slice, outputs: Array) -> Array:
        """What in test samples speaks for each of the named outputs (n, k): float32 (n, k, height, width)."""
        from dltui.plugins.torch.inside.heat_maps import heat_maps
        from dltui.plugins.torch.trainable import TorchTrainable

        assert isinstance(trainable, TorchTrainable)
        return heat_maps(trainable, rows, outputs)

    def embeddings(self, trainable: Trainable, rows: slice) -> Array:
        """What the last layer is given for test samples: float32 (n, features)."""
        from dltui.plugins.torch.inside.embeddings import embeddings
        from dltui.plugins.torch.trainable import TorchTrainable

        assert isinstance(trainable, TorchTrainable)
        return embeddings(trainable, rows)
