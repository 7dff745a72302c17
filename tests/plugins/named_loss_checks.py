"""Losses with names, as every backend takes them; the two modules of author checks say how a network is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Losses = Callable[[Any, Any], dict[str, Any]]
"""From outputs and targets: "loss", the total of "fit" and "size"."""
Change = Callable[[dict[str, Any]], Any]
Net = Callable[..., Any]
"""From methods of a network to its `build`."""


def parted(losses: Losses, change: Change = lambda found: found) -> dict[str, Any]:
    """A step and a loss with named parts, of which only the total is optimized."""

    def training_step(self: Any, inputs: Any, targets: Any) -> Any:
        outputs = self(inputs)
        return change(losses(outputs, targets)), outputs

    def training_loss(self: Any, outputs: Any, targets: Any) -> Any:
        return change(losses(outputs, targets))

    return {"training_step": training_step, "training_loss": training_loss}


def check_sums(losses: Losses, net: Net, trainable: Callable[..., Any]) -> None:
    """They add up to the total, whole or in parts, in the step and in an evaluation; nothing else changes."""
    both, single = parted(losses), parted(losses, lambda found: found["loss"])
    for name in both:
        found, planner = trainable(net(**{name: both[name]}))
        plain, _ = trainable(net(**{name: single[name]}))
        parts, _ = trainable(net(**{name: both[name]}), accumulate=3)
        told = []
        for one in (found, plain, parts):
            one.begin_epoch(planner.epoch(0))
            told.append(one.advance(3))
        assert [*told[0].metrics] == ["accuracy", "fit", "size"]
        assert [*told[1].metrics] == ["accuracy"]
        for stats in (told[0], told[2]):
            assert stats.metrics["fit"].shape == (3,)
            np.testing.assert_allclose(stats.metrics["fit"] + stats.metrics["size"], stats.loss, rtol=1e-5)
        np.testing.assert_allclose(told[2].metrics["size"], told[0].metrics["size"], rtol=1e-4)
        assert np.array_equal(told[0].loss, told[1].loss)
        state, other = found.state(), plain.state()
        assert all(np.array_equal(state[key], other[key]) for key in state if key.startswith("weights/"))
    _, values = found.evaluate("validation", slice(0, 20))
    assert [*values] == ["loss", "fit", "size"]
    assert values["fit"] + values["size"] == pytest.approx(values["loss"], rel=1e-5)


def check_misuse(losses: Losses, net: Net, refused: Callable[[str, Any], None]) -> None:
    def gives(change: Change) -> Any:
        return net(training_step=parted(losses, change)["training_step"])

    refused('without a total: fit, size; add "loss"', gives(lambda found: {k: found[k] for k in ("fit", "size")}))
    refused("without a total: nothing", gives(lambda found: {}))
    refused("calls a loss accuracy, as something that dltui measures", gives(lambda found: found | {"accuracy": 1}))
    refused("calls a loss 'A b'; names are a-z", gives(lambda found: found | {"A b": found["fit"]}))
    refused("gave a float as the loss size; give the mean", gives(lambda found: found | {"size": 1.0}))
    refused("gave None as the loss; give the mean", gives(lambda found: found | {"loss": None}))
    refused("gave 17 named losses; give 16 at most", gives(lambda found: found | dict.fromkeys("abcdefghijklmno", 1)))
    odd = parted(losses, lambda found: found | {"size": found["size"] * float("nan")})
    refused("training_loss gives nan as the loss size before", net(training_loss=odd["training_loss"]))
