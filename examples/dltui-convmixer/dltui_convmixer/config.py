"""The hyperparameters, with a schedule of their own and a check across two of them."""

from typing import Literal

import numpy as np
from pydantic import model_validator

from dltui import Field, TrainConfig


class Config(TrainConfig):
    """Each field is a flag and a field of the form."""

    width: int = Field(64, ge=4, le=2048, description="channels", json_schema_extra={"unit": "channels"})
    depth: int = Field(4, ge=1, le=64, description="mixing blocks", json_schema_extra={"unit": "blocks"})
    kernel: int = Field(
        5, ge=3, le=15, description="of the depthwise convolution; odd", json_schema_extra={"unit": "px"}
    )
    patch: int = Field(2, ge=1, le=16, description="side of a patch", json_schema_extra={"unit": "px"})
    smoothing: float = Field(0.05, ge=0, lt=1, description="of the labels in the loss", json_schema_extra={"unit": ""})
    rise: float = Field(
        0.1, ge=0, lt=1, description="part of the run in which lr rises", json_schema_extra={"unit": ""}
    )
    batch_size: int = Field(64, ge=1, le=65_536, description="samples per step", json_schema_extra={"unit": "samples"})
    lr: float = Field(0.01, gt=0, le=10, description="peak of the schedule", json_schema_extra={"unit": ""})
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="adamw as in the paper")
    schedule: Literal["warmup-cosine", "constant", "cosine", "one-cycle"] = Field(
        "warmup-cosine", description="warmup-cosine rises during `rise`, then falls along a cosine"
    )

    @model_validator(mode="after")
    def _fits(self):
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {self.kernel}")
        # Compared with its default: dltui gives all fields, also those that nobody has set.
        if self.schedule != "warmup-cosine" and self.rise != type(self).model_fields["rise"].default:
            raise ValueError("rise needs schedule warmup-cosine")
        return self

    def schedule_factors(self, steps, total):
        """float64 factors on lr: rises linearly over the first part, then half a cosine; `--warmup` multiplies them."""
        if self.schedule != "warmup-cosine":
            return super().schedule_factors(steps, total)
        rising = max(1, round(self.rise * total))
        falling = (1 + np.cos(np.pi * (steps - rising) / max(1, total - rising))) / 2
        return np.where(steps < rising, (steps + 1) / rising, falling)
