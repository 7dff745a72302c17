"""The options of a folder of images and masks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.plugins.datasets.images.options import ImageOptions


class MaskOptions(ImageOptions):
    """The options of a folder of images and masks."""

    path: str = Field("", description="the folder with images/ and masks/, as in masks:PATH")
    missing: Literal["refuse", "drop"] = Field("refuse", description="what to do with images that have no mask")
