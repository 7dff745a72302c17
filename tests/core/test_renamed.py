"""Options that were renamed: old names and words mean the new ones, everywhere an option is read."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from dltui import DatasetOptions
from dltui.core.catalog.fields import FieldSpec, check_values, key_values
from dltui.core.catalog.schema import checks_more, field_specs
from dltui.core.errors import UsageError
from dltui.core.renamed import formerly, with_new_options


class Options(DatasetOptions):
    color: Literal["auto", "gray"] = Field("auto", json_schema_extra=formerly("colour", grey="gray"))
    size: int = Field(0)


FIELDS = [FieldSpec.from_json(field.to_json()) for field in field_specs(Options)]


@pytest.mark.parametrize("given", [{"colour": "grey"}, {"color": "grey"}, {"color": "gray", "colour": "auto"}])
def test_the_old_names_are_read_as_the_new_ones(given: dict[str, str]) -> None:
    assert Options.model_validate(given).color == "gray"
    assert check_values(FIELDS, given, "dataset x")["color"] == "gray"


def test_they_may_be_typed() -> None:
    assert key_values(["colour=grey", "size=3"], FIELDS, "dataset x") == {"color": "gray", "size": 3}


def test_they_are_not_offered() -> None:
    assert not checks_more(Options)
    with pytest.raises(UsageError, match=r"^color must be one of auto, gray, got 'red'"):
        check_values(FIELDS, {"colour": "red"}, "dataset x")
    with pytest.raises(UsageError, match=r"it has validation, split_seed, drop, color, size$"):
        check_values(FIELDS, {"unheard": 1}, "dataset x")
    with pytest.raises(ValidationError):
        Options.model_validate({"colours": "grey"})
    assert [field.name for field in FIELDS if "formerly" in field.to_json()] == ["color"]


def test_only_the_dataset_that_renamed_an_option_is_read_so() -> None:
    old = {"dataset": "mine", "dataset_plugin": "folder", "dataset_options": {"colour": "grey", "size": 8}}
    assert with_new_options(old)["dataset_options"] == {"color": "gray", "size": 8}
    for other in ({"dataset_plugin": "another"}, {"dataset_options": None}):
        assert with_new_options(old | other) == old | other
