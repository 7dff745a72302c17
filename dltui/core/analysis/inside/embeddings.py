"""What a model makes of samples before its last layer, in two dimensions, as it is kept beside the predictions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.analysis.evaluation import damage_as_error
from dltui.core.analysis.inside.chosen import stamp
from dltui.core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

NAME = "embeddings"
MOST = 600
"""Samples that are drawn; more of them only cover one another."""
SEED = 0
PERPLEXITY = 30.0
FIRST = 50
"""The principal components from which t-SNE starts: what lies beyond them is mostly noise."""
FEWEST = 5
"""Samples below which there are no neighbors to speak of."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Samples of the test split: `pca` float32 (n, 2) with the `shares` of the variance, `tsne` (n, 2), or (0, 2) where
    scikit-learn is not installed; their `labels`, what the model `said`, `images` uint8 (n, h, w, c).
    """

    pca: Array
    shares: tuple[float, ...]
    tsne: Array
    labels: Array
    said: Array
    images: Array
    features: int


def sampled(rows: int) -> Array:
    """The rows that are drawn, in their order: all, or a choice by a fixed seed."""
    if rows <= MOST:
        return np.arange(rows)
    return np.sort(np.random.default_rng(SEED).permutation(rows)[:MOST])


def projected(features: Array) -> dict[str, Array]:
    """The arrays of a file that follow from the features (n, d): `pca`, `shares`, `tsne` and `features`."""
    components, shares = principal(features, FIRST)
    return {
        "pca": components[:, :2].astype(np.float32),
        "shares": shares[:2],
        "tsne": neighbors(components),
        "features": np.array(features.shape[1]),
    }


def principal(features: Array, count: int) -> tuple[Array, Array]:
    """The first principal components of samples, float64 (n, count), columns of zeros where there are fewer, and the
    shares of the variance (count,). The largest loading of each is positive, so that no sign is left to chance.
    """
    centered = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    left, values, right = np.linalg.svd(centered, full_matrices=False)
    signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    found, shares = np.zeros((len(features), count)), np.zeros(count)
    known = min(count, len(values))
    found[:, :known] = (left * values * np.where(signs < 0, -1, 1))[:, :known]
    total = float(np.square(values).sum())
    shares[:known] = np.square(values[:known]) / (total or 1.0)
    return found, shares


def neighbors(components: Array) -> Array:
    """t-SNE (van der Maaten & Hinton 2008) of principal components, float32 (n, 2); (0, 2) where scikit-learn is not
    installed or there are too few samples.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return np.zeros((0, 2), np.float32)
    if len(components) < FEWEST or not np.ptp(components, axis=0).any():
        return np.zeros((0, 2), np.float32)
    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Array = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED).fit_transform(components)
    return found.astype(np.float32)


def read(reader: RunReader) -> Embeddings | None:
    """The embeddings that were made with the run's test predictions; None where there are none. Raises RunError for a
    damaged file.
    """
    found = reader.inside_of_test(NAME)
    return unpack(*found) if found else None


def unpack(arrays: Mapping[str, Array], predictions: Mapping[str, Array]) -> Embeddings | None:
    """The embeddings of a file; None for those of other predictions. Raises RunError for arrays that do not fit."""
    with damage_as_error():
        if int(arrays["stamp"]) != stamp(predictions):
            return None
        found = Embeddings(
            arrays["pca"].reshape(-1, 2),
            tuple(arrays["shares"].tolist()),
            arrays["tsne"].reshape(-1, 2),
            arrays["labels"],
            arrays["said"],
            arrays["images"],
            int(arrays["features"]),
        )
        rows = len(found.pca)
        optional = (len(found.tsne), len(found.images))
        if not rows == len(found.labels) == len(found.said) or not {0, rows}.issuperset(optional):
            raise RunError("the embeddings are damaged: they are of several lengths")
        return found
