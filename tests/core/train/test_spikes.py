"""A jump of the loss is told once, with its step; noise is not."""

from __future__ import annotations

import numpy as np

from dltui.core.train.spikes import QUIET_STEPS, Spikes


def fed(losses: list[float], chunk: int = 7) -> list[str]:
    spikes = Spikes()
    told = [spikes.look(at, np.array(losses[at : at + chunk])) for at in range(0, len(losses), chunk)]
    return [text for text in told if text]


def test_a_jump_is_told_with_its_step() -> None:
    falling = list(np.linspace(2.3, 0.4, 100))
    losses = [*falling, 0.4 * 50, *falling]
    (told,) = fed(losses)
    assert told.startswith("loss spike at step 101: 20, before it 1.0")


def test_a_run_that_diverges_does_not_fill_its_log() -> None:
    losses = [0.5] * 30 + [500.0] * 1000
    assert len(fed(losses)) <= 1 + 1000 // QUIET_STEPS


def test_noise_near_zero_is_no_spike() -> None:
    losses = list(np.linspace(2.3, 0.001, 200)) + [0.001, 0.3] * 100
    assert fed(losses) == []


def test_the_first_steps_are_no_spike() -> None:
    assert fed([2.3, 80.0, 2.3]) == []
