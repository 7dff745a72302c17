"""The options of a table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.core.contract.config import DatasetOptions, unit
from dltui.plugins.datasets.tables.table import Header


class CsvOptions(DatasetOptions):
    """The choice of the target column, and the treatment of the others."""

    path: str = Field("", description="the file, as in csv:PATH")
    target: str = Field("", description="column to predict; empty: one called target, label, class or y, else the last")
    labels: str = Field(
        "", description="instead of a target: columns of 0 and 1 (a,b or tag_*), or one of names with | between them"
    )
    targets: str = Field("", description="columns of numbers to predict together, each on its own scale: a,b or out_*")
    text: str = Field("", description="column of texts: tabular reads it beside the others, lstm and transformer alone")
    tokens: Literal["word", "byte"] = Field("word", description="how texts are cut into tokens")
    words: int = Field(
        5_000, ge=10, le=50_000, description="most frequent words that are known", json_schema_extra=unit("words")
    )
    length: int = Field(
        256, ge=1, le=65_536, description="tokens after which a text is cut", json_schema_extra=unit("tokens")
    )
    drop: str = Field("", description="columns to leave out, with commas between them; a review.csv: rows")
    missing: Literal["fill", "drop"] = Field(
        "fill", description="fill gaps with the median of the train split or a class of their own, or drop those rows"
    )
    scale: bool = Field(True, description="numbers to mean 0 and deviation 1, measured on the train split")
    header: Header = Field("auto", description="whether the first line has the names of the columns")
    test: float = Field(0.2, gt=0, le=0.9, description="share held out for testing", json_schema_extra=unit(""))
