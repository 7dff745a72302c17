"""The shared hyperparameters that a model offers."""

from __future__ import annotations

from dltui.core.catalog.fields import offered
from dltui.core.catalog.schema import field_specs
from dltui.core.contract.config import TrainConfig


def test_a_model_offers_what_its_backend_obeys() -> None:
    fields = field_specs(TrainConfig)
    plain = {field.name: field for field in offered(fields, ())}
    assert "ema" not in plain
    assert "patience" in plain, "the loop does that for all"
    assert plain["optimizer"].choices == plain["optimizer"].choice_values == ("sgd", "adamw")
    more = {field.name: field for field in offered(fields, ("ema", "lion"))}
    assert "ema" in more
    assert more["optimizer"].choices == ("sgd", "adamw", "lion")
    assert plain["precision"].choices == ("fp32",)
    assert "compile" not in plain
    assert list(more)[-1] == "max_time"
    assert list(more).index("checkpoint_seconds") < list(more).index("ema")
