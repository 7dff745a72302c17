"""A class of hyperparameters is asked wherever its values are loaded: what it has made must stay as it is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, computed_field, field_validator, model_validator

from dltui.core.catalog import plugin_loader, probe_process
from dltui.core.catalog.schema import checks_more, settled
from dltui.core.contract import Dataset, Model
from dltui.core.contract.config import DatasetOptions, TrainConfig
from dltui.core.contract.launchers import Launcher, LauncherOptions, LaunchState
from dltui.core.errors import PluginError


class Scaled(TrainConfig):
    """One that scales lr with the batch, each time anew."""

    @model_validator(mode="before")
    @classmethod
    def _scale(cls, given: Any) -> Any:
        return {**given, "lr": given.get("lr", 0.1) * given.get("batch_size", 256) / 256}


def test_validators_that_change_their_own_values_again_are_refused() -> None:
    assert settled(Scaled, {"lr": 0.2, "batch_size": 256})["lr"] == 0.2
    told = r"^the validators of Scaled change lr again each time they are asked; let them leave alone what they"
    with pytest.raises(PluginError, match=told):
        settled(Scaled, {"lr": 0.1, "batch_size": 32})
    with pytest.raises(PluginError, match=r"^Scaled refuses what its validators have made: lr must be"):
        settled(Scaled, {"lr": 2.5, "batch_size": 1024})


def test_validators_that_settle_are_fine() -> None:
    class Rounded(TrainConfig):
        hidden: int = Field(64, ge=1, le=4096, description="units")

        @field_validator("hidden")
        @classmethod
        def _round(cls, value: int) -> int:
            return 8 * round(value / 8)

    assert settled(Rounded, {"hidden": 30})["hidden"] == 32


class Computed(TrainConfig):
    """One with a computed field beside a validator."""

    hidden: int = Field(64, ge=1, le=4096, description="units")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return 2 * self.hidden

    @field_validator("hidden")
    @classmethod
    def _fits(cls, value: int) -> int:
        return value


def test_computed_fields_are_no_hyperparameters() -> None:
    assert checks_more(Computed)
    assert set(settled(Computed, {})) == set(Computed.model_fields)


def test_each_question_about_values_is_answered_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Data(DatasetOptions):
        @computed_field  # type: ignore[prop-decorator]
        @property
        def rows(self) -> int:
            return 3

    class Queue(LauncherOptions):
        @computed_field  # type: ignore[prop-decorator]
        @property
        def rows(self) -> int:
            return 3

    model = Model("m", "m", "torch", "classification", "s", Computed, lambda config, spec: None)
    dataset = Dataset("d", "classification", "s", Data, lambda *_: None, lambda *_: None)  # type: ignore[arg-type,return-value]
    launcher = Launcher("l", "s", lambda *_: {}, lambda *_: LaunchState("gone"), lambda *_: None, Queue)
    monkeypatch.setattr(plugin_loader, "load_model", lambda source, name: model)
    monkeypatch.setattr(plugin_loader, "load_dataset", lambda source, name: dataset)
    monkeypatch.setattr(plugin_loader, "load_launcher", lambda source, name: launcher)
    asked = {"model": "m", "dataset": "d", "launcher": "l"}
    assert set(probe_process.check({}, asked)["config"]) == set(Computed.model_fields)
    assert set(probe_process.dataset_check({}, asked)["options"]) == set(Data.model_fields)
    assert set(probe_process.launcher_check({}, asked)["options"]) == set()
