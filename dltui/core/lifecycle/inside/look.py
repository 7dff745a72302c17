"""Makes the heat maps and the embeddings of a run that was tested, and keeps them beside its predictions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.inside import chosen, embeddings, heat_maps
from dltui.core.data.preparation import Preparation
from dltui.core.errors import RunError
from dltui.core.reading.reader import RunReader
from dltui.core.tasks import thumbnails
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.core.train import predictions
from dltui.core.worker.beginning import sameness

if TYPE_CHECKING:
    from dltui.core.contract import Split
    from dltui.core.contract.types import Array
    from dltui.core.lifecycle.trained_model import TrainedModel
    from dltui.core.rundir.directory import RunDirectory

ALL = (heat_maps.NAME, embeddings.NAME)
ROWS = 16
"""Samples at once: of each, all that lies between the explained layer and the answer is kept for the gradient."""


def look_inside(
    run: RunDirectory, found: TrainedModel, asked: Mapping[str, Any], wanted: Collection[str] = ALL
) -> list[str]:
    """Write what is wanted, and return lines about what there is not. Raises RunError for a run without test
    predictions, and for data that has changed.
    """
    reader = RunReader(run)
    reader.refresh()
    predicted = reader.predictions("test") if reader.history.test else None
    if predicted is None:
        raise RunError(f"{run.id} has no test result yet: a look inside shows why the model answered as it did there")
    test = test_split(reader, asked)
    if len(test) != len(predicted["ids"]):
        raise RunError(f"{run.id} was tested on {len(predicted['ids']):,} samples, its data has {len(test):,} today")
    lines, stamp = [], np.array(chosen.stamp(predicted))
    for name, make in ((heat_maps.NAME, _heat_maps), (embeddings.NAME, _embeddings)):
        if name not in wanted:
            continue
        try:
            arrays = make(found, test, predicted)
        except RunError as error:
            lines.append(f"no {name.replace('-', ' ')} of {clean_line(found.model.id, 80)}: {error}")
            continue
        _write(run, name, arrays | {"stamp": stamp})
    return lines


def test_split(reader: RunReader, asked: Mapping[str, Any]) -> Split:
    """The test split that the run had. Raises RunError where the data has changed since."""
    data = Preparation(dict(asked)).data(lambda _: None)
    attempt = reader.history.attempt
    changed = sameness.data(attempt, data) if attempt is not None else []
    if changed:
        raise RunError(f"{changed[0]}; what the model saw is gone")
    return data.test


def _heat_maps(found: TrainedModel, test: Split, predicted: Mapping[str, Array]) -> dict[str, Array]:
    choose = chosen.CHOICES.get(TASKS[found.spec.task].targets)
    if choose is None or not found.spec.is_image:
        raise RunError("they show which parts of an image speak for a class")
    look = _looker(found, "heat_maps")
    positions, outputs = choose(predicted)
    trainable = found.trainable(np.asarray(test.x[positions]))
    maps = [look(trainable, rows, outputs[rows]) for rows in _pieces(len(positions))]
    return {
        "ids": np.asarray(test.ids)[positions],
        "outputs": outputs,
        "maps": heat_maps.packed(np.concatenate(maps) if maps else np.zeros((0, 2, 1, 1), np.float32)),
        "images": thumbnails.of(test.x, positions),
    }


def _embeddings(found: TrainedModel, test: Split, predicted: Mapping[str, Array]) -> dict[str, Array]:
    if "labels" not in predicted:
        raise RunError("they are drawn by the classes of samples")
    if found.spec.named_inputs:
        raise RunError("they are made of images and of numbers, not of named inputs")
    look = _looker(found, "embeddings")
    rows = embeddings.sampled(len(test))
    trainable = found.trainable(np.asarray(test.x[rows]))
    features = np.concatenate([look(trainable, piece) for piece in _pieces(len(rows))])
    return {
        **embeddings.projected(features),
        "labels": predicted["labels"][rows],
        "said": predicted["top"][rows, 0].astype(np.int64),
        "images": thumbnails.of(test.x, rows),
    }


def _looker(found: TrainedModel, name: str) -> Callable[..., Array]:
    """The method of a backend that looks. Raises RunError for a backend without it."""
    method: Callable[..., Array] | None = getattr(found.backend, name, None)
    if method is None:
        raise RunError(f"{found.backend.title} does not make them")
    return method


def _pieces(rows: int) -> Iterator[slice]:
    return (slice(first, min(first + ROWS, rows)) for first in range(0, rows, ROWS))


def _write(run: RunDirectory, name: str, arrays: dict[str, Array]) -> None:
    path = run.predictions_dir / f"{name}.npz"
    try:
        predictions.write(path, arrays)
    except OSError as error:
        raise RunError(f"cannot write to {clean_line(path.parent)}: {error.strerror}") from error
