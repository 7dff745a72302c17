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


def test_a_run_that_goes_on_near_zero_knows_how_it_began() -> None:
    spikes = Spikes(first=2.3)
    assert spikes.look(0, np.full(30, 0.001)) == ""
    assert spikes.look(30, np.array([0.3])) == ""
    assert spikes.look(31, np.array([9.0])).startswith("loss spike at step 32: 9, before it 0.001")


def test_a_loss_below_zero_has_no_spikes() -> None:
    assert fed([-0.9] * 30 + [-0.85] * 30) == []
    assert fed([-0.5] * 30 + [0.01] * 64 + [0.2]) == []


def test_the_first_steps_are_no_spike() -> None:
    assert fed([2.3, 80.0, 2.3]) == []
