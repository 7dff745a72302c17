"""The options that every dataset shares; a dataset's own Options extends this."""

from pydantic import BaseModel, ConfigDict, Field

from dltui.core.config import unit


class DatasetOptions(BaseModel):
    """How the training part is divided. Not the run's seed: runs with different seeds are compared on one split."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    validation: float = Field(
        0.1, gt=0, le=0.9, description="part of the training rows kept for validation", json_schema_extra=unit("")
    )
    split_seed: int = Field(
        0, ge=0, le=2**31 - 1, description="chooses which rows those are", json_schema_extra=unit("")
    )
