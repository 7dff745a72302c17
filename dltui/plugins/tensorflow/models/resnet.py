"""A residual network (He et al. 2016) in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.residual import ResNetConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: ResNetConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.models import residual

    return residual.build(config, spec)


MODEL = Model(
    id="resnet-tensorflow",
    name="resnet",
    framework="tensorflow",
    task="classification",
    summary="a residual network: 870,000 parameters for gray images",
    config=ResNetConfig,
    build=build,
    needs_images=True,
)
