"""Suits settings that were left open to the user's own data, before a run is created, and says so in a line each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import ModelEntry
    from dltui.core.contract import Data

LEAST_STEPS = 10
"""An epoch has at least so many steps: with fewer a few epochs change little."""
MOST_NUMBERS, MOST_NUMBERS_GPU = 1 << 22, 1 << 24
"""The numbers of the images of a batch: a network makes some hundred times as many of them, which it keeps until the
step is done. On a GPU more: it is slow with few images at once, and its memory is not that of the machine.
"""
GPUS = ("cuda", "mps")
PHOTO = 64
"""The side in pixels from which images are taken for photos, which may be mirrored; digits and signs may not."""
CROPS, SHIFTS = "flip+crop", "flip+shift"
"""How photos are changed in training, by backends that can cut crops and by others."""
UNEVEN = 3
"""So many times as many samples in the largest class as in the smallest, and class weights are proposed."""


def sized(options: dict[str, Any], model: ModelEntry, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a dataset, `size` filled in with the side that the model is made for where it is left at 0."""
    side = config.get("image_size") or model.image_size
    return {**options, "size": side} if side and options.get("size") == 0 else options


def to_data(
    config: dict[str, Any], data: Data, given: Collection[str], model: ModelEntry, device: str = "cpu"
) -> tuple[dict[str, Any], list[str]]:
    """The hyperparameters for data at a path, and notes about those that were changed or should be. `given` are the
    names that the user has set: these stay. `device` is the kind of device that the run trains on.
    """
    notes, changed = [], dict(config)
    images = data.spec.is_image
    if (images or data.spec.named_inputs) and "batch_size" not in given:
        usual = int(config.get("batch_size", 1))
        fitting, reason = _batch(data, usual, device in GPUS)
        if fitting < usual:
            changed["batch_size"] = fitting
            rate = _rate(changed, given, fitting / usual)
            notes.append(f"batch size {fitting} instead of {usual}{rate}: {reason}")
    photos = images and min(data.spec.input_shape[:2]) >= PHOTO
    if photos and "augment" not in given and config.get("augment") == "none":
        field = model.field("augment")
        changed["augment"] = kind = CROPS if field and CROPS in field.choices else SHIFTS
        how = "mirrored, and random parts of them enlarged" if kind == CROPS else "mirrored and moved at random"
        notes.append(f"training images are {how} (--augment {kind}); --augment none leaves them as they are")
    weighs = "class_weights" in TASKS[data.spec.task].options and model.field("class_weights")
    if weighs and "class_weights" not in given:
        notes += _uneven(data)
    return changed, notes


def _batch(data: Data, usual: int, gpu: bool) -> tuple[int, str]:
    """The batch size, and why it is not the usual one."""
    samples, shape = len(data.train), data.spec.input_shape
    limits = (MOST_NUMBERS, MOST_NUMBERS_GPU, usual * prod(shape))
    on_cpu, on_gpu, anywhere = (_within(most, usual, samples, prod(shape)) for most in limits)
    fitting = on_gpu if gpu else on_cpu
    if fitting < anywhere:
        more = f" (on a GPU {on_gpu})" if fitting < on_gpu else ""
        return fitting, f"images of {shape[1]}x{shape[0]} pixels need much memory{more}"
    what = "images" if data.spec.is_image else "samples"
    return fitting, f"{samples // fitting} steps in an epoch of {samples:,} {what}"


def _within(most: int, usual: int, samples: int, numbers: int) -> int:
    """The batch size that gives enough steps and has at most `most` numbers, `numbers` in each sample."""
    fitting = _power(most // numbers) if usual * numbers > most else usual
    return fitting if samples // fitting >= LEAST_STEPS or fitting == 1 else batch_of(samples, fitting)


def _rate(config: dict[str, Any], given: Collection[str], factor: float) -> str:
    """Scale the learning rate of SGD with the batch (linear scaling, Goyal et al. 2017), and say so; "" where it stays:
    it is given, or the steps of the optimizer do not grow with the gradient.
    """
    before = config.get("lr")
    if before is None or "lr" in given or config.get("optimizer") != "sgd":
        return ""
    config["lr"] = after = float(f"{before * factor:.3g}")
    return f", lr {after:g} instead of {before:g}"


def _power(most: int) -> int:
    """The largest power of two up to `most`; at least 2, which a batch norm needs."""
    return max(2, 1 << max(most, 1).bit_length() - 1)


def batch_of(samples: int, most: int) -> int:
    """The largest power of two with which an epoch has enough steps; at least 2."""
    return min(_power(min(most, samples // LEAST_STEPS)), most)


def _uneven(data: Data) -> list[str]:
    import numpy as np

    counts = np.bincount(data.train.y, minlength=data.spec.outputs)
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] < UNEVEN * max(counts[least], 1):
        return []
    few, many = (clean_line(data.spec.classes[number], 40) for number in (least, most))
    sizes = f"{counts[most]:,} samples of {many}, {counts[least]:,} of {few}"
    return [f"the classes are uneven ({sizes}): --class-weights balanced makes each count the same"]
