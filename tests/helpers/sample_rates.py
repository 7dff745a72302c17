"""The result of a learning-rate range test as in real life, but always the same to the last digit."""

from __future__ import annotations

import numpy as np

from dltui.core.finders.find import Rates
from dltui.core.finders.range_test import Curve, rates, suggest


def sample_rates(model: str = "softmax-torch", dataset: str = "fashion-mnist") -> Rates:
    """A loss of 2.3 that falls from 0.0005 on, is least at 0.2 and diverges above 3."""
    lr = np.array([value for value in rates(100).tolist() if value < 3])
    fall = 1 / (1 + (lr / 0.01) ** 1.2)
    noise = 0.03 * np.random.Generator(np.random.Philox(7)).normal(size=len(lr))
    loss = 0.45 + 1.85 * fall + (lr / 1.5) ** 2 + noise
    curve = Curve(tuple(lr.tolist()), tuple(loss.round(6).tolist()), diverged=True)
    found = suggest(curve)
    smooth = tuple(round(value, 6) for value in found.smooth)
    return Rates(
        model, dataset, "cuda:0", 256, "sgd", "constant", 0.1, curve.lr, curve.loss, smooth,
        found.lr, found.steepest, found.least, curve.diverged,
    )  # fmt: skip
