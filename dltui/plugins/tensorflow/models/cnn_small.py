"""A small residual network in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.residual import CnnSmallConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: CnnSmallConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.models import residual

    return residual.build(config, spec)


MODEL = Model(
    id="cnn-small-tensorflow",
    name="cnn-small",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    summary="a small residual network: 97,000 parameters for gray images",
    config=CnnSmallConfig,
    build=build,
    needs_images=True,
)
