"""Learning rates of single layers, and layers that are not trained: patterns over the names of a network's layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

from dltui.core.errors import RunError, UsageError
from dltui.core.text import clean_line

Scales = tuple[tuple[str, float], ...]


def parse_scales(text: str) -> Scales:
    """(pattern, factor) of "conv*=0.1 output=2", divided by spaces or commas. Raises UsageError."""
    found = []
    for part in text.replace(",", " ").split():
        pattern, _, number = part.rpartition("=")
        try:
            factor = float(number)
        except ValueError:
            factor = math.nan
        if not pattern or not 0 <= factor <= 1000:
            raise UsageError(f"lr_scales takes layers and factors: conv*=0.1 output=2, not {clean_line(part, 60)}")
        found.append((pattern, factor))
    return tuple(found)


def parse_patterns(text: str) -> tuple[str, ...]:
    """The patterns of "conv* norm1", divided by spaces or commas."""
    return tuple(text.replace(",", " ").split())


def factors(scales: str, freeze: str, weights: Sequence[str]) -> dict[str, float]:
    """The factor on the learning rate of each weight, 0 for one that is not trained. `weights` are neutral names such
    as "conv1/kernel"; a pattern fits the name of the layer, "conv1", of a part of the network that has it, such as
    "backbone", or the whole; of several the last counts.

    Raises RunError for a pattern that fits nothing, and when nothing is left to train; UsageError as `parse_scales`.
    """
    wanted = [*parse_scales(scales), *((pattern, 0.0) for pattern in parse_patterns(freeze))]
    found = dict.fromkeys(weights, 1.0)
    for pattern, factor in wanted:
        fitting = [name for name in weights if fits(pattern, name)]
        if not fitting:
            layers = ", ".join(dict.fromkeys(name.rpartition("/")[0] for name in weights))
            raise RunError(f"no layer is called {clean_line(pattern, 60)}; there is {clean_line(layers, 300)}")
        found.update(dict.fromkeys(fitting, factor))
    if weights and not any(found.values()):
        raise RunError("freeze and lr_scales leave nothing to train; leave one layer out of them")
    return found


def frozen_in(epoch: int, unfreeze_at: int) -> bool:
    """True if the layers of `freeze` are not trained in this epoch, from 0; `unfreeze_at` counts from 1, 0: never."""
    return not unfreeze_at or epoch + 1 < unfreeze_at


def unfrozen_line(unfreeze_at: int, weights: int) -> str:
    """The line for the log when they begin to be trained."""
    return f"from epoch {unfreeze_at} on the layers of freeze are trained, too: {weights:,} weights more"


def fits(pattern: str, weight: str) -> bool:
    """True if a pattern matches a weight of this neutral name, its layer, or a part of the network around that."""
    parts = weight.split("/")
    return any(fnmatchcase("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))
