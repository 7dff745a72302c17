"""The shared hyperparameters that a backend must know to obey: a model offers those that its backend names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from dltui.core.catalog.fields import FieldSpec

BACKEND_OPTIONS = frozenset(
    """nesterov lr_scales freeze clip_norm accumulate ema label_smoothing class_weights
    color erase mixup cutmix mirror_test compile""".split()
)
LAST = BACKEND_OPTIONS | {"warmup", "patience", "min_delta", "max_time"}
"""Hyperparameters that few runs use; they are listed behind the common ones and those of the model."""
BACKEND_CHOICES = {
    "optimizer": frozenset(("adam", "rmsprop", "lion", "muon")),
    "precision": frozenset(("tf32", "fp16")),
}
"""The values of other hyperparameters that a backend must know."""


def offered(fields: Iterable[FieldSpec], known: Collection[str]) -> tuple[FieldSpec, ...]:
    """The fields of a model whose backend names `known` as its `options`, in the order in which people see them."""
    kept = (_choices(field, known) for field in fields if field.name in known or field.name not in BACKEND_OPTIONS)
    return tuple(sorted(kept, key=lambda field: field.name in LAST))


def _choices(field: FieldSpec, known: Collection[str]) -> FieldSpec:
    rare = BACKEND_CHOICES.get(field.name, frozenset())
    if not rare or field.type != "choice":
        return field
    kept = [number for number, name in enumerate(field.choices) if name in known or name not in rare]
    words, values = ([items[number] for number in kept] for items in (field.choices, field.choice_values))
    return replace(field, choices=tuple(words), choice_values=tuple(values))
