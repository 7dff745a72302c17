"""The options of a folder of images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.core.contract.config import DatasetOptions, unit
from dltui.core.contract.renamed import DATASET_OPTIONS


class FolderOptions(DatasetOptions):
    """The conversion of images of any size into the images that a model trains on."""

    path: str = Field("", description="the folder, as in folder:PATH")
    size: int = Field(
        0,
        ge=0,
        le=1024,
        description="resize to squares of this side; 0: keep their size, or a usual one where they differ",
        json_schema_extra=unit("px"),
    )
    fit: Literal["crop", "pad", "stretch"] = Field("crop", description="how images that are not square become so")
    color: Literal["auto", "gray", "color"] = Field(
        "auto",
        description="channels; auto: gray if all images are",
        json_schema_extra=DATASET_OPTIONS["folder"]["color"],
    )
    test: float = Field(
        0.2,
        gt=0,
        le=0.9,
        description="share held out for testing if there is no test folder",
        json_schema_extra=unit(""),
    )
