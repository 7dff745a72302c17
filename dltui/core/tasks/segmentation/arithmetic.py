"""The arithmetic of segmentation, with logits (n, height, width, classes) and masks (n, height, width)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.numbers import chunks
from dltui.core.tasks.segmentation import IGNORED, MOST_CLASSES
from dltui.core.tasks.segmentation.tally import MOST_LOST, Tally, mean_ratio, thinning

if TYPE_CHECKING:
    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array

PROBABILITIES = "the outputs are probabilities, but the loss takes logits: leave softmax out of the network"


def gather(pieces: Iterable[Array], targets: Array) -> Tally:
    """What is kept of the outputs of a whole split, given some rows at a time."""
    tally: Tally | None = None
    for outputs in pieces:
        tally = Tally(outputs.shape[3]) if tally is None else tally
        tally.add(outputs, targets[tally.size : tally.size + len(outputs)])
    return Tally(0) if tally is None else tally


def measure(outputs: Array | Tally, targets: Array, spec: Spec | None = None) -> dict[str, float]:
    """The mean cross-entropy of the pixels that count, the mean IoU of the classes, and the share of right pixels."""
    found = _tally(outputs, targets)
    pixels, right = found.confusion.sum(), np.trace(found.confusion)
    both, either = _of_classes(found.confusion)
    known = bool(pixels)
    return {
        "loss": found.loss_sum / int(pixels) if known else 0.0,
        "miou": mean_ratio(both, either),
        "pixel_accuracy": float(right / pixels) if known else float("nan"),
    }


def report(
    outputs: Array | Tally, targets: Array, names: Collection[str], spec: Spec | None = None
) -> dict[str, float]:
    """The other metrics with these names, means of the classes that are true or said somewhere."""
    confusion = _tally(outputs, targets).confusion
    both, either = _of_classes(confusion)
    true = confusion.sum(axis=1)
    found = {"dice": mean_ratio(2 * both, either + both), "class_accuracy": mean_ratio(both, true)}
    return {name: value for name, value in found.items() if name in names}


def ious(confusion: Array) -> Array:
    """The IoU of each class, float64 (classes,); NaN for a class that is neither true nor said anywhere."""
    both, either = _of_classes(confusion)
    found: Array = np.where(either > 0, both / np.maximum(either, 1), np.nan)
    return found


def _of_classes(confusion: Array) -> tuple[Array, Array]:
    """The pixels in the intersection and in the union of each class."""
    both = np.diagonal(confusion)
    return both, confusion.sum(axis=0) + confusion.sum(axis=1) - both


def _tally(outputs: Array | Tally, targets: Array) -> Tally:
    return outputs if isinstance(outputs, Tally) else gather([outputs], targets)


def checked(part: str, y: Array, classes: Sequence[str]) -> Array:
    """The masks as uint8."""
    if y.ndim != 3 or y.dtype.kind not in "iub":
        raise RunError(f"{part} masks must be class numbers (samples, height, width), got {y.dtype} {y.shape}")
    if len(classes) > MOST_CLASSES:
        raise RunError(f"a mask can have {MOST_CLASSES} classes, there are names of {len(classes):,}")
    for rows in chunks(y):
        bad = np.argwhere((y[rows] != IGNORED) & ((y[rows] < 0) | (y[rows] >= len(classes))))
        if len(bad):
            sample, *place = bad[0].tolist()
            value = int(y[rows][tuple(bad[0])])
            known = f"there are classes 0 to {len(classes) - 1}, and {IGNORED} for pixels that do not count"
            raise RunError(f"{part} mask {rows.start + sample} has the value {value} at {tuple(place)}, but {known}")
    return y.astype(np.uint8, copy=False)


def check_train(y: Array, others: Array, classes: Sequence[str]) -> list[str]:
    """Raise RunError if no pixel counts, and tell of classes that have none."""
    counts = np.zeros(256, dtype=np.int64)
    for rows in chunks(y):
        counts += np.bincount(y[rows].ravel(), minlength=256)
    if not counts[: len(classes)].any():
        raise RunError(f"no pixel of the train masks counts: all are {IGNORED}")
    gone = [name for number, name in enumerate(classes) if not counts[number]]
    return [f"no train mask has a pixel of {', '.join(gone[:5])}{' and others' if len(gone) > 5 else ''}"] * bool(gone)


def empty(rows: int, spec: Spec) -> Array:
    """Masks of which no pixel counts."""
    return np.full((rows, *spec.input_shape[:2]), IGNORED, np.uint8)


def predictions(outputs: Array | Tally, split: Split, spec: Spec | None = None) -> dict[str, Array]:
    """`confusion` int64 (classes, classes) in pixels, `iou` float32 (n,) of each image, and of the worst of them
    `worst` int64 (m,) their positions, `thumbnails` uint8 (m, h, w, c), `masks` and `said` uint8 (m, h, w), thinned
    out, `wrong_share` float64 (m,), `lost` uint8 (m, 3, 2) and `lost_share` float64 (m, 3) as `Lost` has them of whole
    masks, and, where the dataset tells, `names` in UTF-8 (m,).
    """
    found = _tally(outputs, split.y)
    worst = np.array([one.row for one in found.worst], dtype=np.int64)
    size = split.x.shape[1:3]
    stride = thinning(size)
    thin = tuple(-(-side // stride) for side in size)
    said = [one.mask for one in found.worst]
    names = {} if split.names is None else {"names": np.asarray(split.names[worst])}
    return names | {
        "confusion": found.confusion,
        "iou": found.ious.astype(np.float32),
        "worst": worst,
        "thumbnails": np.ascontiguousarray(split.x[worst][:, ::stride, ::stride]),
        "masks": np.ascontiguousarray(split.y[worst][:, ::stride, ::stride]),
        "said": np.stack(said) if said else np.zeros((0, *thin), np.uint8),
        "wrong_share": np.array([one.lost.share for one in found.worst]),
        "lost": np.array([one.lost.pairs for one in found.worst], np.uint8).reshape(-1, MOST_LOST, 2),
        "lost_share": np.array([one.lost.shares for one in found.worst]).reshape(-1, MOST_LOST),
    }


def answers(outputs: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The share of each class in the predicted mask of each sample, the largest first."""
    found = []
    for mask in outputs.argmax(axis=3):
        shares = np.bincount(mask.ravel(), minlength=len(classes)) / mask.size
        order = [number for number in np.argsort(-shares, kind="stable") if shares[number] > 0]
        found.append({"shares": {classes[number]: float(shares[number]) for number in order}})
    return found


def remark(outputs: Array) -> str:
    """A line if the outputs are probabilities already."""
    sums = outputs.sum(axis=3)
    found = outputs.shape[3] > 1 and (outputs >= 0).all() and (np.abs(sums - 1) < 1e-4).all()
    return PROBABILITIES if found else ""
