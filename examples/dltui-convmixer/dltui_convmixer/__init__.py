"""The door into dltui: one model. Importing this imports no framework."""

from dltui import Model, hookimpl
from dltui_convmixer.config import Config
from dltui_convmixer.metrics import top3_accuracy


def build(config: Config, spec):
    """An nn.Module; PyTorch is imported here, so that listing the model starts no framework."""
    from dltui_convmixer.network import ConvMixer

    return ConvMixer(config, spec)


@hookimpl
def dltui_models():
    return [
        Model(
            id="convmixer-torch",
            name="convmixer",
            framework="torch",
            task="classification",
            summary="ConvMixer: patches, then depthwise and pointwise convolutions",
            config=Config,
            build=build,
            metrics=top3_accuracy,
            needs_images=True,
        )
    ]
