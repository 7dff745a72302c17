"""Describes a hyperparameter or dataset option as data: all that flags, forms and checks need, without pydantic.
A model offers those of the shared hyperparameters that its backend obeys.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from dltui.core.errors import UsageError
from dltui.core.numbers import exact
from dltui.core.renamed import with_new_names

FieldType = Literal["bool", "int", "float", "str", "choice", "numbers"]


FITTED, FIT = "batch_size", "fit"
"""The hyperparameter that can be found before a run begins, and the word that asks for it."""
TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True)
class FieldSpec:
    """A field: name, type, default and bounds. For "numbers" (a list) the bounds apply to each item."""

    name: str
    type: FieldType
    default: Any
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    choices: tuple[str, ...] = ()
    """The words of a "choice", as they are typed."""
    choice_values: tuple[Any, ...] = ()
    """The values that the choices stand for."""
    whole: bool = False
    """True for kind "numbers" restricted to integers."""
    min_items: int = 0
    max_items: int | None = None
    formerly: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Old `names` of the field, and old `words` for its values; see `core.renamed`."""

    @property
    def flag(self) -> str:
        return _flag(self.name)

    def parse(self, text: str) -> Any:
        """The value of a typed text. Raises UsageError naming the field and its range."""
        text = text.strip()
        try:
            value = self._read(text)
        except ValueError:
            raise self._refuse(text) from None
        return self.check(value)

    def asked(self, text: str) -> Any:
        """As `parse`, or the word that asks for a value to be found, where it can be."""
        return FIT if self.can_be_found and text.strip() == FIT else self.parse(text)

    @property
    def can_be_found(self) -> bool:
        """True for the batch size, which may be `fit` until there is a run."""
        return (self.name, self.type) == (FITTED, "int")

    def check(self, value: Any) -> Any:
        """The value in its exact type, or UsageError like "lr must be greater than 0 and at most 10, got -1"."""
        if not self._allows(value):
            raise self._refuse(value)
        if self.type == "float":
            return float(value)
        if self.type == "numbers":
            return [item if self.whole else float(item) for item in value]
        return value

    def range_text(self) -> str:
        """The bounds for people, "0 < lr <= 10"; "" when there are none."""
        if self.type == "choice":
            return " | ".join(self.choices)
        low = _join(_text(self.exclusive_minimum), "<") or _join(_text(self.minimum), "<=")
        high = _prefix("<", _text(self.exclusive_maximum)) or _prefix("<=", _text(self.maximum))
        if low and not high:
            sign, bound = (">", self.exclusive_minimum) if self.exclusive_minimum is not None else (">=", self.minimum)
            return f"{self.name} {sign} {_text(bound)}"
        return f"{low}{self.name}{high}" if low or high else ""

    def to_json(self) -> dict[str, Any]:
        record = asdict(self)
        if not self.formerly:
            del record["formerly"]
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> FieldSpec:
        """The field of a record. Raises TypeError or ValueError when the record is no field."""
        values = dict(record)
        values["choices"] = tuple(str(choice) for choice in values.get("choices", ()))
        values["choice_values"] = tuple(values.get("choice_values", ()))
        spec = cls(**values)
        if spec.type not in get_args(FieldType) or not isinstance(spec.name, str):
            raise ValueError(f"{spec.type!r} is not a type of a field")
        return spec

    def _read(self, text: str) -> Any:
        if self.type == "bool":
            if text.lower() not in TRUE + FALSE:
                raise ValueError
            return text.lower() in TRUE
        if self.type == "int":
            return int(text)
        if self.type == "float":
            return float(text)
        if self.type == "choice":
            return self.choice_values[self.choices.index(self.formerly.get("words", {}).get(text, text))]
        if self.type == "numbers":
            items = text.strip("[]()").replace(",", " ").split()
            return [int(item) if self.whole else float(item) for item in items]
        return text

    def _allows(self, value: Any) -> bool:
        if self.type == "bool":
            return isinstance(value, bool)
        if self.type == "str":
            return isinstance(value, str)
        if self.type == "choice":
            return any(type(value) is type(choice) and value == choice for choice in self.choice_values)
        if self.type == "numbers":
            return isinstance(value, (list, tuple)) and self._fits(len(value)) and all(map(self._is_number, value))
        return self._is_number(value)

    def _is_number(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        if isinstance(value, float) and (not math.isfinite(value) or self.type == "int" or self.whole):
            return False
        try:
            # An int too large for a float is too large for everything.
            float(value)
        except OverflowError:
            return False
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.exclusive_minimum is None or value > self.exclusive_minimum)
            and (self.exclusive_maximum is None or value < self.exclusive_maximum)
        )

    def _fits(self, items: int) -> bool:
        return self.min_items <= items and (self.max_items is None or items <= self.max_items)

    def _refuse(self, value: Any) -> UsageError:
        return UsageError(f"{self.name} must be {self._wanted()}, got {_shown(value)}{self._hint(value)}")

    def _wanted(self) -> str:
        if self.type == "bool":
            return "yes or no"
        if self.type == "str":
            return "a text"
        if self.type == "choice":
            return f"one of {', '.join(self.choices)}" if len(self.choices) > 1 else self.choices[0]
        bounds = " and ".join(self._bounds())
        if self.type == "int":
            if self.minimum is not None and self.maximum is not None:
                return f"a whole number from {_text(self.minimum)} to {_text(self.maximum)}"
            return f"a whole number {bounds}".rstrip()
        if self.type == "float":
            return bounds or "a number"
        kind = "whole numbers" if self.whole else "numbers"
        return f"{self._count()}{kind} like 64,32{', each ' if bounds else ''}{bounds}"

    def _bounds(self) -> list[str]:
        words = {
            "at least": self.minimum,
            "greater than": self.exclusive_minimum,
            "at most": self.maximum,
            "less than": self.exclusive_maximum,
        }
        return [f"{word} {_text(bound)}" for word, bound in words.items() if bound is not None]

    def _count(self) -> str:
        if self.max_items is None:
            return f"at least {self.min_items} " if self.min_items else ""
        return f"{self.min_items} " if self.min_items == self.max_items else f"{self.min_items} to {self.max_items} "

    def _hint(self, value: Any) -> str:
        if self.type != "choice" or not isinstance(value, str):
            return ""
        from dltui.core.text import suggest

        hint = suggest(value[:100], self.choices)
        return f"; {hint}" if hint else ""


