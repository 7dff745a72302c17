"""A look inside a sample run: heat maps and embeddings as a process with its framework would write them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltui.core.analysis.inside import chosen, embeddings, heat_maps
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.train import predictions


def look(run: RunDirectory, names: tuple[str, ...] = (heat_maps.NAME, embeddings.NAME)) -> None:
    """Write the files: what speaks for an answer lies at the upper left, for the right one at the lower right."""
    reader = RunReader(run)
    reader.refresh()
    predicted = reader.predictions("test")
    assert predicted is not None
    for name, make in ((heat_maps.NAME, _heat_maps), (embeddings.NAME, _embeddings)):
        if name in names:
            arrays = make(predicted) | {"stamp": np.array(chosen.stamp(predicted))}
            predictions.write(run.predictions_dir / f"{name}.npz", arrays)


def _images(count: int) -> Any:
    images = np.zeros((count, 8, 8, 1), np.uint8)
    for number in range(count):
        images[number, number % 8, :, 0] = 200
    return images


def _heat_maps(predicted: dict[str, Any]) -> dict[str, Any]:
    positions, outputs = chosen.of_classes(predicted)
    count = len(positions)
    maps = np.zeros((count, 2, 4, 4), np.float32)
    maps[:, 0, 0, 0] = maps[:, 1, 3, 3] = 2.5
    return {
        "ids": predicted["ids"][positions],
        "outputs": outputs,
        "maps": heat_maps.packed(maps),
        "images": _images(count),
    }


def _embeddings(predicted: dict[str, Any]) -> dict[str, Any]:
    rows = embeddings.sampled(len(predicted["ids"]))[:60]
    labels = predicted["labels"][rows]
    places = np.stack([labels % 4, labels // 4], axis=1).astype(np.float32)
    places += np.random.default_rng(0).normal(size=places.shape).astype(np.float32) / 8
    return {
        "pca": places,
        "shares": np.array([0.5, 0.25]),
        "tsne": places[:, ::-1] * 20,
        "features": np.array(84),
        "labels": labels,
        "said": predicted["top"][rows, 0].astype(np.int64),
        "images": _images(len(rows)),
    }
