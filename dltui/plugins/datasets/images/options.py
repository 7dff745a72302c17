"""The options of a folder of images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.core.contract.config import DatasetOptions, unit
from dltui.core.renamed import DATASET_OPTIONS


class ImageOptions(DatasetOptions):
    """The conversion of images of any size into the images that a model trains on."""

    path: str = Field("", description="where the images are")
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
        description="share held out for testing if there is no test part",
        json_schema_extra=unit(""),
    )


class FolderOptions(ImageOptions):
    """The options of a folder of images."""

    path: str = Field("", description="the folder, as in folder:PATH")


class TableOptions(ImageOptions):
    """The options of a table that names images: its columns."""

    path: str = Field("", description="the file, as in images:FILE.csv or images:FILE.parquet")
    image: str = Field("", description="column of the paths; empty: the first one that holds names of images")
    target: str = Field(
        "", description="column of the classes; empty: one called target, label, class or y, else the last"
    )
    labels: str = Field("", description="several labels an image instead: columns of 0 and 1 (is_*), or one of a|b|c")
    targets: str = Field("", description="columns of numbers to predict instead, each on its own scale: a,b or out_*")
    split: str = Field(
        "", description="column that says train, valid or test; empty: one called split, else all is divided"
    )
    root: str = Field("", description="folder below which the paths are, as seen from the table; empty: its own")
    missing: Literal["refuse", "drop"] = Field("refuse", description="what to do with rows whose image is not there")


class ShardOptions(ImageOptions):
    """The options of tar archives of images."""

    path: str = Field("", description="folder of .tar files, or a pattern, as in shards:train-{000..009}.tar")


class HuggingFaceOptions(ImageOptions):
    """The options of a dataset of the Hugging Face hub."""

    path: str = Field("", description="its name, as in hf:NAME or hf:USER/NAME")
    config: str = Field("", description="which of its configurations; empty: its default")
    revision: str = Field("", description="branch, tag or commit; empty: the newest when it was first read")
    image: str = Field("", description="column of the images; empty: the first one of images")
    target: str = Field(
        "", description="column of the classes; empty: the first one of class labels, else called label"
    )