def flag_words(name: str, value: Any) -> list[str]:
    """The words that give a value on a command line, to the last digit: `--lr 0.05`, `--no-deterministic`."""
    flag = _flag(name)
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, exact(value)]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def check_values(fields: Iterable[FieldSpec], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Defaults with the given values over them, all checked. Raises UsageError for a name that `owner` lacks."""
    known = {field.name: field for field in fields}
    given = renewed(known.values(), given)
    for name in given:
        if name not in known:
            from dltui.core.text import suggest

            hint = suggest(str(name), list(known)) or f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"{owner} has no option {_shown(name)}; {hint}")
    return {name: field.check(given[name]) if name in given else field.default for name, field in known.items()}


def renewed(fields: Iterable[FieldSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values under their current names and words."""
    return with_new_names(given, {field.name: field.formerly for field in fields if field.formerly})


def _text(bound: float | None) -> str:
    """A number as text: 10000 for 10000.0, 1e-05 for 0.00001."""
    if bound is None:
        return ""
    return str(int(bound)) if float(bound).is_integer() and abs(bound) < 1e15 else repr(bound)


def _join(text: str, sign: str) -> str:
    return f"{text} {sign} " if text else ""


def _prefix(sign: str, text: str) -> str:
    return f" {sign} {text}" if text else ""


def _shown(value: Any) -> str:
    """A value of any type as a short single-line text."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a very large {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def key_values(pairs: Sequence[str], fields: Sequence[FieldSpec], where: str) -> dict[str, Any]:
    """Words like `n=500`, `noise=0.1` as checked options of a dataset. Raises UsageError naming the option."""
    from dltui.core.text import suggest

    known = {field.name: field for field in fields}
    known |= {old: field for field in fields for old in field.formerly.get("names", ())}
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise UsageError(f"--data wants KEY=VALUE, got {pair!r}")
        if key not in known:
            hint = suggest(key, list(known)) or f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"{where} has no option {key!r}; {hint}")
        values[known[key].name] = known[key].parse(text.strip())
    return values


BACKEND_OPTIONS = frozenset(
    """nesterov lr_scales freeze unfreeze_at clip_norm accumulate ema label_smoothing class_weights
    color erase mixup cutmix mirror_test compile""".split()
)
LAST = BACKEND_OPTIONS | {"shift", "warmup", "test", "patience", "min_delta", "monitor", "max_time"}
"""Hyperparameters that few runs use; they are listed behind the common ones and those of the model."""
BACKEND_CHOICES = {
    "augment": frozenset(("crop", "flip+crop")),
    "optimizer": frozenset(("adam", "rmsprop", "lion", "muon")),
    "precision": frozenset(("tf32", "bf16", "fp16")),
}
"""The values of other hyperparameters that a backend must know."""


def offered(fields: Iterable[FieldSpec], known: Collection[str]) -> tuple[FieldSpec, ...]:
    """The fields of a model whose backend names `known` as its `options`, in the order in which people see them."""
    kept = (_choices_of(field, known) for field in fields if field.name in known or field.name not in BACKEND_OPTIONS)
    return tuple(sorted(kept, key=lambda field: field.name in LAST))


def _choices_of(field: FieldSpec, known: Collection[str]) -> FieldSpec:
    rare = BACKEND_CHOICES.get(field.name, frozenset())
    if not rare or field.type != "choice":
        return field
    kept = [number for number, name in enumerate(field.choices) if name in known or name not in rare]
    words, values = ([items[number] for number in kept] for items in (field.choices, field.choice_values))
    return replace(field, choices=tuple(words), choice_values=tuple(values))
