"""`dltui plugins check` tries any Config that is legal, however it bounds what the checks themselves need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, model_validator

from dltui.core.catalog.fields import FieldSpec
from dltui.core.catalog.models.entry import ModelEntry
from dltui.core.catalog.schema import checks_more, field_specs
from dltui.core.checks.conformance import checks, exporting, pieces
from dltui.core.checks.conformance.schema import sound
from dltui.core.checks.conformance.subject import CheckFailed, Subject
from dltui.core.contract.config import unit
from dltui.core.errors import PluginError, UsageError
from tests.fakes import fake_plugin as fake


class Strict(fake.SoftmaxConfig):
    epochs: int = Field(50, ge=45, le=10_000, description="passes", json_schema_extra=unit("epochs"))
    batch_size: int = Field(64, ge=64, le=65_536, description="samples per step", json_schema_extra=unit("samples"))

    @model_validator(mode="after")
    def _fits(self) -> Strict:
        if self.seed and self.epochs < 100:
            raise ValueError("another seed needs 100 epochs")
        return self


def subject(config: type[fake.SoftmaxConfig]) -> Subject:
    return Subject(replace(fake.dltui_models()[0], config=config), fake.NumpyBackend())


def test_the_checks_need_no_bounds() -> None:
    strict = subject(Strict)
    assert strict.config(epochs=2).epochs == 2
    assert checks.resumes(strict).endswith("equal to the last bit")
    assert "epochs" in checks.learns(strict)
    assert "arrays" in checks.keeps_state(strict)


def test_defaults_that_are_refused_are_one_line() -> None:
    class Refused(fake.SoftmaxConfig):
        @model_validator(mode="after")
        def _never(self) -> Refused:
            raise ValueError("no value is good")

    with pytest.raises(PluginError, match=r"^no value is good$"):
        subject(Refused).config()
    with pytest.raises(CheckFailed, match=r"^the defaults are refused by the Config's own checks: no value is good$"):
        sound(subject(Refused))


def test_validators_that_never_settle_fail() -> None:
    class Grows(fake.SoftmaxConfig):
        @model_validator(mode="before")
        @classmethod
        def _grow(cls, given: Any) -> Any:
            return {**given, "lr": given.get("lr", 0.1) * 2}

    with pytest.raises(CheckFailed, match="the validators of Grows change lr again each time"):
        sound(subject(Grows))


def entry(config: Any) -> ModelEntry:
    return ModelEntry("m", "m", "numpy", "classification", "", tuple(field_specs(config)), checks_more(config), {})


@pytest.mark.parametrize(
    ("bounds", "least"), [({}, 1), ({"ge": 5}, 5), ({"gt": 5}, 6), ({"ge": -3}, 1), ({"gt": -5}, 1)]
)
def test_a_run_is_as_short_as_its_bounds_allow(bounds: dict[str, Any], least: int) -> None:
    class Bounded(fake.SoftmaxConfig):
        epochs: int = Field(50, description="x", **bounds)

    assert exporting._epochs(entry(Bounded)) == least


def test_a_run_that_its_own_checks_refuse_has_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: object, values: object) -> Any:
        raise UsageError("warmup must be shorter than epochs")

    monkeypatch.setattr(exporting, "full_config", refuse)
    assert exporting._epochs(entry(Strict)) == 50
    choice = FieldSpec("epochs", "choice", 10, choices=("10", "20"), choice_values=(10, 20))
    assert exporting._epochs(replace(entry(Strict), fields=(choice,))) == 10


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["warning: logger notes does not start: name a file"], (True, "not tried: name a file")),
        (["finished"], (True, "followed a run of one epoch")),
        (["warning: logger notes failed: KeyError: 'x'"], (False, "warning: logger notes failed: KeyError: 'x'")),
    ],
)
def test_a_logger_that_needs_an_option_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], found: tuple[bool, str]
) -> None:
    monkeypatch.setattr(pieces, "_run", lambda task, catalog, files, place, *words: lines)
    assert pieces.logger("notes", None, [Path("x.py")]) == found  # type: ignore[arg-type]
