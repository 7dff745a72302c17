"""The options of the user's own sequences."""

from __future__ import annotations

from pydantic import Field

from dltui.core.contract.config import DatasetOptions, unit


class SequencesOptions(DatasetOptions):
    """The choice of the columns, and the longest length."""

    path: str = Field("", description="the file or folder, as in sequences:PATH")
    id: str = Field("", description="column that tells sequences apart; empty: one called id, else the first")
    target: str = Field("", description="column to predict; empty: one called target, label, class or y, else the last")
    length: int = Field(
        1_000, ge=1, le=1_000_000, description="steps after which a sequence is cut", json_schema_extra=unit("steps")
    )
    scale: bool = Field(True, description="features to mean 0 and deviation 1, measured on the train split")
    test: float = Field(0.2, gt=0, le=0.9, description="share held out for testing", json_schema_extra=unit(""))
