"""The models: hyperparameters, and a function that makes a Flax module."""

from typing import Literal

from dltui import Field, Model, TrainConfig


class Config(TrainConfig):
    """A small convolutional network."""

    width: int = Field(16, ge=1, le=1024, description="channels of the first convolution")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of hidden values dropped in training")
    lr: float = Field(0.004, gt=0, le=10, description="step size", json_schema_extra={"unit": ""})
    batch_size: int = Field(32, ge=1, le=65_536, description="samples per step", json_schema_extra={"unit": "samples"})
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="how weights follow gradients")


def build(config, spec):
    """Fed images (n, height, width, channels); gives logits of the classes."""
    from dltui_flax.network import Network

    return Network(config.width, config.dropout, spec.outputs)


SUMMARY = "two convolutions and a hidden layer, in Flax"
MODELS = [Model("convnet-flax", "convnet", "jax", "classification", SUMMARY, Config, build, needs_images=True)]
