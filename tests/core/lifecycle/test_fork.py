"""What a fork takes over of a run that trains for a time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle import fork
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.checkpoint import Checkpoint
from tests.helpers.sample_run import make_sample_run

SAVED = {"type": "checkpoint_saved", "name": "c", "step": 20}


def command(action: str, step: int) -> dict[str, Any]:
    return {"type": "command_obeyed", "action": action, "step": step, "arguments": {}}


@pytest.mark.parametrize(("new_length", "kept"), [(False, ["set", "fit"]), (True, ["set"])])
def test_estimates_of_steps_end_with_a_new_length(new_length: bool, kept: list[str]) -> None:
    records = [command("set", 5), command("fit", 10), command("fit", 30), SAVED]
    found = fork.inherited(records, "c", 20, new_length)
    assert [record["action"] for record in found if record["type"] == "command_obeyed"] == kept


@pytest.mark.parametrize(("seconds", "left"), [(1.0, True), (2.0, False), (1.97, False)])
def test_a_fork_needs_time_that_is_left(tmp_path: Path, seconds: float, left: bool) -> None:
    parent = RunReader(make_sample_run(tmp_path, status="finished"))
    found = Checkpoint("c", tmp_path / "c", {}, {"train_seconds": seconds}, 20)
    origin = fork._Origin(found, None, {}, {"train_seconds": seconds}, True)
    if left:
        fork._check_time(parent, origin, "2s")
        return
    with pytest.raises(UsageError, match="nothing of 2s is left: give a longer --max-time"):
        fork._check_time(parent, origin, "2s")


@pytest.mark.parametrize(("changes", "test"), [({}, None), ({"test": False}, False)])
def test_a_fork_of_a_trial_evaluates_its_test_split(changes: dict[str, Any], test: bool | None) -> None:
    asked = {"config": {"lr": 0.1, "test": False, "gone": 1}, "sweep": {"trial": 1}}
    found = fork._config(asked, changes, {"lr", "test"})
    assert (found.get("test"), "gone" in found) == (test, False)
    # Other runs keep what they were asked for.
    assert fork._config({**asked, "sweep": None}, {}, {"lr", "test"})["test"] is False


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_parent_that_trains_on_may_replace_what_a_fork_begins_with(tmp_path: Path, which: fork.Which) -> None:
    """What is needed of its checkpoints is read at once; the data may be prepared for long after that."""
    parent = RunReader(make_sample_run(tmp_path, status="finished"))
    found, best = fork._choose(parent.directory, which)
    assert found.step == (400 if which == "last" else 320)
    assert (best and best.step) == (320 if which == "last" else None)
    shutil.rmtree(parent.directory.checkpoints_dir)
    origin = fork._origin(found, best, {}, {}, False)
    run = make_sample_run(tmp_path, run_id="fork", status="queued")
    saved = [*fork._bring_best(run, origin, 1, {}), fork._save(run, origin, 1)]
    assert [one.step for one in saved] == ([320, 400] if which == "last" else [320])
    assert [one.best for one in saved] == ([True, False] if which == "last" else [True])


def test_a_checkpoint_that_was_replaced_is_chosen_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_sample_run(tmp_path, status="finished")
    gone, read = [], checkpoint.read

    def replaced(path: Path) -> Checkpoint:
        if not gone:
            gone.append(path)
            shutil.rmtree(path)
        return read(path)

    monkeypatch.setattr(checkpoint, "read", replaced)
    assert fork._choose(run, "last")[0].step == 360
    assert gone[0].name == "a01-step-00000400"


def test_predictions_that_are_no_file_are_left_out(tmp_path: Path) -> None:
    parent, run = (make_sample_run(tmp_path, run_id=name) for name in ("parent", "fork"))
    for path in run.predictions_dir.iterdir():
        path.unlink()
    place = parent.predictions_dir / "validation-best.npz"
    place.unlink()
    os.mkfifo(place)
    fork._copy_predictions(run, parent, "last")
    assert [path.name for path in run.predictions_dir.iterdir()] == ["validation-latest.npz"]
