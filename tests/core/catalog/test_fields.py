"""A field reads what people type, refuses what is out of range in one line, and survives the way through JSON."""

import enum
import json
import sys
from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator, model_validator

from dltui.core.catalog.fields import FieldSpec, check_values
from dltui.core.catalog.schema import checks_more, field_specs, one_line
from dltui.core.contract.config import DatasetOptions, TrainConfig, unit
from dltui.core.errors import PluginError, UsageError


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Everything(BaseModel):
    flag: bool = Field(False, description="a flag")
    count: int = Field(3, ge=1, le=10_000, json_schema_extra=unit("things"))
    lr: float = Field(0.1, gt=0, le=10, description="step\n size")
    fraction: float = Field(0.5, ge=0, lt=1)
    positive: float = Field(1.0, gt=0)
    at_least: int = Field(5, ge=2)
    at_most: float = Field(5, le=7)
    free: float = 0.25
    text: str = "x"
    way: Literal["sgd", "adamw"] = "sgd"
    only: Literal["one"] = "one"
    size: Literal[28, 32] = 28
    color: Color = Color.BLUE
    widths: list[Annotated[int, Field(ge=1, le=4096)]] = Field([784, 784], min_length=1, max_length=8)
    pair: tuple[float, float] = (0.5, 2.0)


FIELDS = {field.name: field for field in field_specs(Everything)}


def refusal(name: str, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        FIELDS[name].parse(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_types_and_words_of_the_declaration() -> None:
    assert [FIELDS[name].type for name in ("flag", "count", "lr", "text", "way", "only", "size", "color")] == [
        *("bool", "int", "float", "str", "choice", "choice", "choice", "choice")
    ]
    assert FIELDS["widths"].type == FIELDS["pair"].type == "numbers"
    assert (FIELDS["count"].unit, FIELDS["lr"].description) == ("things", "step size")
    assert FIELDS["widths"].default == [784, 784]
    assert FIELDS["color"].default == "blue"
    assert FieldSpec("batch_size", "int", 1).flag == "--batch-size"


def test_range_text() -> None:
    assert FIELDS["lr"].range_text() == "0 < lr <= 10"
    assert FIELDS["count"].range_text() == "1 <= count <= 10000"
    assert FIELDS["fraction"].range_text() == "0 <= fraction < 1"
    assert FIELDS["positive"].range_text() == "positive > 0"
    assert FIELDS["at_least"].range_text() == "at_least >= 2"
    assert FIELDS["at_most"].range_text() == "at_most <= 7"
    assert FIELDS["free"].range_text() == ""
    assert FIELDS["way"].range_text() == "sgd | adamw"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "Yes", True),
        ("flag", "0", False),
        ("count", " 12 ", 12),
        ("lr", "1e-3", 0.001),
        ("lr", "1", 1.0),
        ("way", "adamw", "adamw"),
        ("size", "32", 32),
        ("widths", "[64, 32]", [64, 32]),
        ("widths", "64,32", [64, 32]),
        ("pair", "1 2.5", [1.0, 2.5]),
        ("text", "anything at all", "anything at all"),
    ],
)
def test_parse(name: str, text: str, value: object) -> None:
    parsed = FIELDS[name].parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_refusals_say_what_is_allowed() -> None:
    assert refusal("lr", "-1") == "lr must be greater than 0 and at most 10, got -1"
    assert refusal("lr", "0") == "lr must be greater than 0 and at most 10, got 0"
    assert refusal("lr", "abc") == "lr must be greater than 0 and at most 10, got 'abc'"
    assert refusal("lr", "nan") == "lr must be greater than 0 and at most 10, got nan"
    assert refusal("lr", "1e999") == "lr must be greater than 0 and at most 10, got inf"
    assert refusal("free", "x") == "free must be a number, got 'x'"
    assert refusal("count", "0") == "count must be a whole number from 1 to 10000, got 0"
    assert refusal("count", "1.5") == "count must be a whole number from 1 to 10000, got '1.5'"
    assert refusal("at_least", "1") == "at_least must be a whole number at least 2, got 1"
    assert refusal("fraction", "1") == "fraction must be at least 0 and less than 1, got 1"
    assert refusal("way", "adam") == "way must be one of sgd, adamw, got 'adam'; did you mean adamw?"
    assert refusal("only", "two") == "only must be one, got 'two'"
    assert refusal("flag", "maybe") == "flag must be yes or no, got 'maybe'"
    assert "1 to 8 whole numbers like 64,32, each at least 1 and at most 4096, got [0]" in refusal("widths", "0")
    assert "2 numbers like 64,32, got [1.0]" in refusal("pair", "1")


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 4000, "1" + "0" * 400])
def test_absurd_integers_are_refused(text: str) -> None:
    assert len(refusal("count", text)) < 200
    assert len(refusal("lr", text)) < 200


