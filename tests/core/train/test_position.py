"""The state of a loop in its checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from dltui.core.rundir.events import Logged
from dltui.core.tasks.monitor import Monitor
from dltui.core.train.loop import Loop
from dltui.core.train.position import Best, Progress
from tests.core.train.test_loop import Memory, make_data, make_loop

NAN = float("nan")


def test_numbers_that_are_not_finite_are_null_in_json() -> None:
    at = Progress(2, sums={"loss": 1.5, "kl": NAN}, best=Best(1, 10, NAN, 0.5), counted=Best(2, 20, 0.25))
    text = json.dumps(at.to_json(), allow_nan=False)
    again = Progress.from_json(json.loads(text))
    assert again.best is not None
    assert np.isnan([again.sums["kl"], again.best.value]).all()
    assert (again.best.epoch, again.best.loss, again.sums["loss"], again.counted) == (1, 0.5, 1.5, Best(2, 20, 0.25))
    assert json.dumps(again.to_json(), allow_nan=False) == text


def test_a_monitored_value_that_is_no_number_is_never_the_better_one() -> None:
    """Such as that of a split of one class: the run goes on, is resumed, and takes the first number that it gets."""
    values = {1: NAN, 2: NAN, 3: 0.5, 4: NAN}
    journal, monitor = Memory(), Monitor("margin", "validation", "max")

    def loop_of(journal: Memory, **arguments: object) -> Loop:
        made = make_loop(
            make_data(),
            journal,
            monitor=monitor,
            metrics=lambda outputs, targets: {"margin": values[made.at.epoch + 1]},
            **arguments,  # type: ignore[arg-type]
        )
        return made

    loop = loop_of(journal)
    assert loop.run() == "finished"
    assert loop.at.best is not None
    assert (loop.at.best.epoch, loop.at.best.value) == (3, 0.5)
    warnings = [event.text for event in journal.of(Logged) if event.level == "warning"]
    assert len(warnings) == 1
    assert "validation margin cannot be computed on these 40 samples after epoch 1" in warnings[0]
    assert "the model's metrics gave no finite number" in warnings[0]
    saved = next(snapshot for snapshot in journal.snapshots if snapshot.epoch == 1)
    saved = replace(saved, loop_state=json.loads(json.dumps(saved.loop_state, allow_nan=False)))
    last = loop_of(Memory(), resume=saved)
    assert last.run() == "finished"
    assert (last.at.best, last.at.counted) == (loop.at.best, loop.at.counted)
