"""Suits settings that were left open to the user's own data, before a run is created, and says so in a line each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import ModelEntry
    from dltui.core.contract import Data, Preview

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


class Facts(NamedTuple):
    """What is suited depends on of the data: the number of training samples, and the shapes (height, width, channels)
    of the images of each, which are `named` inputs or the single one.
    """

    samples: int
    images: tuple[tuple[int, ...], ...] = ()
    named: bool = False

    @property
    def photos(self) -> bool:
        """True if a sample is a photo, which may be mirrored."""
        return bool(self.images) and not self.named and min(self.images[0][:2]) >= PHOTO


class Change(NamedTuple):
    """The value of a hyperparameter that is suited to the data, and why."""

    value: Any
    reason: str


def facts_of(data: Data) -> Facts:
    """The facts of prepared data."""
    spec = data.spec
    if spec.named_inputs:
        return Facts(len(data.train), tuple(one.shape for one in spec.named_inputs if one.is_image), named=True)
    return Facts(len(data.train), (spec.input_shape,) if spec.is_image else ())


def facts_before(found: Preview, model: ModelEntry) -> Facts | None:
    """The facts that a preview tells of the data that a model gets; None where it tells none."""
    if not found.train:
        return None
    named = not found.image and model.takes != ("single",)
    return Facts(found.train, (found.image,) if found.image else (), named)


def to_data(
    config: dict[str, Any], data: Data, given: Collection[str], model: ModelEntry, device: str = "cpu"
) -> tuple[dict[str, Any], list[str]]:
    """The hyperparameters for data at a path, and notes about those that were changed or should be. `given` are the
    names that the user has set: these stay. `device` is the kind of device that the run trains on.
    """
    found = changes(config, facts_of(data), given, model, device)
    notes = _notes(config, found)
    weighs = "class_weights" in TASKS[data.spec.task].options and model.field("class_weights")
    if weighs and "class_weights" not in given:
        notes += _uneven(data)
    return {**config, **{name: change.value for name, change in found.items()}}, notes


def changes(
    config: Mapping[str, Any], facts: Facts, given: Collection[str], model: ModelEntry, device: str = "cpu"
) -> dict[str, Change]:
    """The hyperparameters, by name, that `to_data` changes for data with these facts."""
    found = {}
    may_change = left_open(config, given)
    if (facts.images or facts.named) and "batch_size" in may_change:
        usual = int(config["batch_size"])
        fitting, reason = _batch(facts, usual, device in GPUS)
        if fitting < usual:
            found["batch_size"] = Change(fitting, reason)
        if fitting < usual and "lr" in may_change:
            # Linear scaling, Goyal et al. 2017.
            found["lr"] = Change(float(f"{config['lr'] * fitting / usual:.3g}"), "scaled with the batch size")
    if facts.photos and "augment" in may_change:
        field = model.field("augment")
        kind = CROPS if field and CROPS in field.choices else SHIFTS
        how = "mirrored, and random parts of them enlarged" if kind == CROPS else "mirrored and moved at random"
        found["augment"] = Change(kind, f"training images are {how}")
    return found


def left_open(config: Mapping[str, Any], given: Collection[str]) -> set[str]:
    """The names of the hyperparameters that may be changed for data that is not known yet."""
    free = {name for name in ("batch_size", "lr", "augment") if name in config and name not in given}
    # The rate is that of a batch; the steps of other optimizers than SGD do not grow with the gradient.
    if "batch_size" not in free or config.get("optimizer") != "sgd" or config.get("lr") is None:
        free.discard("lr")
    return free if config.get("augment") == "none" else free - {"augment"}


def _notes(config: Mapping[str, Any], found: Mapping[str, Change]) -> list[str]:
    """A line about each change; that of the rate is in the line of the batch size."""
    notes = []
    if "batch_size" in found:
        size, reason = found["batch_size"]
        rate = f", lr {found['lr'].value:g} instead of {config['lr']:g}" if "lr" in found else ""
        notes.append(f"batch size {size} instead of {config['batch_size']}{rate}: {reason}")
    if "augment" in found:
        kind, reason = found["augment"]
        notes.append(f"{reason} (--augment {kind}); --augment none leaves them as they are")
    return notes


def _batch(facts: Facts, usual: int, gpu: bool) -> tuple[int, str]:
    """The batch size, and why it is not the usual one."""
    samples, numbers = facts.samples, sum(map(prod, facts.images)) or 1
    limits = (MOST_NUMBERS, MOST_NUMBERS_GPU, usual * numbers)
    on_cpu, on_gpu, anywhere = (_within(most, usual, samples, numbers) for most in limits)
    fitting = on_gpu if gpu else on_cpu
    if fitting < anywhere:
        more = f" (on a GPU {on_gpu})" if fitting < on_gpu else ""
        sizes = " and ".join(dict.fromkeys(f"{width}x{height}" for height, width, _ in facts.images))
        return fitting, f"images of {sizes} pixels need much memory{more}"
    what = "samples" if facts.named else "images"
    return fitting, f"{samples // fitting} steps in an epoch of {samples:,} {what}"


def _within(most: int, usual: int, samples: int, numbers: int) -> int:
    """The batch size that gives enough steps and has at most `most` numbers, `numbers` in each sample."""
    fitting = _power(most // numbers) if usual * numbers > most else usual
    return fitting if samples // fitting >= LEAST_STEPS or fitting == 1 else batch_of(samples, fitting)


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