def test_check_is_strict_about_types() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (True, "1", None, {}, [1], float("nan"), 10**400, deep):
        for name in ("count", "lr"):
            with pytest.raises(UsageError):
                FIELDS[name].check(value)
    with pytest.raises(UsageError):
        FIELDS["count"].check(3.0)
    with pytest.raises(UsageError):
        FIELDS["flag"].check(1)
    with pytest.raises(UsageError):
        FIELDS["size"].check("28")
    assert type(FIELDS["lr"].check(1)) is float
    assert FIELDS["pair"].check((1, 2)) == [1.0, 2.0]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_check_agrees_with_pydantic(value: Any) -> None:
    """Whatever a field lets through, the class takes; and the other way round for numbers in the right type."""
    for name in ("count", "lr", "fraction", "widths", "way", "text", "flag"):
        try:
            checked = FIELDS[name].check(value)
        except UsageError:
            with pytest.raises(ValidationError):
                Everything.model_validate({name: value}, strict=True)
        else:
            # A finite number only: no field says so itself, TrainConfig does for all of them.
            Everything.model_validate({name: checked})


@given(st.text(max_size=20))
def test_any_text_parses_or_is_one_line(text: str) -> None:
    for field in FIELDS.values():
        try:
            value = field.parse(text)
        except UsageError as refusal:
            line = str(refusal)
        else:
            line = repr(field.check(value))
        assert line.isprintable()


def test_json_round_trip() -> None:
    for field in FIELDS.values():
        assert FieldSpec.from_json(json.loads(json.dumps(field.to_json()))) == field
    with pytest.raises((TypeError, ValueError)):
        FieldSpec.from_json({"name": "x", "type": "complex", "default": 1})
    with pytest.raises((TypeError, ValueError)):
        FieldSpec.from_json({"nonsense": 1})


def test_defaults_of_the_shared_config_pass_their_own_checks() -> None:
    fields = field_specs(TrainConfig)
    assert [field.name for field in fields[:3]] == ["epochs", "lr", "batch_size"]
    assert check_values(fields, {}, "model x") == TrainConfig().model_dump()
    assert all(field.description for field in fields)
    assert not checks_more(TrainConfig)


def test_check_values_names_what_there_is() -> None:
    fields = field_specs(DatasetOptions)
    assert check_values(fields, {"validation": 0.2}, "dataset x") == {"validation": 0.2, "split_seed": 0, "drop": ""}
    with pytest.raises(UsageError, match=r"dataset x has no option 'validaton'; did you mean validation\?"):
        check_values(fields, {"validaton": 0.2}, "dataset x")


def test_types_that_no_form_can_show_are_refused() -> None:
    class Optional(BaseModel):
        a: int | None = None

    class Nested(BaseModel):
        a: dict[str, int] = {}

    class Texts(BaseModel):
        a: list[str] = []

    class NoDefault(BaseModel):
        a: int

    class BadDefault(BaseModel):
        a: int = Field(0, ge=1)

    for config, words in (
        (Optional, "no form"),
        (Nested, "no form"),
        (Texts, "than numbers"),
        (NoDefault, "a default"),
    ):
        with pytest.raises(PluginError, match=words):
            field_specs(config)
    with pytest.raises(PluginError, match=r"default of BadDefault\.a is not allowed: a must be .* at least 1, got 0"):
        field_specs(BadDefault)


def test_classes_that_check_more_are_known() -> None:
    class OneField(BaseModel):
        a: int = 1

        @field_validator("a")
        @classmethod
        def even(cls, value: int) -> int:
            return value

    class Across(BaseModel):
        a: int = 1

        @model_validator(mode="after")
        def fits(self) -> "Across":
            return self

    class Annotation(BaseModel):
        a: Annotated[int, AfterValidator(abs)] = 1

    class Pattern(BaseModel):
        a: str = Field("x", pattern="x+")

    class Different(BaseModel):
        a: tuple[int, Annotated[int, Field(ge=3)]] = (1, 3)

    assert checks_more(Different)
    assert not checks_more(Everything)
    assert all(checks_more(config) for config in (OneField, Across, Annotation, Pattern))


def test_validation_errors_in_the_words_of_the_flags() -> None:
    class Config(TrainConfig):
        @model_validator(mode="after")
        def fits(self) -> "Config":
            if self.momentum and self.optimizer == "adamw":
                raise ValueError("adamw has no momentum; use --momentum 0")
            return self

    def message(**values: object) -> str:
        with pytest.raises(ValidationError) as caught:
            Config.model_validate(values)
        return one_line(caught.value, field_specs(Config))

    assert message(lr=-1) == "lr must be greater than 0 and at most 10, got -1"
    assert message(optimizer="adamw") == "adamw has no momentum; use --momentum 0"
    assert message(nonsense=1).startswith("there is no option 'nonsense'; there are epochs, lr")


def test_fields_alone_import_neither_pydantic_nor_numpy() -> None:
    import subprocess

    code = "import sys, dltui.core.catalog.fields; sys.exit(bool({'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_shared_field_with_another_default_keeps_its_range_unit_and_description() -> None:
    class Own(TrainConfig):
        lr: float = 0.05
        batch_size: int = 32
        schedule: Literal["constant", "staircase"] = "staircase"  # type: ignore[assignment]

    class Further(Own):
        lr: float = 0.2

    shared = {field.name: field for field in field_specs(TrainConfig)}
    for config, lr in ((Own, 0.05), (Further, 0.2)):
        fields = {field.name: field for field in field_specs(config)}
        assert fields["lr"] == replace(shared["lr"], default=lr)
        assert fields["batch_size"] == replace(shared["batch_size"], default=32)
        assert fields["schedule"].choices == ("constant", "staircase")
        assert fields["schedule"].description == shared["schedule"].description
        made = config.model_validate({})
        assert (made.lr, made.batch_size, made.schedule) == (lr, 32, "staircase")
        with pytest.raises(ValidationError):
            config.model_validate({"lr": -1.0})


def test_a_choice_that_a_config_opens_to_any_text_is_refused() -> None:
    class Own(TrainConfig):
        optimizer: str = "adamw"  # type: ignore[assignment]

    wanted = r'Own\.optimizer takes any str; its type is Literal\["sgd", "adam", .*\], or some of these'
    with pytest.raises(PluginError, match=wanted):
        field_specs(Own)


@pytest.mark.parametrize(
    ("base", "name", "annotation", "default", "kind"),
    [
        (TrainConfig, "freeze", bool, False, "str"),
        (TrainConfig, "freeze", int, 3, "str"),
        (TrainConfig, "class_weights", list[float], [1.0, 2.0], "str"),
        (TrainConfig, "erase", bool, True, "float"),
        (TrainConfig, "epochs", float, 2.5, "int"),
        (TrainConfig, "nesterov", Literal["yes", "no"], "no", "bool"),
        (TrainConfig, "precision", Literal[16, 32], 32, "str"),
        (DatasetOptions, "validation", bool, True, "float"),
    ],
)
def test_a_shared_field_of_another_type_is_refused(
    base: type[BaseModel], name: str, annotation: Any, default: Any, kind: str
) -> None:
    """All code that reads it relies on its type."""
    fields = {"__annotations__": {name: annotation}, name: Field(default, description="x"), "__module__": __name__}
    own = type("Own", (base,), fields)
    told = rf"^Own\.{name} is a shared field of type {kind}; keep its type, or choose another name$"
    with pytest.raises(PluginError, match=told):
        field_specs(own)


def test_a_shared_field_may_be_narrowed_to_some_of_its_values() -> None:
    class Own(TrainConfig):
        warmup: int = Field(1, ge=0, le=9, description="whole epochs")  # type: ignore[assignment]
        freeze: Literal["", "conv*"] = ""  # type: ignore[assignment]
        epochs: Literal[10, 20] = Field(10, description="few or more")  # type: ignore[assignment]

    fields = {field.name: field for field in field_specs(Own)}
    assert (fields["warmup"].type, fields["freeze"].type, fields["epochs"].choice_values) == ("int", "choice", (10, 20))
